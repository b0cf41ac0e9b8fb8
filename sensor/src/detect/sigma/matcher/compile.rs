//! From rules as they were written to conditions over atoms, class by class.

use std::collections::BTreeMap;

use super::{
    atom::{Check, Subject},
    atoms::Atoms,
    fold,
    node::{Built, Node},
    text::TextTest,
    usage::{Effect, InClass, Outcome, Settled, Use},
    witness::{self, Clue},
};
use crate::detect::sigma::{
    field::{Class, Taxonomy},
    rule::{Condition, Item, Part, Pattern, Rule, Search, Test, Values},
};

/// How deep conditions, with the selections in them, may be nested.
const DEPTH_MAX: usize = 160;
/// Most questions that one rule may ask, each as often as its selection is used.
const QUESTIONS_MAX: usize = 100_000;

/// A rule's condition for one class.
#[derive(Debug)]
pub(super) struct Program {
    /// Which rule.
    pub(super) rule: usize,
    pub(super) condition: Node,
}

/// Compiles rules one after another.
pub(super) struct Compiler<'a> {
    taxonomy: &'a dyn Taxonomy,
    pub(super) atoms: Atoms<'a>,
    /// The programs of each class, in the order of rules.
    pub(super) programs: BTreeMap<Class, Vec<Program>>,
}

/// A rule in one class.
struct Translation<'a, 'b, 'c> {
    compiler: &'b mut Compiler<'c>,
    class: Class,
    rule: &'a Rule,
    /// Questions that are answered without an event, by their number.
    settled: BTreeMap<usize, Settled<'a>>,
    /// How many questions were asked. A rule's questions have the same numbers in every class.
    questions: usize,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(taxonomy: &'a dyn Taxonomy) -> Self {
        Self {
            taxonomy,
            atoms: Atoms::new(taxonomy),
            programs: BTreeMap::new(),
        }
    }

    /// Compiles a rule for all of its classes.
    pub(super) fn rule(&mut self, index: usize, rule: &Rule) -> Use {
        let mut classes = match self.taxonomy.classes(&rule.log_source) {
            Ok(classes) => classes,
            Err(reason) => return Use::NeverFires(reason),
        };
        classes.sort_unstable();
        classes.dedup();
        let mut found = Vec::with_capacity(classes.len());
        let mut programs = Vec::with_capacity(classes.len());
        for class in classes {
            match self.translate(class, rule) {
                Ok((in_class, condition)) => {
                    found.push(in_class);
                    programs.extend(condition.map(|condition| (class, condition)));
                }
                Err(reason) => return Use::Refused(reason),
            }
        }
        for (class, mut condition) in programs {
            condition.order(&mut |atom| self.atoms.used(atom));
            self.programs.entry(class).or_default().push(Program {
                rule: index,
                condition,
            });
        }
        Use::of_classes(&found, self.taxonomy)
    }

    /// What comes of a rule in a class, and its condition if that can be so and need not.
    fn translate<'r>(
        &mut self,
        class: Class,
        rule: &'r Rule,
    ) -> Result<(InClass<'r>, Option<Node>), String> {
        let mut translation = Translation {
            compiler: self,
            class,
            rule,
            settled: BTreeMap::new(),
            questions: 0,
        };
        let built = translation.condition(&rule.condition, true, 0)?;
        let settled = translation.settled;
        let (outcome, condition) = match built {
            Built::Always => (Outcome::Always, None),
            Built::Never => (Outcome::Never, None),
            Built::Depends(condition) => {
                let outcome = self
                    .why_never(&condition)
                    .map_or(Outcome::Possible, Outcome::Unlikely);
                (outcome, Some(condition))
            }
        };
        Ok((InClass { outcome, settled }, condition))
    }

    /// Why a condition is never met on Linux, as a rule: it is still tried, as a file's name may be odd.
    fn why_never(&self, condition: &Node) -> Option<String> {
        let first = std::cell::RefCell::new(None);
        let possible = condition.possible_without(&|atom| {
            let unlikely = self.atoms.unlikely(atom);
            if let Some(reason) = unlikely {
                first.borrow_mut().get_or_insert_with(|| reason.to_owned());
            }
            unlikely.is_some()
        });
        if possible { None } else { first.into_inner() }
    }

    /// What shows in an event that a program may match.
    pub(super) fn clues(&self, program: &Program) -> Option<Vec<Clue>> {
        let witness = |atom: usize| self.atoms.witness(atom);
        witness::of_node(&program.condition, &witness).map(|witness| witness.clues)
    }
}

