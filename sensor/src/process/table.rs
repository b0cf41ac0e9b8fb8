//! The processes, by id: kept up to date by events, bounded.
//!
//! A process is remembered for a while after its end, because events of its children and sockets
//! name it. At the limit the ones that ended first go, then those that were not mentioned for
//! longest.

mod kinship;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{
    ARGUMENT_BYTES_KEPT, BootId, EntityId, Image, Process, START_TICK_NANOSECONDS,
    cgroups::{Cgroups, Found},
    fingerprint::{ExecId, Fingerprint},
    lineage::Population,
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
        self.lead(index, exec);
        self.settle(index, true);
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
