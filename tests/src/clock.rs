//! Moments, as the kernel counts them and as events write them.

use anyhow::{Context as _, Result, ensure};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds since boot, time asleep included.
pub fn boot_nanoseconds() -> u64 {
    u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or_default()
}

/// Nanoseconds from 1970 to the moment of boot, as the clocks stand now.
pub fn boot_moment() -> i64 {
    // Whoever is interrupted between two clocks measures wrong: the quickest attempt counts.
    (0..5)
        .map(|_| measure_boot_moment())
        .min()
        .map_or(0, |(_, moment)| moment)
}

/// How long a measurement took, and what came out.
fn measure_boot_moment() -> (i64, i64) {
    let before = nanoseconds(clock_gettime(ClockId::Boottime));
    let wall = nanoseconds(clock_gettime(ClockId::Realtime));
    let after = nanoseconds(clock_gettime(ClockId::Boottime));
    (after - before, wall - (before + (after - before) / 2))
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}

/// Nanoseconds since 1970 of a moment written as `2026-11-24T03:36:20.123456789Z`, and in no other
/// form: nine digits after the point, and UTC.
pub fn parse(text: &str) -> Result<i64> {
    parse_parts(text).with_context(|| format!("{text:?} is not a moment in UTC with nanoseconds"))
}

fn parse_parts(text: &str) -> Result<i64> {
    let (date, time) = text.split_once('T').context("no T")?;
    let time = time.strip_suffix('Z').context("no Z")?;
    let (time, fraction) = time.split_once('.').context("no fraction")?;
    ensure!(fraction.len() == 9, "the fraction has not nine digits");
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let [fraction] = numbers(fraction, '.', [9])?;
    ensure!((1..=12).contains(&month) && (1..=31).contains(&day));
    ensure!(hour < 24 && minute < 60 && second < 61);
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Ok(seconds * 1_000_000_000 + fraction)
}

fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Result<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().context("a part is missing")?;
        ensure!(part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()));
        *number = part.parse()?;
    }
    ensure!(parts.next().is_none(), "a part too many");
    Ok(numbers)
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // March is the first month of this count, so that the leap day is a year's last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_parsed() {
        assert_eq!(parse("1970-01-01T00:00:00.000000001Z").unwrap(), 1);
        assert_eq!(
            parse("2000-02-29T12:00:01.500000000Z").unwrap(),
            951_825_601_500_000_000
        );
        assert_eq!(
            parse("2026-11-24T03:36:20.123456789Z").unwrap(),
            1_795_491_380_123_456_789
        );
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-24 03:36:20.123456789Z",
            "2026-11-24T03:36:20.123Z",
            "2026-11-24T03:36:20.123456789",
            "2026-11-24T03:36:20Z",
            "2026-13-24T03:36:20.123456789Z",
            "26-11-24T03:36:20.123456789Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
