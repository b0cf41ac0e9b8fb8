//! The ways through a condition: what must be so, and what must not.

use crate::detect::sigma::rule::{Condition, Item, Rule, Search, Test, Values};

/// Most ways that are looked at.
const WAYS_MAX: usize = 256;

/// Something that must be so, or must not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand<'a> {
    /// The field.
    pub(super) field: &'a str,
    /// What is asked of it.
    pub(super) test: &'a Test,
    /// Whether it must be so.
    pub(super) wanted: bool,
}

/// All that is demanded on one way.
pub(super) type Way<'a> = Vec<Demand<'a>>;

/// Some ways through a condition, those that come first in it first.
pub(super) fn through<'a>(condition: &'a Condition, rule: &'a Rule) -> Vec<Way<'a>> {
    condition_ways(condition, rule, true)
}

fn condition_ways<'a>(condition: &'a Condition, rule: &'a Rule, wanted: bool) -> Vec<Way<'a>> {
    let parts = |parts: &'a [Condition]| -> Vec<Vec<Way<'a>>> {
        let ways = parts.iter().map(|part| condition_ways(part, rule, wanted));
        ways.collect()
    };
    match condition {
        Condition::Selection(index) => search_ways(&rule.selections[*index].search, wanted),
        Condition::Not(part) => condition_ways(part, rule, !wanted),
        Condition::All(all) => joined(parts(all), wanted),
        Condition::Any(any) => joined(parts(any), !wanted),
        Condition::AtLeast(count, any) => joined(parts(any), (*count > 1) == wanted),
    }
}

fn search_ways(search: &Search, wanted: bool) -> Vec<Way<'_>> {
    match search {
        Search::All(items) => {
            let ways = items.iter().map(|item| item_ways(item, wanted));
            joined(ways.collect(), wanted)
        }
        Search::Any(searches) => {
            let ways = searches.iter().map(|search| search_ways(search, wanted));
            joined(ways.collect(), !wanted)
        }
        Search::Keywords(values) => value_ways("", values, wanted),
    }
}

fn item_ways(item: &Item, wanted: bool) -> Vec<Way<'_>> {
    value_ways(&item.field, &item.values, wanted != item.negated)
}

fn value_ways<'a>(field: &'a str, values: &'a Values, wanted: bool) -> Vec<Way<'a>> {
    let one = |test: &'a Test| {
        vec![vec![Demand {
            field,
            test,
            wanted,
        }]]
    };
    let ways = values.tests.iter().map(|alternatives| {
        let ways = alternatives.iter().map(one);
        joined(ways.collect(), !wanted)
    });
    joined(ways.collect(), values.all == wanted)
}

/// Ways through all of the parts, or through any.
fn joined(parts: Vec<Vec<Way<'_>>>, all: bool) -> Vec<Way<'_>> {
    let mut ways: Vec<Way<'_>> = if all {
        parts.into_iter().fold(vec![Vec::new()], |ways, part| {
            let longer = ways.iter().flat_map(|way| {
                let longer = part
                    .iter()
                    .map(|more| way.iter().chain(more).copied().collect());
                longer.collect::<Vec<Way<'_>>>()
            });
            longer.take(WAYS_MAX).collect()
        })
    } else {
        parts.into_iter().flatten().collect()
    };
    ways.truncate(WAYS_MAX);
    ways
}
