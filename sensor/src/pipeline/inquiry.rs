//! What the kernel does not tell: it is asked for ahead, waited for, and looked up.

use std::time::Duration;

use super::{Held, Item, Output, OutputError, Pipeline};
use crate::{
    clock::BootTime,
    enrich::{Answer, fact::Fact},
    event::{Body, CgroupId, Event},
    process::{placement::Placement, table::Table},
    recording::Frame,
};

impl<O: Output> Pipeline<O> {
    /// Takes in what a worker answered.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn answer(&mut self, answer: Answer) -> Result<(), OutputError> {
        for fact in self.enrichment.answer(answer) {
            self.learn(fact);
        }
        self.lose_patience()
    }

    /// How long the next event may still wait for an answer; none if it does not.
    #[must_use]
    pub fn patience_left(&self) -> Option<Duration> {
        let waited = self.held.as_ref()?.since.elapsed();
        Some(self.patience?.saturating_sub(waited))
    }

    /// The next event goes on, if it has what it waited for, or waited as long as it may; what comes
    /// after it goes on at the reader's next word.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn lose_patience(&mut self) -> Result<(), OutputError> {
        if let Some(held) = &self.held {
            // Just after it, which is certain of its place: so a replay writes it here too, before it
            // learns what is learned from now on.
            let after = BootTime(held.next.time.0.saturating_add(1));
            self.complete_until(after)?;
        }
        Ok(())
    }

    /// Takes in what was found out.
    pub fn learn(&mut self, fact: Fact) {
        self.record(|| Frame::Fact(Box::new(fact.clone())));
        if let Fact::Executable(exec, Ok(fingerprint)) = &fact
            && self.table.identify(*exec, fingerprint)
        {
            // It is written already, and what comes after it can tell.
            return;
        }
        self.enrichment.learn(fact);
    }

    pub(super) fn ask_about(&mut self, event: &Event) {
        if let Body::Exec(exec) = &event.body {
            let executed = self.wall_offset.wall_time(event.origin.time);
            let placement = placement_of(&self.table, event);
            for fact in self.enrichment.foresee(event, exec, executed, placement) {
                self.learn(fact);
            }
        }
    }

    /// Whether an exec waits for an answer, and may.
    pub(super) fn must_wait(&self, held: &Held) -> bool {
        let Some(patience) = self.patience else {
            return false;
        };
        match &held.next.record {
            Item::Exec(event) => {
                self.enrichment
                    .is_pending(event, placement_of(&self.table, event))
                    && !self.order.is_full()
                    && held.since.elapsed() < patience
            }
            Item::Record(_) => false,
        }
    }

    /// Asks about a cgroup's container.
    pub(super) fn meet_container(&mut self, cgroup: CgroupId) {
        if let Some(placement) = self.table.cgroups().get(cgroup) {
            self.enrichment.meet_container(placement);
        }
    }

    /// A process that acts and is not known came into the scope, or its fork was lost.
    pub(super) fn look_up_actor(&mut self, event: &Event) {
        if let Some(sources) = &self.sources
            && let Some(actor) = event.actor
            && self.table.get(actor.id).is_none()
            && let Some(process) = sources.read_one(actor.id)
        {
            self.add_process(process);
        }
    }

    /// A cgroup that is not known was made while the kernel's record of it was lost, or was forgotten
    /// for want of room.
    pub(super) fn look_up_cgroup(&mut self, event: &Event) {
        if let Some(sources) = &self.sources
            && let Some(actor) = event.actor
            && self.table.cgroups().get(actor.cgroup).is_none()
        {
            let found = sources.cgroup_of(actor.id.tgid, actor.cgroup);
            self.add_cgroup(found);
        }
    }
}

/// What the cgroup of the process that acted says of it.
fn placement_of<'a>(table: &'a Table, event: &Event) -> Option<&'a Placement> {
    let placement = table.cgroups().get(event.actor?.cgroup)?;
    Some(placement)
}
