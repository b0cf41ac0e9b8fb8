//! What is known to be harmless: exceptions as the configuration has them, compiled.
//!
//! Each becomes a rule of its own, which asks of the event at which an alert is raised; the matcher of
//! Sigma rules decides. It is asked only when there is an alert.
//!
//! - `translation`: an exception as a rule.

#[cfg(test)]
mod tests;
mod translation;

use std::{path::Path, sync::Arc};

use super::{
    alert::Alert,
    known::KnownRules,
    sigma::{
        field::{Class, Fields, Taxonomy},
        matcher::{Matcher, Scratch, Use},
    },
};
use crate::{
    clock::WallTime,
    config::{
        Problem,
        detect::exception::{Exception, RuleChoice},
    },
};

/// Exceptions, and how often each kept an alert back.
#[derive(Debug)]
pub struct Exceptions {
    matcher: Matcher,
    scratch: Scratch,
    all: Vec<Applied>,
    /// The indices of those that match the event at hand.
    matching: Vec<usize>,
    /// How many alerts were kept back, by those too that are not there any more.
    suppressed: u64,
}

/// An exception, and how often it kept an alert back.
#[derive(Debug)]
struct Applied {
    exception: Exception,
    /// When it ends.
    end: WallTime,
    suppressed: u64,
}

impl Exceptions {
    /// Compiles exceptions for events of these classes. What is wrong with one does not concern the
    /// others; one that cannot match keeps nothing back.
    ///
    /// `file` is the configuration, and `rules` are those that there are.
    #[must_use]
    pub fn compile(
        exceptions: &[Exception],
        file: &Arc<Path>,
        classes: &[Class],
        taxonomy: &dyn Taxonomy,
        rules: &KnownRules,
    ) -> (Self, Vec<Problem>) {
        let translated: Vec<_> = exceptions
            .iter()
            .map(|exception| translation::rule(exception, file))
            .collect();
        let taxonomy = translation::EveryClass { taxonomy, classes };
        let (matcher, uses) = Matcher::compile(&translated, &taxonomy);
        let mut problems = Vec::new();
        for (exception, usable) in exceptions.iter().zip(&uses) {
            let mut problem = |what: String| {
                problems.push(Problem {
                    line: exception.line,
                    what: format!("{exception} {what}"),
                });
            };
            if let RuleChoice::Id(id) = &exception.rule
                && !rules.has(id)
            {
                problem(format!("keeps nothing back: {}", rules.none_is(id)));
            }
            for name in exception.fields.keys() {
                if !taxonomy.has(name) {
                    problem(format!(
                        "keeps nothing back: no event has a field `{name}`; docs/sigma.md lists them"
                    ));
                }
            }
            match usable {
                Use::Full | Use::Partial(_) => {}
                // An unknown field was told in better words.
                Use::NeverFires(_) if exception.fields.keys().any(|name| !taxonomy.has(name)) => {}
                Use::NeverFires(why) | Use::Refused(why) => {
                    problem(format!("keeps nothing back: {why}"));
                }
            }
        }
        let all = exceptions
            .iter()
            .map(|exception| Applied {
                exception: exception.clone(),
                end: exception.end(),
                suppressed: 0,
            })
            .collect();
        let compiled = Self {
            matcher,
            scratch: Scratch::default(),
            all,
            matching: Vec::new(),
            suppressed: 0,
        };
        (compiled, problems)
    }

    /// Counts on from where the same exceptions were.
    pub fn continue_from(&mut self, before: &Self) {
        self.suppressed = before.suppressed;
        for applied in &mut self.all {
            let same = before
                .all
                .iter()
                .find(|other| other.exception.is_same(&applied.exception));
            if let Some(same) = same {
                applied.suppressed = same.suppressed;
            }
        }
    }

    /// Removes the alerts that an exception keeps back, all raised at the same event.
    pub fn retain(
        &mut self,
        alerts: &mut Vec<Alert>,
        classes: &[Class],
        fields: &dyn Fields,
        now: WallTime,
    ) {
        if self.all.is_empty() || alerts.is_empty() {
            return;
        }
        self.matching.clear();
        let matching = &mut self.matching;
        self.matcher
            .matches(classes, fields, &mut self.scratch, &mut |_, index| {
                matching.push(index);
            });
        // The first in the configuration counts, whatever class it matched in.
        self.matching.sort_unstable();
        self.matching.dedup();
        if self.matching.is_empty() {
            return;
        }
        alerts.retain(|alert| {
            for index in &self.matching {
                if let Some(applied) = self.all.get_mut(*index)
                    && applied.exception.rule.is_for(&alert.rule.id)
                    && now < applied.end
                {
                    applied.suppressed = applied.suppressed.saturating_add(alert.count);
                    self.suppressed = self.suppressed.saturating_add(alert.count);
                    return false;
                }
            }
            true
        });
    }

    /// How many alerts were kept back since the sensor started.
    #[must_use]
    pub const fn suppressed_in_all(&self) -> u64 {
        self.suppressed
    }

    /// Every exception, in the configuration's order, and how many alerts it kept back.
    pub fn suppressed(&self) -> impl Iterator<Item = (&Exception, u64)> {
        self.all
            .iter()
            .map(|applied| (&applied.exception, applied.suppressed))
    }
}
