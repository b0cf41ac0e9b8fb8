//! What became of each rule of a set.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::detect::{
    alert::RuleDescription,
    sigma::{
        matcher::Use,
        problem::Problem,
        reading::Unresolved,
        rule::{LogSource, Place, Status},
    },
};

/// What became of the rules and correlations of a set.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Those that were read whole: rules, then correlations.
    pub rules: Vec<RuleReport>,
    /// Those that are left out because of their status.
    pub skipped: Vec<Skipped>,
    /// Those that are left out until their placeholders have values. These are no problems.
    pub unresolved: Vec<Unresolved>,
    /// What could not be read, or is not clear.
    pub problems: Vec<Problem>,
    /// Files and directories that were named and could not be read at all. These are problems too.
    pub unreadable: Vec<Unreadable>,
}

/// A rule or correlation that was read whole.
#[derive(Clone, Debug)]
pub struct RuleReport {
    /// Where it begins.
    pub place: Place,
    /// Its title.
    pub title: String,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// The events that it is about; none of a correlation.
    pub log_source: Option<LogSource>,
    /// What alerts say of it.
    pub description: Arc<RuleDescription>,
    /// How it can be used. One that is refused is not in force.
    pub usage: Use,
}

/// A rule or correlation that is left out: those who wrote it say that it is not for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it begins.
    pub place: Place,
    /// Its title.
    pub title: String,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Deprecated or unsupported.
    pub status: Status,
}

/// A file or directory that was named and could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "cannot read rules from {}: {}",
            self.path.display(),
            self.reason
        )
    }
}

impl RuleReport {
    /// Why it is not in force, if it is not.
    #[must_use]
    pub fn refused(&self) -> Option<Problem> {
        let Use::Refused(reason) = &self.usage else {
            return None;
        };
        Some(Problem {
            place: self.place.clone(),
            title: Some(self.title.clone()),
            what: format!("is not used: {reason}"),
        })
    }
}

impl Report {
    /// Takes in what was told of some files, of which the rules that they held before stay in force.
    pub(super) fn stay(&mut self, told: &Self, stays: &dyn Fn(&Path) -> bool) {
        let refused = told.rules.iter().filter_map(RuleReport::refused);
        let problems = told.problems.iter().cloned().chain(refused);
        let of_files = problems.filter(|problem| stays(&problem.place.file));
        self.problems.extend(of_files.map(|mut problem| {
            problem
                .what
                .push_str("; what the file held before stays in force");
            problem
        }));
    }

    /// Whether a path that was named could not be read at all: it is gone, or none of its files can be
    /// read. Rules that were loaded before should then stay in force. [`Self::unreadable`] says why.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !self.unreadable.is_empty()
    }
}
