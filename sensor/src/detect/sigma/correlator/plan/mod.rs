//! Which correlations can be used, and in what order they are asked.
//!
//! - [`order`]: correlations after those that they are about; cycles.
//! - [`usable`]: what becomes of one by what becomes of its rules.

mod order;
mod usable;

use std::collections::HashMap;

use super::names::{Member, Names};
use crate::detect::sigma::{
    correlation::{Ask, Correlation},
    field::{Class, Taxonomy},
    matcher::Use,
    rule::Rule,
};

/// A correlation that can be used.
pub(super) struct Planned {
    /// As it was written.
    pub(super) correlation: Correlation,
    /// Its number in the list that it came in.
    pub(super) number: usize,
    /// What it is about, in the order of its list.
    pub(super) members: Vec<Member>,
    /// `aliases`, by name and by what it is about.
    pub(super) aliases: HashMap<String, HashMap<Member, String>>,
}

impl Planned {
    /// What a field is called in the events of a member.
    pub(super) fn field_name<'a>(&'a self, name: &'a str, member: Member) -> &'a str {
        let alias = self
            .aliases
            .get(name)
            .and_then(|fields| fields.get(&member));
        alias.map_or(name, String::as_str)
    }

    /// The fields whose values are counted or calculated with.
    pub(super) fn measured_fields(&self) -> &[String] {
        match &self.correlation.ask {
            Ask::ValueCount { fields, .. } => fields,
            Ask::Statistic { field, .. } => std::slice::from_ref(field),
            Ask::EventCount(_) | Ask::Temporal | Ask::TemporalOrdered => &[],
        }
    }
}

/// What is in force, and what became of each.
pub(super) struct Plan {
    /// Those in force, each after those that it is about.
    pub(super) planned: Vec<Planned>,
    /// Of each that came in, in that order, how it can be used.
    pub(super) uses: Vec<Use>,
}

/// Rules as a plan sees them.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// As they were written.
    pub(super) rules: &'a [Rule],
    /// How each can be used.
    pub(super) uses: &'a [Use],
    /// What their words mean.
    pub(super) taxonomy: &'a dyn Taxonomy,
}

impl Rules<'_> {
    fn classes(&self, rule: usize) -> Vec<Class> {
        let source = self.rules.get(rule).map(|rule| &rule.log_source);
        let classes = source.and_then(|source| self.taxonomy.classes(source).ok());
        classes.unwrap_or_default()
    }
}

/// Plans correlations of rules.
pub(super) fn plan(correlations: Vec<Correlation>, rules: Rules<'_>) -> Plan {
    let names = Names::new(rules.rules, &correlations);
    let mut uses: Vec<Option<Use>> = vec![None; correlations.len()];
    let mut resolved = Vec::new();
    for (number, correlation) in correlations.into_iter().enumerate() {
        match resolve(number, correlation, &names) {
            Ok(planned) => resolved.push(planned),
            Err(reason) => set(&mut uses, number, Use::Refused(reason)),
        }
    }
    let mut planned = Vec::new();
    for (next, in_cycle) in order::order(resolved) {
        let usable = match in_cycle {
            Some(reason) => Use::Refused(reason),
            None => usable::usable(&next, rules, &uses),
        };
        let refused = matches!(usable, Use::Refused(_));
        set(&mut uses, next.number, usable);
        if !refused {
            planned.push(next);
        }
    }
    Plan {
        planned,
        uses: uses
            .into_iter()
            .map(|usable| usable.unwrap_or_else(|| Use::Refused("it was not looked at".into())))
            .collect(),
    }
}

fn set(uses: &mut [Option<Use>], number: usize, usable: Use) {
    if let Some(place) = uses.get_mut(number) {
        *place = Some(usable);
    }
}

/// Finds what a correlation is about.
fn resolve(number: usize, correlation: Correlation, names: &Names) -> Result<Planned, String> {
    let members = correlation
        .rules
        .iter()
        .map(|name| {
            names
                .get(name)
                .ok_or_else(|| format!("no rule in force has the name or id `{name}`"))
        })
        .collect::<Result<Vec<Member>, String>>()?;
    if members.is_empty() {
        return Err("it is about no rules".into());
    }
    let mut aliases: HashMap<String, HashMap<Member, String>> = HashMap::new();
    for alias in &correlation.aliases {
        let fields = aliases.entry(alias.name.clone()).or_default();
        for (rule, field) in &alias.fields {
            let member = names.get(rule).filter(|member| members.contains(member));
            let member = member.ok_or_else(|| {
                format!(
                    "the alias `{}` is for `{rule}`, which the correlation is not about",
                    alias.name
                )
            })?;
            fields.insert(member, field.clone());
        }
    }
    Ok(Planned {
        correlation,
        number,
        members,
        aliases,
    })
}
