//! Sizes in bytes, as people write them.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A number of bytes. As text it has a unit of 1024, 1024² or 1024³ bytes, or none: `4MiB`,
/// `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Why a text is no size.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ByteSizeError {
    /// There is no number.
    #[error("{0:?} does not begin with a whole number")]
    NoNumber(String),
    /// There is another unit.
    #[error("{0:?} is no unit of bytes; write KiB, MiB or GiB, as in \"4MiB\"")]
    Unit(String),
    /// The number is too large.
    #[error("{0:?} is too large a number")]
    TooLarge(String),
}

/// From the largest.
const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let trimmed = text.trim();
        let digits = trimmed
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        if number.is_empty() {
            return Err(ByteSizeError::NoNumber(text.to_owned()));
        }
        let unit = unit.trim_start();
        let factor = match unit {
            "" => 1,
            _ => UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, factor)| *factor)
                .ok_or_else(|| ByteSizeError::Unit(unit.to_owned()))?,
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| ByteSizeError::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(formatter, "{}{name}", self.0 / factor),
            None => self.0.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64KiB", 64 << 10),
            ("4MiB", 4 << 20),
            ("1GiB", 1 << 30),
            (" 4 MiB ", 4 << 20),
            ("007KiB", 7 << 10),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_told() {
        let error = |text: &str| text.parse::<ByteSize>().unwrap_err();
        for text in ["", "MiB", "-1", "+1", " ", "٤"] {
            assert_eq!(error(text), ByteSizeError::NoNumber(text.into()), "{text}");
        }
        for (text, unit) in [
            ("4MB", "MB"),
            ("4mib", "mib"),
            ("4.5MiB", ".5MiB"),
            ("4M", "M"),
        ] {
            assert_eq!(error(text), ByteSizeError::Unit(unit.into()), "{text}");
        }
        for text in ["18446744073709551616", "18014398509481984KiB"] {
            assert_eq!(error(text), ByteSizeError::TooLarge(text.into()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read(bytes: u64, shift in 0_u32..64) {
            let size = ByteSize((bytes >> shift) << (shift / 2));
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn any_text_is_a_size_or_an_error(text: String) {
            let _ = text.parse::<ByteSize>();
        }
    }
}
