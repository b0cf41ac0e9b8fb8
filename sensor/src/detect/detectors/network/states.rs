//! What is remembered by key, bounded.

use std::{hash::Hash, num::NonZeroUsize};

use lru::LruCache;

/// States by key, at most as many as the limit. The one that was not asked for longest goes first.
#[derive(Debug)]
pub(super) struct States<Key: Hash + Eq, State> {
    entries: LruCache<Key, State>,
    limit: NonZeroUsize,
    forgotten: u64,
}

impl<Key: Hash + Eq, State> States<Key, State> {
    /// None yet, and room for so many, at least one.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            // Bounded here: room for all at once is taken by few hosts.
            entries: LruCache::unbounded(),
            limit: NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
            forgotten: 0,
        }
    }

    /// The state of a key, if there is one.
    pub(super) fn get(&mut self, key: &Key) -> Option<&mut State> {
        self.entries.get_mut(key)
    }

    /// The state of a key, which begins now if there is none.
    pub(super) fn of(&mut self, key: Key) -> &mut State
    where
        State: Default,
    {
        self.make_room(&key);
        self.entries.get_or_insert_mut(key, State::default)
    }

    /// The state of a key, which begins now if there is none and it shall.
    pub(super) fn of_if(&mut self, key: Key, begins: bool) -> Option<&mut State>
    where
        State: Default,
    {
        if begins {
            Some(self.of(key))
        } else {
            self.get(&key)
        }
    }

    /// Gives a key a state.
    pub(super) fn set(&mut self, key: Key, state: State) {
        self.make_room(&key);
        self.entries.put(key, state);
    }

    /// Takes the state of a key away.
    pub(super) fn remove(&mut self, key: &Key) -> Option<State> {
        self.entries.pop(key)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn make_room(&mut self, key: &Key) {
        if self.entries.len() >= self.limit.get() && !self.entries.contains(key) {
            self.forgotten += u64::from(self.entries.pop_lru().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_what_was_not_asked_for_longest_goes() {
        let mut states: States<u32, u32> = States::new(2);
        *states.of(1) += 10;
        *states.of(2) += 20;
        assert_eq!(states.get(&1), Some(&mut 10));
        states.set(3, 30);
        assert_eq!(states.get(&2), None);
        *states.of(1) += 1;
        assert_eq!((states.len(), states.forgotten()), (2, 1));
        assert_eq!(states.remove(&1), Some(11));
    }
}
