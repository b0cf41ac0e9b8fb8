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

#[cfg(test)]
mod tests {
    use super::*;

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
