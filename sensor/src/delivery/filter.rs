//! What a sink wants.

use sensor_common::record::Kind;

use crate::{detect::severity::Severity, output::subject::Topic};

/// What a sink wants. What the sensor says of itself is wanted whenever it is grave enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// By kind.
    wanted: [bool; Kind::COUNT],
    alerts: bool,
    minimum: Severity,
}

impl Filter {
    /// Wants what is about these, and nothing that is less grave than this.
    pub fn new(topics: impl IntoIterator<Item = Topic>, minimum: Severity) -> Self {
        let mut filter = Self {
            wanted: [false; Kind::COUNT],
            alerts: false,
            minimum,
        };
        for topic in topics {
            match topic {
                Topic::Event(kind) => {
                    if let Some(wanted) = filter.wanted.get_mut(kind as usize) {
                        *wanted = true;
                    }
                }
                Topic::Alert => filter.alerts = true,
                Topic::Sensor(_) => {}
            }
        }
        filter
    }

    /// Whether a document is wanted.
    #[must_use]
    pub fn wants(&self, topic: Topic, severity: Severity) -> bool {
        severity >= self.minimum
            && match topic {
                Topic::Event(kind) => self.wanted.get(kind as usize).is_some_and(|wanted| *wanted),
                Topic::Alert => self.alerts,
                Topic::Sensor(_) => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_severity_must_both_fit() {
        let wanted = [Kind::Exec, Kind::Ptrace].map(Topic::Event);
        let filter = Filter::new(wanted, Severity::Low);
        assert!(filter.wants(Topic::Event(Kind::Ptrace), Severity::Low));
        assert!(filter.wants(Topic::Event(Kind::Exec), Severity::Critical));
        assert!(!filter.wants(Topic::Event(Kind::Exec), Severity::Informational));
        assert!(!filter.wants(Topic::Event(Kind::Fork), Severity::Critical));
        assert!(filter.wants(Topic::Sensor("events_lost"), Severity::Medium));
        assert!(!filter.wants(Topic::Sensor("sensor_start"), Severity::Informational));
    }

    #[test]
    fn alerts_are_chosen_by_themselves() {
        let without = Filter::new(Kind::ALL.map(Topic::Event), Severity::Low);
        assert!(!without.wants(Topic::Alert, Severity::Critical));
        let only = Filter::new([Topic::Alert], Severity::Medium);
        assert!(only.wants(Topic::Alert, Severity::Medium));
        assert!(!only.wants(Topic::Alert, Severity::Low));
        assert!(!only.wants(Topic::Event(Kind::Exec), Severity::Critical));
    }
}
