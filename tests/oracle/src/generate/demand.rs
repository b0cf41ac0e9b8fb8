//! What an event should have, by a random way through a rule's condition.

use fastrand::Rng;
use sensor::detect::sigma::rule::{Condition, Item, Rule, Search, Test, Values};

/// How likely something that is demanded is forgotten.
const FORGOTTEN: f64 = 0.05;
/// How likely something that must not be so is demanded.
const FORBIDDEN: f64 = 0.25;

/// Something that an event should have.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The field; empty for any.
    pub field: &'a str,
    /// What is asked of it.
    pub test: &'a Test,
}

/// What an event should have that a rule matches, or nearly.
pub fn of<'a>(rule: &'a Rule, random: &mut Rng) -> Vec<Demand<'a>> {
    let mut way = Way {
        rule,
        random,
        demands: Vec::new(),
    };
    way.condition(&rule.condition, true);
    way.demands
}

struct Way<'a, 'b> {
    rule: &'a Rule,
    random: &'b mut Rng,
    demands: Vec<Demand<'a>>,
}

impl<'a> Way<'a, '_> {
    fn condition(&mut self, condition: &'a Condition, wanted: bool) {
        match condition {
            Condition::Selection(index) => {
                if (wanted || self.random.f64() < FORBIDDEN)
                    && let Some(selection) = self.rule.selections.get(*index)
                {
                    self.search(&selection.search);
                }
            }
            Condition::Not(part) => self.condition(part, !wanted),
            Condition::All(parts) if wanted => self.some(parts, parts.len(), wanted),
            Condition::Any(parts) if !wanted => self.some(parts, parts.len(), wanted),
            Condition::All(parts) | Condition::Any(parts) => self.some(parts, 1, wanted),
            Condition::AtLeast(count, parts) => self.some(parts, *count, wanted),
        }
    }

    fn some(&mut self, parts: &'a [Condition], count: usize, wanted: bool) {
        for part in self.random.choose_multiple(parts.iter(), count) {
            self.condition(part, wanted);
        }
    }

    fn search(&mut self, search: &'a Search) {
        match search {
            Search::All(items) => {
                for item in items {
                    if self.random.f64() >= FORGOTTEN {
                        self.item(item);
                    }
                }
            }
            Search::Any(searches) => {
                if let Some(search) = self.random.choice(searches) {
                    self.search(search);
                }
            }
            Search::Keywords(values) => self.values("", values),
        }
    }

    fn item(&mut self, item: &'a Item) {
        if !item.negated || self.random.f64() < FORBIDDEN {
            self.values(&item.field, &item.values);
        }
    }

    fn values(&mut self, field: &'a str, values: &'a Values) {
        let count = if values.all { values.tests.len() } else { 1 };
        for alternatives in self.random.choose_multiple(values.tests.iter(), count) {
            let test = self.random.choice(alternatives);
            self.demands.extend(test.map(|test| Demand { field, test }));
        }
    }
}
