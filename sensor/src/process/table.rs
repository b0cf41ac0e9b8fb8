//! The processes, by id: kept up to date by events, bounded.
//!
//! A process is remembered for a while after its end, because events of its children and sockets
//! name it. At the limit the ones that ended first go, then those that were not mentioned for
//! longest.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{
    ARGUMENT_BYTES_KEPT, BootId, EntityId, Image, Process, START_TICK_NANOSECONDS,
    cgroups::{Cgroups, Found},
    entry::{Circumstances, Entry},
    fingerprint::{ExecId, Fingerprint},
    lineage::{Ancestor, Lineage, Population},
};
use crate::{
    clock::BootTime,
    event::{Body, CgroupChange, Event, Exec, Fork, ProcessId, Tgid},
};

/// Ancestors that are remembered at most, for each process that may be.
const ANCESTORS_PER_PROCESS: usize = 2;

/// How long an ended process is remembered, if there is room.
const REMEMBERED_NANOSECONDS: u64 = 60_000_000_000;

/// The processes of the host.
#[derive(Debug)]
pub struct Table {
    boot: BootId,
    limit: usize,
    /// The newest process of each id.
    newest: HashMap<Tgid, usize>,
    places: Vec<Option<Place>>,
    free: Vec<usize>,
    /// Ended processes, the first to end first.
    ended: VecDeque<(usize, ProcessId)>,
    /// Where the search for one that was not mentioned goes on.
    hand: usize,
    evicted: u64,
    population: Population,
    cgroups: Cgroups,
}

#[derive(Debug)]
struct Place {
    process: Process,
    /// The one that had the same id before.
    older: Option<usize>,
    /// Whether it was mentioned since the hand last came by.
    mentioned: bool,
}

impl Table {
    /// A table for so many processes and cgroups.
    #[must_use]
    pub fn new(boot: BootId, limit: usize, cgroups: usize) -> Self {
        Self {
            boot,
            limit: limit.max(1),
            newest: HashMap::new(),
            places: Vec::new(),
            free: Vec::new(),
            ended: VecDeque::new(),
            hand: 0,
            evicted: 0,
            population: Population::new(ANCESTORS_PER_PROCESS * limit),
            cgroups: Cgroups::new(cgroups),
        }
    }

    /// What is known of a process.
    #[must_use]
    pub fn get(&self, id: ProcessId) -> Option<&Process> {
        self.find(id)
            .and_then(|place| self.place(place))
            .map(|place| &place.process)
    }

    /// How many processes are in the table, ended ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Running processes that were forgotten for want of room.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many lines of ancestors were cut for want of room.
    #[must_use]
    pub const fn ancestors_cut(&self) -> u64 {
        self.population.cut()
    }

    /// The cgroups that processes run in.
    #[must_use]
    pub const fn cgroups(&self) -> &Cgroups {
        &self.cgroups
    }

    /// Adds a cgroup that was found in the file system, unless it is known.
    pub fn add_cgroup(&mut self, found: &Found) {
        self.cgroups.add(found);
    }

    /// Notes what became of a cgroup.
    pub fn observe_cgroup(&mut self, change: &CgroupChange) {
        self.cgroups.observe(change);
    }

    /// Adds a process that was found in `/proc`, unless it is known. A parent of which only the id is
    /// known (its start is 0) is the newest process with that id.
    pub fn add(&mut self, mut process: Process) {
        if self.find(process.id).is_some() {
            return;
        }
        if let Some(parent) = process.parent.filter(|parent| parent.start == BootTime(0)) {
            let newest = self.newest.get(&parent.tgid);
            process.parent = newest
                .and_then(|newest| self.place(*newest))
                .map(|place| place.process.id)
                .or((parent.tgid == Tgid(0)).then_some(parent));
        }
        if let Some(maker) = process.parent.and_then(|parent| self.find(parent)) {
            process.lineage = self.offspring(maker);
        }
        process.placement = process.cgroup.and_then(|id| self.cgroups.get(id).cloned());
        let index = self.insert(process);
        self.settle(index, true);
    }

    /// Notes which executable a process runs since an exec; whether it still does, and the exec was
    /// observed.
    pub fn identify(&mut self, exec: ExecId, fingerprint: &Arc<Fingerprint>) -> bool {
        let Some(image) = self
            .get(exec.process)
            .and_then(|process| process.image.as_ref())
        else {
            return false;
        };
        if image.executed != Some(exec.time) {
            return false;
        }
        // It is told once.
        let _ = image.fingerprint.set(fingerprint.clone());
        true
    }

