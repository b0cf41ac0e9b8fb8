//! Whether the kernel takes the CPU from a task that is in the kernel, and so from a program that runs
//! for it.
//!
//! Then the next task on that CPU can come to the same hook while the program is still there, and
//! the kernel skips that run (`prog->active`, from 5.12). The important hooks have spare programs for
//! it.

use std::fs;

/// Where a kernel with `CONFIG_PREEMPT_DYNAMIC` shows its mode, if debugfs is mounted.
const MODE: &str = "/sys/kernel/debug/sched/preempt";

/// Whether programs can be preempted on this kernel.
#[must_use]
pub fn programs_can_be_preempted() -> bool {
    let name = rustix::system::uname();
    judge(
        &name.release().to_string_lossy(),
        &name.version().to_string_lossy(),
        &fs::read_to_string(MODE).unwrap_or_default(),
        &fs::read_to_string("/proc/cmdline").unwrap_or_default(),
    )
}

/// By `uname -r`, `uname -v`, the mode's file and the kernel's command line.
fn judge(release: &str, version: &str, mode: &str, command_line: &str) -> bool {
    let mut numbers = release
        .split(|character: char| !character.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    let release: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // Before, nothing is skipped.
    if release < (5, 12) {
        return false;
    }
    if let Some(mode) = chosen(mode) {
        return preempts(mode);
    }
    let asked = command_line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("preempt="));
    if let Some(mode) = asked {
        return preempts(mode);
    }
    let is_dynamic = version.contains("PREEMPT_DYNAMIC");
    if version.contains("PREEMPT") && !is_dynamic {
        return true;
    }
    // From 7.0 on the modes without preemption are gone where there is a lazy one.
    release >= (7, 0)
}

/// The mode in parentheses.
fn chosen(mode: &str) -> Option<&str> {
    let (_, rest) = mode.split_once('(')?;
    Some(rest.split_once(')')?.0)
}

fn preempts(mode: &str) -> bool {
    matches!(mode, "full" | "lazy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_preemption() {
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2025-09-20)";
        assert!(!judge("6.12.48-cloud", dynamic, "", "quiet"));
        assert!(judge("6.12.48-cloud", dynamic, "", "quiet preempt=full"));
        assert!(judge(
            "6.12.48",
            dynamic,
            "none voluntary (full) lazy\n",
            ""
        ));
        assert!(!judge(
            "6.12.48",
            dynamic,
            "none (voluntary) full\n",
            "preempt=full"
        ));
        assert!(judge("7.3.4", dynamic, "", ""));
        assert!(judge("6.6.1-rt", "#1 SMP PREEMPT_RT Debian", "", ""));
        assert!(!judge("5.10.0-32", "#1 SMP PREEMPT", "", ""));
        assert!(!judge("6.1.0", "#1 SMP Debian", "", ""));
    }
}
