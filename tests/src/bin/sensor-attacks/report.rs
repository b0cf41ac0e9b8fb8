//! What came of the attacks and of ordinary use.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::attacks::Attack;
use crate::victim::Ended;
use crate::watch::{Alert, Severity};

/// Alerts of medium severity or more that a host may raise in a day of ordinary use.
const ALERTS_PER_DAY: f64 = 5.0;

const DAY: f64 = 86_400.0;

/// What came of an attack.
pub struct Attacked {
    /// Which.
    pub attack: &'static Attack,
    /// The alerts that were raised in its time.
    pub alerts: Vec<Alert>,
    /// How its shell ended.
    pub ended: Ended,
    /// The last events in its time, in short.
    pub seen: Vec<String>,
}

impl Attacked {
    /// Whether somebody who looks at medium alerts and graver ones would know of it.
    fn is_detected(&self) -> bool {
        self.alerts
            .iter()
            .any(|alert| alert.severity >= Severity::Medium)
    }
}

/// What came of everything.
#[derive(Default)]
pub struct Report {
    attacks: Vec<Attacked>,
    use_: Option<(Duration, Vec<Alert>)>,
}

impl Report {
    /// An attack is over.
    pub fn attacked(&mut self, attacked: Attacked) {
        let verdict = if attacked.is_detected() {
            "ok  "
        } else {
            "MISS"
        };
        println!(
            "{verdict}  {:28}  {:9}  {:6}  {}",
            attacked.attack.name,
            attacked.attack.technique,
            attacked.ended,
            names(&attacked.alerts)
        );
        if !attacked.is_detected() {
            for event in &attacked.seen {
                println!("          {event}");
            }
        }
        self.attacks.push(attacked);
    }

    /// The host was used for so long.
    pub fn used(&mut self, time: Duration, alerts: Vec<Alert>) {
        self.use_ = Some((time, alerts));
    }

    /// Prints the figures; whether they are as they must be.
    pub fn print(&self) -> bool {
        let mut is_good = true;
        if !self.attacks.is_empty() {
            let detected = self.attacks.iter().filter(|one| one.is_detected()).count();
            println!(
                "\n{detected} of {} attacks detected ({:.1} %)",
                self.attacks.len(),
                percent(detected, self.attacks.len())
            );
            for missed in self.attacks.iter().filter(|one| !one.is_detected()) {
                println!(
                    "missed: {} ({})",
                    missed.attack.name, missed.attack.technique
                );
            }
            is_good &= detected == self.attacks.len();
        }
        if let Some((time, alerts)) = &self.use_ {
            let loud = |least| alerts.iter().filter(move |alert| alert.severity >= least);
            let per_day = |count: usize| count as f64 * DAY / time.as_secs_f64();
            let medium = loud(Severity::Medium).count();
            let critical = loud(Severity::Critical).count();
            println!(
                "{:.1} minutes of ordinary use: {medium} alerts of medium severity or more \
                 ({:.1} a day), {critical} critical",
                time.as_secs_f64() / 60.0,
                per_day(medium)
            );
            let mut reasons: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
            for alert in loud(Severity::Medium) {
                let entry = reasons.entry(&alert.rule).or_insert((0, &alert.reason));
                entry.0 += 1;
            }
            for (rule, (count, reason)) in reasons {
                println!("  {count} x {rule}: {reason}");
            }
            is_good &= critical == 0 && per_day(medium) < ALERTS_PER_DAY;
        }
        is_good
    }
}

/// The rules of alerts, the gravest first, each once.
fn names(alerts: &[Alert]) -> String {
    let mut rules: BTreeMap<(std::cmp::Reverse<Severity>, &str), usize> = BTreeMap::new();
    for alert in alerts {
        *rules
            .entry((std::cmp::Reverse(alert.severity), &alert.rule))
            .or_default() += 1;
    }
    let names: Vec<String> = rules
        .into_iter()
        .map(|((severity, rule), count)| match count {
            1 => format!("{rule} ({})", severity.0.name()),
            _ => format!("{count} x {rule} ({})", severity.0.name()),
        })
        .collect();
    names.join(", ")
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}