impl<'a> Translation<'a, '_, '_> {
    /// A condition, or its opposite if that is wanted.
    fn condition(
        &mut self,
        condition: &'a Condition,
        wanted: bool,
        depth: usize,
    ) -> Result<Built, String> {
        deeper(depth)?;
        let (count, parts) = match condition {
            Condition::Selection(index) => {
                let selection = self.rule.selections.get(*index).ok_or_else(|| {
                    format!("its condition names selection {index}, which it has not")
                })?;
                return self.search(&selection.search, wanted, depth + 1);
            }
            Condition::Not(part) => return self.condition(part, !wanted, depth + 1),
            Condition::All(parts) => (parts.len(), parts),
            Condition::Any(parts) => (1, parts),
            Condition::AtLeast(count, parts) => (*count, parts),
        };
        let parts: Vec<Built> = parts
            .iter()
            .map(|part| self.condition(part, wanted, depth + 1))
            .collect::<Result<_, _>>()?;
        Ok(counted(count, parts, wanted))
    }

    fn search(&mut self, search: &'a Search, wanted: bool, depth: usize) -> Result<Built, String> {
        deeper(depth)?;
        match search {
            Search::All(items) => {
                let parts: Vec<Built> = items
                    .iter()
                    .map(|item| self.item(item, wanted))
                    .collect::<Result<_, _>>()?;
                Ok(counted(parts.len(), parts, wanted))
            }
            Search::Any(searches) => {
                let parts = searches
                    .iter()
                    .map(|search| self.search(search, wanted, depth + 1))
                    .collect::<Result<_, _>>()?;
                Ok(counted(1, parts, wanted))
            }
            Search::Keywords(values) => {
                self.values(values, wanted, |this, test, wanted| this.word(test, wanted))
            }
        }
    }

    fn item(&mut self, item: &'a Item, wanted: bool) -> Result<Built, String> {
        let wanted = wanted != item.negated;
        self.values(&item.values, wanted, |this, test, wanted| {
            this.test(item, test, wanted)
                .map_err(|reason| format!("line {}: {reason}", item.line))
        })
    }

