//! What is wrong with a rule, and where.

use std::fmt;

use super::rule::Place;

/// Why something in a file of rules is not used; shown as `FILE:LINE: TITLE: WHAT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// The title of what is not used, if it has one that could be read.
    pub title: Option<String>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.title {
            Some(title) => write!(formatter, "{}: {title}: {}", self.place, self.what),
            None => write!(formatter, "{}: {}", self.place, self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;

    #[test]
    fn a_problem_is_a_line_with_its_place() {
        let mut problem = Problem {
            place: Place {
                file: Arc::from(Path::new("rules/a.yml")),
                line: 7,
            },
            title: Some("Shell".to_owned()),
            what: "has no condition".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "rules/a.yml:7: Shell: has no condition"
        );
        problem.title = None;
        assert_eq!(problem.to_string(), "rules/a.yml:7: has no condition");
    }
}
