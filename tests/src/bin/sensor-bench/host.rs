//! A host on which containers are made and gone, as a recording tells of it.
//!
//! Each container has a cgroup of its own, a first process that lives as long as it does, and others
//! that it makes: each forks, execs and exits. Process ids are used again, as on a host with
//! `kernel.pid_max` at 32,768. Time goes by a millisecond for each process.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use sensor::clock::{BootTime, WallOffset};
use sensor::enrich::accounts::{Accounts, IdMap, Limits, Names, NamespaceAccounts};
use sensor::enrich::fact::{Fact, Realm};
use sensor::event::interpret::{Commits, Premises};
use sensor::event::{ProcessId, Tgid};
use sensor::host::Host;
use sensor::kernel::counters::Totals;
use sensor::process::fingerprint::{Evidence, ExecId, Fingerprint, Package, Sha256};
use sensor::recording::Frame;
use sensor_common::cgroup::{Cgroup, Operation};
use sensor_common::credentials::Credentials;
use sensor_common::exec::{Exec, Exit, File, Fork};
use sensor_common::namespaces::Namespaces;
use sensor_common::record::{Header, Kind, ProcessKey, Text};
use zerocopy::IntoBytes;

/// What happens.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// How many containers are made and gone.
    pub containers: u32,
    /// How many processes each has beside its first.
    pub processes: u32,
}

/// What is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Everything.
    Rich,
    /// The same events, and nothing of who it was: no cgroups, no names, no digests, and of no
    /// process who made it.
    Bare,
}

/// Tells it, frame by frame.
pub struct Teller {
    story: Story,
    telling: Telling,
    time: u64,
    sequence: u64,
    next_pid: u32,
    events: u64,
    fingerprint: Arc<Fingerprint>,
}

/// Takes a frame.
type Take<'a> = dyn FnMut(&Frame) -> Result<()> + 'a;

const MILLISECOND: u64 = 1_000_000;
const PID_MAX: u32 = 32_768;
/// The first ids are taken by what lives as long as the host.
const FIRST_PID: u32 = 1_000;
/// The host's own namespaces.
const HOST: Namespaces = Namespaces {
    mnt: 4_026_531_841,
    pid: 4_026_531_836,
    net: 4_026_531_840,
    uts: 4_026_531_838,
    ipc: 4_026_531_839,
    cgroup: 4_026_531_835,
    time: 4_026_531_834,
    user: 4_026_531_837,
};

/// Who runs containers.
const RUNTIME: ProcessKey = ProcessKey {
    start: 10_000_000,
    tgid: 900,
    tid: 900,
};

impl Teller {
    /// A teller at the beginning.
    pub fn new(story: Story, telling: Telling) -> Self {
        Self {
            story,
            telling,
            time: 100 * MILLISECOND,
            sequence: 0,
            next_pid: FIRST_PID,
            events: 0,
            fingerprint: Arc::new(Fingerprint {
                digest: Sha256([0x5a; 32]),
                evidence: Evidence::Unchanged,
                package: Some(Arc::new(Package {
                    name: "coreutils".into(),
                    version: "9.7-3".into(),
                    architecture: "amd64".into(),
                })),
            }),
        }
    }

    /// Events told so far.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// What a recording begins with.
    pub fn begin(&mut self, take: &mut Take<'_>) -> Result<()> {
        let host = Host {
            name: "host".into(),
            architecture: "x86_64".into(),
            boot_id: "01234567-89ab-cdef-0123-456789abcdef".into(),
            kernel: "6.12.0".into(),
            agent_id: "01234567-89ab-cdef-0123-456789abcdef".into(),
            agent_version: "0.1.0".into(),
            ..Host::default()
        };
        take(&Frame::Host(Box::new(host)))?;
        take(&Frame::Premises(Premises {
            own: None,
            commits: Commits::Seen,
            newest_program: 0,
        }))?;
        take(&Frame::WallOffset(WallOffset(1_700_000_000_000_000_000)))?;
        if self.telling == Telling::Rich {
            take(&accounts(HOST))?;
        }
        Ok(())
    }

