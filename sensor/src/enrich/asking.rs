//! The way to the threads that find out, and what is under way.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::Arc,
};

use sensor_common::namespaces::Namespaces;

use super::{
    accounts::{self, AccountsReader},
    cache::Cache,
    containers::ContainerId,
    execs::{Execs, Part},
    fact::{Fact, Realm},
    hashing::{
        self, Digests, ExecutableRequest, FileKey, Found, Missing, MountNamespace, Outcome,
        Reading, ScriptRequest, Ticket, Timestamp,
    },
    runtimes::{self, Runtimes},
    script::{self, Captured, Script},
};
use crate::{
    clock::{WallTime, boot_time},
    event::{Device, Exec, Text, Tgid},
    process::{
        fingerprint::{Evidence, ExecId, Fingerprint},
        placement::{Placement, Runtime},
    },
};

/// What a thread answers.
#[derive(Debug)]
pub enum Answer {
    /// A digest.
    Digest(hashing::Answer),
    /// Accounts of namespaces.
    Accounts(accounts::Answer),
    /// What a runtime says of a container.
    Container(runtimes::Answer),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// Digests, if they are wanted.
    pub hashing: Option<hashing::Settings>,
    /// Whether names of users and groups are wanted.
    pub accounts: bool,
    /// Whom to ask about containers, if anybody.
    pub runtimes: Option<runtimes::Settings>,
}

/// The way to the threads.
#[derive(Debug)]
pub struct Asking {
    digests: Option<Digests>,
    /// Ends with this.
    _hasher: Option<hashing::Worker>,
    accounts: Option<AccountsReader>,
    runtimes: Option<Runtimes>,
    /// Namespaces whose accounts are being read.
    reading: HashSet<Realm>,
    /// Containers whose runtime is being asked.
    asked: HashSet<ContainerId>,
    /// Processes that were last seen in namespaces: to look through when another has ended.
    inhabitants: Cache<MountNamespace, [Tgid; INHABITANTS]>,
    unread: HashMap<&'static str, u64>,
}

/// Processes that are remembered of namespaces.
const INHABITANTS: usize = 3;

/// Namespaces of which processes are remembered.
const INHABITED_MAX: usize = 1_024;

/// What is asked about an exec.
pub(super) struct Questions<'a> {
    id: ExecId,
    execs: &'a mut Execs,
    /// What is known without asking.
    pub(super) facts: Vec<Fact>,
}

impl<'a> Questions<'a> {
    pub(super) const fn new(id: ExecId, execs: &'a mut Execs) -> Self {
        Self {
            id,
            execs,
            facts: Vec::new(),
        }
    }

    fn asked(&mut self, part: Part, ticket: Result<Ticket, Missing>) {
        match ticket {
            Ok(ticket) => self.execs.asked(self.id, part, ticket),
            Err(missing) => self.known(part, Err(missing)),
        }
    }

    fn known(&mut self, part: Part, found: Result<Arc<Fingerprint>, Missing>) {
        self.facts.push(match part {
            Part::Executable => Fact::Executable(self.id, found),
            Part::Script => Fact::Script(self.id, found),
        });
    }
}

