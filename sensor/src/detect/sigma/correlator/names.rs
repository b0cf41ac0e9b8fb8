//! What correlations call rules and each other.

use std::collections::HashMap;

use crate::detect::sigma::{correlation::Correlation, rule::Header, rule::Rule};

/// What a correlation is about: a rule or a correlation, by its number in the list it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Member {
    /// A rule.
    Rule(usize),
    /// A correlation.
    Correlation(usize),
}

/// Rules and correlations by their names and ids.
pub(super) struct Names(HashMap<String, Member>);

impl Names {
    /// The names and ids of rules and correlations. What two have means the first, rules before
    /// correlations.
    pub(super) fn new(rules: &[Rule], correlations: &[Correlation]) -> Self {
        let rules = rules.iter().map(|rule| &rule.header).enumerate();
        let rules = rules.map(|(number, header)| (Member::Rule(number), header));
        let correlations = correlations.iter().map(|correlation| &correlation.header);
        let correlations = correlations.enumerate();
        let correlations =
            correlations.map(|(number, header)| (Member::Correlation(number), header));
        let mut members = HashMap::new();
        for (member, header) in rules.chain(correlations) {
            for name in names(header) {
                members.entry(name).or_insert(member);
            }
        }
        Self(members)
    }

    /// What has a name or id.
    pub(super) fn get(&self, name: &str) -> Option<Member> {
        let as_id = || self.0.get(&name.to_ascii_lowercase());
        self.0.get(name).or_else(as_id).copied()
    }
}

/// A name as it is written, and an id in lower case: as UUIDs are compared.
fn names(header: &Header) -> impl Iterator<Item = String> {
    let id = header.id.as_deref().map(str::to_ascii_lowercase);
    header.name.clone().into_iter().chain(id)
}
