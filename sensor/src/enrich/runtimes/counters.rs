//! What became of the questions.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Failure, Why};

/// What became of the questions so far. Each that was taken has one answer:
/// `requested = found + not_found + no_socket + paused + failed`, but for those under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Questions that were taken.
    pub requested: u64,
    /// Questions that were not, because too many waited.
    pub refused: u64,
    /// Answers with details.
    pub found: u64,
    /// Answers that no runtime knows the container.
    pub not_found: u64,
    /// Of these, those that were remembered.
    pub remembered: u64,
    /// Answers that no runtime is there.
    pub no_socket: u64,
    /// Answers that the runtime is left alone for a while.
    pub paused: u64,
    /// Answers that the runtime failed.
    pub failed: u64,
    /// How often a socket began to be left alone.
    pub pauses: u64,
    /// Values that were over a bound.
    pub left_out: u64,
    /// The failures of single sockets.
    pub failures: Failures,
}

/// The failures of single sockets, by kind (see [`Failure`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the kind of failure of the same name")]
pub struct Failures {
    pub unreachable: u64,
    pub timed_out: u64,
    pub closed: u64,
    pub malformed: u64,
    pub too_large: u64,
    pub rejected: u64,
    pub wrong_container: u64,
    pub ambiguous: u64,
}

impl Failures {
    /// Each with its name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("unreachable", self.unreachable),
            ("timed_out", self.timed_out),
            ("closed", self.closed),
            ("malformed", self.malformed),
            ("too_large", self.too_large),
            ("rejected", self.rejected),
            ("wrong_container", self.wrong_container),
            ("ambiguous", self.ambiguous),
        ]
    }
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) requested: Count,
    pub(super) refused: Count,
    pub(super) remembered: Count,
    pub(super) pauses: Count,
    pub(super) left_out: Count,
    found: Count,
    not_found: Count,
    no_socket: Count,
    paused: Count,
    failed: Count,
    unreachable: Count,
    timed_out: Count,
    closed: Count,
    malformed: Count,
    too_large: Count,
    rejected: Count,
    wrong_container: Count,
    ambiguous: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counting {
    pub(super) fn answer<T>(&self, answer: &Result<T, Why>) {
        let count = match answer {
            Ok(_) => &self.found,
            Err(Why::NotFound) => &self.not_found,
            Err(Why::NoSocket) => &self.no_socket,
            Err(Why::Paused) => &self.paused,
            Err(Why::Failed(_)) => &self.failed,
        };
        count.add(1);
    }

    pub(super) fn failure(&self, failure: Failure) {
        let count = match failure {
            Failure::Unreachable => &self.unreachable,
            Failure::TimedOut => &self.timed_out,
            Failure::Closed => &self.closed,
            Failure::Malformed => &self.malformed,
            Failure::TooLarge => &self.too_large,
            Failure::Rejected(_) => &self.rejected,
            Failure::WrongContainer => &self.wrong_container,
            Failure::Ambiguous => &self.ambiguous,
        };
        count.add(1);
    }

    pub(super) fn snapshot(&self) -> Counters {
        Counters {
            requested: self.requested.get(),
            refused: self.refused.get(),
            found: self.found.get(),
            not_found: self.not_found.get(),
            remembered: self.remembered.get(),
            no_socket: self.no_socket.get(),
            paused: self.paused.get(),
            failed: self.failed.get(),
            pauses: self.pauses.get(),
            left_out: self.left_out.get(),
            failures: Failures {
                unreachable: self.unreachable.get(),
                timed_out: self.timed_out.get(),
                closed: self.closed.get(),
                malformed: self.malformed.get(),
                too_large: self.too_large.get(),
                rejected: self.rejected.get(),
                wrong_container: self.wrong_container.get(),
                ambiguous: self.ambiguous.get(),
            },
        }
    }
}
