//! A set of rules, from files and from texts, that looks at events.
//!
//! - [`sources`]: where rules come from. [`files`]: which files those are.
//! - [`report`]: what became of each rule.
//! - [`assembly`]: from what was read to what is in force. [`former`]: what was there before a file went
//!   bad.
//!
//! To load rules anew while events come: make a new set of the same sources, and unless its report
//! [is fatal](Report::is_fatal) let it [take over](Ruleset::take_over) from the old one.

mod assembly;
mod files;
mod former;
mod report;
mod sources;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

pub use assembly::{BYTES_MAX, RULES_MAX};
pub use files::{DEPTH_MAX, FILES_MAX};
pub use former::Former;
pub use report::{Report, RuleReport, Skipped, Unreadable};
pub use sources::Sources;

use super::{
    correlator::{Correlated, Correlator, Hit},
    field::{Class, Fields, Taxonomy},
    matcher::{Matcher, Scratch},
    reading::Placeholders,
};
use crate::{detect::alert::RuleDescription, event::Origin};

/// Rules and correlations in force, and what those remember.
pub struct Ruleset {
    matcher: Matcher,
    scratch: Scratch,
    correlator: Correlator,
    /// By the rule's number; none for one that is not used.
    rules: Vec<Option<Arc<RuleDescription>>>,
    /// By the correlation's number.
    correlations: Vec<Option<Arc<RuleDescription>>>,
    /// What matched the event that is looked at.
    hits: Vec<Hit>,
}

/// A set of rules, and what became of each.
pub struct Loaded {
    /// The set; without any rules if there are none.
    pub ruleset: Ruleset,
    /// What became of each rule.
    pub report: Report,
}

/// A rule found something.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The rule or correlation.
    pub rule: &'a Arc<RuleDescription>,
    /// In what.
    pub evidence: Evidence,
}

/// What a rule found something in.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// In one event.
    Event(Origin),
    /// In several.
    Correlated(Correlated),
}

impl Ruleset {
    /// The rules of files and directories: see [`Sources::path`].
    #[must_use]
    pub fn load(
        paths: &[PathBuf],
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
        placeholders: &Placeholders,
    ) -> Loaded {
        let sources = paths.iter().fold(Sources::default(), Sources::path);
        sources.load(taxonomy, placeholders)
    }

    /// The rules of texts, each with a name that stands for its file: see [`Sources::text`].
    #[must_use]
    pub fn from_texts(
        texts: &[(&str, &str)],
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
        placeholders: &Placeholders,
    ) -> Loaded {
        let sources = Sources::default();
        let sources = texts
            .iter()
            .fold(sources, |sources, (name, text)| sources.text(name, text));
        sources.load(taxonomy, placeholders)
    }

    /// Looks at an event as each of its classes. `found` is told of each rule once, then of each
    /// correlation that fires; not of what is only for correlations.
    pub fn inspect(
        &mut self,
        classes: &[Class],
        event: &dyn Fields,
        origin: Origin,
        found: &mut dyn FnMut(Found<'_>),
    ) {
        let Self {
            matcher,
            scratch,
            correlator,
            rules,
            correlations,
            hits,
        } = self;
        hits.clear();
        matcher.matches(classes, event, scratch, &mut |class, rule| {
            // It may have matched the event as another class.
            if !hits.iter().any(|hit| hit.rule == rule) {
                hits.push(Hit { rule, class });
            }
        });
        if hits.is_empty() {
            return;
        }
        for hit in hits.iter().filter(|hit| correlator.is_heard(hit.rule)) {
            if let Some(Some(rule)) = rules.get(hit.rule) {
                let evidence = Evidence::Event(origin);
                found(Found { rule, evidence });
            }
        }
        correlator.inspect(hits, event, origin, &mut |number, correlated| {
            if let Some(Some(rule)) = correlations.get(number) {
                let evidence = Evidence::Correlated(correlated);
                found(Found { rule, evidence });
            }
        });
    }

    /// Goes on with what the correlations of an old set remember, as far as they are unchanged, and
    /// with its limits: see [`Correlator::take_over`].
    pub fn take_over(&mut self, old: Self) {
        self.correlator.take_over(old.correlator);
    }

    /// The rules and correlations in force.
    pub fn descriptions(&self) -> impl Iterator<Item = &Arc<RuleDescription>> {
        self.rules.iter().chain(&self.correlations).flatten()
    }

    /// What it had no room for, by the limit's name.
    pub fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        self.correlator.limits(limit);
    }
}
