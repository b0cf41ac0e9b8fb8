//! Reads rules from YAML: [`read`].
//!
//! What cannot be used is a problem with its line, and leaves everything else of the file alone: a
//! document is read whole or not at all, and the first thing that is wrong in it is told.
//!
//! A document says what it is by its keys: `detection`, `correlation` or `filter`. Parts that several
//! have in common may stand before them: in a document with `action: global`, or in a first document
//! that has none of those keys. `action: reset` ends that, and `action: repeat` is the document before
//! it with changes.
//!
//! - `yaml` makes trees of the text (`node`, `scalar`), each document by itself.
//! - `header`, `detection`, `correlation` and `filters` read what is in them.
//! - `modifiers` reads a key of a selection, and `values` what it is asked for; `pattern`, `encoding`,
//!   `placeholders` and `regex` are what those need. `condition` reads a condition.
//! - `trials` reads the tests beside a file of rules: [`read_trials`].
//! - `allowance` bounds all of it: a file of [`FILE_SIZE_MAX`] that is made to grow does not.

mod allowance;
mod condition;
mod correlation;
mod detection;
mod encoding;
mod filters;
mod flaw;
mod header;
mod modifiers;
mod node;
pub(in crate::detect) mod pattern;
mod placeholders;
mod regex;
mod scalar;
#[cfg(test)]
mod tests;
mod trials;
mod values;
mod yaml;

use std::{borrow::Cow, collections::BTreeMap, path::Path, sync::Arc};

pub use allowance::{FILE_MEMORY_MAX, REGEXES_MAX, SELECTIONS_MAX, TESTS_MAX};
pub use condition::{CONDITION_DEPTH_MAX, CONDITION_PARTS_MAX};
pub use placeholders::Placeholders;
pub use regex::REGEX_SIZE_MAX;
pub use trials::{Given, Trial, read_trials};
pub use yaml::DEPTH_MAX;

use self::{
    allowance::Allowance,
    flaw::Flaw,
    node::{Content, Node, laid_over},
    yaml::Unreadable,
};
use super::{
    correlation::Correlation,
    filter::Filter,
    problem::Problem,
    rule::{Header, Place, Rule},
};

/// Most bytes of a file.
pub const FILE_SIZE_MAX: usize = 4 << 20;
/// Most problems that are told of a file.
pub const PROBLEMS_MAX: usize = 1_000;

/// Most letters of a title in a problem.
const TITLE_MAX: usize = 256;
/// Most letters of what a problem says.
const WHAT_MAX: usize = 1_000;

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// Its correlations.
    pub correlations: Vec<Correlation>,
    /// Its filters.
    pub filters: Vec<Filter>,
    /// Rules and filters that cannot be used until their placeholders have values.
    pub unresolved: Vec<Unresolved>,
    /// What could not be used, at most [`PROBLEMS_MAX`]; the last one then says how many are not told.
    pub problems: Vec<Problem>,
    /// Bytes that the texts and conditions of its rules take, about.
    pub bytes: usize,
}

/// A rule or filter with placeholders that have no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Where it begins.
    pub place: Place,
    /// What it says of itself.
    pub header: Header,
    /// The placeholders, each with the first line that has it.
    pub placeholders: BTreeMap<String, usize>,
}

impl Unresolved {
    /// Why it is not used, and what to do.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let named: Vec<String> = self
            .placeholders
            .iter()
            .map(|(name, line)| format!("`%{name}%` (line {line})"))
            .collect();
        Problem {
            place: self.place.clone(),
            title: Some(one_line(&self.header.title, TITLE_MAX)),
            what: one_line(
                &format!(
                    "is not used until {} has values: give it some in [detect.placeholders]",
                    named.join(", ")
                ),
                WHAT_MAX,
            ),
        }
    }
}

/// Reads the text of a file. Bad text makes problems, never an error.
#[must_use]
pub fn read(text: &str, file: &Arc<Path>, placeholders: &Placeholders) -> Reading {
    let mut reader = Reader {
        file,
        context: Context {
            placeholders,
            allowance: &mut Allowance::new(),
            unresolved: BTreeMap::new(),
        },
        global: None,
        previous: None,
        reading: Reading::default(),
        untold: 0,
    };
    if text.len() > FILE_SIZE_MAX {
        let what = format!(
            "the file has {} bytes, of which {FILE_SIZE_MAX} would be read: split it",
            text.len()
        );
        reader.tell(&Flaw::new(1, what), None);
        return reader.reading;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents = yaml::documents(text, reader.context.allowance);
    let last = documents.len().saturating_sub(1);
    for (index, document) in documents.into_iter().enumerate() {
        let begins_several = index == 0 && last > 0;
        match document {
            Ok(document) => reader.take(document, begins_several),
            Err(Unreadable { flaw, title }) => reader.tell(&flaw, title),
        }
    }
    reader.finished()
}

/// What the reading of a rule needs besides its text.
struct Context<'a> {
    placeholders: &'a Placeholders,
    allowance: &'a mut Allowance,
    /// Placeholders of the rule that have no values, and where each is first.
    unresolved: BTreeMap<String, usize>,
}

/// Goes through the documents of a file.
struct Reader<'a> {
    file: &'a Arc<Path>,
    context: Context<'a>,
    /// What the documents that follow have in common, and what it weighs.
    global: Option<(Node, usize)>,
    /// What `action: repeat` repeats.
    previous: Option<Node>,
    reading: Reading,
    untold: usize,
}

