//! Containers that no runtime knew of are not asked about again for a while.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long it is remembered that no runtime knows a container.
pub const REMEMBERED: Duration = Duration::from_secs(30);

/// How many such containers are remembered. Then the oldest is forgotten, and may be asked about
/// again.
pub const CONTAINERS: usize = 1024;

/// A container's id, and its owner: others may know one with the same id.
pub(super) type Key = (Arc<str>, Option<u32>);

/// The containers that no runtime knew of late.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// In the order in which they are forgotten.
    by_age: VecDeque<(Instant, Key)>,
    keys: HashSet<Key>,
}

impl Absent {
    pub(super) fn contains(&mut self, key: &Key, now: Instant) -> bool {
        while let Some((since, _)) = self.by_age.front()
            && now.saturating_duration_since(*since) >= REMEMBERED
        {
            self.forget_oldest();
        }
        self.keys.contains(key)
    }

    pub(super) fn insert(&mut self, key: Key, now: Instant) {
        if !self.keys.insert(key.clone()) {
            return;
        }
        self.by_age.push_back((now, key));
        if self.by_age.len() > CONTAINERS {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_front() {
            self.keys.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        (id.into(), None)
    }

    #[test]
    fn remembers_for_a_while() {
        let mut absent = Absent::default();
        let start = Instant::now();
        absent.insert(key("a"), start);
        absent.insert(key("a"), start + REMEMBERED / 2);
        absent.insert(key("b"), start + REMEMBERED / 2);
        assert!(absent.contains(&key("a"), start + REMEMBERED / 2));
        assert!(!absent.contains(&key("c"), start));
        assert!(!absent.contains(&("a".into(), Some(1000)), start));
        assert!(!absent.contains(&key("a"), start + REMEMBERED));
        assert!(absent.contains(&key("b"), start + REMEMBERED));
        assert!(!absent.contains(&key("b"), start + REMEMBERED * 2));
    }

    #[test]
    fn remembers_a_bounded_number() {
        let mut absent = Absent::default();
        let start = Instant::now();
        for number in 0..=CONTAINERS {
            absent.insert(key(&number.to_string()), start);
        }
        assert!(!absent.contains(&key("0"), start));
        assert!(absent.contains(&key("1"), start));
        assert_eq!(
            (absent.keys.len(), absent.by_age.len()),
            (CONTAINERS, CONTAINERS)
        );
    }
}
