//! What the kernel programs count, per CPU.
//!
//! For each [`Kind`](crate::record::Kind): *seen = sent + lost*, where `seen` and `lost` are here
//! and `sent` is what arrives in the rings. Nothing is counted twice, and every term only grows.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_size,
    record::{Kind, Ring},
};

/// One CPU's counters (map `COUNTERS`, one value per CPU).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Counters {
    /// Per ring: records tried, the source of [`Header::sequence`](crate::record::Header).
    pub sequence: [u64; Ring::COUNT],
    /// Per kind: occurrences in scope.
    pub seen: [u64; Kind::COUNT],
    /// Per kind and [`Loss`]: occurrences that no record tells of.
    pub lost: [[u64; Loss::COUNT]; Kind::COUNT],
    /// Per kind: occurrences that a spare program saw because the kernel had skipped the first.
    pub spared: [u64; Kind::COUNT],
    /// Per [`Degraded`]: records that are sent but say less than they should.
    pub degraded: [u64; Degraded::COUNT],
}
assert_size!(
    Counters,
    8 * (Ring::COUNT + Kind::COUNT * (2 + Loss::COUNT) + Degraded::COUNT)
);

/// Why the kernel side could not send a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Loss {
    /// The ring had no room: userspace was too slow, or the ring is too small for the burst.
    RingFull = 0,
    /// What the record is about could not be read.
    Unreadable = 1,
}

impl Loss {
    /// How many there are.
    pub const COUNT: usize = 2;
    /// Every reason.
    pub const ALL: [Self; Self::COUNT] = [Self::RingFull, Self::Unreadable];

    /// The reason's name in counters and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A limit that was met without losing a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Degraded {
    /// There was no room for a task's state: its credentials are not compared with what they were.
    TasksFull = 0,
    /// There was no room for a socket's state: its end will have no owner and no duration.
    SocketsFull = 1,
    /// There was no room for a listener: connections to it will have no owner until accepted.
    ListenersFull = 2,
}

impl Degraded {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// Every limit.
    pub const ALL: [Self; Self::COUNT] = [Self::TasksFull, Self::SocketsFull, Self::ListenersFull];

    /// The limit's name in counters and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TasksFull => "tasks_full",
            Self::SocketsFull => "sockets_full",
            Self::ListenersFull => "listeners_full",
        }
    }
}
