//! Figures, and how they are written.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What a time is given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Where time is a count of instructions.
    Instructions,
    /// Where it is time.
    Nanoseconds,
}

impl Unit {
    /// Its name in a table's head.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Nanoseconds => "nanoseconds",
        }
    }

    /// How long one is; the emulator's `shift=1` makes it two nanoseconds for an instruction.
    pub(super) const fn nanoseconds(self) -> f64 {
        match self {
            Self::Instructions => 2.0,
            Self::Nanoseconds => 1.0,
        }
    }
}

/// What a sensor says at its end.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Totals {
    pub(super) lost: BTreeMap<String, u64>,
}

/// Says that events were lost, if any were: then the figures flatter.
pub(super) fn losses(totals: &[Totals]) -> Option<String> {
    let mut sum = BTreeMap::new();
    for totals in totals {
        for (reason, count) in &totals.lost {
            *sum.entry(reason.as_str()).or_insert(0) += count;
        }
    }
    let reasons: Vec<String> = sum
        .iter()
        .map(|(reason, count)| format!("{reason} {}", whole(to_f64(*count))))
        .collect();
    (!reasons.is_empty()).then(|| format!("events were lost: {}", reasons.join(", ")))
}

/// The middle one; of an even number the mean of the middle two. Nothing for nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// How far values lie apart, as a part of their median.
pub(super) fn spread(values: &[f64]) -> Option<f64> {
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    Some((most - least) / median(values)?)
}

/// A count as a figure; beyond 2^53 it is rounded, which nobody sees.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here is far below 2^53, and only shown"
)]
pub(super) fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Without a fraction, thousands apart: `1,234,567`.
pub(super) fn whole(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if figure <= -0.5 {
        format!("-{text}")
    } else {
        text
    }
}

/// `1.004`
pub(super) fn ratio(figure: f64) -> String {
    format!("{figure:.3}")
}

/// `0.4 %`
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Bytes as `12.3` MiB.
pub(super) fn mebibytes(bytes: f64) -> String {
    format!("{:.1}", bytes / f64::from(1 << 20))
}

/// Nanoseconds as `12.3` milliseconds.
pub(super) fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.1}", nanoseconds / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(whole(0.4), "0");
        assert_eq!(whole(-0.4), "0");
        assert_eq!(whole(999.6), "1,000");
        assert_eq!(whole(-1_234_567.0), "-1,234,567");
        assert_eq!(ratio(1.00449), "1.004");
        assert_eq!(percent(0.0123), "1.2 %");
        assert_eq!(mebibytes(25.0 * 1024.0 * 1024.0), "25.0");
        assert_eq!(milliseconds(12_345_678.0), "12.3");
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(spread(&[99.0, 100.0, 101.0]), Some(0.02));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn losses_are_summed_over_all_sensors() {
        let one: Totals = serde_json::from_str(r#"{"lost": {"exec: ring_full": 2}}"#).unwrap();
        let none = Totals::default();
        assert_eq!(losses(std::slice::from_ref(&none)), None);
        assert_eq!(
            losses(&[one.clone(), none, one]).unwrap(),
            "events were lost: exec: ring_full 4"
        );
    }
}
