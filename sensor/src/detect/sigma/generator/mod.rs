//! Makes events for a rule, for tests: one that it must match, and some that it must not.
//!
//! A way through the condition gives what must be so and what must not; of that an event is made that
//! has no more than it needs. An event that must not match lacks one of those. Both are judged by
//! `verdict`, which answers a rule's condition as it is written, slowly, and shares nothing with the
//! matcher.
//!
//! - `ways`: the ways through a condition. `sample`: values that are as they must be.
//! - `verdict`: whether a rule matches.

mod published;
mod sample;
mod verdict;
mod ways;

use std::collections::BTreeMap;

use super::rule::Rule;

/// The values of an event, by the names of fields.
pub(super) type Values = BTreeMap<String, String>;

/// Events for a rule.
#[derive(Debug)]
pub(super) struct Events {
    /// It must match.
    pub(super) positive: Values,
    /// It must not match.
    pub(super) negatives: Vec<Values>,
}

/// Events for a rule; none if no way through its condition leads to one that matches.
pub(super) fn events(rule: &Rule) -> Option<Events> {
    let positive = ways::through(&rule.condition, rule)
        .into_iter()
        .filter_map(|way| sample::event(&way))
        .find(|event| verdict::matches(rule, event))?;
    let mut negatives = Vec::new();
    for name in positive.keys() {
        let mut without = positive.clone();
        without.remove(name);
        let mut other = positive.clone();
        other.insert(name.clone(), "nothing that a rule asks for".to_owned());
        let mut longer = positive.clone();
        longer.insert(name.clone(), format!("~{}~", positive[name]));
        negatives.extend([without, other, longer]);
    }
    negatives.retain(|event| !verdict::matches(rule, event));
    Some(Events {
        positive,
        negatives,
    })
}
