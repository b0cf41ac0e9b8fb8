//! When the same is said again.

use std::time::Duration;

use crate::clock::BootTime;

/// What goes on, from an alert until it has calmed down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Episode {
    /// When it was last found.
    found: Option<BootTime>,
}

impl Episode {
    /// It is found: whether it had not been for longer than `calm`, so that it is to be said.
    pub(super) fn begins(&mut self, now: BootTime, calm: Duration) -> bool {
        let goes_on = self.found.is_some_and(|found| since(found, now) <= calm);
        self.found = self.found.max(Some(now));
        !goes_on
    }
}

/// How long ago something was; nothing, if it is yet to come.
pub(super) fn since(then: BootTime, now: BootTime) -> Duration {
    Duration::from_nanos(now.0.saturating_sub(then.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_lasts_until_it_is_calm() {
        let second = |second: u64| BootTime(second * 1_000_000_000);
        let calm = Duration::from_secs(10);
        let mut episode = Episode::default();
        let begins = [1, 11, 5, 21, 32].map(|time| episode.begins(second(time), calm));
        assert_eq!(begins, [true, false, false, false, true]);
    }
}
