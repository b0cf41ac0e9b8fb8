//! Whether a rule matches, answered as the rule is written.

use std::net::IpAddr;

use super::Values;
use crate::detect::sigma::rule::{
    Condition, Item, Network, Part, Pattern, Position, Relation, Rule, Search, Test,
    Values as Asked,
};

/// Whether a rule matches an event.
pub(super) fn matches(rule: &Rule, event: &Values) -> bool {
    holds(&rule.condition, rule, event)
}

fn holds(condition: &Condition, rule: &Rule, event: &Values) -> bool {
    let count = |parts: &[Condition]| parts.iter().filter(|part| holds(part, rule, event)).count();
    match condition {
        Condition::Selection(index) => found(&rule.selections[*index].search, event),
        Condition::Not(part) => !holds(part, rule, event),
        Condition::All(parts) => count(parts) == parts.len(),
        Condition::Any(parts) => count(parts) > 0,
        Condition::AtLeast(least, parts) => count(parts) >= *least,
    }
}

fn found(search: &Search, event: &Values) -> bool {
    match search {
        Search::All(items) => items.iter().all(|item| item_found(item, event)),
        Search::Any(searches) => searches.iter().any(|search| found(search, event)),
        Search::Keywords(asked) => all_or_any(asked, &|test| {
            event.values().any(|text| match test {
                Test::Text { pattern, cased } => {
                    let parts = [&[Part::Any], &pattern.0[..], &[Part::Any]].concat();
                    text_matches(&parts, text, *cased)
                }
                test => answered(test, Some(text), event),
            })
        }),
    }
}

fn item_found(item: &Item, event: &Values) -> bool {
    let value = event.get(&item.field).map(|text| &**text);
    all_or_any(&item.values, &|test| answered(test, value, event)) != item.negated
}

fn all_or_any(asked: &Asked, answer: &dyn Fn(&Test) -> bool) -> bool {
    let one = |alternatives: &Vec<Test>| alternatives.iter().any(answer);
    if asked.all {
        asked.tests.iter().all(one)
    } else {
        asked.tests.iter().any(one)
    }
}

fn answered(test: &Test, value: Option<&str>, event: &Values) -> bool {
    let Some(text) = value else {
        return matches!(test, Test::Null | Test::Exists(false));
    };
    match test {
        Test::Null => false,
        Test::Exists(exists) => *exists,
        Test::Text { pattern, cased } => text_matches(&pattern.0, text, *cased),
        Test::Regex(regex) => regex::Regex::new(regex).unwrap().is_match(text),
        Test::Network(network) => text.parse().is_ok_and(|address| is_in(network, address)),
        Test::Number(relation, bound) => text.parse().is_ok_and(|number: f64| match relation {
            Relation::Less => number < *bound,
            Relation::LessOrEqual => number <= *bound,
            Relation::Greater => number > *bound,
            Relation::GreaterOrEqual => number >= *bound,
        }),
        Test::Field {
            name,
            position,
            cased,
        } => event.get(name).is_some_and(|other| {
            let literal = Part::Literal(other.clone());
            let parts = match position {
                Position::Whole => vec![literal],
                Position::Start => vec![literal, Part::Any],
                Position::End => vec![Part::Any, literal],
                Position::Anywhere => vec![Part::Any, literal, Part::Any],
            };
            text_matches(&parts, text, *cased)
        }),
        Test::Moment(..) => false,
    }
}

fn text_matches(parts: &[Part], text: &str, cased: bool) -> bool {
    let fold = |text: &str| {
        if cased {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    };
    let folded = parts.iter().map(|part| match part {
        Part::Literal(text) => Part::Literal(fold(text)),
        other => other.clone(),
    });
    let folded = Pattern(folded.collect());
    parts_match(&folded.0, &fold(text))
}

fn parts_match(parts: &[Part], text: &str) -> bool {
    match parts.split_first() {
        None => text.is_empty(),
        Some((Part::Literal(literal), rest)) => text
            .strip_prefix(&**literal)
            .is_some_and(|text| parts_match(rest, text)),
        Some((Part::One, rest)) => {
            let mut characters = text.chars();
            characters.next().is_some() && parts_match(rest, characters.as_str())
        }
        Some((Part::Any, [])) => true,
        Some((Part::Any, rest)) => {
            let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            places.into_iter().any(|at| parts_match(rest, &text[at..]))
        }
    }
}

fn is_in(network: &Network, address: IpAddr) -> bool {
    let (network_bits, bits, size) = match (network.address, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let differ: u128 = network_bits ^ bits;
    let free = size - u32::from(network.prefix);
    differ.checked_shr(free).unwrap_or(0) == 0
}
