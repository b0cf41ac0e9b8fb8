//! From rules as they were written to conditions over atoms, class by class.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex::RegexBuilder;

use super::{
    Use,
    atom::{Atom, Check, Subject},
    fold,
    node::{Built, Node},
    text::TextTest,
    witness::{self, Clue, Witness},
};
use crate::detect::sigma::{
    field::{Class, FieldId, Taxonomy},
    rule::{Condition, Item, Part, Pattern, Rule, Search, Test, Values},
};

/// How deep conditions, with the selections in them, may be nested.
const DEPTH_MAX: usize = 160;
/// Most questions that one rule may ask, each as often as its selection is used.
const QUESTIONS_MAX: usize = 100_000;
/// Most bytes of a compiled regular expression, and of its cache.
const REGEX_BYTES_MAX: usize = 1 << 20;

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
    slots: HashMap<FieldId, usize>,
    /// The fields, by slot.
    pub(super) fields: Vec<FieldId>,
    pub(super) atoms: Vec<Atom>,
    /// What is known of atoms, by the same index.
    about: Vec<About>,
    known: HashMap<(Subject, Question), usize>,
    /// The programs of each class, in the order of rules.
    pub(super) programs: BTreeMap<Class, Vec<Program>>,
}

/// What is known of an atom, beside what is asked.
struct About {
    witness: Option<Witness>,
    /// Why it is not so on Linux, as a rule.
    unlikely: Option<String>,
    /// How many programs ask it.
    uses: usize,
}

/// What several rules may ask.
#[derive(PartialEq, Eq, Hash)]
enum Question {
    Exists,
    Text { pattern: Pattern, cased: bool },
    Regex(String),
}

/// A rule in one class.
struct Translation<'a, 'b> {
    compiler: &'a mut Compiler<'b>,
    class: Class,
    rule: &'a Rule,
    /// Names that such events have no field for.
    missing: BTreeSet<&'a str>,
    /// Names of fields that always have the same value, another than is asked for.
    fixed: BTreeMap<&'a str, &'static str>,
    questions: usize,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(taxonomy: &'a dyn Taxonomy) -> Self {
        Self {
            taxonomy,
            slots: HashMap::new(),
            fields: Vec::new(),
            atoms: Vec::new(),
            about: Vec::new(),
            known: HashMap::new(),
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
        if classes.is_empty() {
            return Use::NeverFires("there are no such events".to_owned());
        }
        let mut uses = Vec::with_capacity(classes.len());
        let mut programs = Vec::with_capacity(classes.len());
        for class in classes {
            match self.translate(class, rule) {
                Ok((usable, condition)) => {
                    uses.push(usable);
                    programs.extend(condition.map(|condition| (class, condition)));
                }
                Err(reason) => return Use::Refused(reason),
            }
        }
        for (class, mut condition) in programs {
            condition.order(&mut |atom| {
                if let Some(about) = self.about.get_mut(atom) {
                    about.uses += 1;
                }
                self.atoms.get(atom).map_or(0, |atom| atom.check.cost())
            });
            self.programs.entry(class).or_default().push(Program {
                rule: index,
                condition,
            });
        }
        Use::of_all(uses)
    }

    /// The rule's condition in a class, if it can be so and need not.
    fn translate(&mut self, class: Class, rule: &Rule) -> Result<(Use, Option<Node>), String> {
        let mut translation = Translation {
            compiler: self,
            class,
            rule,
            missing: BTreeSet::new(),
            fixed: BTreeMap::new(),
            questions: 0,
        };
        let built = translation.condition(&rule.condition, true, 0)?;
        let Translation {
            compiler,
            missing,
            fixed,
            ..
        } = translation;
        let lacking = lacking(&missing);
        Ok(match built {
            Built::Always => {
                let reason = match lacking {
                    Some(lacking) => format!("it matches every event, as {lacking}"),
                    None => "it matches every event".to_owned(),
                };
                (Use::Refused(reason), None)
            }
            Built::Never => {
                let fixed = fixed
                    .iter()
                    .map(|(name, value)| format!("`{name}` is always `{value}`"));
                let reasons: Vec<String> = lacking.into_iter().chain(fixed).collect();
                let reason = if reasons.is_empty() {
                    "its condition can never be met".to_owned()
                } else {
                    reasons.join(", and ")
                };
                (Use::NeverFires(reason), None)
            }
            Built::Depends(condition) => {
                let usable = match compiler.why_never(&condition) {
                    Some(reason) => Use::NeverFires(reason),
                    None => match lacking {
                        Some(lacking) => {
                            Use::Partial(format!("{lacking}, so what asks for that is never met"))
                        }
                        None => Use::Full,
                    },
                };
                (usable, Some(condition))
            }
        })
    }

    /// Why a condition is never met on Linux, as a rule: it is still tried, as a file's name may be odd.
    fn why_never(&self, condition: &Node) -> Option<String> {
        let unlikely = |atom: usize| self.about.get(atom)?.unlikely.as_ref();
        let first = std::cell::RefCell::new(None);
        let possible = condition.possible_without(&|atom| {
            let unlikely = unlikely(atom);
            if let Some(reason) = unlikely {
                first.borrow_mut().get_or_insert_with(|| reason.clone());
            }
            unlikely.is_some()
        });
        if possible { None } else { first.into_inner() }
    }

    /// What shows in an event that a program may match.
    pub(super) fn clues(&self, program: &Program) -> Option<Vec<Clue>> {
        let witness = |atom: usize| self.about.get(atom)?.witness.as_ref();
        witness::of_node(&program.condition, &witness).map(|witness| witness.clues)
    }

    /// The atoms, when all rules are compiled.
    pub(super) fn finished_atoms(&mut self) -> Box<[Atom]> {
        /// A look at what was answered costs about as much.
        const CHEAP: u32 = 5;
        for (atom, about) in self.atoms.iter_mut().zip(&self.about) {
            atom.remembered = about.uses > 1 && atom.check.cost() > CHEAP;
        }
        std::mem::take(&mut self.atoms).into()
    }

    fn slot(&mut self, field: FieldId) -> usize {
        *self.slots.entry(field).or_insert_with(|| {
            self.fields.push(field);
            self.fields.len() - 1
        })
    }

    fn add(&mut self, subject: Subject, check: Check) -> usize {
        self.atoms.push(Atom {
            subject,
            check,
            remembered: false,
        });
        self.about.push(About {
            witness: None,
            unlikely: None,
            uses: 0,
        });
        self.atoms.len() - 1
    }

    fn exists(&mut self, subject: Subject) -> usize {
        if let Some(known) = self.known.get(&(subject, Question::Exists)) {
            return *known;
        }
        let atom = self.add(subject, Check::Exists);
        self.known.insert((subject, Question::Exists), atom);
        atom
    }

    fn text(&mut self, subject: Subject, name: &str, pattern: &Pattern, cased: bool) -> usize {
        let key = (
            subject,
            Question::Text {
                pattern: pattern.clone(),
                cased,
            },
        );
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let test = TextTest::new(pattern, !cased);
        if matches!((&test, subject), (TextTest::Everything, Subject::Field(_))) {
            return self.exists(subject);
        }
        let check = if cased {
            Check::Cased(test)
        } else {
            Check::Folded(test)
        };
        let path = match subject {
            Subject::Field(slot) => self
                .fields
                .get(slot)
                .is_some_and(|field| self.taxonomy.is_path(*field)),
            Subject::Words => false,
        };
        let atom = self.add(subject, check);
        if let Some(about) = self.about.get_mut(atom) {
            about.witness = witness::of_pattern(subject, pattern, path);
            let backslash = pattern
                .0
                .iter()
                .any(|part| matches!(part, Part::Literal(text) if text.contains('\\')));
            if path && backslash {
                about.unlikely = Some(format!(
                    "it asks for a `\\` in `{name}`, but paths on Linux are written with `/`"
                ));
            }
        }
        self.known.insert(key, atom);
        atom
    }

    fn regex(&mut self, subject: Subject, regex: &str) -> Result<usize, String> {
        let key = (subject, Question::Regex(regex.to_owned()));
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let compiled = RegexBuilder::new(regex)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => format!(
                    "the regular expression `{regex}` needs more than {limit} bytes when compiled; \
                     use smaller counts"
                ),
                error => format!("the regular expression `{regex}` is not valid: {error}"),
            })?;
        let atom = self.add(subject, Check::Regex(Box::new(compiled)));
        if let Some(about) = self.about.get_mut(atom) {
            about.witness = witness::of_regex(subject, regex);
        }
        self.known.insert(key, atom);
        Ok(atom)
    }
}

