//! Which rules' events came in order.

use std::{cmp::Reverse, time::Duration};

use super::{Seen, Window, as_count, as_measure};
use crate::{clock::BootTime, detect::alert::EVIDENCE_MAX, event::Origin};

/// How late an event may come and still be put in its place, in nanoseconds.
const LATENESS: u64 = 1_000_000_000;

/// Most events that may still have to make room for late ones.
const UNSETTLED_MAX: usize = 32;

/// Events of each rule in the order of the rules, each later than the one before, the first and the
/// last no further apart than the time.
///
/// For each rule, what is remembered is the chain up to it that begins last: of all chains up to it
/// that is the one that can be continued for longest. Events of the last second are kept too, at
/// most 32, so that one that comes late is put in its place.
pub(in super::super) struct Chain {
    /// In nanoseconds.
    timespan: u64,
    /// The chains of what no late event comes before.
    settled: Vec<Option<Link>>,
    /// What came after, in the order of time.
    unsettled: Vec<Step>,
    /// The chains of all.
    chains: Vec<Option<Link>>,
    latest: BootTime,
}

/// The end of a chain.
#[derive(Clone, Debug)]
struct Link {
    start: BootTime,
    end: BootTime,
    /// The events, oldest first, at most [`EVIDENCE_MAX`].
    events: Vec<Origin>,
    length: u64,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    origin: Origin,
    position: usize,
}

impl Chain {
    /// No events, of so many rules, for a time.
    pub(in super::super) fn new(rules: usize, timespan: Duration) -> Self {
        Self {
            timespan: u64::try_from(timespan.as_nanos()).unwrap_or(u64::MAX),
            settled: vec![None; rules],
            unsettled: Vec::new(),
            chains: vec![None; rules],
            latest: BootTime(0),
        }
    }

    fn settle(&mut self) {
        let horizon = self.latest.0.saturating_sub(LATENESS);
        let old = self
            .unsettled
            .partition_point(|step| step.origin.time.0 < horizon);
        let settled = old.max(self.unsettled.len().saturating_sub(UNSETTLED_MAX));
        for step in self.unsettled.drain(..settled) {
            take(&mut self.settled, step, self.timespan);
        }
    }
}

impl Window for Chain {
    fn add(&mut self, seen: &Seen<'_>, _: BootTime) -> u64 {
        let time = seen.origin.time;
        let in_order = time > self.latest || self.unsettled.is_empty();
        self.latest = self.latest.max(time);
        // The last position first, here and in the order of the steps: an event may continue a chain
        // and begin another one, but not come after itself.
        for position in seen.positions.iter().rev() {
            let step = Step {
                origin: seen.origin,
                position: *position,
            };
            let order = |step: &Step| (step.origin.time, Reverse(step.position));
            let at = self
                .unsettled
                .partition_point(|other| order(other) <= order(&step));
            self.unsettled.insert(at, step);
            if in_order {
                take(&mut self.chains, step, self.timespan);
            }
        }
        if !in_order {
            self.chains.clone_from(&self.settled);
            for step in &self.unsettled {
                take(&mut self.chains, *step, self.timespan);
            }
        }
        self.settle();
        0
    }

    /// How many rules the longest chain has.
    fn measure(&self) -> f64 {
        let longest = self.chains.iter().rposition(Option::is_some);
        as_measure(longest.map_or(0, |position| as_count(position) + 1))
    }

    fn evidence(&self) -> (Vec<Origin>, u64) {
        let longest = self.chains.iter().flatten().next_back();
        longest.map_or((Vec::new(), 0), |link| (link.events.clone(), link.length))
    }

    fn bytes(&self) -> usize {
        let links = self.settled.iter().chain(&self.chains);
        let events: usize = links.flatten().map(|link| link.events.capacity()).sum();
        size_of::<Self>()
            + (self.settled.capacity() + self.chains.capacity()) * size_of::<Option<Link>>()
            + events * size_of::<Origin>()
            + self.unsettled.capacity() * size_of::<Step>()
    }
}

/// Continues the chains with a step that is not before any other.
fn take(chains: &mut [Option<Link>], step: Step, timespan: u64) {
    let time = step.origin.time;
    let link = match step.position.checked_sub(1) {
        None => Link {
            start: time,
            end: time,
            events: vec![step.origin],
            length: 1,
        },
        Some(before) => {
            let Some(Some(link)) = chains.get(before) else {
                return;
            };
            if link.end >= time || time.0.saturating_sub(link.start.0) > timespan {
                return;
            }
            let mut link = link.clone();
            link.end = time;
            if link.events.len() == EVIDENCE_MAX {
                link.events.remove(0);
            }
            link.events.push(step.origin);
            link.length += 1;
            link
        }
    };
    if let Some(place) = chains.get_mut(step.position)
        && place.as_ref().is_none_or(|known| known.start < link.start)
    {
        *place = Some(link);
    }
}