impl Asking {
    /// Starts the threads. Each hands its answers to `answer`, which may wait.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn start(
        settings: Settings,
        answer: impl Fn(Answer) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let hasher = settings.hashing.map(|settings| {
            let answer = answer.clone();
            hashing::start(&settings, move |digest| answer(Answer::Digest(digest)))
        });
        let (digests, hasher) = hasher.transpose()?.unzip();
        let accounts = settings.accounts.then(|| {
            let answer = answer.clone();
            AccountsReader::start(settings.proc.clone(), move |accounts| {
                answer(Answer::Accounts(accounts));
            })
        });
        let runtimes = settings
            .runtimes
            .map(|settings| Runtimes::start(settings, move |told| answer(Answer::Container(told))));
        Ok(Self {
            digests,
            _hasher: hasher,
            accounts: accounts.transpose()?,
            runtimes: runtimes.transpose()?,
            reading: HashSet::new(),
            asked: HashSet::new(),
            inhabitants: Cache::new(INHABITED_MAX),
            unread: HashMap::new(),
        })
    }

    /// A process is in these namespaces.
    pub(super) fn remember(&mut self, namespaces: &Namespaces, process: Tgid) {
        let namespace = MountNamespace(namespaces.mnt);
        let known = self.inhabitants.get(&namespace);
        let [first, second, third] = known.copied().unwrap_or([process; INHABITANTS]);
        let now = match known {
            // The first that was seen stays: a container ends with its first process.
            Some(_) if first == process || second == process => return,
            _ => [first, process, if first == second { third } else { second }],
        };
        self.inhabitants.insert(namespace, now);
    }

    /// Asks which executable it is.
    pub(super) fn executable(
        &mut self,
        exec: &Exec,
        executed: WallTime,
        questions: &mut Questions<'_>,
    ) {
        let Some(digests) = &mut self.digests else {
            return;
        };
        let file = &exec.file;
        // A kernel thread's program has no file until it is found.
        if file.inode == 0 {
            return;
        }
        let key = FileKey {
            device: Device::from_kernel(file.device),
            inode: file.inode,
            size: file.size,
            modified: Timestamp {
                seconds: file.modified,
                nanoseconds: file.modified_nanoseconds,
            },
            changed: Timestamp {
                seconds: file.changed,
                nanoseconds: file.changed_nanoseconds,
            },
        };
        if let Some(known) = digests.look_up(&key) {
            let fingerprint = Fingerprint {
                digest: known.digest,
                evidence: Evidence::Unchanged,
                package: known.package.clone(),
            };
            return questions.known(Part::Executable, Ok(Arc::new(fingerprint)));
        }
        let reading = self.reading_of(questions.id, exec, executed);
        let path = &exec.executable;
        let is_at_path = !path.truncated && !path.detached && !exec.deleted;
        let request = ExecutableRequest {
            file: key,
            path: is_at_path.then(|| Arc::from(&*path.bytes)),
            reading,
        };
        if let Some(digests) = &mut self.digests {
            questions.asked(Part::Executable, digests.request_executable(request));
        }
    }

    /// Asks which script it is, if it is one in a file.
    pub(super) fn script(
        &mut self,
        exec: &Exec,
        executed: WallTime,
        questions: &mut Questions<'_>,
    ) {
        if self.digests.is_none() {
            return;
        }
        let Some(path) = script_path(exec) else {
            return;
        };
        let reading = self.reading_of(questions.id, exec, executed);
        if let Some(digests) = &mut self.digests {
            let path = Arc::from(path);
            let ticket = digests.request_script(ScriptRequest { path, reading });
            questions.asked(Part::Script, ticket);
        }
    }

    fn reading_of(&self, id: ExecId, exec: &Exec, executed: WallTime) -> Reading {
        let namespace = MountNamespace(exec.namespaces.mnt);
        let inhabitants = self.inhabitants.peek(&namespace);
        let mut others = vec![exec.parent.tgid];
        for other in inhabitants.into_iter().flatten() {
            if !others.contains(other) && *other != id.process.tgid {
                others.push(*other);
            }
        }
        Reading {
            process: id.process,
            mount_namespace: namespace,
            others,
            executed,
        }
    }

    /// Asks for the accounts of namespaces that a process with this parent is in.
    pub(super) fn accounts(&mut self, realm: Realm, parent: Tgid) {
        let Some(reader) = &self.accounts else {
            return;
        };
        if self.reading.contains(&realm) {
            return;
        }
        let inhabitants = self.inhabitants.peek(&MountNamespace(realm.mount));
        let inhabitants = inhabitants.into_iter().flatten();
        let mut candidates: Vec<u32> = inhabitants.map(|process| process.0).collect();
        candidates.dedup();
        // The host's first process is in the host's.
        candidates.extend([parent.0, 1]);
        let request = accounts::Request {
            candidates,
            mount_namespace: realm.mount,
            user_namespace: realm.user,
        };
        match reader.request(request) {
            Ok(()) => {
                self.reading.insert(realm);
            }
            Err(accounts::Full) => self.count("accounts_queue_full", 1),
        }
    }

    /// Whether the accounts of namespaces are being read.
    pub(super) fn reads(&self, realm: Realm) -> bool {
        self.reading.contains(&realm)
    }

    /// Asks a container's runtime about it.
    pub(super) fn container(&mut self, container: ContainerId, placement: &Placement) {
        let Some(runtimes) = &self.runtimes else {
            return;
        };
        let runtime = placement
            .container
            .as_ref()
            .and_then(|container| container.runtime);
        let runtime = match runtime {
            Some(Runtime::Docker) => Some(runtimes::Runtime::Docker),
            Some(Runtime::Podman) => Some(runtimes::Runtime::Podman),
            Some(Runtime::Containerd) => Some(runtimes::Runtime::Containerd),
            Some(Runtime::CriO) => Some(runtimes::Runtime::CriO),
            // The others have no socket, or none that tells more than the path.
            Some(_) => return,
            None => None,
        };
        if self.asked.contains(&container) {
            return;
        }
        let request = runtimes::Request {
            container_id: container.id.clone(),
            runtime,
            owner: container.owner,
        };
        match runtimes.request(request) {
            Ok(()) => {
                self.asked.insert(container);
            }
            Err(runtimes::Refusal::Full) => self.count("containers_queue_full", 1),
            Err(runtimes::Refusal::NotAnId) => {}
        }
    }

    /// What a digest's answer says.
    pub(super) fn digest(
        &mut self,
        answer: hashing::Answer,
    ) -> (Ticket, Result<Arc<Fingerprint>, Missing>) {
        if let Some(digests) = &mut self.digests {
            digests.answer(&answer);
        }
        let found = match answer.outcome {
            Outcome::Sha256 {
                digest, evidence, ..
            } => Ok(Arc::new(Fingerprint {
                digest,
                evidence,
                package: match answer.found {
                    Found::Executable(_) => answer.package,
                    Found::Script(_) => None,
                },
            })),
            Outcome::Missing(missing) => Err(missing),
        };
        (answer.ticket, found)
    }

    /// What was read of accounts.
    pub(super) fn read_accounts(&mut self, answer: accounts::Answer) -> Fact {
        let realm = Realm {
            mount: answer.mount_namespace,
            user: answer.user_namespace,
        };
        self.reading.remove(&realm);
        let accounts = match answer.result {
            Ok(accounts) => {
                self.count_read(&accounts);
                Some(Arc::new(accounts))
            }
            Err(why) => {
                self.count(
                    match why {
                        accounts::Why::Gone { .. } => "accounts_gone",
                        accounts::Why::Unreadable { .. } => "accounts_unreadable",
                    },
                    1,
                );
                None
            }
        };
        Fact::Accounts(realm, boot_time(), accounts)
    }

    fn count_read(&mut self, accounts: &accounts::NamespaceAccounts) {
        for outcome in [accounts.users_outcome, accounts.groups_outcome] {
            match outcome {
                accounts::Outcome::Read(counters) => {
                    self.count("accounts_lines_skipped", counters.lines_skipped);
                    self.count("accounts_entries_full", counters.entries_beyond_limit);
                    self.count("accounts_truncated", counters.truncated.into());
                }
                accounts::Outcome::Absent => {}
                accounts::Outcome::NotRegular => self.count("accounts_not_regular", 1),
                accounts::Outcome::Failed(_) => self.count("accounts_unreadable", 1),
            }
        }
    }

    /// What a runtime said.
    pub(super) fn told_container(&mut self, answer: runtimes::Answer) -> Fact {
        let container = ContainerId {
            id: answer.container_id,
            owner: answer.owner,
        };
        self.asked.remove(&container);
        Fact::Container(container, answer.details.ok())
    }

    fn count(&mut self, name: &'static str, count: u64) {
        if count > 0 {
            *self.unread.entry(name).or_default() += count;
        }
    }

    /// What was not found out, by its name among the counters.
    pub(super) fn counters(&self, mut count: impl FnMut(String, u64)) {
        for (name, number) in &self.unread {
            count((*name).to_owned(), *number);
        }
        if let Some(digests) = &self.digests {
            let counters = digests.counters();
            for (name, number) in Missing::NAMES.iter().zip(counters.missing) {
                count(format!("hash_{name}"), number);
            }
            count("hashes_full".to_owned(), counters.evicted);
        }
        if let Some(runtimes) = &self.runtimes {
            for (name, number) in runtimes.counters().failures.named() {
                count(format!("runtime_{name}"), number);
            }
        }
    }
}

