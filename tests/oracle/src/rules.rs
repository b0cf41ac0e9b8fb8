//! Rules, each as both engines read it.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use sensor::detect::sigma::{
    field::{Class, Taxonomy},
    matcher::{Matcher, Use},
    reading::{self, Placeholders},
    rule::Rule,
};

use crate::second::Second;

/// A rule that both engines take.
pub struct Pair {
    /// As the sensor reads it.
    pub rule: Rule,
    /// As the second engine does.
    pub second: Second,
    /// The classes of events that it is about.
    pub classes: Vec<Class>,
    /// Whether the sensor has events that it can match.
    pub can_fire: bool,
    /// Its text.
    pub text: Arc<str>,
}

/// A rule that not both engines take, or neither.
#[derive(Debug)]
pub struct Refusal {
    /// Which rule.
    pub rule: String,
    /// Why the sensor does not take it.
    pub ours: Option<String>,
    /// Why the second engine does not.
    pub theirs: Option<String>,
}

/// Rules.
#[derive(Default)]
pub struct Rules {
    /// Those that both take.
    pub pairs: Vec<Pair>,
    /// Those that not both take.
    pub refusals: Vec<Refusal>,
    /// How many are about events that the sensor does not have, by log source.
    pub elsewhere: BTreeMap<String, usize>,
}

impl Rules {
    /// Reads all rules of a directory and those below it; how many files there were.
    ///
    /// # Errors
    ///
    /// A file or directory cannot be read.
    pub fn add_directory(&mut self, directory: &Path, taxonomy: &dyn Taxonomy) -> Result<usize> {
        let entries = fs::read_dir(directory)
            .with_context(|| format!("cannot list the rules of {}", directory.display()))?;
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        let mut files = 0;
        for path in paths {
            if path.is_dir() {
                files += self.add_directory(&path, taxonomy)?;
                continue;
            }
            let name = path.to_string_lossy();
            if !name.ends_with(".yml") || name.ends_with(".tests.yml") {
                continue;
            }
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read the rules of {}", path.display()))?;
            self.add(&text, &path, taxonomy);
            files += 1;
        }
        Ok(files)
    }

    /// Reads the rules of a text.
    pub fn add(&mut self, text: &str, path: &Path, taxonomy: &dyn Taxonomy) {
        let name = path.display().to_string();
        let ours = reading::read(text, &Arc::from(path), &Placeholders::default());
        let problem = ours.problems.first().map(|problem| problem.what.clone());
        let (theirs, mut error) = match rsigma_parser::parse_sigma_yaml(text) {
            Ok(collection) => (collection.rules, collection.errors.first().cloned()),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let same = ours.rules.len() == theirs.len()
            && ours
                .rules
                .iter()
                .zip(&theirs)
                .all(|(rule, other)| rule.header.title == other.title);
        if problem.is_none() && error.is_none() && !same {
            error = Some("it finds other rules in the file".to_owned());
        }
        if problem.is_some() || error.is_some() {
            // A rule that cannot be compiled is refused as much as one that cannot be read.
            let compiled = theirs
                .iter()
                .find_map(|rule| Some(Second::new(rule.clone()).err()?.to_string()));
            self.refusals.push(Refusal {
                rule: name,
                ours: problem,
                theirs: error.or(compiled),
            });
            return;
        }
        let text: Arc<str> = text.into();
        for (rule, other) in ours.rules.into_iter().zip(theirs) {
            self.add_rule(rule, Second::new(other), &text, taxonomy);
        }
    }

    fn add_rule(
        &mut self,
        rule: Rule,
        second: Result<Second>,
        text: &Arc<str>,
        taxonomy: &dyn Taxonomy,
    ) {
        let name = format!("{}: {}", rule.place, rule.header.title);
        let classes = match taxonomy.classes(&rule.log_source) {
            Ok(classes) => classes,
            Err(_) => {
                let source = &rule.log_source;
                let parts = [&source.product, &source.category, &source.service];
                let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
                *self.elsewhere.entry(parts.join(" ")).or_default() += 1;
                return;
            }
        };
        let (_, uses) = Matcher::compile(std::slice::from_ref(&rule), taxonomy);
        let can_fire = matches!(uses.as_slice(), [Use::Full | Use::Partial(_)]);
        let ours = uses.into_iter().find_map(|usable| match usable {
            Use::Refused(reason) => Some(reason),
            Use::Full | Use::Partial(_) | Use::NeverFires(_) => None,
        });
        match (second, ours) {
            (Ok(second), None) => self.pairs.push(Pair {
                rule,
                second,
                classes,
                can_fire,
                text: Arc::clone(text),
            }),
            (second, ours) => self.refusals.push(Refusal {
                rule: name,
                ours,
                theirs: second.err().map(|error| format!("{error:#}")),
            }),
        }
    }
}
