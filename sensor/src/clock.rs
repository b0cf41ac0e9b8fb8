//! The two clocks: what the kernel stamps records with, and what people read.
//!
//! The kernel's `CLOCK_BOOTTIME` never jumps; the wall clock does, when somebody sets it. An
//! event's wall time is its boot time plus the distance between the two, as last measured.

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

/// A moment, in nanoseconds since the host booted, time asleep included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(pub u64);

/// A moment, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub i64);

/// The distance from boot time to wall time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallOffset(pub i64);

/// How often the distance is measured; the quickest counts.
const MEASUREMENTS: u32 = 8;

/// Nanoseconds by which two measurements of the same distance may differ.
const MEASURING_ERROR: u64 = 500_000;

impl WallOffset {
    /// Measures the distance now.
    #[must_use]
    pub fn now() -> Self {
        // The wall clock is read between two readings of the other, so that the error is at most
        // half of what the three take; and again, because the CPU can be taken away in between.
        let measure = || {
            let before = nanoseconds(clock_gettime(ClockId::Boottime));
            let wall = nanoseconds(clock_gettime(ClockId::Realtime));
            let after = nanoseconds(clock_gettime(ClockId::Boottime));
            (after - before, wall - (before + (after - before) / 2))
        };
        let best = (0..MEASUREMENTS).map(|_| measure()).min();
        Self(best.map_or(0, |(_, distance)| distance))
    }

    /// Whether the difference is more than what measuring makes: somebody set the clock, or it was
    /// slewed for a while.
    #[must_use]
    pub const fn differs_from(self, other: Self) -> bool {
        self.0.abs_diff(other.0) > MEASURING_ERROR
    }

    /// The wall time of a moment.
    #[must_use]
    pub fn wall_time(self, moment: BootTime) -> WallTime {
        let since_boot = i64::try_from(moment.0).unwrap_or(i64::MAX);
        WallTime(since_boot.saturating_add(self.0))
    }
}

/// The moment, now.
#[must_use]
pub fn boot_time() -> BootTime {
    let now = nanoseconds(clock_gettime(ClockId::Boottime));
    BootTime(u64::try_from(now).unwrap_or(0))
}

/// The moment by the wall clock, now.
#[must_use]
pub fn wall_time() -> WallTime {
    WallTime(nanoseconds(clock_gettime(ClockId::Realtime)))
}

/// Nanoseconds within which two changes of a file can have the same time: file systems take it from
/// a clock that moves with the scheduler's tick. As much again is for comparing it with other clocks.
#[must_use]
pub fn file_time_granularity() -> i64 {
    nanoseconds(clock_getres(ClockId::RealtimeCoarse)).saturating_mul(2)
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}
