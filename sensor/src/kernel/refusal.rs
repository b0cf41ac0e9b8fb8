//! Why a program was not taken: the kernel's error in words, and what it means here.

use std::{error::Error, io};

use aya::{
    BtfError,
    programs::{ProgramError, kprobe::KProbeError},
};

use super::hooks::{Means, Target};

/// The kernel's own error for what it does not support (`ENOTSUPP`, `include/linux/errno.h`). It is
/// not meant for userspace, so nobody has words for it.
const ENOTSUPP: i32 = 524;

/// What the verifier ends its log with, whatever it decided (`print_verification_stats`,
/// `kernel/bpf/verifier.c`).
const STATISTICS: [&str; 3] = ["verification time", "stack depth", "processed "];

/// Why a program of these means was refused for this target, in a line.
pub(super) fn explain(means: Means, target: &Target, error: &ProgramError) -> String {
    match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => explain_load(means, target, io_error, &verifier_log.to_string()),
        ProgramError::SyscallError(error) => {
            let text = format!("{}: {}", error.call, words(&error.io_error));
            with_meaning(text, meaning(means, target, &error.io_error))
        }
        ProgramError::KProbeError(KProbeError::FileError { filename, io_error }) => {
            let text = format!("{}: {}", filename.display(), words(io_error));
            let is_missing = io_error.kind() == io::ErrorKind::NotFound;
            with_meaning(text, is_missing.then_some(NO_KPROBES))
        }
        ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }) => nothing_there(target).to_owned(),
        other => with_causes(other),
    }
}

/// An error and what led to it, each said once.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error
            .downcast_ref()
            .map_or_else(|| error.to_string(), words);
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}

/// The number of the kernel's error that led to this one, if one did.
pub(super) fn errno(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error();
        }
        cause = error.source();
    }
    None
}

const NO_KPROBES: &str = "this kernel has no kprobes (needs CONFIG_KPROBE_EVENTS and \
                          CONFIG_PERF_EVENTS; in a container, mount the host's /sys)";

/// What it means that the kernel does not know a target.
const fn nothing_there(target: &Target) -> &'static str {
    match target {
        Target::Tracepoint(_) => "this kernel has no such tracepoint",
        Target::Function(_) => {
            "this kernel has no such function, or none that can be traced (inlined, renamed, or \
             built without it)"
        }
        Target::Cgroup => "there is no such cgroup",
    }
}

/// Why the kernel did not load a program.
fn explain_load(means: Means, target: &Target, error: &io::Error, verifier_log: &str) -> String {
    let said = verifier_log
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !STATISTICS.iter().any(|begin| line.starts_with(begin)));
    match said {
        // It looked at the program and found something: the error's meaning is what it says.
        Some(line) => format!("{}: {line}", words(error)),
        None => with_meaning(words(error), meaning(means, target, error)),
    }
}

fn with_meaning(text: String, meaning: Option<&str>) -> String {
    match meaning {
        Some(meaning) => format!("{text}: {meaning}"),
        None => text,
    }
}

/// The error without its number.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(ENOTSUPP) => "Operation not supported".to_owned(),
        Some(number) => {
            let text = error.to_string();
            let number = format!(" (os error {number})");
            text.strip_suffix(&number).unwrap_or(&text).to_owned()
        }
        None => error.to_string(),
    }
}

/// What an error means for programs of these means on this target, where it is known.
fn meaning(means: Means, target: &Target, error: &io::Error) -> Option<&'static str> {
    use rustix::io::Errno;
    let number = error.raw_os_error()?;
    if number == ENOTSUPP {
        return Some(match means {
            Means::Tracing => {
                "this kernel cannot attach programs to functions on this architecture (needs \
                 CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; on arm64 6.4 or later)"
            }
            _ => "this kernel was built without it",
        });
    }
    let meaning = match (Errno::from_raw_os_error(number), means) {
        (Errno::PERM | Errno::ACCESS, Means::Tracing | Means::Kprobe | Means::RawTracepoint) => {
            refused(means, target)
        }
        (Errno::PERM | Errno::ACCESS, Means::Cgroup) => {
            "the cgroup takes no program from the sensor (a program above it allows none below, or \
             CAP_NET_ADMIN is missing)"
        }
        (Errno::INVAL, Means::Tracing) => {
            "this kernel has no programs of this type (needs CONFIG_BPF_EVENTS, \
             CONFIG_FUNCTION_TRACER and CONFIG_DYNAMIC_FTRACE)"
        }
        (Errno::INVAL, Means::Kprobe) => {
            "this kernel has no programs of this type (needs CONFIG_KPROBES and CONFIG_BPF_EVENTS)"
        }
        (Errno::INVAL, Means::RawTracepoint) => {
            "this kernel has no programs of this type (needs CONFIG_BPF_EVENTS)"
        }
        (Errno::INVAL, Means::Cgroup) => {
            "this kernel has no programs of this type (needs CONFIG_CGROUP_BPF and CONFIG_INET)"
        }
        (Errno::NOENT, _) => nothing_there(target),
        (Errno::BUSY, Means::Tracing) => {
            "the function is taken by another user of it (a live patch or another tracer)"
        }
        (Errno::NOMEM, _) => "the kernel has no memory left for it",
        _ => return None,
    };
    Some(meaning)
}

