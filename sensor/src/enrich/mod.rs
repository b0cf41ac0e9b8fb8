//! Who it was: what is behind the numbers and paths of an event, beyond what the kernel tells.
//!
//! Finding out takes time, so it is done by threads of its own: the pipeline asks as soon as it reads
//! of something, never waits for a thread, and takes answers as [facts](fact).
//!
//! - [`hashing`]: digests of executables and scripts; [`packages`]: the packages they belong to.
//! - [`script`]: the script that an interpreter runs, from its arguments.
//! - [`accounts`]: names of users and groups; [`realms`]: those that are known.
//! - [`runtimes`]: what a container's runtime says of it; [`containers`]: what is known of that.
//! - [`cloud`]: what the cloud says of the host.
//! - [`fact`]: what was found out; [`execs`]: what is asked about execs, and was answered.
//! - [`asking`]: the way to the threads.
//! - [`cache`]: a bounded map.
//! - `root`: another root directory, looked through without leaving it.

pub mod accounts;
pub mod asking;
pub mod cache;
pub mod cloud;
pub mod containers;
pub mod execs;
pub mod fact;
pub mod hashing;
mod http;
pub mod packages;
pub mod realms;
mod root;
pub mod runtimes;
pub mod script;

use std::{collections::BTreeMap, sync::Arc};

use self::{
    accounts::NamespaceAccounts,
    asking::{Asking, Questions},
    containers::{ContainerId, Containers},
    execs::{About, Execs, Part},
    fact::{Fact, Realm},
    realms::Realms,
    runtimes::Details,
};
use crate::{
    clock::{BootTime, WallTime},
    event::{Body, Event, Exec},
    process::{Process, fingerprint::ExecId, placement::Placement},
};

pub use asking::Answer;

/// What is known beside what the kernel told.
#[derive(Debug)]
pub struct Enrichment {
    /// The way to who can find out more; none for a recording.
    asking: Option<Asking>,
    execs: Execs,
    realms: Realms,
    containers: Containers,
    unanswered: BTreeMap<String, u64>,
}

/// What is known of where a process runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// The names of users and groups there.
    pub accounts: Option<&'a NamespaceAccounts>,
    /// What its container's runtime says.
    pub details: Option<&'a Arc<Details>>,
}

impl Enrichment {
    /// With nothing known. Without a way to ask, all is learned from a recording.
    #[must_use]
    pub fn new(asking: Option<Asking>) -> Self {
        Self {
            asking,
            execs: Execs::default(),
            realms: Realms::default(),
            containers: Containers::default(),
            unanswered: BTreeMap::new(),
        }
    }

    /// Asks about an exec that was read and is not written yet, and tells what is known at once.
    pub fn foresee(
        &mut self,
        event: &Event,
        exec: &Exec,
        executed: WallTime,
        placement: Option<&Placement>,
    ) -> Vec<Fact> {
        let Some(id) = ExecId::of(event) else {
            return Vec::new();
        };
        self.execs.read(id);
        let Some(asking) = &mut self.asking else {
            return Vec::new();
        };
        let mut questions = Questions::new(id, &mut self.execs);
        asking.executable(exec, executed, &mut questions);
        asking.script(exec, executed, &mut questions);
        let facts = questions.facts;
        let realm = Realm::of(&exec.namespaces);
        // The host's first process is always in the host's.
        if !self.realms.is_hosts(realm) {
            asking.remember(&exec.namespaces, id.process.tgid);
        }
        if let Some(home) = self.realms.home(realm, is_contained(placement))
            && !self.realms.is_known(home, event.origin.time)
        {
            asking.accounts(home, exec.parent.tgid);
        }
        facts
    }

    /// Asks about a container that was not met before.
    pub fn meet_container(&mut self, placement: &Placement) {
        if let Some(asking) = &mut self.asking
            && let Some(container) = ContainerId::of(placement)
            && !self.containers.is_known(&container)
        {
            asking.container(container, placement);
        }
    }

