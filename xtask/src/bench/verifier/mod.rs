//! How much of each program every kernel's verifier has to look at.
//!
//! The verifier gives up on a program beyond a million instructions, counted along every path it
//! takes; a small change of the source may multiply the paths, on one kernel and not on the next. So
//! the figures are committed, `docs/verifier.tsv` for the comparison and `docs/verifier.md` for
//! people, and a program that grew shows in review.

mod survey;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use self::survey::{Survey, parse_doctor};
use super::machine::{self, Emulation};
use crate::vm::{self, Guest, Kernel};
use crate::{Ended, parallel, project, say, test};

/// Asks `sensor doctor` on each kernel, and rewrites the committed table or compares with it.
pub(super) fn run(kernels: &[String], check: bool) -> Ended {
    let names: Vec<&str> = match kernels {
        [] => test::KERNELS.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let measured = measure(&names)?;
    let file = folder().join("verifier.tsv");
    let committed = match fs::read_to_string(&file) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{} is damaged", file.display()))?,
        Err(_) if !check => Survey::default(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
    };
    if check {
        return compare(&committed, &measured);
    }
    let mut survey = committed;
    survey.replace(measured, test::KERNELS);
    for (name, text) in [
        ("verifier.tsv", survey.to_string()),
        ("verifier.md", page(&survey)),
    ] {
        let path = folder().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn folder() -> PathBuf {
    project::root().join("docs")
}

fn compare(committed: &Survey, measured: &Survey) -> Ended {
    let complaints = committed.complaints(measured);
    if complaints.is_empty() {
        say("no program grew by more than a tenth on any kernel");
        return Ok(ExitCode::SUCCESS);
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    bail!(
        "{} figure(s) differ from docs/verifier.tsv; if that is meant to be, run \
         `cargo xtask bench verifier` and commit the table",
        complaints.len()
    )
}

/// Boots every kernel, some at a time.
fn measure(names: &[&str]) -> Result<Survey> {
    let qemu = vm::find_qemu()?;
    let kernels: Vec<Kernel> = names
        .iter()
        .map(|name| vm::find_kernel(name, false))
        .collect::<Result<_>>()?;
    let guest = Guest {
        programs: machine::programs()?,
        command: ["sensor-bench", "verifier"].map(Into::into).to_vec(),
        ..Guest::default()
    };
    let outputs = parallel::map(&kernels, parallel::usual_jobs(), |kernel| {
        machine::in_guest(&qemu, kernel, &guest, Emulation::Fast)
    })?;
    let mut survey = Survey::default();
    for (kernel, output) in kernels.iter().zip(outputs) {
        let result: Value = serde_json::from_slice(&output?)
            .with_context(|| format!("{}: the guest printed no JSON", kernel.name))?;
        let programs = parse_doctor(&result)
            .with_context(|| format!("{}: `sensor doctor` said odd things", kernel.name))?;
        survey.add(&kernel.name, &kernel.release, programs);
    }
    Ok(survey)
}

/// The page for people.
fn page(survey: &Survey) -> String {
    format!(
        "# What the verifier looks at

Made by `cargo xtask bench verifier` from what `sensor doctor --json` says in a guest of each kernel; \
`cargo xtask bench verifier --check` fails if a program grew by more than a tenth. The same figures, \
for tools, are in [`verifier.tsv`](verifier.tsv).

A figure is how many instructions the kernel's verifier examined, along all paths, before it let the \
program in; its limit is 1,000,000. `?`: the program is loaded, but kernels before 5.16 do not say \
the figure. `-`: not loaded there, because a better hook is, or because the kernel has none of it.

{}
| kernel | release |
| --- | --- |
{}",
        survey.table().markdown(),
        survey
            .releases()
            .map(|(kernel, release)| format!("| {kernel} | {release} |\n"))
            .collect::<String>()
    )
}
