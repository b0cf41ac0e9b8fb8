//! Going through a file by the table of keys, and collecting everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::clock::wall_time;

use super::{
    ByteSize, Config, Problem, Shards,
    detect::{self, exception},
    keys::{Key, keys, nearest, sections},
    losses, page_size, sink,
    value::Value,
};

/// What a text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The configuration; where there is a problem, the default stands.
    pub config: Config,
    /// Everything that is wrong with the text, in the order of its lines.
    pub problems: Vec<Problem>,
    /// What goes unseen with this configuration, and what is out of date in it, in the order of the
    /// lines that say so.
    pub warnings: Vec<Problem>,
}

/// The line that gives each key its value, by section and name.
pub(super) type Lines = BTreeMap<(&'static str, &'static str), usize>;

/// Reads a configuration.
#[must_use]
pub fn read(text: &str) -> Reading {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        config: Config::default(),
        problems: Vec::new(),
        lines: Lines::new(),
    };
    // An error in what TOML is may lead to others in its line: the first says what to do.
    let mut broken = BTreeSet::new();
    let mut problems = Vec::new();
    for error in errors {
        let line = reader.line(error.span().map_or(0, |span| span.start));
        if broken.insert(line) {
            problems.push(Problem {
                line: Some(line),
                what: format!("this is not TOML: {}", error.message()),
            });
        }
    }
    reader.sections(table.get_ref());
    reader.together();
    problems.extend(
        reader
            .problems
            .into_iter()
            .filter(|problem| problem.line.is_none_or(|line| !broken.contains(&line))),
    );
    problems.sort();
    problems.dedup();
    let mut warnings = losses::of(&reader.config, &reader.lines);
    warnings.extend(exception::expired(
        &reader.config.detect.exceptions,
        wall_time(),
    ));
    warnings.sort();
    Reading {
        config: reader.config,
        problems,
        warnings,
    }
}

struct Reader<'t> {
    text: &'t str,
    config: Config,
    problems: Vec<Problem>,
    lines: Lines,
}

