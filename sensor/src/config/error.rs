//! What is wrong with a configuration.

use std::{fmt, path::PathBuf};

/// Everything that is wrong with a configuration: shown as one line per problem,
/// `FILE:LINE: what, and what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The problems, in the order of their lines; never empty.
    pub problems: Vec<Problem>,
}

/// Something that a line of a configuration says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1; none if it is about the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            problem.at(&self.file, "", formatter)?;
        }
        Ok(())
    }
}

impl Problem {
    /// As a line that warns: `FILE:LINE: warning: what`.
    #[must_use]
    pub fn warning(&self, file: &std::path::Path) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.at(file, "warning: ", &mut text);
        text
    }

    /// Writes where it is, what sort of thing it is, and what it is.
    pub(super) fn at(
        &self,
        file: &std::path::Path,
        sort: &str,
        formatter: &mut impl fmt::Write,
    ) -> fmt::Result {
        let file = file.display();
        match self.line {
            Some(line) => write!(formatter, "{file}:{line}: {sort}{}", self.what),
            None => write!(formatter, "{file}: {sort}{}", self.what),
        }
    }
}
