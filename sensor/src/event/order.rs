//! Ordering: one stream by time out of several rings.
//!
//! A record is stamped after its place in the ring was reserved, and the reader says until when it
//! has read everything
//! ([`Batch::complete_until`](crate::kernel::rings::Batch::complete_until)). What was made before
//! that moment can be put in its final order and goes on at once; the rest waits. So order costs no
//! fixed delay, and a reader that lags, or is held up between two rings, changes nothing.
//!
//! What waits is bounded in number here and, in case a ring is never found empty, in time by the
//! reader. What is let go for that reason may be followed by something earlier, which is counted as
//! late.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use super::Origin;
use crate::clock::BootTime;

/// Merges records by time.
#[derive(Debug)]
pub struct Order<T> {
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    limit: usize,
    written: BootTime,
    late: u64,
}

/// A record in its place.
#[derive(Debug)]
pub struct Ordered<T> {
    /// The record.
    pub record: T,
    /// When it was made.
    pub time: BootTime,
    /// Whether one with a later time went before it.
    pub late: bool,
}

/// A record, and its place: two have never the same.
#[derive(Debug)]
struct Waiting<T> {
    time: BootTime,
    cpu: u32,
    ring: u8,
    sequence: u64,
    record: T,
}

impl<T> Waiting<T> {
    const fn place(&self) -> (BootTime, u32, u8, u64) {
        (self.time, self.cpu, self.ring, self.sequence)
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl<T> Eq for Waiting<T> {}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl<T> Order<T> {
    /// An order in which at most `limit` records wait.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            waiting: BinaryHeap::new(),
            limit,
            written: BootTime(0),
            late: 0,
        }
    }

    /// Takes a record in.
    pub fn push(&mut self, origin: Origin, record: T) {
        self.waiting.push(Reverse(Waiting {
            time: origin.time,
            cpu: origin.cpu,
            ring: origin.ring as u8,
            sequence: origin.sequence,
            record,
        }));
    }

    /// The next record whose place is certain because everything before `complete_until` has been
    /// taken in, or that must not wait any longer because too many do.
    pub fn pop(&mut self, complete_until: BootTime) -> Option<Ordered<T>> {
        let first = &self.waiting.peek()?.0;
        let goes = first.time < complete_until || self.is_full();
        if goes { self.take() } else { None }
    }

    /// The next record, whether its place is certain or not: for the end.
    pub fn take(&mut self) -> Option<Ordered<T>> {
        let Reverse(next) = self.waiting.pop()?;
        let late = next.time < self.written;
        if late {
            self.late += 1;
        } else {
            self.written = next.time;
        }
        Some(Ordered {
            record: next.record,
            time: next.time,
            late,
        })
    }

    /// Whether more wait than may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting.len() > self.limit
    }

    /// How many records went after one with a later time.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use sensor_common::record::Ring;

    use super::*;

    fn origin(cpu: u32, time: u64) -> Origin {
        Origin {
            cpu,
            ring: Ring::Bulk,
            sequence: time,
            time: BootTime(time),
        }
    }

    fn push(order: &mut Order<Bytes>, cpu: u32, time: u64) {
        let record = Bytes::copy_from_slice(&time.to_ne_bytes());
        order.push(origin(cpu, time), record);
    }

    fn time(ordered: &Ordered<Bytes>) -> u64 {
        u64::from_ne_bytes(*ordered.record.first_chunk().unwrap())
    }

    #[test]
    fn what_may_still_be_preceded_waits() {
        let mut order = Order::new(100);
        push(&mut order, 0, 20);
        push(&mut order, 1, 10);
        assert_eq!(time(&order.pop(BootTime(15)).unwrap()), 10);
        assert!(order.pop(BootTime(15)).is_none());
        push(&mut order, 1, 16);
        assert_eq!(time(&order.pop(BootTime(30)).unwrap()), 16);
        assert_eq!(time(&order.pop(BootTime(30)).unwrap()), 20);
        assert_eq!(order.late(), 0);
    }

    /// A reader that is held up between two rings reads of the second what is much later than what
    /// it has not yet read of the first.
    #[test]
    fn what_was_read_early_waits_for_what_is_read_later() {
        let mut order = Order::new(100);
        push(&mut order, 1, 10);
        push(&mut order, 1, 1_000_000_000);
        assert!(order.pop(BootTime(10)).is_none());
        push(&mut order, 0, 20);
        let rest = BootTime(u64::MAX);
        let times = std::iter::from_fn(|| order.pop(rest).map(|next| time(&next)));
        assert_eq!(times.collect::<Vec<_>>(), [10, 20, 1_000_000_000]);
        assert_eq!(order.late(), 0);
    }

    #[test]
    fn no_more_wait_than_the_limit_and_lateness_is_counted() {
        let mut order = Order::new(1);
        push(&mut order, 0, 10);
        push(&mut order, 0, 20);
        assert_eq!(time(&order.pop(BootTime(0)).unwrap()), 10);
        push(&mut order, 1, 5);
        let late = order.pop(BootTime(0)).unwrap();
        assert_eq!(time(&late), 5);
        assert!(late.late);
        assert_eq!(order.late(), 1);
    }

    proptest! {
        /// Whatever the interleaving of rings that are each in order, what comes out is in order,
        /// whole, and nothing is late.
        #[test]
        fn merges_rings(mut times in proptest::collection::vec((0u32..4, 1u64..1_000_000), 0..200)) {
            let mut expected: Vec<u64> = times.iter().map(|(_, time)| *time).collect();
            expected.sort_unstable();
            times.sort_by_key(|(cpu, _)| *cpu);
            let mut order = Order::new(1_000);
            for (cpu, time) in times {
                push(&mut order, cpu, time);
                prop_assert!(order.pop(BootTime(0)).is_none());
            }
            let mut got = Vec::new();
            while let Some(next) = order.pop(BootTime(u64::MAX)) {
                prop_assert!(!next.late);
                got.push(time(&next));
            }
            prop_assert_eq!(got, expected);
        }
    }
}
