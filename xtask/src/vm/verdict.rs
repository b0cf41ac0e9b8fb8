//! What became of a machine, and what that means for whoever started it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::console::{self, Complaints};
use super::report::Status;
use super::screen::Screen;

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
    /// Whether another machine was tried before this one, and its kernel broken by the emulator.
    pub(crate) is_second_try: bool,
    /// Where the console's log is, if it was worth keeping.
    pub(super) kept_console: Option<PathBuf>,
    pub(super) console: String,
}

/// Boots a machine; once more if most likely the emulator broke its kernel. The screen is told before
/// that, and the verdict says that it is the second.
pub(super) fn boot_twice_if_emulator_broke(
    screen: &mut dyn Screen,
    mut boot: impl FnMut(&mut dyn Screen) -> Result<Verdict>,
) -> Result<Verdict> {
    let mut first = boot(screen)?;
    if !console::breakpoint_not_in_memory(&first.console) {
        return Ok(first);
    }
    first.set_console_apart()?;
    screen.note(&format!(
        "{}\na breakpoint was executed that is not in the kernel's memory, most likely by the \
         emulator's fault; once more",
        first.explain("the kernel broke")
    ));
    screen.start_over()?;
    let mut second = boot(screen)?;
    second.is_second_try = true;
    Ok(second)
}

impl Verdict {
    pub(super) fn new() -> Self {
        Self {
            end: End::Vanished,
            booted_in: None,
            took: Duration::ZERO,
            complaints: Complaints::default(),
            is_second_try: false,
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

    /// Gives the console's log a name that the next machine's does not take.
    fn set_console_apart(&mut self) -> Result<()> {
        if let Some(log) = &mut self.kept_console {
            let apart = log.with_extension("first.log");
            fs::rename(&*log, &apart).with_context(|| {
                format!("cannot rename {} to {}", log.display(), apart.display())
            })?;
            *log = apart;
        }
        Ok(())
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

    const STALE: &str = "[ 1.0] Oops: int3: 0000 [#1]\n[ 1.1] Code: fa e8 <27> 56\n";

    /// Counts.
    #[derive(Default)]
    struct Shown {
        notes: usize,
        starts_over: usize,
    }

    impl Screen for Shown {
        fn stdout(&mut self, _: &[u8]) -> Result<()> {
            Ok(())
        }

        fn stderr(&mut self, _: &[u8]) -> Result<()> {
            Ok(())
        }

        fn note(&mut self, _: &str) {
            self.notes += 1;
        }

        fn start_over(&mut self) -> Result<()> {
            self.starts_over += 1;
            Ok(())
        }
    }

    #[test]
    fn only_what_the_emulator_broke_is_booted_again_and_only_once() {
        let booted = |consoles: &[&str]| {
            let mut left = consoles.iter();
            let mut shown = Shown::default();
            let last = boot_twice_if_emulator_broke(&mut shown, |_| {
                let console = left.next().expect("no further boot");
                Ok(verdict(End::Vanished, console))
            })
            .unwrap();
            assert_eq!(left.count(), 0);
            assert_eq!(shown.notes, usize::from(last.is_second_try));
            assert_eq!(shown.starts_over, usize::from(last.is_second_try));
            let broken = last.failure().unwrap().contains("the kernel broke");
            (broken, last.is_second_try)
        };
        assert_eq!(booted(&["all is well\n"]), (false, false));
        assert_eq!(booted(&["[ 1.0] BUG: unable to handle\n"]), (true, false));
        assert_eq!(booted(&[STALE, "all is well\n"]), (false, true));
        assert_eq!(booted(&[STALE, STALE]), (true, true));
    }

    #[test]
    fn the_first_console_outlives_the_second() {
        let folder = std::env::temp_dir().join(format!("xtask-consoles-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("newest.log");
        fs::write(&log, STALE).unwrap();
        let mut first = verdict(End::Vanished, STALE);
        first.kept_console = Some(log.clone());
        first.set_console_apart().unwrap();
        fs::write(&log, "the second").unwrap();
        assert_eq!(
            fs::read_to_string(first.kept_console.unwrap()).unwrap(),
            STALE
        );
        fs::remove_dir_all(folder).unwrap();
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