    /// What an answer says.
    pub fn answer(&mut self, answer: Answer) -> Vec<Fact> {
        let Some(asking) = &mut self.asking else {
            return Vec::new();
        };
        match answer {
            Answer::Digest(answer) => {
                let (ticket, found) = asking.digest(answer);
                self.execs.answered(ticket, &found).collect()
            }
            Answer::Accounts(answer) => vec![asking.read_accounts(answer)],
            Answer::Container(answer) => vec![asking.told_container(answer)],
        }
    }

    /// Takes in what was found out.
    pub fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Executable(exec, found) => self.execs.learn(exec, Part::Executable, found),
            Fact::Script(exec, found) => self.execs.learn(exec, Part::Script, found),
            Fact::Pending(exec, part) => self.execs.unanswered(exec, part),
            Fact::Accounts(realm, read, accounts) => self.realms.learn(realm, read, accounts),
            Fact::Container(id, details) => self.containers.learn(&id, details),
            Fact::Unanswered(counts) => self.unanswered = counts,
        }
    }

    /// Whether something about an exec is asked and not answered.
    #[must_use]
    pub fn is_pending(&self, event: &Event, placement: Option<&Placement>) -> bool {
        let (Some(asking), Body::Exec(exec)) = (&self.asking, &event.body) else {
            return false;
        };
        if ExecId::of(event).is_some_and(|exec| self.execs.is_pending(exec)) {
            return true;
        }
        // Names that are read again are known meanwhile.
        let home = self
            .realms
            .home(Realm::of(&exec.namespaces), is_contained(placement));
        home.is_some_and(|home| asking.reads(home) && self.realms.get(home).is_none())
    }

    /// An exec is written now: what is known about it.
    pub fn about(&mut self, event: &Event) -> Option<About> {
        match event.body {
            Body::Exec(_) => Some(self.execs.take(ExecId::of(event)?)),
            _ => None,
        }
    }

    /// What is known of where a process runs.
    #[must_use]
    pub fn surroundings<'a>(
        &'a self,
        event: &Event,
        process: Option<&Process>,
    ) -> Surroundings<'a> {
        let namespaces = match &event.body {
            Body::Exec(exec) => Some(&exec.namespaces),
            Body::Namespace(change) => Some(&change.after),
            _ => process.and_then(|process| process.namespaces.as_ref()),
        };
        let placement = process.and_then(|process| process.placement.as_deref());
        // Without any, nobody says that it is in a container.
        let realm = namespaces.map_or(Realm { mount: 0, user: 0 }, Realm::of);
        let home = self.realms.home(realm, is_contained(placement));
        Surroundings {
            accounts: home.and_then(|home| self.realms.get(home)),
            details: placement.and_then(|placement| self.containers.get(placement)),
        }
    }

    /// Asks for the names of those that are there already.
    pub fn meet_process(&mut self, process: &Process, now: BootTime) {
        let (Some(asking), Some(namespaces)) = (&mut self.asking, &process.namespaces) else {
            return;
        };
        asking.remember(namespaces, process.id.tgid);
        let is_contained = is_contained(process.placement.as_deref());
        if let Some(home) = self.realms.home(Realm::of(namespaces), is_contained)
            && !self.realms.is_known(home, now)
        {
            asking.accounts(home, process.id.tgid);
        }
    }

    /// How often something was not found out until now; none for a recording, which says it itself.
    #[must_use]
    pub fn unanswered(&self) -> Option<Fact> {
        let mut counts = BTreeMap::new();
        self.asking.as_ref()?.counters(|name, number| {
            if number > 0 {
                counts.insert(name, number);
            }
        });
        Some(Fact::Unanswered(counts))
    }

    /// What there was no room for, or what was not answered, by its name among the counters.
    pub fn counters(&self, mut count: impl FnMut(String, u64)) {
        count("execs_full".into(), self.execs.full());
        count("hash_pending".into(), self.execs.late());
        count("accounts_full".into(), self.realms.evicted());
        count("containers_full".into(), self.containers.evicted());
        for (name, number) in &self.unanswered {
            count(name.clone(), *number);
        }
    }
}

fn is_contained(placement: Option<&Placement>) -> bool {
    placement.is_some_and(|placement| placement.container.is_some())
}
