//! Everything that raises alerts, and what becomes of them: rules and detectors look at an event, then
//! severities, exceptions and repetitions decide what goes out.
//!
//! - [`setup`]: what is in force, put together and checked.

pub mod setup;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use self::setup::Setup;
use super::{
    alert::Alert,
    detector::Detector,
    exception::Exceptions,
    reason,
    repetition::Repetition,
    severity::Severity,
    sigma::{
        ruleset::{Evidence, Found, Ruleset},
        taxonomy::{ObservedFields, ResolvedNames, Texts, classes},
    },
};
use crate::{
    clock::{BootTime, WallOffset},
    event::Event,
    observed::Observed,
};

/// Rules, detectors, and what they remember.
#[derive(Default)]
pub struct Detection {
    /// None as long as nothing was ever switched on.
    active: Option<Box<Active>>,
}

struct Active {
    is_enabled: bool,
    rules: Ruleset,
    detectors: Vec<Box<dyn Detector>>,
    exceptions: Exceptions,
    repetition: Repetition,
    disabled: Disabled,
    minimum_severity: Severity,
    below_severity: u64,
    names: ResolvedNames,
    texts: Texts,
    /// What was found in the event at hand.
    found: Vec<Alert>,
    /// What goes out of that.
    alerts: Vec<Alert>,
}

/// Ids of what is not used, in lower case: those of Sigma rules are UUIDs, whose letters may be of either
/// case.
struct Disabled(HashSet<String>);

impl Disabled {
    fn new(ids: &BTreeMap<String, Option<usize>>) -> Self {
        Self(ids.keys().map(|id| id.to_ascii_lowercase()).collect())
    }

    fn contains(&self, id: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&id.to_ascii_lowercase())
    }
}

impl Detection {
    /// With this in force, and nothing seen.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut detection = Self::none();
        detection.reload(setup);
        detection
    }

    /// With nothing in force.
    #[must_use]
    pub const fn none() -> Self {
        Self { active: None }
    }

    /// Looks at an event that was written: the alerts that are to be written after it. Events come in
    /// the order in which they are written.
    pub fn inspect(&mut self, observed: &Observed<'_>, wall_offset: WallOffset) -> &[Alert] {
        match self.active.as_deref_mut() {
            Some(active) if active.is_enabled => active.inspect(observed, wall_offset),
            _ => &[],
        }
    }

    /// The alerts that were held back and are to be written now, each with the event that it is about.
    /// To be asked after each batch of events, and at least every second when there are none.
    pub fn due(&mut self, now: BootTime) -> Vec<(Event, Alert)> {
        let active = self.active.as_deref_mut();
        active.map_or_else(Vec::new, |active| active.repetition.due(now))
    }

    /// All alerts that are held back; to be written before the sensor ends.
    pub fn drain(&mut self) -> Vec<(Event, Alert)> {
        let active = self.active.as_deref_mut();
        active.map_or_else(Vec::new, |active| active.repetition.drain())
    }

    /// Puts something else in force. What was seen and counted until now is not forgotten; detectors that
    /// were there stay as they are.
    pub fn reload(&mut self, setup: Setup) {
        let Setup {
            rules,
            detectors,
            exceptions,
            detect,
        } = setup;
        let (window, limit) = if detect.enabled {
            let limit = usize::try_from(detect.alerts).unwrap_or(usize::MAX);
            (detect.repeat(), limit)
        } else {
            // What is held back goes out.
            (Duration::ZERO, 1)
        };
        let disabled = Disabled::new(&detect.disabled_rules);
        match self.active.as_deref_mut() {
            None if !detect.enabled => {}
            None => {
                self.active = Some(Box::new(Active {
                    is_enabled: true,
                    rules,
                    detectors,
                    exceptions,
                    repetition: Repetition::new(window, limit),
                    disabled,
                    minimum_severity: detect.minimum_severity,
                    below_severity: 0,
                    names: ResolvedNames::default(),
                    texts: Texts::default(),
                    found: Vec::new(),
                    alerts: Vec::new(),
                }));
            }
            Some(active) => {
                active.is_enabled = detect.enabled;
                let before = std::mem::replace(&mut active.rules, rules);
                active.rules.take_over(before);
                let before = std::mem::replace(&mut active.exceptions, exceptions);
                active.exceptions.continue_from(&before);
                active.repetition.change(window, limit);
                active.disabled = disabled;
                active.minimum_severity = detect.minimum_severity;
            }
        }
    }

    /// What raised no alert, and what there was no room for, by name.
    pub fn limits(&self, limit: &mut dyn FnMut(&str, u64)) {
        let Some(active) = self.active.as_deref() else {
            return;
        };
        limit("below_severity", active.below_severity);
        limit("suppressed", active.exceptions.suppressed_in_all());
        for (number, (_, suppressed)) in (1..).zip(active.exceptions.suppressed()) {
            limit(&format!("exception_{number}"), suppressed);
        }
        limit("repeated", active.repetition.repeated());
        limit("repetition_full", active.repetition.forgotten());
        limit("resolved_names_full", active.names.lost());
        active.rules.limits(&mut |name, count| limit(name, count));
        for detector in &active.detectors {
            detector.limits(&mut |name, count| limit(name, count));
        }
    }
}

impl Active {
    fn inspect(&mut self, observed: &Observed<'_>, wall_offset: WallOffset) -> &[Alert] {
        let origin = observed.event.origin;
        self.alerts.clear();
        self.names.learn(observed.event);
        let classes = classes(observed);
        let fields =
            ObservedFields::new(observed, wall_offset, &mut self.texts).with_names(&self.names);
        self.rules.inspect(classes, &fields, origin, &mut |found| {
            let Found { rule, evidence } = found;
            if self.disabled.contains(&rule.id) {
                return;
            }
            // Nothing is put together for what nobody wants: rules of low levels match often.
            if rule.severity < self.minimum_severity {
                self.below_severity = self.below_severity.saturating_add(1);
                return;
            }
            let reason = reason::found(&rule.name, observed);
            let mut alert = Alert::single(rule.clone(), reason, origin);
            if let Evidence::Correlated(correlated) = evidence {
                alert.reason = reason::correlated(&rule.name, &correlated);
                alert.evidence = correlated.events;
                alert.evidence_count = correlated.count;
                alert.group = correlated.group;
            }
            self.found.push(alert);
        });
        let of_rules = self.found.len();
        for detector in &mut self.detectors {
            detector.inspect(observed, &mut self.found);
        }
        if self.found.is_empty() {
            return &[];
        }
        let mut index = 0;
        self.found.retain(|alert| {
            index += 1;
            // Those of rules were looked at already.
            if index <= of_rules {
                return true;
            }
            if self.disabled.contains(&alert.rule.id) {
                return false;
            }
            let is_wanted = alert.rule.severity >= self.minimum_severity;
            self.below_severity = self.below_severity.saturating_add(u64::from(!is_wanted));
            is_wanted
        });
        number(&mut self.found);
        let now = wall_offset.wall_time(origin.time);
        self.exceptions
            .retain(&mut self.found, classes, &fields, now);
        for alert in self.found.drain(..) {
            self.alerts.extend(self.repetition.take(alert, observed));
        }
        &self.alerts
    }
}

/// Tells the alerts apart that one rule raised at an event, whatever becomes of each.
fn number(found: &mut [Alert]) {
    let mut rest = found;
    while let Some((alert, earlier)) = rest.split_last_mut() {
        let same = earlier
            .iter()
            .filter(|other| other.rule.id == alert.rule.id);
        alert.ordinal = u32::try_from(same.count()).unwrap_or(u32::MAX);
        rest = earlier;
    }
}