    /// Notes what an event says of its process.
    pub fn observe(&mut self, event: &Event) {
        self.forget_before(event.origin.time);
        match &event.body {
            Body::Fork(fork) => self.forked(event, fork),
            Body::Exec(exec) => self.execed(event, exec),
            Body::Exit(_) => self.ended(event),
            Body::CredentialChange(change) => {
                if let Some(process) = self.actor(event) {
                    process.credentials = Some(change.after);
                }
            }
            Body::CredentialDivergence(divergence) => {
                if let Some(process) = self.actor(event) {
                    process.credentials = Some(divergence.after);
                }
            }
            Body::Namespace(namespace) => {
                if let Some(process) = self.actor(event) {
                    process.namespaces = Some(namespace.after);
                }
            }
            _ => {
                self.actor(event);
            }
        }
    }

    /// The acting process's entry, made if it is not known.
    fn actor(&mut self, event: &Event) -> Option<&mut Process> {
        let index = self.actor_index(event)?;
        self.process_mut(index)
    }

    fn actor_index(&mut self, event: &Event) -> Option<usize> {
        let actor = event.actor?;
        let found = self
            .find(actor.id)
            .unwrap_or_else(|| self.insert(Process::unknown(self.boot, actor.id)));
        let place = self.places.get_mut(found)?.as_mut()?;
        place.mentioned = true;
        let process = &mut place.process;
        // What `/proc` told has its start in coarse units.
        if process.id != actor.id {
            process.id = actor.id;
            process.lineage.renew();
        }
        if process.cgroup != Some(actor.cgroup) || process.placement.is_none() {
            process.cgroup = Some(actor.cgroup);
            process.placement = self.cgroups.get(actor.cgroup).cloned();
            self.settle(found, false);
        }
        Some(found)
    }

    fn process_mut(&mut self, index: usize) -> Option<&mut Process> {
        Some(&mut self.places.get_mut(index)?.as_mut()?.process)
    }

    fn forked(&mut self, event: &Event, fork: &Fork) {
        let caller = self.actor_index(event);
        let mut child = Process::unknown(self.boot, fork.child);
        if let Some(caller) = caller {
            let lineage = self.offspring(caller);
            if let Some(Some(place)) = self.places.get(caller) {
                child = Process {
                    id: child.id,
                    entity_id: child.entity_id,
                    ended: None,
                    lineage,
                    ..place.process.clone()
                };
            }
        }
        child.parent = Some(fork.parent);
        child.namespace_pid = Some(fork.namespace_pid);
        match self.find(fork.child) {
            Some(known) => {
                if let Some(process) = self.process_mut(known) {
                    child.entity_id = process.entity_id.clone();
                    *process = child;
                }
            }
            None => {
                self.insert(child);
            }
        }
    }

    fn execed(&mut self, event: &Event, exec: &Exec) {
        let Some(index) = self.actor_index(event) else {
            return;
        };
        let is_orphan = self
            .place(index)
            .is_some_and(|place| place.process.lineage.maker.is_none());
        // Its fork is not known: its parent is the best that is left.
        if is_orphan && let Some(maker) = self.find(exec.parent).filter(|maker| *maker != index) {
            let lineage = self.offspring(maker);
            if let Some(process) = self.process_mut(index) {
                process.lineage = lineage;
            }
        }
        let Some(process) = self.process_mut(index) else {
            return;
        };
        exec_changed(process, exec, event.origin.time);
        process.lineage.renew();
        let (tgid, lineage) = (process.id.tgid, &process.lineage);
        let [group, session] = [
            (exec.process_group, &lineage.group_leader),
            (exec.session_id, &lineage.session_leader),
        ]
        .map(|(leader, known)| match known {
            Some(known) if known.id.tgid == leader => Leader::Known,
            _ if leader == tgid => Leader::Itself,
            _ => Leader::Other(leader),
        });
        let group = self.leader(group);
        let session = self.leader(session);
        if let Some(process) = self.process_mut(index) {
            let lineage = &mut process.lineage;
            group.apply(&mut lineage.group_leader);
            session.apply(&mut lineage.session_leader);
        }
        self.settle(index, true);
    }

    fn leader(&mut self, leader: Leader) -> Change {
        match leader {
            Leader::Known => Change::None,
            Leader::Itself => Change::To(None),
            Leader::Other(tgid) => {
                let found = self.newest.get(&tgid).copied();
                Change::To(found.and_then(|found| self.ancestor(found)))
            }
        }
    }

