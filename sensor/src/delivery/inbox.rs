//! Between the pipeline and a sink's thread: bounded, and never in the pipeline's way.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{
    backlog::New,
    tally::{Reason, Tally},
};
use crate::detect::severity::Severity;

/// What the pipeline has for a sink.
#[derive(Debug)]
pub(super) struct Inbox {
    limit: usize,
    tally: Arc<Tally>,
    state: Mutex<State>,
    news: Notify,
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<New>,
    bytes: usize,
    evicted: BTreeMap<Severity, u64>,
    /// Whether room was waited for in vain, and nothing was taken out since.
    hangs: bool,
    reopen: bool,
    closed: bool,
}

/// What came since the last time.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) entries: Vec<New>,
    /// What there was no room for; it is counted already.
    pub(super) evicted: BTreeMap<Severity, u64>,
    /// The files that are written to were moved away.
    pub(super) reopen: bool,
    /// Nothing more will come.
    pub(super) closed: bool,
}

impl Inbox {
    /// Holds at most so many bytes.
    pub(super) fn new(limit: usize, tally: Arc<Tally>) -> Self {
        Self {
            limit,
            tally,
            state: Mutex::default(),
            news: Notify::new(),
            room: Condvar::new(),
        }
    }

    /// Puts documents in. At the limit the oldest of the least grave ones go.
    pub(super) fn put(&self, entries: &mut Vec<New>) {
        let mut state = self.lock();
        for entry in entries.drain(..) {
            state.bytes += entry.size();
            state.entries.push_back(entry);
        }
        while state.bytes > self.limit {
            let Some((severity, count)) = state.evict(self.limit) else {
                break;
            };
            self.tally.undelivered(Reason::QueueFull, severity, count);
            *state.evicted.entry(severity).or_default() += count;
        }
        drop(state);
        self.news.notify_one();
    }

    /// Waits until so many bytes more fit, but no longer than this, and not again for a thread that
    /// hangs. Returns how long it waited.
    pub(super) fn wait_for_room(&self, bytes: usize, longest: Duration) -> Duration {
        let begun = Instant::now();
        let state = self.lock();
        // What never fits is not waited for.
        let is_full = |state: &mut State| {
            !state.hangs && state.bytes > 0 && state.bytes.saturating_add(bytes) > self.limit
        };
        let waited = self.room.wait_timeout_while(state, longest, is_full);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        // No time to wait says nothing of the thread.
        state.hangs |= outcome.timed_out() && !longest.is_zero();
        drop(state);
        begun.elapsed()
    }

    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.news.notify_one();
    }

    /// Nothing more will be put in.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Mail {
        let mut state = self.lock();
        state.bytes = 0;
        state.hangs = false;
        self.room.notify_one();
        Mail {
            entries: mem::take(&mut state.entries).into(),
            evicted: mem::take(&mut state.evicted),
            reopen: mem::take(&mut state.reopen),
            closed: state.closed,
        }
    }

    /// Waits until something came since the last wait.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the oldest of the least grave severity until a quarter of the limit is free, or none
    /// of that severity is left: what is full now is full again at once.
    fn evict(&mut self, limit: usize) -> Option<(Severity, u64)> {
        let least = self
            .entries
            .iter()
            .map(|entry| entry.facts.severity)
            .min()?;
        let goal = limit / 4 * 3;
        let mut evicted = 0;
        let mut bytes = self.bytes;
        self.entries.retain(|entry| {
            let goes = entry.facts.severity == least && bytes > goal;
            if goes {
                bytes -= entry.size();
                evicted += 1;
            }
            !goes
        });
        self.bytes = bytes;
        Some((least, evicted))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{clock::WallTime, delivery::entry::Facts, output::subject::Topic};

    fn new(number: usize, severity: Severity) -> New {
        New {
            facts: Arc::new(Facts {
                id: number.to_string(),
                time: WallTime(0),
                topic: Topic::Sensor("sink_test"),
                severity,
            }),
            document: Bytes::from(vec![b'x'; 100]),
        }
    }

    proptest! {
        #[test]
        fn the_grave_outlive_the_others_and_nobody_is_lost_uncounted(
            severities in proptest::collection::vec(0..5_usize, 0..200),
            limit in 0..20_000_usize,
        ) {
            let tally = Arc::new(Tally::default());
            let inbox = Inbox::new(limit, tally.clone());
            let all: Vec<New> = severities
                .iter()
                .enumerate()
                .map(|(number, severity)| new(number, Severity::ALL[*severity]))
                .collect();
            for piece in all.chunks(7) {
                inbox.put(&mut piece.to_vec());
            }
            let kept = inbox.take().entries;
            prop_assert!(kept.iter().map(New::size).sum::<usize>() <= limit);
            let gone: u64 = tally.counts().undelivered.values().sum();
            prop_assert_eq!(kept.len() as u64 + gone, all.len() as u64);
            let places: Vec<usize> = kept.iter().map(|new| new.facts.id.parse().unwrap()).collect();
            prop_assert!(places.is_sorted());
        }
    }

    #[test]
    fn the_least_grave_go_first() {
        let tally = Arc::new(Tally::default());
        let size = new(0, Severity::Low).size();
        let inbox = Inbox::new(4 * size, tally.clone());
        let severities = [
            Severity::High,
            Severity::Low,
            Severity::Low,
            Severity::High,
            Severity::High,
        ];
        inbox.put(
            &mut severities
                .iter()
                .map(|severity| new(0, *severity))
                .collect(),
        );
        let kept: Vec<Severity> = inbox
            .take()
            .entries
            .iter()
            .map(|new| new.facts.severity)
            .collect();
        assert_eq!(kept, [Severity::High; 3]);
        assert_eq!(
            tally.counts().undelivered[&(Reason::QueueFull, Severity::Low)],
            2
        );
    }

    #[test]
    fn room_is_waited_for_but_not_for_ever() {
        let inbox = Inbox::new(1_000, Arc::default());
        let nothing = inbox.wait_for_room(5_000, Duration::from_secs(60));
        assert!(nothing < Duration::from_secs(60));
        inbox.put(&mut vec![new(0, Severity::Low)]);
        let longest = Duration::from_millis(20);
        assert!(inbox.wait_for_room(1_000, longest) >= longest);
        // It hangs: the others do not pay for it twice.
        assert!(inbox.wait_for_room(1_000, Duration::from_secs(60)) < Duration::from_secs(60));
        inbox.take();
        inbox.put(&mut vec![new(0, Severity::Low)]);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| inbox.wait_for_room(1_000, Duration::from_secs(60)));
            inbox.take();
            assert!(waits.join().unwrap() < Duration::from_secs(60));
        });
    }
}
