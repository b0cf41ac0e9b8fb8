//! How many bytes per second are read.

use std::time::{Duration, Instant};

use super::Missing;

/// Longest that a file waits for its share.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// A share of bytes per second, some of which can be saved up for a burst.
///
/// Kept as the moment at which all that was granted is paid for: a byte costs as much time as the
/// rate says, and the burst is the credit.
#[derive(Debug)]
pub(super) struct Rate {
    bytes_per_second: u64,
    burst_bytes: u64,
    paid: Instant,
}

impl Rate {
    /// With the whole burst saved up.
    pub(super) fn new(bytes_per_second: u64, burst_bytes: u64, now: Instant) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            burst_bytes,
            paid: now,
        }
    }

    /// Grants bytes after a wait of at most a second, which the caller has to keep. A file that is
    /// larger than the burst waits for a whole burst, and those after it for the rest.
    pub(super) fn grant(&mut self, bytes: u64, now: Instant) -> Result<Duration, Missing> {
        let from = self.paid.max(now);
        let needed = from + self.cost(bytes.min(self.burst_bytes));
        let wait = needed.saturating_duration_since(now + self.cost(self.burst_bytes));
        if wait > WAIT_MAX {
            return Err(Missing::RateLimited);
        }
        self.paid = from + self.cost(bytes);
        Ok(wait)
    }

    fn cost(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        // Ten years are as good as ever, and no sum of them overflows.
        const LONGEST: u64 = 10 * 365 * 86_400 * 1_000_000_000;
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(LONGEST).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_waits_or_is_refused() {
        let now = Instant::now();
        let mut rate = Rate::new(100, 1_000, now);
        assert_eq!(rate.grant(1_000, now), Ok(Duration::ZERO));
        assert_eq!(rate.grant(50, now), Ok(Duration::from_millis(500)));
        assert_eq!(rate.grant(60, now), Err(Missing::RateLimited));
        // What was refused costs nothing.
        assert_eq!(rate.grant(50, now), Ok(Duration::from_secs(1)));
        let later = now + Duration::from_secs(11);
        assert_eq!(rate.grant(1_000, later), Ok(Duration::ZERO));
    }

    #[test]
    fn a_file_larger_than_the_burst_is_paid_for_afterwards() {
        let now = Instant::now();
        let mut rate = Rate::new(100, 1_000, now);
        assert_eq!(rate.grant(5_000, now), Ok(Duration::ZERO));
        assert_eq!(rate.grant(1, now), Err(Missing::RateLimited));
        let paid = now + Duration::from_secs(40);
        assert!(rate.grant(1, paid).is_ok());
        assert!(rate.grant(u64::MAX, paid + Duration::from_secs(60)).is_ok());
        assert!(rate.grant(1, paid + Duration::from_secs(120)).is_err());
    }

    proptest! {
        #[test]
        fn no_more_than_the_rate_and_a_burst(
            asked in proptest::collection::vec((0_u64..1_000, 0_u64..3_000), 1..200)
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut rate = Rate::new(500, 1_000, start);
            let mut granted = 0;
            for (bytes, pause) in asked {
                now += Duration::from_millis(pause);
                if let Ok(wait) = rate.grant(bytes, now) {
                    now += wait;
                    granted += bytes;
                }
                let elapsed = u64::try_from((now - start).as_millis()).unwrap();
                // One more for what division leaves over in each.
                prop_assert!(granted <= 1_000 + (elapsed * 500).div_ceil(1_000) + 1);
            }
        }
    }
}
