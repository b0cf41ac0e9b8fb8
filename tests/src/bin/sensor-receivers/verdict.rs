//! What came of each trial.

use std::process::ExitCode;

use anyhow::Result;

/// Why something was not tried.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Skip(pub String);

/// What came of all trials so far; each is printed when it is known.
#[derive(Debug, Default)]
pub struct Verdicts {
    passed: u32,
    skipped: u32,
    failed: u32,
}

impl Verdicts {
    /// Notes what came of a trial. An error that has a [`Skip`] in its chain is no failure.
    pub fn note(&mut self, name: &str, came: Result<String>) {
        match came {
            Ok(seen) => {
                self.passed += 1;
                println!("ok    {name}: {seen}");
            }
            Err(error) if error.is::<Skip>() => {
                self.skipped += 1;
                println!("skip  {name}: {error:#}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAIL  {name}: {error:#}");
            }
        }
    }

    /// Whether one has failed.
    pub const fn any_failed(&self) -> bool {
        self.failed > 0
    }

    /// Prints the sums. It is a failure if something failed, or if nothing was tried at all.
    pub fn conclude(&self) -> ExitCode {
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.any_failed() || self.passed + self.skipped == 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// That something was not tried, as an error.
pub fn skip<T>(why: impl Into<String>) -> Result<T> {
    Err(Skip(why.into()).into())
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_skip_is_one_in_any_context() {
        let mut verdicts = Verdicts::default();
        verdicts.note("a", skip::<String>("no program").context("cannot start it"));
        assert!(!verdicts.any_failed());
        verdicts.note("b", Err(anyhow::anyhow!("lost")));
        assert!(verdicts.any_failed());
        assert_eq!((verdicts.skipped, verdicts.failed), (1, 1));
    }
}