/// What it means that the kernel does not permit a program that reads its memory.
const fn refused(means: Means, target: &Target) -> &'static str {
    match (means, target) {
        (Means::Tracing, Target::Function(_)) => {
            "this kernel refuses tracing programs on functions (lockdown in mode confidentiality, \
             a security module or seccomp; needs CAP_BPF and CAP_PERFMON)"
        }
        (Means::Tracing, _) => {
            "this kernel refuses tracing programs on tracepoints (lockdown in mode \
             confidentiality, a security module or seccomp; needs CAP_BPF and CAP_PERFMON)"
        }
        (Means::Kprobe, _) => {
            "this kernel refuses kprobes (lockdown in mode confidentiality, a security module or \
             seccomp; needs CAP_BPF and CAP_PERFMON)"
        }
        _ => {
            "this kernel refuses raw tracepoints (lockdown in mode confidentiality, a security \
             module or seccomp; needs CAP_BPF and CAP_PERFMON)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPERM: i32 = 1;
    const ENOENT: i32 = 2;
    const EACCES: i32 = 13;
    const EINVAL: i32 = 22;
    const E2BIG: i32 = 7;

    const STATISTICS_ONLY: &str = "verification time 57 usec\nstack depth 0+0\nprocessed 0 insns \
         (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n\n";

    const FUNCTION: Target = Target::Function("commit_creds");
    const TRACEPOINT: Target = Target::Tracepoint("module_load");

    fn load(means: Means, target: &Target, number: i32, log: &str) -> String {
        explain_load(means, target, &io::Error::from_raw_os_error(number), log)
    }

    #[test]
    fn statistics_are_no_reason() {
        for log in ["", "\n", STATISTICS_ONLY] {
            let reason = load(Means::Tracing, &FUNCTION, EPERM, log);
            let start =
                "Operation not permitted: this kernel refuses tracing programs on functions";
            assert!(reason.starts_with(start), "{reason}");
        }
    }

    #[test]
    fn what_the_verifier_found_is() {
        let log = format!("0: R1=ctx()\nR2 invalid mem access 'scalar'\n{STATISTICS_ONLY}");
        assert_eq!(
            load(Means::RawTracepoint, &TRACEPOINT, EACCES, &log),
            "Permission denied: R2 invalid mem access 'scalar'"
        );
    }

    #[test]
    fn errors_mean_something_else_for_each_means() {
        let missing = load(Means::Kprobe, &FUNCTION, EINVAL, "");
        assert!(missing.contains("CONFIG_KPROBES"), "{missing}");
        let missing = load(Means::RawTracepoint, &TRACEPOINT, ENOENT, "");
        assert!(missing.contains("no such tracepoint"), "{missing}");
        let missing = load(Means::Kprobe, &FUNCTION, ENOENT, "");
        assert!(missing.contains("no such function"), "{missing}");
        let unsupported = load(Means::Tracing, &FUNCTION, ENOTSUPP, STATISTICS_ONLY);
        assert!(
            unsupported.starts_with("Operation not supported: "),
            "{unsupported}"
        );
        assert!(!unsupported.contains("524"), "{unsupported}");
    }

    #[test]
    fn an_error_without_a_known_meaning_stands_for_itself() {
        assert_eq!(
            load(Means::Tracing, &FUNCTION, E2BIG, ""),
            "Argument list too long"
        );
    }

    #[test]
    fn a_kernel_without_kprobes_is_told_so() {
        let error = ProgramError::KProbeError(KProbeError::FileError {
            filename: "/sys/bus/event_source/devices/kprobe/type".into(),
            io_error: io::Error::from_raw_os_error(ENOENT),
        });
        let reason = explain(Means::Kprobe, &FUNCTION, &error);
        assert!(reason.contains("this kernel has no kprobes"), "{reason}");
        assert!(!reason.contains("os error"), "{reason}");
    }

    #[test]
    fn what_the_type_information_does_not_have_is_not_there() {
        let error = ProgramError::Btf(BtfError::UnknownBtfTypeName {
            type_name: "btf_trace_module_load".into(),
        });
        let reason = explain(Means::Tracing, &TRACEPOINT, &error);
        assert_eq!(reason, "this kernel has no such tracepoint");
    }

    #[test]
    fn causes_are_said_once_and_in_words() {
        let error = aya::EbpfError::MapError(aya::maps::MapError::CreateError {
            name: "BULK_0".into(),
            io_error: io::Error::from_raw_os_error(EINVAL),
        });
        assert_eq!(
            with_causes(&error),
            "map error: failed to create map `BULK_0`: Invalid argument"
        );
        assert_eq!(errno(&error), Some(EINVAL));
    }
}