/// The keys of which a document that is not global has one.
const KINDS: [&str; 3] = ["detection", "correlation", "filter"];

impl Reader<'_> {
    fn take(&mut self, document: Node, begins_several: bool) {
        let own_title = title(&document);
        if let Err(flaw) = self.take_whole(document, begins_several) {
            let title =
                own_title.or_else(|| self.global.as_ref().and_then(|(global, _)| title(global)));
            self.tell(&flaw, title);
        }
    }

    fn take_whole(&mut self, mut document: Node, begins_several: bool) -> Result<(), Flaw> {
        let Content::Mapping(entries) = &mut document.content else {
            return Err(Flaw::new(
                document.line,
                format!("a rule must be a mapping, but here is {}", document.sort()),
            ));
        };
        let action = entries
            .iter()
            .position(|entry| entry.key == "action")
            .map(|index| entries.remove(index));
        let action = action
            .as_ref()
            .map(|entry| (entry.line, entry.value.text()));
        let is_bare = !KINDS.iter().any(|key| document.entry(key).is_some());
        let whole = match action {
            Some((_, Some("global"))) => {
                let weight = document.weight();
                self.global = Some((document, weight));
                return Ok(());
            }
            Some((_, Some("reset"))) => {
                self.global = None;
                return Ok(());
            }
            Some((line, Some("repeat"))) => {
                let previous = self.previous.take().ok_or_else(|| {
                    Flaw::new(line, "`action: repeat` has no document before it to repeat")
                })?;
                let allowance = &mut *self.context.allowance;
                allowance.take_document(document.line, previous.weight())?;
                laid_over(&previous, document)
            }
            Some((line, word)) => {
                return Err(Flaw::new(
                    line,
                    format!(
                        "`action` is `{}`, but must be global, reset or repeat",
                        word.unwrap_or_default()
                    ),
                ));
            }
            None if is_bare && begins_several => {
                let weight = document.weight();
                self.global = Some((document, weight));
                return Ok(());
            }
            None => match &self.global {
                Some((global, weight)) => {
                    let allowance = &mut *self.context.allowance;
                    allowance.take_document(document.line, *weight)?;
                    laid_over(&suited(global, &document), document)
                }
                None => document,
            },
        };
        let read = self.read(&whole);
        self.previous = Some(whole);
        read
    }

    fn read(&mut self, document: &Node) -> Result<(), Flaw> {
        self.context.allowance.begin_rule();
        self.context.unresolved.clear();
        if let Some(entry) = document.entry("correlation") {
            let correlation = correlation::read(document, entry, self.file)?;
            self.reading.correlations.push(correlation);
            return Ok(());
        }
        if let Some(entry) = document.entry("filter") {
            let filter = filters::read(document, entry, self.file, &mut self.context)?;
            if self.is_resolved(&filter.place, &filter.header) {
                self.reading.filters.push(filter);
            }
            return Ok(());
        }
        let entry = document.entry("detection").ok_or_else(|| {
            Flaw::new(
                document.line,
                "has none of `detection`, `correlation` and `filter`: add one",
            )
        })?;
        let header = header::read(document)?;
        let log_source = header::log_source(document)?;
        let (selections, condition) = detection::read(entry, &["timeframe"], &mut self.context)?;
        let place = Place {
            file: Arc::clone(self.file),
            line: document.line,
        };
        if self.is_resolved(&place, &header) {
            self.reading.rules.push(Rule {
                place,
                header,
                log_source,
                selections,
                condition,
            });
        }
        Ok(())
    }

    /// Whether all placeholders of what was just read have values; else that is noted.
    fn is_resolved(&mut self, place: &Place, header: &Header) -> bool {
        let placeholders = std::mem::take(&mut self.context.unresolved);
        let is_resolved = placeholders.is_empty();
        if !is_resolved {
            self.reading.unresolved.push(Unresolved {
                place: place.clone(),
                header: header.clone(),
                placeholders,
            });
        }
        is_resolved
    }

    fn tell(&mut self, flaw: &Flaw, title: Option<String>) {
        if self.reading.problems.len() + 1 >= PROBLEMS_MAX {
            self.untold += 1;
            return;
        }
        self.reading.problems.push(Problem {
            place: Place {
                file: Arc::clone(self.file),
                line: flaw.line,
            },
            title: title.map(|title| one_line(&title, TITLE_MAX)),
            what: one_line(&flaw.what, WHAT_MAX),
        });
    }

    fn finished(mut self) -> Reading {
        self.reading.bytes = self.context.allowance.rule_bytes();
        if self.untold > 0 {
            self.reading.problems.push(Problem {
                place: Place {
                    file: Arc::clone(self.file),
                    line: 1,
                },
                title: None,
                what: format!("{} more problems of the file are not told", self.untold),
            });
        }
        self.reading
    }
}

/// What of a global document a document takes: a rule's selections are nothing to a correlation or a
/// filter.
fn suited<'a>(global: &'a Node, document: &Node) -> Cow<'a, Node> {
    let is_other = KINDS
        .iter()
        .skip(1)
        .any(|key| document.entry(key).is_some());
    let mut global = Cow::Borrowed(global);
    if is_other && let Content::Mapping(entries) = &mut global.to_mut().content {
        entries.retain(|entry| entry.key != "detection");
    }
    global
}

fn title(document: &Node) -> Option<String> {
    document.get("title")?.text().map(str::to_owned)
}

/// A text of the file as part of a line for people: without control characters, and not too long.
fn one_line(text: &str, most: usize) -> String {
    let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}
