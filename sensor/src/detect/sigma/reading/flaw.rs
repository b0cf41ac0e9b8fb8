//! Why a document cannot be used, before it is known in which file it is.

/// Why a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The line of the file, from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) what: String,
}

impl Flaw {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}
