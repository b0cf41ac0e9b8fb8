//! What a correlation remembers of a group's events within its time.
//!
//! - [`buckets`]: how many, and the sum and the average of their numbers.
//! - [`distinct`]: how many different values.
//! - [`sample`]: their numbers, for percentiles.
//! - [`presence`]: of which rules there were events.
//! - [`chain`]: which rules' events came in order.

pub(super) mod buckets;
pub(super) mod chain;
pub(super) mod distinct;
pub(super) mod presence;
mod recent;
pub(super) mod sample;

use super::digest::Digest;
use crate::{clock::BootTime, event::Origin};

/// An event, as a window sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Where it comes from, and when.
    pub(super) origin: Origin,
    /// The positions, in the correlation's list of rules, of those that found it, ascending.
    pub(super) positions: &'a [usize],
    /// Its value, for [`distinct`].
    pub(super) value: Option<Digest>,
    /// Its number, for [`buckets`] and [`sample`].
    pub(super) number: Option<f64>,
}

/// What is remembered of a group's events.
pub(super) trait Window: Send {
    /// Takes in an event that is not older than `oldest`, and forgets those that are. Events come
    /// in any order. Returns how many younger ones had to be forgotten for want of room.
    fn add(&mut self, seen: &Seen<'_>, oldest: BootTime) -> u64;

    /// What the condition is about.
    fn measure(&self) -> f64;

    /// The events behind it, oldest first but for the one that was added last, which is last; and
    /// how many there were.
    fn evidence(&self) -> (Vec<Origin>, u64);

    /// How many bytes it takes, roughly.
    fn bytes(&self) -> usize;
}

/// A number as what conditions compare with.
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody counts to 2 to the 53rd within a window"
)]
pub(super) fn as_measure(count: u64) -> f64 {
    count as f64
}

/// A length as a number of events.
pub(super) fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
