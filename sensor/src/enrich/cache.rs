//! A bounded map that forgets first what was not asked for longest, and counts it.

use std::{borrow::Borrow, hash::Hash, num::NonZeroUsize};

use lru::LruCache;

/// Keys and values, at most as many as its limit. Looking up and inserting take the same time however
/// many there are.
#[derive(Debug)]
pub struct Cache<Key: Hash + Eq, Value> {
    entries: LruCache<Key, Value>,
    limit: NonZeroUsize,
    evicted: u64,
}

impl<Key: Hash + Eq, Value> Cache<Key, Value> {
    /// An empty map for so many entries, at least one.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            // Bounded here: room for all entries at once is taken by few hosts.
            entries: LruCache::unbounded(),
            limit: NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
            evicted: 0,
        }
    }

    /// A key's value, which is the newest from now on.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&Value>
    where
        Key: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get(key)
    }

    /// A key's value, which stays as old as it is.
    pub fn peek<Q>(&self, key: &Q) -> Option<&Value>
    where
        Key: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.peek(key)
    }

    /// Gives a key a value. Gives back what had to go for it.
    pub fn insert(&mut self, key: Key, value: Value) -> Option<(Key, Value)> {
        self.entries.put(key, value);
        if self.entries.len() > self.limit.get() {
            return self.remove_oldest();
        }
        None
    }

    /// Forgets a key.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        Key: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.pop(key);
    }

    /// Forgets what was not asked for longest.
    pub fn remove_oldest(&mut self) -> Option<(Key, Value)> {
        let oldest = self.entries.pop_lru();
        self.evicted += u64::from(oldest.is_some());
        oldest
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many were forgotten for want of room.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let mut cache = Cache::new(2);
        assert_eq!(cache.insert("a", 1), None);
        assert_eq!(cache.insert("b", 2), None);
        assert_eq!(cache.get("a"), Some(&1));
        assert_eq!(cache.peek("b"), Some(&2));
        assert_eq!(cache.insert("c", 3), Some(("b", 2)));
        assert_eq!((cache.len(), cache.evicted()), (2, 1));
    }

    #[test]
    fn many_keys_take_the_room_of_the_limit() {
        let mut cache = Cache::new(4_096);
        for key in 0..30_000_u64 {
            cache.insert(key, key);
        }
        assert_eq!(cache.len(), 4_096);
        assert_eq!(cache.evicted(), 30_000 - 4_096);
        assert_eq!(cache.get(&29_999), Some(&29_999));
        assert_eq!(cache.get(&(29_999 - 4_096)), None);
    }
}
