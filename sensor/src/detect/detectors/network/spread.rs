//! Different values, seen lately.

use std::time::Duration;

use super::episode::since;
use crate::clock::BootTime;

/// Different values that were seen within a time, the newest up to a number: enough to know whether
/// there are that many.
#[derive(Clone, Debug)]
pub(super) struct Spread<Value> {
    seen: Vec<Seen<Value>>,
}

/// A value.
#[derive(Clone, Copy, Debug)]
struct Seen<Value> {
    value: Value,
    /// When it was last seen.
    time: BootTime,
    /// What was said of it then.
    marked: bool,
}

impl<Value> Default for Spread<Value> {
    fn default() -> Self {
        Self { seen: Vec::new() }
    }
}

impl<Value: PartialEq> Spread<Value> {
    /// Forgets what is older than a time: whether nothing is left.
    pub(super) fn forget(&mut self, now: BootTime, window: Duration) -> bool {
        self.seen.retain(|seen| since(seen.time, now) <= window);
        self.seen.is_empty()
    }

    /// A value is seen. If `room` other ones are known already, the oldest of them goes. The mark is
    /// what the newest sight of a value says.
    pub(super) fn note(&mut self, value: Value, now: BootTime, marked: bool, room: usize) {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.value == value) {
            seen.time = seen.time.max(now);
            seen.marked = marked;
            return;
        }
        if self.seen.len() >= room {
            let places = self.seen.iter().enumerate();
            if let Some((oldest, _)) = places.min_by_key(|(_, seen)| seen.time) {
                self.seen.swap_remove(oldest);
            }
        }
        let time = now;
        self.seen.push(Seen {
            value,
            time,
            marked,
        });
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// How many of them are marked.
    pub(super) fn marked(&self) -> usize {
        self.seen.iter().filter(|seen| seen.marked).count()
    }

    /// Whether so many hundredths of them, or more, are marked.
    pub(super) fn marked_share(&self, percent: usize) -> bool {
        self.marked() * 100 >= self.len() * percent
    }

    /// How long ago the oldest of them was seen.
    pub(super) fn lasts(&self, now: BootTime) -> Duration {
        let oldest = self.seen.iter().map(|seen| seen.time).min();
        oldest.map_or(Duration::ZERO, |oldest| since(oldest, now))
    }
}

impl<Value: Ord + Copy> Spread<Value> {
    /// The least and the greatest.
    pub(super) fn range(&self) -> Option<(Value, Value)> {
        let values = self.seen.iter().map(|seen| seen.value);
        Some((values.clone().min()?, values.max()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_once_and_go_with_time() {
        let window = Duration::from_nanos(10);
        let mut spread = Spread::default();
        spread.note(1, BootTime(1), true, 3);
        spread.note(2, BootTime(2), true, 3);
        spread.note(1, BootTime(5), false, 3);
        assert_eq!((spread.len(), spread.marked()), (2, 1));
        assert!(spread.marked_share(50) && !spread.marked_share(51));
        assert_eq!(spread.range(), Some((1, 2)));
        assert!(!spread.forget(BootTime(13), window));
        assert_eq!((spread.len(), spread.marked()), (1, 0));
        assert!(spread.forget(BootTime(16), window));
    }

    #[test]
    fn without_room_the_oldest_goes() {
        let mut spread = Spread::default();
        for value in 0..1_000_u32 {
            spread.note(value, BootTime(value.into()), true, 3);
        }
        assert_eq!(spread.len(), 3);
        assert_eq!(spread.range(), Some((997, 999)));
        assert_eq!(spread.lasts(BootTime(999)), Duration::from_nanos(2));
    }
}