    /// A process as its descendants remember it.
    fn ancestor(&mut self, index: usize) -> Option<Arc<Ancestor>> {
        let place = self.places.get_mut(index)?.as_mut()?;
        Some(place.process.ancestor(&mut self.population))
    }

    /// Where what a process makes comes from.
    fn offspring(&mut self, index: usize) -> Lineage {
        match self.places.get_mut(index) {
            Some(Some(place)) => place.process.offspring(&mut self.population),
            _ => Lineage::default(),
        }
    }

    /// Decides anew how a process came into the host.
    fn settle(&mut self, index: usize, execs: bool) {
        let mounts = |process: &Process| process.namespaces.map(|namespaces| namespaces.mnt);
        let first = self.newest.get(&Tgid(1)).copied();
        let hosts = first.and_then(|first| mounts(&self.place(first)?.process));
        let Some(Some(place)) = self.places.get_mut(index) else {
            return;
        };
        let process = &mut place.process;
        let before = process.lineage.entry.take();
        process.lineage.entry = Entry::after(
            before,
            Circumstances {
                is_first: process.id.tgid == Tgid(1),
                maker: process.lineage.maker.as_deref(),
                image: process.image.as_deref(),
                placement: process.placement.as_ref(),
                execs,
                is_in_host_mounts: hosts.is_some() && mounts(process) == hosts,
            },
        );
    }

    fn ended(&mut self, event: &Event) {
        let Some(process) = self.actor(event) else {
            return;
        };
        process.ended = Some(event.origin.time);
        let id = process.id;
        if let Some(place) = self.find(id) {
            self.ended.push_back((place, id));
        }
    }

    /// Forgets processes that ended long before a moment.
    fn forget_before(&mut self, now: BootTime) {
        let horizon = now.0.saturating_sub(REMEMBERED_NANOSECONDS);
        while let Some(&(place, id)) = self.ended.front() {
            let ended = self
                .place(place)
                .filter(|found| found.process.id == id)
                .and_then(|found| found.process.ended);
            if ended.is_some_and(|ended| ended.0 >= horizon) {
                break;
            }
            self.ended.pop_front();
            if ended.is_some() {
                self.remove(place);
            }
        }
    }

    fn insert(&mut self, mut process: Process) -> usize {
        if self.len() >= self.limit {
            self.make_room();
        }
        let tgid = process.id.tgid;
        self.forget_older(tgid);
        let older = self.newest.get(&tgid).copied();
        if older
            .and_then(|older| self.place(older))
            .is_some_and(|older| older.process.entity_id == process.entity_id)
        {
            // Two processes of one id within one unit of start times: only the exact one differs.
            process.entity_id = EntityId::exact(self.boot, process.id);
        }
        let place = Some(Place {
            process,
            older,
            mentioned: true,
        });
        let index = if let Some(index) = self.free.pop() {
            if let Some(free) = self.places.get_mut(index) {
                *free = place;
            }
            index
        } else {
            self.places.push(place);
            self.places.len() - 1
        };
        self.newest.insert(tgid, index);
        index
    }

    /// Of the processes that had an id before, the last is remembered: whoever makes processes with
    /// one id over and over must not make looking for it slow.
    fn forget_older(&mut self, tgid: Tgid) {
        let older = self
            .newest
            .get(&tgid)
            .and_then(|newest| self.place(*newest)?.older);
        if let Some(older) = older {
            self.remove(older);
        }
    }

    fn make_room(&mut self) {
        while let Some((place, id)) = self.ended.pop_front() {
            if self
                .place(place)
                .is_some_and(|found| found.process.id == id)
            {
                self.remove(place);
                return;
            }
        }
        // Nobody ended: the first that was not mentioned in a whole round of the hand.
        for _ in 0..self.places.len() * 2 {
            self.hand = (self.hand + 1) % self.places.len();
            match self.places.get_mut(self.hand) {
                Some(Some(place)) if place.mentioned => place.mentioned = false,
                Some(Some(_)) => {
                    self.remove(self.hand);
                    self.evicted += 1;
                    return;
                }
                _ => {}
            }
        }
    }

