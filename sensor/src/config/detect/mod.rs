//! `[detect]`: which rules look at the events, and which of their alerts are wanted.
//!
//! `keys` is the table of its keys; [`exception`] is `[[detect.exception]]`: what is known to be
//! harmless.

#[cfg(test)]
pub(super) mod arbitrary;
pub mod exception;
mod keys;
#[cfg(test)]
mod tests;

pub(super) use keys::{DISABLED_RULES, KEYS};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use self::exception::Exception;
use super::value::Value;
use crate::detect::severity::Severity;

/// Which rules look at the events, and which of their alerts are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detect {
    /// Whether anything looks at the events at all.
    pub enabled: bool,
    /// Where rules are read from.
    pub rules: RuleFiles,
    /// Whether the rules that the program brings along are used.
    pub builtin_rules: bool,
    /// The least grave that raises alerts.
    pub minimum_severity: Severity,
    /// Seconds within which the same alert is not raised again, only counted; 0 if each is raised.
    pub repeat_seconds: u32,
    /// Most alerts that are remembered, so that the same are not raised again.
    pub alerts: u32,
    /// Ids of rules and detectors that are not used, each with the line that it is on; none if no file
    /// says it.
    pub disabled_rules: BTreeMap<String, Option<usize>>,
    /// What `%name%` stands for in rules.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// `[[detect.exception]]`: what raises no alert although a rule finds it.
    pub exceptions: Vec<Exception>,
}

/// Where rules are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFiles {
    /// From [`DEFAULT_RULES`], if that is there.
    Auto,
    /// From these files and directories.
    At(Vec<PathBuf>),
}

/// The directory that rules are read from if no other is named and it is there.
pub const DEFAULT_RULES: &str = "/etc/sensor/rules";

/// The longest time within which the same alert is not raised again: a week.
pub const REPEAT_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// The most alerts that may be remembered; each takes some kilobytes.
pub const ALERTS_MAX: u32 = 1_000_000;

/// The name of the section.
pub(super) const SECTION: &str = "detect";

impl Default for Detect {
    fn default() -> Self {
        Self {
            enabled: true,
            rules: RuleFiles::Auto,
            builtin_rules: true,
            minimum_severity: Severity::Medium,
            repeat_seconds: 3600,
            alerts: 10_000,
            disabled_rules: BTreeMap::new(),
            placeholders: BTreeMap::new(),
            exceptions: Vec::new(),
        }
    }
}

impl Detect {
    /// Notes on which line each of the disabled rules is, in the array that they were read from.
    pub(super) fn note_lines(&mut self, array: Value<'_>, line: &dyn Fn(usize) -> usize) {
        for value in array.array().into_iter().flatten() {
            if let Ok(id) = value.string()
                && let Some(noted) = self.disabled_rules.get_mut(id)
            {
                noted.get_or_insert_with(|| line(value.0.span().start));
            }
        }
    }

    /// The time within which the same alert is not raised again.
    #[must_use]
    pub fn repeat(&self) -> Duration {
        Duration::from_secs(self.repeat_seconds.into())
    }
}

impl RuleFiles {
    /// The files and directories to read: what is named must be there, what is not named need not.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Auto => {
                let usual = Path::new(DEFAULT_RULES);
                // What is there and cannot be looked at is read, so that it is told why it cannot.
                let is_absent = matches!(usual.try_exists(), Ok(false));
                (!is_absent).then(|| usual.to_owned()).into_iter().collect()
            }
            Self::At(paths) => paths.clone(),
        }
    }
}
