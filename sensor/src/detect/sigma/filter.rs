//! A filter: selections and a condition that are added to rules, to suit them to a place.
//!
//! The specification says that a filter's condition is joined to the rule's with `and`. A filter that
//! keeps matches away therefore says `condition: not selection`; one that says `condition: selection`
//! leaves only what it selects.

use super::rule::{Condition, Header, LogSource, Place, Rule, Selection};

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Where it begins.
    pub place: Place,
    /// What it says of itself.
    pub header: Header,
    /// The events that it is about: only rules whose log source says at least the same are changed.
    pub log_source: LogSource,
    /// The rules that it changes.
    pub rules: FilterRules,
    /// What it looks for, in the order of the file.
    pub selections: Vec<Selection>,
    /// What must hold besides the rule's condition. Its indices are of these selections.
    pub condition: Condition,
}

/// The rules that a filter changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterRules {
    /// `any`.
    Any,
    /// Those with one of these ids or names.
    Named(Vec<String>),
}

impl Filter {
    /// Adds the filter to a rule, if it is meant for that: whether it was.
    pub fn apply(&self, rule: &mut Rule) -> bool {
        if !self.rules.contains(&rule.header) || !self.log_source.covers(&rule.log_source) {
            return false;
        }
        let first = rule.selections.len();
        rule.selections.extend(self.selections.iter().cloned());
        let own = std::mem::replace(&mut rule.condition, Condition::All(Vec::new()));
        // Filters one after another make a longer list, not a deeper one.
        let mut parts = match own {
            Condition::All(parts) => parts,
            own => vec![own],
        };
        parts.push(moved(&self.condition, first));
        rule.condition = Condition::All(parts);
        true
    }
}

impl FilterRules {
    fn contains(&self, header: &Header) -> bool {
        let Self::Named(names) = self else {
            return true;
        };
        [&header.id, &header.name]
            .into_iter()
            .flatten()
            .any(|called| names.iter().any(|name| name.eq_ignore_ascii_case(called)))
    }
}

impl LogSource {
    /// Whether another says all that this one says.
    fn covers(&self, other: &Self) -> bool {
        let same = |ours: &Option<String>, theirs: &Option<String>| {
            ours.is_none() || ours.as_deref() == theirs.as_deref()
        };
        same(&self.category, &other.category)
            && same(&self.product, &other.product)
            && same(&self.service, &other.service)
    }
}

/// The condition, for selections of which the first has another index.
fn moved(condition: &Condition, first: usize) -> Condition {
    let all = |parts: &[Condition]| parts.iter().map(|part| moved(part, first)).collect();
    match condition {
        Condition::Selection(index) => Condition::Selection(index.saturating_add(first)),
        Condition::Not(part) => Condition::Not(Box::new(moved(part, first))),
        Condition::All(parts) => Condition::All(all(parts)),
        Condition::Any(parts) => Condition::Any(all(parts)),
        Condition::AtLeast(count, parts) => Condition::AtLeast(*count, all(parts)),
    }
}
