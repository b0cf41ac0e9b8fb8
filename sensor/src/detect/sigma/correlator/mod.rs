//! Correlations: what rules found, counted and put in order within a time.
//!
//! How they are asked: a correlation is asked at every event that one of its rules finds, about the
//! time that ends with its group's latest event. Two events are within the time if they are no
//! further apart than that. If what it asks holds, it fires, and the group begins anew: no event
//! makes it fire twice. An event that lacks a field of `group-by`, or the field that is counted,
//! counts for no group. An event that several rules of a correlation found counts once.
//!
//! An event that comes late counts where it belongs, as long as it is within the time of its group.
//! For `temporal_ordered` it may be up to a second late, and what must be within the time is the first
//! and the last event of the order.
//!
//! What is remembered is bounded: [`GROUPS_MAX`] groups of all correlations and [`BYTES_MAX`] bytes;
//! what each window keeps is told there. Every limit is counted.
//!
//! - [`plan`]: which can be used, and in what order they are asked. [`names`]: what they call rules.
//! - [`asked`]: one of them, and an event. [`groups`]: what is remembered of each group. [`window`]: of its events.
//! - [`bounds`]: conditions. [`digest`]: values.

mod asked;
mod bounds;
mod digest;
mod groups;
mod names;
mod plan;
mod window;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use asked::{Asked, Finding};
use groups::Groups;
use names::Member;
use plan::{Plan, Planned, Rules};

use super::{
    correlation::Correlation,
    field::{Class, Fields, Taxonomy},
    matcher::Use,
    rule::Rule,
};
use crate::event::Origin;

pub use groups::{BYTES_MAX, GROUPS_MAX};

/// What a correlation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlated {
    /// The events behind it, at most [`EVIDENCE_MAX`](crate::detect::alert::EVIDENCE_MAX), oldest
    /// first; the last is the one that it was found at. Only for `temporal_ordered` an event that came
    /// late is in its place.
    pub events: Vec<Origin>,
    /// How many events were behind it; for `value_count`, how many with different values.
    pub count: u64,
    /// What they have in common: the names in `group-by` and their values.
    pub group: Vec<(String, String)>,
    /// What the condition holds for; for the temporal ones, how many rules.
    pub measured: f64,
    /// Within what time.
    pub timespan: Duration,
}

/// A rule that found an event, and the class that the event was looked at as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule's number.
    pub rule: usize,
    /// The class.
    pub class: Class,
}

/// Correlations, and what they remember.
pub struct Correlator {
    /// Those in force, each after those that it is about.
    planned: Vec<Planned>,
    /// Those in force that are about it.
    about: HashMap<Member, Vec<usize>>,
    /// What raises no alerts of its own.
    silent: HashSet<Member>,
    groups: Groups,
    taxonomy: Arc<dyn Taxonomy + Send + Sync>,
}

impl Correlator {
    /// Correlations of rules, and how each can be used, in the order in which they came. `uses` says
    /// it of the rules.
    #[must_use]
    pub fn compile(
        correlations: Vec<Correlation>,
        rules: &[Rule],
        uses: &[Use],
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
    ) -> (Self, Vec<Use>) {
        let rules = Rules {
            rules,
            uses,
            taxonomy: &*taxonomy,
        };
        let Plan { planned, uses } = plan::plan(correlations, rules);
        let mut about: HashMap<Member, Vec<usize>> = HashMap::new();
        let mut silent = HashSet::new();
        let mut heard = HashSet::new();
        for (index, next) in planned.iter().enumerate() {
            let fires = !matches!(uses.get(next.number), Some(Use::NeverFires(_)));
            for member in next.members.iter().collect::<BTreeSet<_>>() {
                about.entry(*member).or_default().push(index);
                // One that never fires does not silence what would.
                if next.correlation.generate || !fires {
                    heard.insert(*member);
                } else {
                    silent.insert(*member);
                }
            }
        }
        silent.retain(|member| !heard.contains(member));
        let correlator = Self {
            planned,
            about,
            silent,
            groups: Groups::new(GROUPS_MAX, BYTES_MAX),
            taxonomy,
        };
        (correlator, uses)
    }

    /// Whether a rule raises alerts of its own: not if correlations are about it, and none of them
    /// wants it to.
    #[must_use]
    pub fn is_heard(&self, rule: usize) -> bool {
        !self.silent.contains(&Member::Rule(rule))
    }

    /// Looks at an event that rules found. `found` is told the number of each correlation that fires
    /// and is not only for others.
    pub fn inspect(
        &mut self,
        hits: &[Hit],
        event: &dyn Fields,
        origin: Origin,
        found: &mut dyn FnMut(usize, Correlated),
    ) {
        let mut findings = Vec::new();
        let mut due = BTreeSet::new();
        for hit in hits {
            let member = Member::Rule(hit.rule);
            if let Some(about) = self.about.get(&member) {
                due.extend(about);
                findings.push(Finding {
                    member,
                    class: hit.class,
                    through: None,
                });
            }
        }
        // What is about a correlation comes after it.
        while let Some(index) = due.pop_first() {
            let Some(next) = self.planned.get(index) else {
                continue;
            };
            let fired = Asked {
                planned: &self.planned,
                index,
                next,
                findings: &findings,
                taxonomy: &*self.taxonomy,
                event,
            }
            .fire(origin, &mut self.groups);
            let member = Member::Correlation(next.number);
            for (through, correlated) in fired {
                if !self.silent.contains(&member) {
                    found(next.number, correlated);
                }
                if let Some((about, by)) = self.about.get(&member).zip(findings.get(through)) {
                    due.extend(about);
                    findings.push(Finding {
                        member,
                        class: by.class,
                        through: Some((index, through)),
                    });
                }
            }
        }
    }

    /// Goes on with what other correlations remember, as far as the same are among these: the same
    /// id, or name, or title, and the same `correlation`. What a rule that has changed found before
    /// still counts.
    pub fn take_over(&mut self, old: Self) {
        let planned = |planned: &[Planned]| -> HashMap<String, usize> {
            let identities = planned.iter().map(|planned| identity(&planned.correlation));
            identities.zip(0..).collect()
        };
        let (known, new) = (planned(&old.planned), planned(&self.planned));
        let same: HashMap<usize, usize> = known
            .iter()
            .filter_map(|(identity, before)| Some((*before, *new.get(identity)?)))
            .filter(|(before, now)| {
                let (before, now) = (old.planned.get(*before), self.planned.get(*now));
                before
                    .zip(now)
                    .is_some_and(|(before, now)| is_same(&before.correlation, &now.correlation))
            })
            .collect();
        self.groups
            .take_over(old.groups, |before| same.get(&before).copied());
    }

    /// What it had no room for, by the limit's name.
    pub fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        let limits = self.groups.limits();
        limit("correlation_groups_full", limits.groups);
        limit("correlation_memory_full", limits.memory);
        limit("correlation_values_full", limits.values);
        limit("correlation_events_late", limits.late);
    }
}

fn identity(correlation: &Correlation) -> String {
    let header = &correlation.header;
    let name = header.id.as_ref().or(header.name.as_ref());
    name.unwrap_or(&header.title).clone()
}

fn is_same(before: &Correlation, now: &Correlation) -> bool {
    before.rules == now.rules
        && before.group_by == now.group_by
        && before.timespan == now.timespan
        && before.ask == now.ask
        && before.aliases == now.aliases
}