    /// One container, from its beginning to its end.
    pub fn container(&mut self, number: u32, take: &mut Take<'_>) -> Result<()> {
        let cgroup = u64::from(number) + 10_000;
        let path = format!("/system.slice/docker-{number:064x}.scope");
        let namespaces = Namespaces {
            mnt: 4_100_000_000 + number * 8,
            ..HOST
        };
        self.cgroup(cgroup, Operation::Made, &path, take)?;
        if self.telling == Telling::Rich {
            take(&accounts(namespaces))?;
        }
        let first = self.new_process();
        self.fork(RUNTIME, first, 5, take)?;
        self.exec(RUNTIME, first, cgroup, namespaces, take)?;
        for _ in 0..self.story.processes {
            let process = self.new_process();
            self.fork(first, process, cgroup, take)?;
            self.exec(first, process, cgroup, namespaces, take)?;
            self.exit(process, cgroup, take)?;
        }
        self.exit(first, cgroup, take)?;
        self.cgroup(cgroup, Operation::Removed, &path, take)?;
        self.complete(take)
    }

    /// What a recording ends with.
    pub fn end(&mut self, take: &mut Take<'_>) -> Result<()> {
        take(&Frame::End {
            totals: Totals::default(),
            time: BootTime(self.time),
        })
    }

    fn new_process(&mut self) -> ProcessKey {
        self.time += MILLISECOND;
        let tgid = self.next_pid;
        self.next_pid = if tgid + 1 < PID_MAX {
            tgid + 1
        } else {
            FIRST_PID
        };
        ProcessKey {
            start: self.time,
            tgid,
            tid: tgid,
        }
    }

    fn complete(&mut self, take: &mut Take<'_>) -> Result<()> {
        self.time += MILLISECOND;
        take(&Frame::CompleteUntil(BootTime(self.time)))
    }

    fn header(&mut self, kind: Kind, actor: ProcessKey, cgroup: u64, length: usize) -> Header {
        self.time += 1_000;
        self.sequence += 1;
        let is_told = self.telling == Telling::Rich;
        Header {
            length: u32::try_from(length).unwrap_or(u32::MAX),
            kind: kind as u8,
            ring: kind.ring() as u8,
            flags: 0,
            sequence: self.sequence,
            time: self.time,
            cpu: 0,
            tid: actor.tid,
            tgid: actor.tgid,
            uid: 0,
            start: actor.start,
            cgroup: if is_told { cgroup } else { 1 },
            credentials: 7,
        }
    }

    fn record(&mut self, bytes: Vec<u8>, take: &mut Take<'_>) -> Result<()> {
        take(&Frame::Record(Bytes::from(bytes)))
    }

    fn event(&mut self, bytes: Vec<u8>, take: &mut Take<'_>) -> Result<()> {
        self.events += 1;
        self.record(bytes, take)
    }

    fn cgroup(
        &mut self,
        id: u64,
        operation: Operation,
        path: &str,
        take: &mut Take<'_>,
    ) -> Result<()> {
        if self.telling == Telling::Bare {
            return Ok(());
        }
        let nobody = ProcessKey::default();
        let header = self.header(Kind::Cgroup, nobody, 0, size_of::<Cgroup>() + path.len());
        let record = Cgroup {
            header,
            id,
            operation: operation as u32,
            reserved: 0,
            path: text(path.as_bytes()),
        };
        self.record([record.as_bytes(), path.as_bytes()].concat(), take)
    }

    fn fork(
        &mut self,
        parent: ProcessKey,
        child: ProcessKey,
        cgroup: u64,
        take: &mut Take<'_>,
    ) -> Result<()> {
        // Without the one that called, nobody knows where the child comes from.
        let caller = match self.telling {
            Telling::Rich => parent,
            Telling::Bare => ProcessKey::default(),
        };
        let record = Fork {
            header: self.header(Kind::Fork, caller, cgroup, size_of::<Fork>()),
            child,
            parent,
            namespace_pid: child.tgid,
            reserved: 0,
        };
        self.event(record.as_bytes().to_vec(), take)
    }

