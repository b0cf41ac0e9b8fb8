//! Times as documents write them.

use std::str;

use jiff::tz::Offset;

use crate::clock::WallTime;

/// A moment, UTC, with nanoseconds: `2026-11-24T03:36:20.123456789Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp([u8; 30]);

/// Gives moments their text. Most moments are of the same day as the one before, whose date is kept.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    latest: Option<(i64, Timestamp)>,
}

const NANOSECONDS: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

impl Calendar {
    /// A moment's text.
    pub(super) fn timestamp(&mut self, time: WallTime) -> Timestamp {
        let seconds = time.0.div_euclid(NANOSECONDS);
        let day = seconds.div_euclid(DAY_SECONDS);
        let midnight = match self.latest {
            Some((latest, midnight)) if latest == day => midnight,
            _ => {
                let midnight = Timestamp::midnight(day);
                self.latest = Some((day, midnight));
                midnight
            }
        };
        midnight.at(
            seconds.rem_euclid(DAY_SECONDS),
            time.0.rem_euclid(NANOSECONDS),
        )
    }
}

impl Timestamp {
    /// The beginning of a day, counted from 1970.
    fn midnight(day: i64) -> Self {
        let moment = jiff::Timestamp::from_second(day.saturating_mul(DAY_SECONDS));
        // The years that `WallTime` can express, 1677 to 2262, are all in the library's calendar.
        let date = Offset::UTC.to_datetime(moment.unwrap_or_default()).date();
        let mut text = Self(*b"0000-00-00T00:00:00.000000000Z");
        text.put::<0, 4>(date.year().into());
        text.put::<5, 2>(date.month().into());
        text.put::<8, 2>(date.day().into());
        text
    }

    /// The same day at another time.
    fn at(mut self, second: i64, nanosecond: i64) -> Self {
        self.put::<11, 2>(second / 3600);
        self.put::<14, 2>(second / 60 % 60);
        self.put::<17, 2>(second % 60);
        self.put::<20, 9>(nanosecond);
        self
    }

    /// Writes a number that is not negative, with leading zeros.
    #[inline(always)]
    fn put<const AT: usize, const DIGITS: usize>(&mut self, number: i64) {
        let mut rest = u32::try_from(number).unwrap_or(0);
        for place in self.0.iter_mut().skip(AT).take(DIGITS).rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The time of day, with milliseconds: `03:36:20.123`.
    pub(super) fn time_of_day(&self) -> &str {
        self.as_str().get(11..23).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Timestamp {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(nanoseconds: i64) -> String {
        let timestamp = Calendar::default().timestamp(WallTime(nanoseconds));
        timestamp.as_str().to_owned()
    }

    #[test]
    fn times_have_all_their_digits() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(
            text(1_795_491_380_123_456_789),
            "2026-11-24T03:36:20.123456789Z"
        );
        assert_eq!(
            text(951_782_400_000_000_001),
            "2000-02-29T00:00:00.000000001Z"
        );
        assert_eq!(text(i64::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(text(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn a_time_of_day_has_milliseconds() {
        let timestamp = Calendar::default().timestamp(WallTime(1_795_491_380_123_456_789));
        assert_eq!(timestamp.time_of_day(), "03:36:20.123");
    }

    proptest! {
        #[test]
        fn times_are_read_back(nanoseconds: i64) {
            let read: jiff::Timestamp = text(nanoseconds).parse().unwrap();
            prop_assert_eq!(read.as_nanosecond(), i128::from(nanoseconds));
        }

        #[test]
        fn a_kept_date_changes_no_time(
            start: i64,
            steps in prop::collection::vec(-DAY_SECONDS..DAY_SECONDS, 1..20),
        ) {
            let mut calendar = Calendar::default();
            let mut time = start;
            for step in steps {
                time = time.saturating_add(step * NANOSECONDS + step);
                let timestamp = calendar.timestamp(WallTime(time));
                prop_assert_eq!(timestamp.as_str(), text(time));
            }
        }
    }
}