    fn remove(&mut self, index: usize) {
        let Some(place) = self.places.get_mut(index).and_then(Option::take) else {
            return;
        };
        self.free.push(index);
        let tgid = place.process.id.tgid;
        let newest = self.newest.get(&tgid).copied();
        if newest == Some(index) {
            match place.older {
                Some(older) => self.newest.insert(tgid, older),
                None => self.newest.remove(&tgid),
            };
            return;
        }
        let mut next = newest;
        while let Some(current) = next {
            let Some(Some(newer)) = self.places.get_mut(current) else {
                return;
            };
            if newer.older == Some(index) {
                newer.older = place.older;
                return;
            }
            next = newer.older;
        }
    }

    fn find(&self, id: ProcessId) -> Option<usize> {
        let mut next = self.newest.get(&id.tgid).copied();
        while let Some(index) = next {
            let place = self.place(index)?;
            if is_same(place.process.id.start, id.start) {
                return Some(index);
            }
            next = place.older;
        }
        None
    }

    fn place(&self, index: usize) -> Option<&Place> {
        self.places.get(index)?.as_ref()
    }
}

/// Who leads a process.
#[derive(Clone, Copy)]
enum Leader {
    Known,
    Itself,
    Other(Tgid),
}

/// What becomes of a leader that is known.
enum Change {
    None,
    To(Option<Arc<Ancestor>>),
}

impl Change {
    fn apply(self, known: &mut Option<Arc<Ancestor>>) {
        if let Self::To(leader) = self {
            *known = leader;
        }
    }
}

/// Whether two starts of processes with the same id are one. A start from `/proc` is rounded down
/// to the unit there; one from the kernel's records is exact.
fn is_same(one: BootTime, other: BootTime) -> bool {
    let is_coarse = |start: BootTime| start.0.is_multiple_of(START_TICK_NANOSECONDS);
    one == other
        || (one.0 / START_TICK_NANOSECONDS == other.0 / START_TICK_NANOSECONDS
            && (is_coarse(one) || is_coarse(other)))
}

fn exec_changed(process: &mut Process, exec: &Exec, time: BootTime) {
    process.parent = Some(exec.parent);
    process.namespace_pid = Some(exec.namespace_pid);
    process.image = Some(Arc::new(Image {
        executed: Some(time),
        ..image_of(exec)
    }));
    process.credentials = Some(exec.credentials);
    process.namespaces = Some(exec.namespaces);
    process.session_id = Some(exec.session_id);
    process.process_group = Some(exec.process_group);
    process.login_uid = exec.login_uid;
    process.audit_session = exec.audit_session;
    process.tty = exec.tty;
}

fn image_of(exec: &Exec) -> Image {
    let executable = String::from_utf8_lossy(&exec.executable.bytes).into_owned();
    Image {
        name: executable.rsplit('/').next().unwrap_or_default().to_owned(),
        executable,
        working_directory: String::from_utf8_lossy(&exec.working_directory.bytes).into_owned(),
        arguments: kept_arguments(&exec.arguments.bytes),
        argument_count: exec.argc,
        ..Image::default()
    }
}