    fn exec(
        &mut self,
        parent: ProcessKey,
        process: ProcessKey,
        cgroup: u64,
        namespaces: Namespaces,
        take: &mut Take<'_>,
    ) -> Result<()> {
        // Components from the file upwards.
        let texts: [&[u8]; 5] = [
            b"sleep\0bin\0usr\0",
            b"",
            b"/usr/bin/sleep",
            b"",
            b"sleep\x000.001\0",
        ];
        let tail = texts.concat();
        let [executable, working_directory, filename, interpreter, argv] = texts.map(text);
        // Of an orphan's parent nothing is known.
        let parent = match self.telling {
            Telling::Rich => parent,
            Telling::Bare => ProcessKey {
                start: 1,
                tgid: 899,
                tid: 899,
            },
        };
        let length = size_of::<Exec>() + tail.len();
        let record = Exec {
            header: self.header(Kind::Exec, process, cgroup, length),
            parent,
            file: File {
                inode: 77,
                device: 8 << 20 | 1,
                links: 1,
                mode: 0o100_755,
                size: 40_000,
                ..File::default()
            },
            namespaces,
            credentials: Credentials::default(),
            namespace_pid: process.tgid,
            session_id: RUNTIME.tgid,
            process_group: RUNTIME.tgid,
            login_uid: u32::MAX,
            audit_session: u32::MAX,
            argc: 2,
            previous_tid: process.tgid,
            tty: 0,
            flags: 0,
            stdio: [3; 3],
            reserved: 0,
            walk_end: 0,
            walk_offset: 0,
            walk_root: 0,
            executable,
            working_directory,
            filename,
            interpreter,
            argv,
        };
        let time = BootTime(self.time);
        self.event([record.as_bytes(), &tail].concat(), take)?;
        let exec = ExecId {
            process: ProcessId {
                tgid: Tgid(process.tgid),
                start: BootTime(process.start),
            },
            time,
        };
        let found = Ok(self.fingerprint.clone());
        // A running sensor has no fact to decode. So that both have the same work with it, the other
        // is told one too: of a script, where there is none.
        let fact = match self.telling {
            Telling::Rich => Fact::Executable(exec, found),
            Telling::Bare => Fact::Script(exec, found),
        };
        take(&Frame::Fact(Box::new(fact)))
    }

    fn exit(&mut self, process: ProcessKey, cgroup: u64, take: &mut Take<'_>) -> Result<()> {
        let record = Exit {
            header: self.header(Kind::Exit, process, cgroup, size_of::<Exit>()),
            status: 0,
            reserved: 0,
        };
        self.event(record.as_bytes().to_vec(), take)
    }
}

fn text(bytes: &[u8]) -> Text {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Text {
        captured: length,
        original: length,
    }
}

/// The users and groups of a small image.
fn accounts(namespaces: Namespaces) -> Frame {
    let names = |text: &str| Names::read(text.as_bytes(), Limits::default()).unwrap_or_default();
    let users: String = (0..30)
        .map(|id| format!("user{id}:x:{id}:{id}::/:\n"))
        .collect();
    let map = || IdMap::parse("0 0 4294967295\n").unwrap_or_default();
    let accounts = NamespaceAccounts {
        accounts: Accounts {
            users: names(&users),
            groups: names(&users),
        },
        user_map: map(),
        group_map: map(),
        ..NamespaceAccounts::default()
    };
    let realm = Realm {
        mount: namespaces.mnt,
        user: namespaces.user,
    };
    Frame::Fact(Box::new(Fact::Accounts(
        realm,
        BootTime(1),
        Some(Arc::new(accounts)),
    )))
}
