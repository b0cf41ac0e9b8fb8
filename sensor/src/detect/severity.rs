//! How grave something is.

/// How grave something is. The words and numbers are OCSF's `severity_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// What happens all the time.
    #[default]
    Informational = 1,
    /// What changes privileges or the kernel, as a rule for good reasons.
    Low = 2,
    /// What somebody should know: the sensor lost events.
    Medium = 3,
    /// What somebody should look at.
    High = 4,
    /// What must not happen.
    Critical = 5,
}

impl Severity {
    /// Every severity, the least grave first.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word for it in configuration and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity with this number, if it is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_ocsfs_numbers() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_number(severity.number()), Some(severity));
        }
        assert_eq!(Severity::from_number(0), None);
        assert_eq!(Severity::from_number(6), None);
        assert!(Severity::Informational < Severity::Critical);
    }
}
