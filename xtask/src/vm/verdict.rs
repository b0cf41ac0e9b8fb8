//! What became of a machine, and what that means for whoever started it.

use std::path::PathBuf;
use std::time::Duration;

use super::console::{self, Complaints};
use super::report::Status;

/// How a machine's life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The command ended so.
    Status(Status),
    /// The machine could not run the command.
    Failed(String),
    /// Its time was up.
    TimedOut(Duration),
    /// It was gone without a word, as after a panic.
    Vanished,
}

/// All that is known of a machine that is gone.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) end: End,
    /// From the emulator's start to the command's; nothing if the command never started.
    pub(crate) booted_in: Option<Duration>,
    pub(crate) took: Duration,
    pub(crate) complaints: Complaints,
    /// Where the console's log is, if it was worth keeping.
    pub(super) kept_console: Option<PathBuf>,
    pub(super) console: String,
}

impl Verdict {
    pub(super) fn new() -> Self {
        Self {
            end: End::Vanished,
            booted_in: None,
            took: Duration::ZERO,
            complaints: Complaints::default(),
            kept_console: None,
            console: String::new(),
        }
    }

    pub(super) fn read_console(&mut self, console: &str) {
        self.complaints = console::complaints(console);
        console.clone_into(&mut self.console);
    }

    /// Why the machine failed, if it did: a command that ran is no failure, whatever its status,
    /// unless the kernel broke under it.
    pub(crate) fn failure(&self) -> Option<String> {
        let broken = self
            .complaints
            .fatal
            .first()
            .map(|line| format!("the kernel broke: {line}"));
        match &self.end {
            End::Status(_) => broken,
            End::Failed(why) => Some(why.clone()),
            End::TimedOut(after) => Some(match self.booted_in {
                Some(_) => format!("the command did not end within {} s", after.as_secs()),
                None => format!("the machine did not boot within {} s", after.as_secs()),
            }),
            End::Vanished => Some(broken.unwrap_or_else(|| match self.booted_in {
                Some(_) => "the machine was gone before the command ended".to_owned(),
                None => "the machine was gone before it had booted".to_owned(),
            })),
        }
    }

    /// Whether the kernel broke in a way that is most likely the emulator's doing.
    pub(crate) fn is_likely_the_emulators(&self) -> bool {
        console::breakpoint_not_in_memory(&self.console)
    }

    /// The failure at length: with the console's last lines, unless the guest said itself what is
    /// wrong.
    pub(crate) fn explain(&self, failure: &str) -> String {
        let mut text = failure.to_owned();
        if !matches!(self.end, End::Failed(_)) {
            text.push_str("\nthe console's last lines:\n");
            match console::tail(&self.console, 40) {
                empty if empty.is_empty() => text.push_str("    (nothing)\n"),
                tail => text.push_str(&tail),
            }
        }
        if let Some(log) = &self.kept_console {
            text.push_str(&format!("\nthe whole console: {}", log.display()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(end: End, console: &str) -> Verdict {
        let mut verdict = Verdict::new();
        verdict.end = end;
        verdict.read_console(console);
        verdict
    }

    #[test]
    fn a_commands_status_is_no_failure_but_a_broken_kernel_is() {
        let ended = End::Status(Status::Exit(3));
        assert_eq!(
            verdict(ended.clone(), "[ 1.0] WARNING: x\n").failure(),
            None
        );
        let broken = verdict(ended, "[ 1.0] Oops: 0002\n").failure().unwrap();
        assert!(broken.contains("Oops: 0002"), "{broken}");
    }

    #[test]
    fn a_machine_that_vanished_is_explained_by_its_console() {
        let panicked = verdict(End::Vanished, "[ 1.0] Kernel panic - not syncing: x\n");
        assert!(panicked.failure().unwrap().contains("not syncing: x"));
        let silent = verdict(End::Vanished, "");
        assert!(silent.failure().unwrap().contains("before it had booted"));
        assert!(silent.explain("gone").contains("(nothing)"));
    }
}