impl<'a> Translation<'a, '_> {
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
            this.test(&item.field, test, wanted)
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
    fn test(&mut self, name: &'a str, test: &'a Test, wanted: bool) -> Result<Built, String> {
        let taxonomy = self.compiler.taxonomy;
        let Some(field) = taxonomy.field(self.class, name) else {
            self.missing.insert(name);
            let absent = matches!(test, Test::Null | Test::Exists(false));
            return Ok(Built::known(absent == wanted));
        };
        if let Some(constant) = taxonomy.constant(field)
            && let Some(answer) = of_constant(test, constant)
        {
            if !answer {
                self.fixed.insert(name, constant);
            }
            return Ok(Built::known(answer == wanted));
        }
        let slot = self.compiler.slot(field);
        let subject = Subject::Field(slot);
        let (atom, wanted) = match test {
            Test::Null => (self.compiler.exists(subject), !wanted),
            Test::Exists(exists) => (self.compiler.exists(subject), wanted == *exists),
            Test::Text { pattern, cased } => {
                (self.compiler.text(subject, name, pattern, *cased), wanted)
            }
            Test::Regex(regex) => (self.compiler.regex(subject, regex)?, wanted),
            Test::Network(network) => {
                let check = Check::Network(*network);
                (self.compiler.add(subject, check), wanted)
            }
            Test::Number(relation, bound) => {
                let check = Check::Number(*relation, *bound);
                (self.compiler.add(subject, check), wanted)
            }
            Test::Field {
                name: other,
                position,
                cased,
            } => {
                let Some(field) = taxonomy.field(self.class, other) else {
                    self.missing.insert(other);
                    return Ok(Built::known(!wanted));
                };
                let other = self.compiler.slot(field);
                let check = Check::Field {
                    other,
                    position: *position,
                    cased: *cased,
                };
                (self.compiler.add(subject, check), wanted)
            }
            Test::Moment(part, number) => {
                let check = Check::Moment(*part, *number);
                (self.compiler.add(subject, check), wanted)
            }
        };
        Ok(leaf(atom, wanted))
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
                self.compiler.text(subject, "", &Pattern(parts), *cased)
            }
            Test::Regex(regex) => self.compiler.regex(subject, regex)?,
            Test::Network(network) => self.compiler.add(subject, Check::Network(*network)),
            Test::Number(relation, bound) => {
                let check = Check::Number(*relation, *bound);
                self.compiler.add(subject, check)
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

/// That events have no fields with these names, if there are such.
fn lacking(names: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("the events have no {}", names.join(", ")))
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
