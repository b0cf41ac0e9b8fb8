//! `cargo xtask test`: the unit tests, then the scenarios on each kernel in a machine of its own.

use std::ffi::OsString;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::vm::{self, End, Guest, Kernel, Labelled, Machine, MachineArgs, Verdict};
use crate::{Ended, parallel, project, say, tool};

/// What a change must work on, unless somebody asks for less: the oldest kernel supported, those of
/// Debian's stable releases, a long-term one, and the newest there is.
pub(crate) const KERNELS: &[&str] = &["5.10", "6.1", "6.12", "6.18", "newest"];

/// The program that holds the scenarios.
const SCENARIOS: &str = "sensor-scenarios";

/// Modules that scenarios need, which every kernel has: one to unload and load that needs no
/// hardware, and a file system.
const MODULES: [&str; 2] = ["dummy", "overlay"];

/// The arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct TestArgs {
    /// Only on this kernel (may be repeated); by default 5.10, 6.1, 6.12, 6.18 and `newest`
    #[arg(long, value_name = "V")]
    kernel: Vec<String>,
    /// Only the unit tests, no machines
    #[arg(long, conflicts_with = "kernel")]
    unit: bool,
    /// Machines that run at the same time; by default one for each two CPUs, at least two
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Arguments for the scenarios
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// Runs the tests; fails if any of them did.
pub(crate) fn run(args: &TestArgs) -> Ended {
    say("unit tests");
    tool::run(project::cargo().args(["test", "--workspace", "--exclude", "sensor-ebpf"]))
        .context("the unit tests failed; no machine was started")?;
    if args.unit {
        return Ok(ExitCode::SUCCESS);
    }

    let qemu = vm::find_qemu()?;
    let names: Vec<&str> = match args.kernel.as_slice() {
        [] => KERNELS.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let kernels: Vec<Kernel> = names
        .iter()
        .map(|name| vm::find_kernel(name, false))
        .collect::<Result<_>>()?;
    let programs = vm::build_programs()?;
    ensure!(
        programs.iter().any(|program| program.ends_with(SCENARIOS)),
        "the project has no program {SCENARIOS} (package sensor-tests)"
    );
    let mut command = vec![OsString::from(SCENARIOS)];
    command.extend(args.args.iter().cloned());
    let guest = Guest {
        programs,
        command,
        ..Guest::default()
    };
    let machine = Machine::from(args.machine.clone());

    let jobs = args
        .jobs
        .map_or_else(parallel::usual_jobs, NonZero::get)
        .min(kernels.len());
    say(format_args!("{} kernels, {jobs} at a time", kernels.len()));
    let rows = parallel::map(&kernels, jobs, |kernel| {
        let mut screen = Labelled::new(&kernel.name);
        let mut guest = guest.clone();
        // A kernel that was given as a file may have none.
        if kernel.has_modules() {
            guest.modules.extend(MODULES.map(str::to_owned));
        }
        let verdict = vm::boot(&qemu, kernel, &machine, &guest, &mut screen)
            .and_then(|verdict| screen.finish().map(|()| verdict));
        row(kernel, &verdict)
    })?;
    print!("{}", table(&rows));
    let all_passed = rows.iter().all(|row| row.passed);
    Ok(if all_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One line of the table.
struct Row {
    kernel: String,
    release: String,
    passed: bool,
    verdict: String,
    boot: Option<Duration>,
    took: Option<Duration>,
}

fn row(kernel: &Kernel, verdict: &Result<Verdict>) -> Row {
    let (passed, mut text) = match verdict {
        Ok(verdict) => judge(kernel, verdict),
        Err(error) => (false, format!("FAILED: {error:#}")),
    };
    let verdict = verdict.as_ref().ok();
    if verdict.is_some_and(|verdict| verdict.is_second_try) {
        text.push_str("; the second try, the kernel broke in the first (see above)");
    }
    Row {
        kernel: kernel.name.clone(),
        release: kernel.release.clone(),
        passed,
        verdict: text,
        boot: verdict.and_then(|verdict| verdict.booted_in),
        took: verdict.map(|verdict| verdict.took),
    }
}

fn judge(kernel: &Kernel, verdict: &Verdict) -> (bool, String) {
    let warnings = &verdict.complaints.warnings;
    for warning in warnings {
        say(format_args!(
            "{:>6} | the kernel warned: {warning}",
            kernel.name
        ));
    }
    if let Some(failure) = verdict.failure() {
        say(format_args!(
            "{:>6} | {}",
            kernel.name,
            verdict.explain(&failure)
        ));
        return (false, format!("FAILED: {failure}"));
    }
    let status = match verdict.end {
        End::Status(status) => status.code(),
        _ => 1,
    };
    match (status, warnings.len()) {
        (0, 0) => (true, "passed".to_owned()),
        (0, some) => (true, format!("passed, {some} kernel warning(s)")),
        (other, _) => (false, format!("FAILED: status {other}")),
    }
}

fn table(rows: &[Row]) -> String {
    let seconds = |time: Option<Duration>| {
        time.map_or_else(
            || "-".to_owned(),
            |time| format!("{:.1}", time.as_secs_f64()),
        )
    };
    let width = rows
        .iter()
        .map(|row| row.release.len())
        .max()
        .unwrap_or_default()
        .max(7);
    let mut text = format!(
        "\n{:<8} {:<width$} {:>6} {:>7}  verdict\n",
        "kernel", "release", "boot s", "total s"
    );
    for row in rows {
        text.push_str(&format!(
            "{:<8} {:<width$} {:>6} {:>7}  {}\n",
            row.kernel,
            row.release,
            seconds(row.boot),
            seconds(row.took),
            row.verdict
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let row = |kernel: &str, verdict: &str, boot: Option<Duration>| Row {
            kernel: kernel.into(),
            release: format!("{kernel}.0-cloud-amd64"),
            passed: boot.is_some(),
            verdict: verdict.into(),
            boot,
            took: boot.map(|boot| boot * 4),
        };
        let rows = [
            row("5.10", "passed", Some(Duration::from_millis(5250))),
            row("6.1", "FAILED: x", None),
        ];
        assert_eq!(
            table(&rows),
            "
kernel   release            boot s total s  verdict
5.10     5.10.0-cloud-amd64    5.2    21.0  passed
6.1      6.1.0-cloud-amd64       -       -  FAILED: x
"
        );
    }
}
