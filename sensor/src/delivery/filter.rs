//! What a sink wants.

use sensor_common::record::Kind;

use crate::output::subject::{Severity, Topic};

/// What a sink wants. What the sensor says of itself is of no kind: it is wanted whenever it is grave
/// enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// By kind.
    wanted: [bool; Kind::COUNT],
    minimum: Severity,
}

impl Filter {
    /// Wants events of these kinds, and nothing that is less grave than this.
    pub fn new(kinds: impl IntoIterator<Item = Kind>, minimum: Severity) -> Self {
        let mut wanted = [false; Kind::COUNT];
        for kind in kinds {
            if let Some(wanted) = wanted.get_mut(kind as usize) {
                *wanted = true;
            }
        }
        Self { wanted, minimum }
    }

    /// Whether a document is wanted.
    #[must_use]
    pub fn wants(&self, topic: Topic, severity: Severity) -> bool {
        severity >= self.minimum
            && match topic {
                Topic::Event(kind) => self.wanted.get(kind as usize).is_some_and(|wanted| *wanted),
                Topic::Sensor(_) => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_severity_must_both_fit() {
        let filter = Filter::new([Kind::Exec, Kind::Ptrace], Severity::Low);
        assert!(filter.wants(Topic::Event(Kind::Ptrace), Severity::Low));
        assert!(filter.wants(Topic::Event(Kind::Exec), Severity::Critical));
        assert!(!filter.wants(Topic::Event(Kind::Exec), Severity::Informational));
        assert!(!filter.wants(Topic::Event(Kind::Fork), Severity::Critical));
        assert!(filter.wants(Topic::Sensor("events_lost"), Severity::Medium));
        assert!(!filter.wants(Topic::Sensor("sensor_start"), Severity::Informational));
    }
}
