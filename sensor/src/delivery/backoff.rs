//! How long to wait before the next try.

use std::time::Duration;

/// Waits that grow from try to try, each a little different: a receiver that comes back is not to be
/// met by all hosts at once.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    longest: Duration,
    next: Duration,
}

/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(250);
/// The longest that a receiver is obeyed when it asks to be left alone.
const ASKED_MAX: Duration = Duration::from_secs(3600);

impl Backoff {
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            longest,
            next: FIRST.min(longest),
        }
    }

    /// Something was delivered.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.longest);
    }

    /// The wait after one more failure; not shorter than the receiver asked for.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
        let jittered = whole.mul_f64(0.5 + fastrand::f64() / 2.0);
        match asked {
            // Later, never earlier.
            Some(asked) => asked.min(ASKED_MAX) + jittered,
            None => jittered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_differ() {
        let longest = Duration::from_secs(30);
        let mut backoff = Backoff::new(longest);
        let mut whole = FIRST;
        for _ in 0..20 {
            let wait = backoff.wait(None);
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(longest);
        }
        backoff.reset();
        assert!(backoff.wait(None) <= FIRST);
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        assert!(backoff.wait(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        let for_ever = backoff.wait(Some(Duration::MAX));
        assert!(for_ever <= ASKED_MAX + Duration::from_secs(1));
    }
}