/// The arguments that are remembered, out of those that each end with NUL.
pub(super) fn kept_arguments(bytes: &[u8]) -> Vec<String> {
    let kept = bytes.get(..ARGUMENT_BYTES_KEPT).unwrap_or(bytes);
    if kept.is_empty() {
        return Vec::new();
    }
    kept.strip_suffix(&[0])
        .unwrap_or(kept)
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::record::Ring;

    use super::*;
    use crate::event::{Actor, CgroupId, Exit, ExitStatus, Origin, Tid};

    fn id(tgid: u32, start: u64) -> ProcessId {
        ProcessId {
            tgid: Tgid(tgid),
            start: BootTime(start),
        }
    }

    fn event(time: u64, actor: ProcessId, body: Body) -> Event {
        Event {
            origin: Origin {
                cpu: 0,
                ring: Ring::Bulk,
                sequence: 0,
                time: BootTime(time),
            },
            actor: Some(Actor {
                id: actor,
                tid: Tid(actor.tgid.0),
                uid: 0,
                cgroup: CgroupId(1),
                credentials_digest: 0,
                io_worker: false,
            }),
            body,
        }
    }

    fn fork(time: u64, parent: ProcessId, child: ProcessId) -> Event {
        let fork = Fork {
            child,
            parent,
            namespace_pid: child.tgid,
        };
        event(time, parent, Body::Fork(fork))
    }

    fn exit(time: u64, process: ProcessId) -> Event {
        let status = ExitStatus::Code(0);
        event(time, process, Body::Exit(Exit { status }))
    }

    fn table(limit: usize) -> Table {
        Table::new(BootId::parse("0123456789abcdef").unwrap(), limit, 4)
    }

    #[test]
    fn a_child_has_its_callers_image_until_it_execs() {
        let mut table = table(10);
        let mut init = Process::unknown(table.boot, id(1, 0));
        init.image = Some(Arc::new(Image {
            name: "init".into(),
            ..Image::default()
        }));
        table.add(init);
        table.observe(&fork(50, id(1, 0), id(2, 50)));
        let child = table.get(id(2, 50)).unwrap();
        assert_eq!(child.image.as_ref().unwrap().name, "init");
        assert_eq!(child.parent, Some(id(1, 0)));
        assert_eq!(child.entity_id.as_str(), "0123456789abcdef-2-0");
    }

    #[test]
    fn an_id_that_is_used_again_is_another_process() {
        let mut table = table(10);
        table.observe(&fork(100, id(1, 0), id(7, 100)));
        table.observe(&exit(200, id(7, 100)));
        table.observe(&fork(300, id(1, 0), id(7, 300)));
        let first = table.get(id(7, 100)).unwrap();
        let second = table.get(id(7, 300)).unwrap();
        assert!(first.ended.is_some() && second.ended.is_none());
        assert_ne!(first.entity_id, second.entity_id);
    }

    #[test]
    fn an_exact_start_finds_what_proc_told() {
        let mut table = table(10);
        table.add(Process::unknown(table.boot, id(5, 30_000_000)));
        assert!(table.get(id(5, 31_234_567)).is_some());
        assert!(table.get(id(5, 41_234_567)).is_none());
        table.observe(&exit(50_000_000, id(5, 31_234_567)));
        assert!(table.get(id(5, 30_000_000)).unwrap().ended.is_some());
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn ended_processes_are_forgotten_after_a_while() {
        let mut table = table(10);
        table.observe(&fork(1, id(1, 0), id(2, 1)));
        table.observe(&exit(2, id(2, 1)));
        table.observe(&exit(3, id(1, 0)));
        assert_eq!(table.len(), 2);
        table.observe(&fork(
            REMEMBERED_NANOSECONDS + 10,
            id(8, 1),
            id(9, REMEMBERED_NANOSECONDS + 10),
        ));
        assert!(table.get(id(2, 1)).is_none() && table.get(id(1, 0)).is_none());
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn at_the_limit_the_ended_go_first() {
        let mut table = table(3);
        table.observe(&fork(1, id(1, 0), id(2, 1)));
        table.observe(&fork(2, id(1, 0), id(3, 2)));
        table.observe(&exit(3, id(2, 1)));
        table.observe(&fork(4, id(1, 0), id(4, 4)));
        assert!(table.get(id(2, 1)).is_none());
        assert_eq!(table.evicted(), 0);
        table.observe(&fork(5, id(1, 0), id(5, 5)));
        assert_eq!(table.evicted(), 1);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn keeps_a_bounded_part_of_the_arguments() {
        assert_eq!(kept_arguments(b"a\0\0b c\0"), ["a", "", "b c"]);
        assert!(kept_arguments(b"").is_empty());
        assert_eq!(kept_arguments(b"\0"), [""]);
        let long = kept_arguments(&[b'x'; 5000]);
        assert_eq!(long.concat().len(), ARGUMENT_BYTES_KEPT);
    }

    proptest! {
        /// Whatever happens in whatever order, the table stays within its limit, and every process
        /// that is found is the one that was asked for.
        #[test]
        fn stays_consistent(steps in proptest::collection::vec((0u8..3, 1u32..6, 0u64..40), 1..300)) {
            let mut table = table(8);
            let mut now = 0;
            for (step, tgid, start) in steps {
                now += 1_000_000_000;
                let process = id(tgid, start * 3_000_001);
                match step {
                    0 => table.observe(&fork(now, id(tgid % 3 + 1, 0), process)),
                    1 => table.observe(&exit(now, process)),
                    _ => table.add(Process::unknown(table.boot, id(tgid, start * START_TICK_NANOSECONDS))),
                }
                prop_assert!(table.len() <= 8);
                let live = table.places.iter().flatten().count();
                prop_assert_eq!(live, table.len());
                if let Some(found) = table.get(process) {
                    prop_assert!(is_same(found.id.start, process.start));
                }
                // Every place can be found through its id.
                for place in table.places.iter().flatten() {
                    prop_assert!(table.get(place.process.id).is_some());
                }
            }
        }
    }
}
