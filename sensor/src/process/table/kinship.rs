//! Who comes from whom: what an event changes in the lineage of a process.

use std::sync::Arc;

use super::Table;
use crate::{
    event::{Exec, Tgid},
    process::{
        Process,
        entry::{Circumstances, Entry},
        lineage::{Ancestor, Lineage},
    },
};

impl Table {
    /// Decides anew who leads a process that began to run a program.
    pub(super) fn lead(&mut self, index: usize, exec: &Exec) {
        let Some(process) = self.process_mut(index) else {
            return;
        };
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
    pub(super) fn offspring(&mut self, index: usize) -> Lineage {
        match self.places.get_mut(index) {
            Some(Some(place)) => place.process.offspring(&mut self.population),
            _ => Lineage::default(),
        }
    }

    /// Decides anew how a process came into the host.
    pub(super) fn settle(&mut self, index: usize, execs: bool) {
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
