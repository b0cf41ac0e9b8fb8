//! Finds files of rules, and reads them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config,
    detect::sigma::{
        correlation::Correlation,
        filter::Filter,
        problem::Problem,
        reading::{self, FILE_SIZE_MAX, Placeholders, Reading, Unresolved},
        rule::{Place, Rule},
    },
};

/// Most files that are read.
const FILES_MAX: usize = 100_000;

/// How deep directories are looked through.
const DEPTH_MAX: usize = 16;

/// What the name of a file of tests ends with.
const TESTS: [&str; 2] = [".tests.yml", ".tests.yaml"];

/// Files of rules, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Those that are there.
    pub(super) files: BTreeSet<PathBuf>,
    /// What is wrong with others.
    pub(super) problems: Vec<Problem>,
}

/// Everything that is in files.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) rules: Vec<Rule>,
    pub(super) correlations: Vec<Correlation>,
    pub(super) filters: Vec<Filter>,
    pub(super) unresolved: Vec<Unresolved>,
    pub(super) problems: Vec<Problem>,
}

/// What a configuration says that stands for the placeholders of rules; without one there are no values.
///
/// # Errors
///
/// If the configuration cannot be read, or anything is wrong with it.
pub(super) fn placeholders(file: Option<&Path>) -> Result<Placeholders, String> {
    let Some(file) = file else {
        return Ok(Placeholders::default());
    };
    let found = config::find(Some(file)).map_err(|error| error.to_string())?;
    Ok(Placeholders(found.config.detect.placeholders))
}

/// Finds the files below paths. What cannot be looked at below them is a problem.
///
/// # Errors
///
/// If there is nothing at a path.
pub(super) fn find(paths: &[PathBuf]) -> Result<Files, String> {
    let mut files = Files::default();
    for path in paths {
        let is_directory = fs::metadata(path)
            .map_err(|error| format!("{}: {error}", path.display()))?
            .is_dir();
        if is_directory {
            files.directory(path, 0);
        } else {
            files.file(path.clone());
        }
    }
    Ok(files)
}

impl Files {
    fn file(&mut self, path: PathBuf) {
        if self.files.len() < FILES_MAX {
            self.files.insert(path);
        } else {
            let what = format!("is one file too many: {FILES_MAX} are read");
            self.problems.push(problem(&path, what));
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            let what = format!("is deeper than {DEPTH_MAX} directories");
            self.problems.push(problem(path, what));
            return;
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                let what = format!("cannot be listed: {error}");
                self.problems.push(problem(path, what));
                return;
            }
        };
        for entry in entries {
            let inner = match entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    let what = format!("cannot be listed to its end: {error}");
                    self.problems.push(problem(path, what));
                    return;
                }
            };
            match fs::metadata(&inner) {
                Ok(metadata) if metadata.is_dir() => self.directory(&inner, depth + 1),
                Ok(_) if is_rules(&inner) => self.file(inner),
                Ok(_) => {}
                Err(error) if is_rules(&inner) => {
                    let what = format!("cannot be read: {error}");
                    self.problems.push(problem(&inner, what));
                }
                Err(_) => {}
            }
        }
    }
}

fn is_rules(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_tests = TESTS.iter().any(|end| name.ends_with(end));
    !is_tests && (name.ends_with(".yml") || name.ends_with(".yaml"))
}

/// The file of tests beside a file of rules, if there is one.
pub(super) fn tests_of(path: &Path) -> Option<PathBuf> {
    TESTS
        .iter()
        .map(|end| {
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push(end);
            path.with_file_name(name)
        })
        .find(|tests| tests.exists())
}

/// What stands in a file; none if it cannot be read, which is a problem.
pub(super) fn text(path: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let read = || {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is no regular file".to_owned());
        }
        if metadata.len() > u64::try_from(FILE_SIZE_MAX).unwrap_or(u64::MAX) {
            return Err(format!("it has more than {FILE_SIZE_MAX} bytes: split it"));
        }
        fs::read_to_string(path).map_err(|error| error.to_string())
    };
    read()
        .map_err(|error| problems.push(problem(path, format!("cannot be read: {error}"))))
        .ok()
}

/// Reads a file of rules.
pub(super) fn read(path: &Path, placeholders: &Placeholders) -> Reading {
    let mut problems = Vec::new();
    match text(path, &mut problems) {
        Some(text) => reading::read(&text, &Arc::from(path), placeholders),
        None => Reading {
            problems,
            ..Reading::default()
        },
    }
}

/// Reads all files, and lets their filters change their rules.
pub(super) fn read_all(files: &Files, placeholders: &Placeholders) -> Contents {
    let mut contents = Contents {
        problems: files.problems.clone(),
        ..Contents::default()
    };
    for path in &files.files {
        let reading = read(path, placeholders);
        contents.rules.extend(reading.rules);
        contents.correlations.extend(reading.correlations);
        contents.filters.extend(reading.filters);
        contents.unresolved.extend(reading.unresolved);
        contents.problems.extend(reading.problems);
    }
    for rule in &mut contents.rules {
        for filter in &contents.filters {
            filter.apply(rule);
        }
    }
    contents
}

fn problem(path: &Path, what: String) -> Problem {
    Problem {
        place: Place {
            file: path.into(),
            line: 1,
        },
        title: None,
        what,
    }
}