impl Reader<'_> {
    fn sections(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = name.span().start;
            let name = name.get_ref().as_ref();
            if name == sink::SECTION {
                let (sinks, flaws) = sink::read(Value(value), at);
                self.config.sinks = sinks;
                for flaw in flaws.0 {
                    self.problem(flaw.at, flaw.what);
                }
                continue;
            }
            let Some(section) = sections().find(|section| *section == name) else {
                self.problem(at, no_section(name, value));
                continue;
            };
            match value.get_ref() {
                DeValue::Table(keys) => self.keys(section, keys),
                _ => self.problem(
                    at,
                    format!("`{section}` is a section: write [{section}] in a line of its own, and its keys below"),
                ),
            }
        }
    }

    fn keys(&mut self, section: &'static str, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = name.span().start;
            let name = name.get_ref().as_ref();
            if section == detect::SECTION && name == exception::NAME {
                self.exceptions(Value(value), at);
                continue;
            }
            match keys().find(|key| key.section == section && key.name == name) {
                Some(key) => self.value(key, at, value),
                None => self.problem(at, no_key(section, name)),
            }
        }
    }

    fn exceptions(&mut self, value: Value<'_>, at: usize) {
        let (exceptions, flaws) = exception::read(value, at, &|at| self.line(at));
        self.config.detect.exceptions = exceptions;
        for flaw in flaws.0 {
            self.problem(flaw.at, flaw.what);
        }
    }

    fn value(&mut self, key: &Key, at: usize, value: &Spanned<DeValue<'_>>) {
        let line = self.line(at);
        self.lines.insert((key.section, key.name), line);
        if let Err(flaws) = (key.read)(&mut self.config, Value(value)) {
            for flaw in flaws.0 {
                self.problem(
                    flaw.at,
                    format!("`{}.{}` {}", key.section, key.name, flaw.what),
                );
            }
        }
        if (key.section, key.name) == (detect::SECTION, detect::DISABLED_RULES) {
            let text = self.text;
            let detect = &mut self.config.detect;
            detect.note_lines(Value(value), &|at| line_of(text, at));
        }
    }

    /// What is wrong with values only together.
    fn together(&mut self) {
        let rings = &self.config.rings;
        let Shards::Count(shards) = rings.bulk_shards else {
            return;
        };
        let page_size = page_size();
        let needed = shards.saturating_mul(page_size);
        if rings.bulk_bytes >= needed {
            return;
        }
        let what = format!(
            "`rings.bulk_bytes` is {}, but each of its {shards} shards needs a page of {}: make it at least \"{}\", or \
             `rings.bulk_shards` \"auto\"",
            ByteSize(rings.bulk_bytes.into()),
            ByteSize(page_size.into()),
            ByteSize(needed.into()),
        );
        let line = [("rings", "bulk_bytes"), ("rings", "bulk_shards")]
            .iter()
            .find_map(|key| self.lines.get(key))
            .copied();
        self.problems.push(Problem { line, what });
    }

    fn problem(&mut self, at: usize, what: String) {
        let line = Some(self.line(at));
        self.problems.push(Problem { line, what });
    }

    /// The line of a place in the text.
    fn line(&self, at: usize) -> usize {
        line_of(self.text, at)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn no_section(name: &str, value: &Spanned<DeValue<'_>>) -> String {
    let is_array_of_tables = matches!(
        value.get_ref(),
        DeValue::Array(tables) if tables.iter().any(|one| matches!(one.get_ref(), DeValue::Table(_)))
    );
    if !matches!(value.get_ref(), DeValue::Table(_)) && !is_array_of_tables {
        // A key before the first section.
        return match owner(name) {
            Some(key) => format!(
                "`{name}` is outside of its section: write [{}] in the line above it",
                key.section
            ),
            None => {
                let near = nearest(name, keys().map(|key| key.name)).and_then(owner);
                match near {
                    Some(key) => format!(
                        "there is no key `{name}`: did you mean `{}` in [{}]?",
                        key.name, key.section
                    ),
                    None => format!("there is no key `{name}`: remove it; {}", all_sections()),
                }
            }
        };
    }
    match nearest(name, sections().chain([sink::SECTION, exception::NAME])) {
        Some(exception::NAME) => format!(
            "there is no section [{name}]: did you mean [[{}.{}]]?",
            detect::SECTION,
            exception::NAME
        ),
        Some(sink::SECTION) => {
            format!(
                "there is no section [{name}]: did you mean [[{}]]?",
                sink::SECTION
            )
        }
        Some(near) => format!("there is no section [{name}]: did you mean [{near}]?"),
        None => format!(
            "there is no section [{name}]: remove it; {}",
            all_sections()
        ),
    }
}

fn all_sections() -> String {
    let mut all: Vec<String> = sections().map(|section| format!("[{section}]")).collect();
    all.push(format!("[[{}]]", sink::SECTION));
    format!("there are {}", all.join(", "))
}

fn no_key(section: &str, name: &str) -> String {
    let start = format!("there is no key `{section}.{name}`: ");
    let in_section = || keys().filter(|key| key.section == section);
    if let Some(key) = owner(name) {
        return format!("{start}`{name}` belongs to [{}]", key.section);
    }
    let tables = (section == detect::SECTION).then_some(exception::NAME);
    match nearest(name, in_section().map(|key| key.name).chain(tables)) {
        Some(exception::NAME) => {
            return format!("{start}did you mean [[{section}.{}]]?", exception::NAME);
        }
        Some(near) => return format!("{start}did you mean `{near}`?"),
        None => {}
    }
    if let Some(key) = nearest(name, keys().map(|key| key.name)).and_then(owner) {
        return format!("{start}did you mean `{}` in [{}]?", key.name, key.section);
    }
    let all: Vec<String> = in_section().map(|key| format!("`{}`", key.name)).collect();
    format!("{start}remove it; [{section}] has {}", all.join(", "))
}

/// The key with this name, in whatever section.
fn owner(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}
