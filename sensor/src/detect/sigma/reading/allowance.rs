//! How much the rules of a file may grow to.

use super::flaw::Flaw;

/// Most values of a rule, with all their alternatives.
pub const TESTS_MAX: usize = 100_000;
/// Most selections of a rule.
pub const SELECTIONS_MAX: usize = 10_000;
/// Most regular expressions of a file.
pub const REGEXES_MAX: usize = 2_000;
/// Most bytes that the texts and conditions of a file's rules may come to, and as much again for its
/// documents when aliases and global documents are written out.
pub const FILE_MEMORY_MAX: usize = 64 << 20;

/// What is left for a file and the rule that is being read.
#[derive(Debug)]
pub(super) struct Allowance {
    rule_memory: usize,
    document_memory: usize,
    tests: usize,
    regexes: usize,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self {
            rule_memory: FILE_MEMORY_MAX,
            document_memory: FILE_MEMORY_MAX,
            tests: TESTS_MAX,
            regexes: REGEXES_MAX,
        }
    }

    /// How much memory parts of rules have taken.
    pub(super) const fn rule_bytes(&self) -> usize {
        FILE_MEMORY_MAX.saturating_sub(self.rule_memory)
    }

    /// Begins another rule.
    pub(super) fn begin_rule(&mut self) {
        self.tests = TESTS_MAX;
    }

    /// Takes memory for part of a document.
    pub(super) fn take_document(&mut self, line: usize, bytes: usize) -> Result<(), Flaw> {
        take(&mut self.document_memory, bytes).ok_or_else(|| {
            Flaw::new(
                line,
                format!(
                    "the file's documents come to more than {} MiB when aliases and global \
                     documents are written out: split the file",
                    FILE_MEMORY_MAX >> 20
                ),
            )
        })
    }

    /// Takes memory for part of a rule.
    pub(super) fn take_rule(&mut self, line: usize, bytes: usize) -> Result<(), Flaw> {
        take(&mut self.rule_memory, bytes).ok_or_else(|| {
            Flaw::new(
                line,
                format!(
                    "the file's rules come to more than {} MiB: split the file",
                    FILE_MEMORY_MAX >> 20
                ),
            )
        })
    }

    /// Takes a value, or an alternative of one, with this many bytes of text.
    pub(super) fn take_test(&mut self, line: usize, bytes: usize) -> Result<(), Flaw> {
        take(&mut self.tests, 1).ok_or_else(|| {
            Flaw::new(
                line,
                format!(
                    "the rule has more than {TESTS_MAX} values, those included that modifiers make: \
                     split it"
                ),
            )
        })?;
        self.take_rule(line, bytes.saturating_add(64))
    }

    /// Takes a regular expression.
    pub(super) fn take_regex(&mut self, line: usize) -> Result<(), Flaw> {
        take(&mut self.regexes, 1).ok_or_else(|| {
            Flaw::new(
                line,
                format!("the file has more than {REGEXES_MAX} regular expressions: split it"),
            )
        })
    }
}

fn take(from: &mut usize, amount: usize) -> Option<()> {
    *from = from.checked_sub(amount)?;
    Some(())
}