    fn values(
        &mut self,
        values: &'a Values,
        wanted: bool,
        mut one: impl FnMut(&mut Self, &'a Test, bool) -> Result<Built, String>,
    ) -> Result<Built, String> {
        let mut parts = Vec::with_capacity(values.tests.len());
        for alternatives in &values.tests {
            let mut built = Vec::with_capacity(alternatives.len());
            for test in alternatives {
                self.questions += 1;
                if self.questions > QUESTIONS_MAX {
                    return Err(format!(
                        "its condition asks more than {QUESTIONS_MAX} questions; split it"
                    ));
                }
                built.push(one(self, test, wanted)?);
            }
            parts.push(counted(1, built, wanted));
        }
        let count = if values.all { parts.len() } else { 1 };
        Ok(counted(count, parts, wanted))
    }

    /// A test of a field, or its opposite.
    fn test(&mut self, item: &'a Item, test: &'a Test, wanted: bool) -> Result<Built, String> {
        let name = item.field.as_str();
        let taxonomy = self.compiler.taxonomy;
        let Some(field) = taxonomy.field(self.class, name) else {
            let absent = matches!(test, Test::Null | Test::Exists(false));
            return Ok(self.settled(item, name, None, absent == wanted));
        };
        if let Some(constant) = taxonomy.constant(field)
            && let Some(answer) = of_constant(test, constant)
        {
            let is_met_anyway = || {
                let is = |test, text| of_constant(test, text) == Some(true);
                let mut beside = item.values.tests.iter().flatten();
                let other = taxonomy.stands_for(field);
                other.is_some_and(|other| is(test, other))
                    && !item.values.all
                    && beside.any(|test| is(test, constant))
            };
            if !answer && is_met_anyway() {
                return Ok(Built::known(!wanted));
            }
            return Ok(self.settled(item, name, Some(constant), answer == wanted));
        }
        let atoms = &mut self.compiler.atoms;
        let subject = Subject::Field(atoms.slot(field));
        let (atom, wanted) = match test {
            Test::Null => (atoms.exists(subject), !wanted),
            Test::Exists(exists) => (atoms.exists(subject), wanted == *exists),
            Test::Text { pattern, cased } => (atoms.text(subject, name, pattern, *cased), wanted),
            Test::Regex(regex) => (atoms.regex(subject, regex)?, wanted),
            Test::Network(network) => (atoms.add(subject, Check::Network(*network)), wanted),
            Test::Number(relation, bound) => {
                let check = Check::Number(*relation, *bound);
                (atoms.add(subject, check), wanted)
            }
            Test::Field {
                name: other,
                position,
                cased,
            } => {
                let Some(field) = taxonomy.field(self.class, other) else {
                    return Ok(self.settled(item, other, None, !wanted));
                };
                let check = Check::Field {
                    other: atoms.slot(field),
                    position: *position,
                    cased: *cased,
                };
                (atoms.add(subject, check), wanted)
            }
            Test::Moment(part, number) => {
                let check = Check::Moment(*part, *number);
                (atoms.add(subject, check), wanted)
            }
        };
        Ok(leaf(atom, wanted))
    }

    /// A question that is answered without an event, as the class has no such field or always the same
    /// in it.
    fn settled(
        &mut self,
        item: &'a Item,
        field: &'a str,
        constant: Option<&'static str>,
        answer: bool,
    ) -> Built {
        let settled = Settled {
            field,
            line: item.line,
            constant,
            effect: if answer {
                Effect::Frees
            } else {
                Effect::Blocks
            },
        };
        self.settled.insert(self.questions, settled);
        Built::known(answer)
    }

    /// A test of any text of the event, or its opposite.
    fn word(&mut self, test: &'a Test, wanted: bool) -> Result<Built, String> {
        let subject = Subject::Words;
        let atom = match test {
            Test::Text { pattern, cased } => {
                let mut parts = Vec::with_capacity(pattern.0.len() + 2);
                parts.push(Part::Any);
                parts.extend(pattern.0.iter().cloned());
                parts.push(Part::Any);
                self.compiler
                    .atoms
                    .text(subject, "", &Pattern(parts), *cased)
            }
            Test::Regex(regex) => self.compiler.atoms.regex(subject, regex)?,
            Test::Network(network) => self.compiler.atoms.add(subject, Check::Network(*network)),
            Test::Number(relation, bound) => {
                let check = Check::Number(*relation, *bound);
                self.compiler.atoms.add(subject, check)
            }
            Test::Null | Test::Exists(_) | Test::Field { .. } | Test::Moment(..) => {
                return Err("it asks without a field what only a field can answer".to_owned());
            }
        };
        Ok(leaf(atom, wanted))
    }
}

/// What a test finds of a field that always has this text; none if it needs an event for that.
fn of_constant(test: &Test, constant: &str) -> Option<bool> {
    match test {
        Test::Null => Some(false),
        Test::Exists(exists) => Some(*exists),
        Test::Text { pattern, cased } => {
            let test = TextTest::new(pattern, !cased);
            Some(if *cased {
                test.matches(constant)
            } else {
                test.matches(&fold::folded(constant))
            })
        }
        Test::Regex(_)
        | Test::Network(_)
        | Test::Number(..)
        | Test::Field { .. }
        | Test::Moment(..) => None,
    }
}

fn leaf(atom: usize, wanted: bool) -> Built {
    Built::Depends(if wanted {
        Node::Is(atom)
    } else {
        Node::Not(atom)
    })
}

/// That at least so many of the parts are so; or the opposite, of parts that are opposites already.
fn counted(count: usize, parts: Vec<Built>, wanted: bool) -> Built {
    if wanted {
        return Built::at_least(count, parts);
    }
    match (parts.len() + 1).checked_sub(count) {
        Some(opposite) => Built::at_least(opposite, parts),
        None => Built::Always,
    }
}

fn deeper(depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!(
            "its condition is nested deeper than {DEPTH_MAX} levels"
        ));
    }
    Ok(())
}
