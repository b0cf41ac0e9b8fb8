//! The questions that rules ask of single fields, each known once however many rules ask it.

use std::collections::HashMap;

use regex::RegexBuilder;

use super::{
    atom::{Atom, Check, Subject},
    text::TextTest,
    witness::{self, Witness},
};
use crate::detect::sigma::{
    field::{FieldId, Taxonomy},
    rule::{Part, Pattern},
};

/// Most bytes of a compiled regular expression, and of its cache.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// The atoms of all rules, and the fields that they ask of.
pub(super) struct Atoms<'a> {
    taxonomy: &'a dyn Taxonomy,
    slots: HashMap<FieldId, usize>,
    /// The fields, by slot.
    pub(super) fields: Vec<FieldId>,
    all: Vec<Atom>,
    /// What is known of atoms, by the same index.
    about: Vec<About>,
    known: HashMap<(Subject, Question), usize>,
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

impl<'a> Atoms<'a> {
    pub(super) fn new(taxonomy: &'a dyn Taxonomy) -> Self {
        Self {
            taxonomy,
            slots: HashMap::new(),
            fields: Vec::new(),
            all: Vec::new(),
            about: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// Notes that a condition asks a question: what that costs, about in nanoseconds.
    pub(super) fn used(&mut self, atom: usize) -> u32 {
        if let Some(about) = self.about.get_mut(atom) {
            about.uses += 1;
        }
        self.all.get(atom).map_or(0, |atom| atom.check.cost())
    }

    /// What shows in an event that the answer may be yes.
    pub(super) fn witness(&self, atom: usize) -> Option<&Witness> {
        self.about.get(atom)?.witness.as_ref()
    }

    /// Why the answer is not yes on Linux, as a rule.
    pub(super) fn unlikely(&self, atom: usize) -> Option<&str> {
        self.about.get(atom)?.unlikely.as_deref()
    }

    /// The atoms, when all rules are compiled.
    pub(super) fn finish(&mut self) -> Box<[Atom]> {
        /// A look at what was answered costs about as much.
        const CHEAP: u32 = 5;
        for (atom, about) in self.all.iter_mut().zip(&self.about) {
            atom.remembered = about.uses > 1 && atom.check.cost() > CHEAP;
        }
        std::mem::take(&mut self.all).into()
    }

    /// The place of a field among those that are asked of.
    pub(super) fn slot(&mut self, field: FieldId) -> usize {
        *self.slots.entry(field).or_insert_with(|| {
            self.fields.push(field);
            self.fields.len() - 1
        })
    }

    /// A question that is not looked for among the known ones.
    pub(super) fn add(&mut self, subject: Subject, check: Check) -> usize {
        self.all.push(Atom {
            subject,
            check,
            remembered: false,
        });
        self.about.push(About {
            witness: None,
            unlikely: None,
            uses: 0,
        });
        self.all.len() - 1
    }

    /// Whether a subject is there.
    pub(super) fn exists(&mut self, subject: Subject) -> usize {
        if let Some(known) = self.known.get(&(subject, Question::Exists)) {
            return *known;
        }
        let atom = self.add(subject, Check::Exists);
        self.known.insert((subject, Question::Exists), atom);
        atom
    }

    /// Whether a subject's text, called `name`, is like a pattern.
    pub(super) fn text(
        &mut self,
        subject: Subject,
        name: &str,
        pattern: &Pattern,
        cased: bool,
    ) -> usize {
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

    /// Whether a subject's text is as a regular expression says; why not, if that cannot be compiled.
    pub(super) fn regex(&mut self, subject: Subject, regex: &str) -> Result<usize, String> {
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
