//! The same alert again and again: said once, and counted.
//!
//! The first alert goes out at once. The same within a time (`detect.repeat_seconds`) is held back and
//! counted. After that time the next one goes out with the count; if none comes, the last that was held
//! back goes out by itself.
//!
//! - `key`: what must be the same. `held`: what is held back, and how much memory that takes.

mod held;
mod key;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, num::NonZeroUsize, time::Duration};

use lru::LruCache;

use self::{
    held::{Held, Memory},
    key::Key,
};
use super::{alert::Alert, severity::Severity};
use crate::{
    clock::BootTime,
    event::{Event, ProcessId},
    observed::Observed,
};

/// Processes whose critical alerts go out at once although the same was said of another one.
const PROCESSES_MAX: usize = 16;

/// Holds back what was said already.
#[derive(Debug)]
pub struct Repetition {
    window: u64,
    limit: NonZeroUsize,
    said: LruCache<Key, Said>,
    /// When each of them ends.
    ends: BTreeSet<(BootTime, Key)>,
    /// What goes out with the next that is due.
    due: Vec<(Event, Alert)>,
    memory: Memory,
    repeated: u64,
    forgotten: u64,
}

/// An alert that was said.
#[derive(Debug)]
struct Said {
    /// Until when the same is held back.
    end: BootTime,
    /// Critical alerts only: of which processes it was said.
    processes: Vec<ProcessId>,
    held: Option<Box<Held>>,
}

impl Repetition {
    /// Holds back for so long, and remembers so many alerts, at least one. Without a time every alert
    /// goes out.
    #[must_use]
    pub fn new(window: Duration, limit: usize) -> Self {
        Self {
            window: nanoseconds(window),
            limit: at_least_one(limit),
            // Bounded here: room for all at once is taken by few hosts.
            said: LruCache::unbounded(),
            ends: BTreeSet::new(),
            due: Vec::new(),
            memory: Memory::default(),
            repeated: 0,
            forgotten: 0,
        }
    }

    /// Changes time and limit. What was said by now keeps its time; without one all that is held back
    /// becomes due.
    pub fn change(&mut self, window: Duration, limit: usize) {
        self.window = nanoseconds(window);
        self.limit = at_least_one(limit);
        if self.window == 0 {
            self.due = self.drain();
        }
        self.make_room();
    }

    /// The alert that goes out now for one that was raised at an event; none if it is held back.
    pub fn take(&mut self, mut alert: Alert, observed: &Observed<'_>) -> Option<Alert> {
        if self.window == 0 {
            return Some(alert);
        }
        let key = Key::of(&alert, observed);
        let now = observed.event.origin.time;
        let process = observed.event.subject();
        let is_critical = alert.rule.severity == Severity::Critical;
        let end = BootTime(now.0.saturating_add(self.window));
        let Some(said) = self.said.get_mut(&key) else {
            let processes = process.filter(|_| is_critical).into_iter().collect();
            self.ends.insert((end, key));
            self.said.put(
                key,
                Said {
                    end,
                    processes,
                    held: None,
                },
            );
            self.make_room();
            return Some(alert);
        };
        let is_of_another = is_critical && said.is_of_another(process);
        if now >= said.end {
            self.ends.remove(&(said.end, key));
            self.ends.insert((end, key));
            said.end = end;
            if let Some(held) = said.held.take() {
                self.memory.free(&held);
                held.count_into(&mut alert);
            }
            return Some(alert);
        }
        if is_of_another {
            return Some(alert);
        }
        self.repeated = self.repeated.saturating_add(1);
        let mut held = Held::new(observed.event, alert);
        if let Some(before) = said.held.take() {
            self.memory.free(&before);
            before.count_into(&mut held.alert);
        }
        self.memory.take(&held);
        said.held = Some(Box::new(held));
        self.make_room();
        None
    }

    /// What was held back and goes out by itself: its time ended, or there was no room for it. To be
    /// called after each batch of events, and when there are none.
    pub fn due(&mut self, now: BootTime) -> Vec<(Event, Alert)> {
        let mut due = std::mem::take(&mut self.due);
        while let Some((end, key)) = self.ends.first().copied()
            && end <= now
        {
            self.ends.pop_first();
            let Some(said) = self.said.peek_mut(&key) else {
                continue;
            };
            match said.held.take() {
                Some(held) => {
                    self.memory.free(&held);
                    due.push(held.into_parts());
                    // It was said just now.
                    said.end = BootTime(now.0.saturating_add(self.window));
                    self.ends.insert((said.end, key));
                }
                None => {
                    self.said.pop(&key);
                }
            }
        }
        due
    }

    /// All that is held back. Nothing is remembered after that.
    pub fn drain(&mut self) -> Vec<(Event, Alert)> {
        let mut due = std::mem::take(&mut self.due);
        for (_, key) in std::mem::take(&mut self.ends) {
            if let Some(held) = self.said.pop(&key).and_then(|said| said.held) {
                self.memory.free(&held);
                due.push(held.into_parts());
            }
        }
        due
    }

    /// How many alerts were held back.
    #[must_use]
    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many were forgotten before their time, so that the same goes out again earlier.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets what was not met for the longest time until there is no more than may be.
    fn make_room(&mut self) {
        while self.said.len() > self.limit.get() || self.memory.is_exceeded() {
            let Some((key, said)) = self.said.pop_lru() else {
                return;
            };
            self.ends.remove(&(said.end, key));
            self.forgotten = self.forgotten.saturating_add(1);
            if let Some(held) = said.held {
                self.memory.free(&held);
                self.due.push(held.into_parts());
            }
        }
    }
}

impl Said {
    /// Whether it was not said of this process yet and goes out for it at once.
    fn is_of_another(&mut self, process: Option<ProcessId>) -> bool {
        let Some(process) = process else {
            return false;
        };
        if self.processes.contains(&process) || self.processes.len() >= PROCESSES_MAX {
            return false;
        }
        self.processes.push(process);
        true
    }
}

fn nanoseconds(window: Duration) -> u64 {
    u64::try_from(window.as_nanos()).unwrap_or(u64::MAX)
}

fn at_least_one(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN)
}
