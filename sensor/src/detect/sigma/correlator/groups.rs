//! The groups of all correlations, bounded: what is remembered of each.

use lru::LruCache;

use super::{
    digest::Digest,
    window::{Seen, Window},
};
use crate::clock::BootTime;

/// Most groups that are remembered, of all correlations together.
pub const GROUPS_MAX: usize = 10_000;

/// Most bytes that they take, roughly.
pub const BYTES_MAX: usize = 64 << 20;

/// A group of a correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    /// Which correlation, by its number among those in force.
    pub(super) correlation: usize,
    /// What its events have in common.
    pub(super) values: Digest,
}

struct Group {
    window: Box<dyn Window>,
    /// Nanoseconds that events count for.
    timespan: u64,
    /// The time of its latest event.
    latest: BootTime,
    /// What its window took when it was last looked at.
    bytes: usize,
}

/// What there was no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Groups that were forgotten before their time for others, because there were too many.
    pub(super) groups: u64,
    /// Groups that were forgotten before their time for others, because they took too much memory.
    pub(super) memory: u64,
    /// Values and numbers that were forgotten before their time for others of the same group.
    pub(super) values: u64,
    /// Events that came so late that their group's window had passed.
    pub(super) late: u64,
}

/// The groups of all correlations. If there is no room for one, the one that had no event for longest
/// is forgotten.
pub(super) struct Groups {
    groups: LruCache<GroupKey, Group>,
    groups_max: usize,
    bytes_max: usize,
    bytes: usize,
    /// The time of the latest event.
    latest: BootTime,
    /// New groups since those whose time is over were last looked for.
    since_sweep: usize,
    limits: Limits,
}

impl Groups {
    /// No groups, and room for so many and so much.
    pub(super) fn new(groups_max: usize, bytes_max: usize) -> Self {
        Self {
            groups: LruCache::unbounded(),
            groups_max: groups_max.max(1),
            bytes_max,
            bytes: 0,
            latest: BootTime(0),
            since_sweep: usize::MAX,
            limits: Limits::default(),
        }
    }

    /// Takes an event into a group, and asks `judge` about it. If that finds something, the group
    /// begins anew.
    pub(super) fn add<T>(
        &mut self,
        key: GroupKey,
        seen: &Seen<'_>,
        timespan: u64,
        empty: impl FnOnce() -> Box<dyn Window>,
        judge: impl FnOnce(&dyn Window) -> Option<T>,
    ) -> Option<T> {
        let time = seen.origin.time;
        self.latest = self.latest.max(time);
        if !self.groups.contains(&key) {
            self.make_room();
        }
        let group = self.groups.get_or_insert_mut(key, || Group {
            window: empty(),
            timespan,
            latest: time,
            bytes: 0,
        });
        group.latest = group.latest.max(time);
        let oldest = BootTime(group.latest.0.saturating_sub(timespan));
        if time < oldest {
            self.limits.late += 1;
            return None;
        }
        self.limits.values += group.window.add(seen, oldest);
        let found = judge(&*group.window);
        let before = std::mem::replace(&mut group.bytes, group.window.bytes());
        self.bytes = self
            .bytes
            .saturating_sub(before)
            .saturating_add(group.bytes);
        if found.is_some() {
            self.forget(&key);
        }
        self.save_memory();
        found
    }

    /// Takes over the groups of others, as far as `correlation` tells by what number their
    /// correlation now goes, and their limits.
    pub(super) fn take_over(
        &mut self,
        mut old: Self,
        correlation: impl Fn(usize) -> Option<usize>,
    ) {
        while let Some((key, group)) = old.groups.pop_lru() {
            if let Some(correlation) = correlation(key.correlation) {
                let key = GroupKey { correlation, ..key };
                self.bytes = self.bytes.saturating_add(group.bytes);
                if let Some(replaced) = self.groups.put(key, group) {
                    self.bytes = self.bytes.saturating_sub(replaced.bytes);
                }
            }
        }
        self.latest = self.latest.max(old.latest);
        self.limits.groups += old.limits.groups;
        self.limits.memory += old.limits.memory;
        self.limits.values += old.limits.values;
        self.limits.late += old.limits.late;
        while self.groups.len() > self.groups_max {
            self.limits.groups += u64::from(self.forget_oldest());
        }
        self.save_memory();
    }

    /// Counts groups that there was no room for.
    pub(super) fn lose(&mut self, groups: u64) {
        self.limits.groups += groups;
    }

    /// What there was no room for.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// How many groups there are, and how many bytes they take, roughly.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.groups.len(), self.bytes)
    }

    fn make_room(&mut self) {
        self.since_sweep = self.since_sweep.saturating_add(1);
        if self.groups.len() < self.groups_max {
            return;
        }
        // Looking at all of them is worth it only once in many new ones.
        if self.since_sweep > self.groups_max / 8 {
            self.since_sweep = 0;
            self.sweep();
        }
        if self.groups.len() >= self.groups_max {
            self.limits.groups += u64::from(self.forget_oldest());
        }
    }

    /// Forgets groups whose time is over.
    fn sweep(&mut self) {
        let over: Vec<GroupKey> = self
            .groups
            .iter()
            .filter(|(_, group)| is_over(group, self.latest))
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            self.forget(&key);
        }
    }

    fn save_memory(&mut self) {
        while self.bytes > self.bytes_max && !self.groups.is_empty() {
            self.limits.memory += u64::from(self.forget_oldest());
        }
    }

    fn forget(&mut self, key: &GroupKey) {
        if let Some(group) = self.groups.pop(key) {
            self.bytes = self.bytes.saturating_sub(group.bytes);
        }
    }

    /// Forgets the group that had no event for longest. Returns whether its time was not over.
    fn forget_oldest(&mut self) -> bool {
        let Some((_, group)) = self.groups.pop_lru() else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(group.bytes);
        !is_over(&group, self.latest)
    }
}

fn is_over(group: &Group, now: BootTime) -> bool {
    group.latest.0.saturating_add(group.timespan) < now.0
}