impl Realm {
    /// Those of a process's namespaces.
    #[must_use]
    pub const fn of(namespaces: &Namespaces) -> Self {
        Self {
            mount: namespaces.mnt,
            user: namespaces.user,
        }
    }
}

/// What an exec runs as a script, as the program's arguments tell.
#[must_use]
pub fn script_of(exec: &Exec) -> Option<Script<'_>> {
    let arguments = exec.arguments.bytes.strip_suffix(&[0]);
    let arguments = arguments.unwrap_or(&exec.arguments.bytes);
    let captured = if exec.arguments.is_truncated() {
        Captured::Cut
    } else {
        Captured::Whole
    };
    let is = |text: &Text| !text.bytes.is_empty();
    script::script(
        &exec.executable.bytes,
        arguments.split(|byte| *byte == 0),
        captured,
        is(&exec.interpreter).then_some(&*exec.filename.bytes),
    )
}

/// The absolute path of the script that an exec runs, if it is one in a file and can be told.
#[must_use]
pub fn script_path(exec: &Exec) -> Option<Vec<u8>> {
    let Some(Script::File(path)) = script_of(exec) else {
        return None;
    };
    if path.starts_with(b"/") {
        return Some(path.to_vec());
    }
    let directory = &exec.working_directory;
    if directory.truncated || directory.detached || !directory.bytes.starts_with(b"/") {
        return None;
    }
    let mut whole = directory.bytes.to_vec();
    if !whole.ends_with(b"/") {
        whole.push(b'/');
    }
    // As people write it: `./x` is `x`.
    whole.extend_from_slice(path.strip_prefix(b"./").unwrap_or(path));
    Some(whole)
}
