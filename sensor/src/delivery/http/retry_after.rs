//! `Retry-After`: how long a receiver asks to be left alone.

use std::time::Duration;

use hyper::{HeaderMap, header::RETRY_AFTER};
use jiff::{Timestamp, fmt::strtime, tz::Offset};

/// The longest that a receiver is left alone because it asked for it: one that asks for a year is
/// asked again after this.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The three ways to write a date in HTTP (RFC 9110, 5.6.7); the latter two are old, and still valid.
const DATES: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// What an answer asks for, if it does and can be understood; at most [`LONGEST`].
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds(text).or_else(|| until(text, now))
}

fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = text.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(LONGEST))
}

fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let moment = DATES.iter().find_map(|format| {
        let date = strtime::parse(format, text).ok()?.to_datetime().ok()?;
        Offset::UTC.to_timestamp(date).ok()
    })?;
    // A moment that has passed is now.
    let wait = Duration::try_from(now.duration_until(moment)).unwrap_or_default();
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(text).ok()?);
        // 30 seconds before the moment that the specification has in its examples.
        retry_after(&headers, "1994-11-06T08:49:07Z".parse().unwrap())
    }

    #[test]
    fn seconds_and_all_three_dates_are_understood() {
        let half_a_minute = Some(Duration::from_secs(30));
        for text in [
            "30",
            " 30 ",
            "030",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text.as_bytes()), half_a_minute, "{text}");
        }
    }

    #[test]
    fn what_has_passed_is_now_and_what_is_far_is_bounded() {
        assert_eq!(read(b"0"), Some(Duration::ZERO));
        let passed = b"Sun, 06 Nov 1994 08:00:00 GMT";
        assert_eq!(read(passed), Some(Duration::ZERO));
        for far in [
            "99999999999999999999999",
            "86400",
            "Mon, 06 Nov 1995 08:49:37 GMT",
        ] {
            assert_eq!(read(far.as_bytes()), Some(LONGEST), "{far}");
        }
    }

    #[test]
    fn nonsense_is_no_wish() {
        for text in ["", "soon", "-3", "1.5", "Sun, 32 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            read(&text);
        }

        #[test]
        fn never_longer_than_its_bound(seconds: u64) {
            prop_assert!(read(seconds.to_string().as_bytes()).unwrap() <= LONGEST);
        }
    }
}
