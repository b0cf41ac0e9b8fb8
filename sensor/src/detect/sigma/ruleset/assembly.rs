//! From what was read to what is in force.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
    sync::Arc,
};

use super::{
    Loaded, Ruleset,
    report::{Report, RuleReport, Skipped, Unreadable},
};
use crate::detect::{
    alert::{RuleDescription, RuleKind},
    sigma::{
        correlation::Correlation,
        correlator::Correlator,
        field::Taxonomy,
        filter::Filter,
        matcher::{Matcher, Scratch, Use},
        problem::Problem,
        reading::{Placeholders, Reading, read},
        rule::{Header, Place, Rule, Status},
    },
};

/// Most rules, correlations and filters of a set.
pub const RULES_MAX: usize = 50_000;

/// Most bytes of all texts of a set, and of what their rules are written out to, as modifiers do.
pub const BYTES_MAX: usize = 256 << 20;

/// What was read so far.
#[derive(Default)]
pub(super) struct Assembly {
    /// Rules, correlations and filters, those included that are left out.
    count: usize,
    bytes: usize,
    rules: Vec<Rule>,
    correlations: Vec<Correlation>,
    filters: Vec<Filter>,
    report: Report,
    ids: HashMap<String, Place>,
    names: HashMap<String, Place>,
}

impl Assembly {
    /// Reads a text, unless the set would grow too large by that: whether there was room for it.
    pub(super) fn read(
        &mut self,
        text: &str,
        file: &Arc<Path>,
        placeholders: &Placeholders,
    ) -> bool {
        let Reading {
            rules,
            correlations,
            filters,
            unresolved,
            problems,
            bytes,
        } = read(text, file, placeholders);
        let count = rules.len() + correlations.len() + filters.len() + unresolved.len();
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(text.len());
        if self.count > RULES_MAX || self.bytes > BYTES_MAX {
            let reason = format!(
                "it makes more than {RULES_MAX} rules, or {} MiB of rules, together with those before it; \
                 it and what comes after it is not read: load fewer",
                BYTES_MAX >> 20
            );
            self.unreadable(Unreadable {
                path: file.to_path_buf(),
                reason,
            });
            return false;
        }
        self.report.problems.extend(problems);
        self.report.unresolved.extend(unresolved);
        for rule in rules {
            if self.admits(&rule.place, &rule.header) {
                self.rules.push(rule);
            }
        }
        for correlation in correlations {
            if self.admits(&correlation.place, &correlation.header) {
                self.correlations.push(correlation);
            }
        }
        for filter in filters {
            if self.is_in_use(&filter.place, &filter.header) {
                self.filters.push(filter);
            }
        }
        true
    }

    /// Something is wrong with a file.
    pub(super) fn problem(&mut self, file: &Path, what: String) {
        self.report.problems.push(Problem {
            place: Place {
                file: file.into(),
                line: 1,
            },
            title: None,
            what,
        });
    }

    /// A path that was named could not be read at all.
    pub(super) fn unreadable(&mut self, unreadable: Unreadable) {
        self.problem(
            &unreadable.path,
            format!("cannot read rules from it: {}", unreadable.reason),
        );
        self.report.unreadable.push(unreadable);
    }

    /// Makes a set of what was read.
    pub(super) fn finish(mut self, taxonomy: Arc<dyn Taxonomy + Send + Sync>) -> Loaded {
        self.filter();
        let Self {
            rules,
            correlations,
            mut report,
            ..
        } = self;
        let (matcher, uses) = Matcher::compile(&rules, &*taxonomy);
        let places = correlations
            .iter()
            .map(|next| (next.place.clone(), next.header.clone()));
        let places: Vec<(Place, Header)> = places.collect();
        let (correlator, of_correlations) =
            Correlator::compile(correlations, &rules, &uses, taxonomy);
        let mut tell = |place: &Place, header: &Header, log_source, usage: Use| {
            let kind = match log_source {
                Some(_) => RuleKind::Sigma,
                None => RuleKind::Correlation,
            };
            let description = Arc::new(RuleDescription::of_header(header, kind));
            let in_force = !matches!(usage, Use::Refused(_));
            report.rules.push(RuleReport {
                place: place.clone(),
                title: header.title.clone(),
                id: header.id.clone(),
                log_source,
                description: Arc::clone(&description),
                usage,
            });
            in_force.then_some(description)
        };
        let rules = rules.iter().zip(uses);
        let rules = rules
            .map(|(rule, usage)| {
                let log_source = Some(rule.log_source.clone());
                tell(&rule.place, &rule.header, log_source, usage)
            })
            .collect();
        let correlations = places.iter().zip(of_correlations);
        let correlations = correlations
            .map(|((place, header), usage)| tell(place, header, None, usage))
            .collect();
        Loaded {
            ruleset: Ruleset {
                matcher,
                scratch: Scratch::default(),
                correlator,
                rules,
                correlations,
                hits: Vec::new(),
            },
            report,
        }
    }

    fn filter(&mut self) {
        for filter in &self.filters {
            let applied = self
                .rules
                .iter_mut()
                .filter_map(|rule| filter.apply(rule).then_some(()));
            if applied.count() == 0 {
                let what = "no rule in force is one that this filter is for".to_owned();
                self.report
                    .problems
                    .push(problem(&filter.place, &filter.header, what));
            }
        }
    }

    /// Whether a rule or correlation is for use, and the first with its id. A name that another has is
    /// told, and changes only what correlations can call it.
    fn admits(&mut self, place: &Place, header: &Header) -> bool {
        if !self.is_in_use(place, header) {
            return false;
        }
        if let Some(id) = &header.id
            && let Some(first) = taken(&mut self.ids, id.to_ascii_lowercase(), place)
        {
            let what = format!("its id {id} is that of {first}, which stays; this one is left out");
            self.report.problems.push(problem(place, header, what));
            return false;
        }
        if let Some(name) = &header.name
            && let Some(first) = taken(&mut self.names, name.clone(), place)
        {
            let what = format!(
                "its name `{name}` is that of {first} too: correlations that use the name mean one of \
                 them; use an id instead"
            );
            self.report.problems.push(problem(place, header, what));
        }
        true
    }

    /// Whether it is for use, by its status.
    fn is_in_use(&mut self, place: &Place, header: &Header) -> bool {
        match header.status {
            Some(status @ (Status::Deprecated | Status::Unsupported)) => {
                self.report.skipped.push(Skipped {
                    place: place.clone(),
                    title: header.title.clone(),
                    id: header.id.clone(),
                    status,
                });
                false
            }
            Some(Status::Stable | Status::Test | Status::Experimental) | None => true,
        }
    }
}

/// Who has a key already; else it is now taken.
fn taken(keys: &mut HashMap<String, Place>, key: String, place: &Place) -> Option<Place> {
    match keys.entry(key) {
        Entry::Occupied(first) => Some(first.get().clone()),
        Entry::Vacant(free) => {
            free.insert(place.clone());
            None
        }
    }
}

fn problem(place: &Place, header: &Header, what: String) -> Problem {
    Problem {
        place: place.clone(),
        title: (!header.title.is_empty()).then(|| header.title.clone()),
        what,
    }
}
