//! The processes, by id: kept up to date by events, bounded.
//!
//! A process is remembered for a while after its end, because events of its children and sockets
//! name it. At the limit the ones that ended first go, then those that were not mentioned for
//! longest.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{ARGUMENT_BYTES_KEPT, BootId, EntityId, Image, Process, START_TICK_NANOSECONDS};
use crate::{
    clock::BootTime,
    event::{Body, Event, Exec, Fork, ProcessId, Tgid},
};

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
    /// A table for so many processes.
    #[must_use]
    pub fn new(boot: BootId, limit: usize) -> Self {
        Self {
            boot,
            limit: limit.max(1),
            newest: HashMap::new(),
            places: Vec::new(),
            free: Vec::new(),
            ended: VecDeque::new(),
            hand: 0,
            evicted: 0,
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

    /// Adds a process that was found in `/proc`, unless it is known.
    pub fn add(&mut self, process: Process) {
        if self.find(process.id).is_none() {
            self.insert(process);
        }
    }

    /// Notes what an event says of its process.
    pub fn observe(&mut self, event: &Event) {
        self.forget_before(event.origin.time);
        match &event.body {
            Body::Fork(fork) => self.forked(event, fork),
            Body::Exec(exec) => {
                if let Some(process) = self.actor(event) {
                    exec_changed(process, exec);
                }
            }
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
        let actor = event.actor?;
        let found = self
            .find(actor.id)
            .unwrap_or_else(|| self.insert(Process::unknown(self.boot, actor.id)));
        let place = self.places.get_mut(found)?.as_mut()?;
        place.mentioned = true;
        // What `/proc` told has its start in coarse units.
        place.process.id = actor.id;
        place.process.cgroup = Some(actor.cgroup);
        Some(&mut place.process)
    }

    fn forked(&mut self, event: &Event, fork: &Fork) {
        let caller = self.actor(event).cloned();
        let mut child = Process::unknown(self.boot, fork.child);
        if let Some(caller) = caller {
            child = Process {
                id: child.id,
                entity_id: child.entity_id,
                ended: None,
                ..caller
            };
        }
        child.parent = Some(fork.parent);
        child.namespace_pid = Some(fork.namespace_pid);
        match self.find(fork.child) {
            Some(known) => {
                if let Some(Some(place)) = self.places.get_mut(known) {
                    place.process = child;
                }
            }
            None => {
                self.insert(child);
            }
        }
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

/// Whether two starts of processes with the same id are one. A start from `/proc` is rounded down
/// to the unit there; one from the kernel's records is exact.
fn is_same(one: BootTime, other: BootTime) -> bool {
    let is_coarse = |start: BootTime| start.0.is_multiple_of(START_TICK_NANOSECONDS);
    one == other
        || (one.0 / START_TICK_NANOSECONDS == other.0 / START_TICK_NANOSECONDS
            && (is_coarse(one) || is_coarse(other)))
}

fn exec_changed(process: &mut Process, exec: &Exec) {
    process.parent = Some(exec.parent);
    process.namespace_pid = Some(exec.namespace_pid);
    process.image = Some(Arc::new(image_of(exec)));
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
        Table::new(BootId::parse("0123456789abcdef").unwrap(), limit)
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
