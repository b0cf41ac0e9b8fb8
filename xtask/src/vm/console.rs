//! The kernel's console: what it says of the kernel's health.

use std::fs;
use std::path::Path;

/// Complaints of the kernel, as lines of its console.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaints {
    /// The kernel broke: a panic, an oops, a failed assertion that ends a task.
    pub(crate) fatal: Vec<String>,
    /// The kernel noticed something odd and went on.
    pub(crate) warnings: Vec<String>,
}

/// Reads a console's log; what is missing is empty, for a machine may die before it says a word.
pub(super) fn read(log: &Path) -> String {
    fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// The last lines of a console, indented.
pub(super) fn tail(console: &str, lines: usize) -> String {
    let mut last: Vec<&str> = console.lines().rev().take(lines).collect();
    last.reverse();
    last.iter()
        .map(|line| format!("    {}\n", line.trim_end()))
        .collect()
}

/// Finds the kernel's complaints.
pub(super) fn complaints(console: &str) -> Complaints {
    // Every oops is counted: `[#1]`.
    const FATAL: &[&str] = &["Kernel panic", "Oops", "BUG:", "kernel BUG at", "[#1]"];
    const WARNING: &[&str] = &["WARNING:", "detected stall", "blocked for more than"];
    // An emulated CPU stands still when its host is busy, which the watchdog takes for the guest's
    // fault; a guest that really hangs runs into the time limit.
    const EMULATION: &str = "soft lockup";

    let has = |line: &str, marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
    let mut found = Complaints::default();
    for line in console.lines().map(str::trim_end) {
        if has(line, FATAL) && !line.contains(EMULATION) {
            found.fatal.push(line.to_owned());
        } else if has(line, WARNING) || line.contains(EMULATION) {
            found.warnings.push(line.to_owned());
        }
    }
    found
}

/// Whether the kernel's first complaint is of a breakpoint that is not in its memory.
///
/// The kernel changes its code by putting a breakpoint (`cc`) in place for a moment. One that was
/// executed and is in memory no longer was seen twice in some hundred machines: on 7.3.4 in a function
/// that the sensor hooks, and on 6.18 while the kernel initialised itself, before there was a process.
/// The likeliest cause is the emulator, which can translate an instruction while another CPU writes
/// it. The dump of the code tells it apart from a breakpoint that was left in place: what was executed
/// ends before `<`, and is no `cc`.
pub(super) fn breakpoint_not_in_memory(console: &str) -> bool {
    let mut lines = console
        .lines()
        .skip_while(|line| complaints(line).fatal.is_empty());
    let is_breakpoint = lines.next().is_some_and(|line| line.contains("int3: "));
    is_breakpoint
        && lines
            // A process's code can be in the dump too, but its memory is not readable then.
            .filter_map(|line| line.split_once("Code: "))
            .find_map(|(_, code)| executed_before(code))
            .is_some_and(|byte| byte != "cc")
}

/// The byte before the one that the dump marks.
fn executed_before(code: &str) -> Option<&str> {
    let (before, _) = code.split_once(" <")?;
    let byte = before.rsplit(' ').next()?;
    (byte.len() == 2).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakpoint_that_is_not_in_memory_is_told_from_one_that_is() {
        let oops = |executed: &str| {
            format!(
                "[  1.0] Oops: int3: 0000 [#1] SMP NOPTI\r\n\
                 [  1.1] Code: Unable to access opcode bytes at 0x7f5e4543d4fd.\r\n\
                 [  1.2] Code: f3 0f 1e fa {executed} <27> 56 2c 38\r\n\
                 [  1.3] Kernel panic - not syncing: Fatal exception in interrupt\r\n"
            )
        };
        // Before any process: the second byte of a patched no-operation is where it would go on.
        let at_boot = "[    2.077471] Oops: int3: 0000 [#1] SMP NOPTI\r\n\
             [    2.078100] Code: fa 41 54 55 53 66 <90> e8 21\r\n\
             [    2.087729] Oops: int3: 0000 [#2] SMP NOPTI\r\n";
        assert!(breakpoint_not_in_memory(at_boot));
        assert!(breakpoint_not_in_memory(&oops("e8")));
        assert!(!breakpoint_not_in_memory(&oops("cc")));
        // Something else broke first.
        let other = format!(
            "[  0.9] BUG: kernel NULL pointer dereference\n{}",
            oops("e8")
        );
        assert!(!breakpoint_not_in_memory(&other));
        assert!(!breakpoint_not_in_memory("[  1.0] Oops: int3: 0000 [#1]\n"));
        assert!(!breakpoint_not_in_memory(""));
    }

    #[test]
    fn panics_and_warnings_are_told_apart() {
        let console = "\
[    0.1] Linux version 6.12\r
[    1.0] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2\r
[    2.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\r
[    3.0] BUG: kernel NULL pointer dereference, address: 0\r
[    3.0] invalid opcode: 0000 [#1] PREEMPT SMP\r
[    4.0] Kernel panic - not syncing: Fatal exception\r
";
        let found = complaints(console);
        assert_eq!(found.fatal.len(), 3, "{found:?}");
        assert_eq!(found.warnings.len(), 2, "{found:?}");
        assert!(found.fatal[2].ends_with("Fatal exception"));
        assert_eq!(complaints("all is well\n"), Complaints::default());
    }

    #[test]
    fn a_tail_is_the_last_lines() {
        assert_eq!(tail("a\r\nb\r\nc\r\n", 2), "    b\n    c\n");
        assert_eq!(tail("", 2), "");
    }
}
