//! `cargo xtask bench`: what the sensor costs, measured, beside what it may cost.
//!
//! The measuring itself is `sensor-bench`'s (`tests/src/bin/sensor-bench`), which runs on the machine
//! that is measured: a guest that counts instructions, so that the same code gives the same figure
//! wherever it runs, or this host ([`machine`]). Here its figures become a table and are held to
//! the goals ([`goal`]), a module for each bench.
//!
//! `verifier` is not about time: it keeps the committed table of how much of each program every
//! kernel's verifier had to look at ([`verifier`]).

mod detect;
mod figures;
mod goal;
mod latency;
mod machine;
mod memory;
mod output;
mod overhead;
mod population;
mod start;
mod table;
mod userspace;
mod verifier;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use self::figures::Unit;
use self::goal::Goal;
use self::machine::{Emulation, Place};
use self::table::Table;
use crate::{Ended, say};

/// Where the figures are for that nobody asks another place for.
const USUAL_KERNEL: &str = "6.12";

/// The arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// Which bench; all that measure the sensor if none is named
    name: Option<Name>,
    /// On this kernel (may be repeated); by default 6.12, for `verifier` all that the tests use
    #[arg(long, value_name = "V")]
    kernel: Vec<String>,
    /// On this host, watching a cgroup of the bench's own (needs root)
    #[arg(long, conflicts_with = "kernel")]
    native: bool,
    /// Print one JSON document for each bench and kernel, not tables
    #[arg(long)]
    json: bool,
    /// Fail if a goal is missed
    #[arg(long)]
    strict: bool,
    /// `overhead`: every operation on every rung of the ladder of hooks
    #[arg(long)]
    rungs: bool,
    /// `verifier`: change nothing; fail if a program grew by more than a tenth
    #[arg(long)]
    check: bool,
    /// More arguments for the bench on the machine: see `sensor-bench NAME --help`
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// A bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// What operations cost with the sensor and without
    Overhead,
    /// What an event costs the sensor from the ring to its line
    Userspace,
    /// Memory at the start and after a million events, and that of the kernel's maps
    Memory,
    /// From the start of the sensor until it watches
    Start,
    /// What is remembered of many containers and processes, and what that costs
    Population,
    /// From the kernel's hook until the event's line can be read
    Latency,
    /// How many events a core writes down in a second, in each format
    Output,
    /// What rules and detectors cost an event, and whether what they remember is bounded
    Detect,
    /// Rewrites docs/verifier.md: how much of each program every kernel's verifier looks at
    Verifier,
}

/// What a bench comes to.
struct Report {
    title: String,
    table: Table,
    goals: Vec<Goal>,
    /// What a reader of the figures must know.
    notes: Vec<String>,
}

/// Runs the benches that were asked for.
pub(crate) fn run(args: &BenchArgs) -> Ended {
    let is_verifier = args.name == Some(Name::Verifier);
    ensure!(
        !args.check || is_verifier,
        "`--check` belongs to `cargo xtask bench verifier`"
    );
    ensure!(
        !args.rungs || matches!(args.name, None | Some(Name::Overhead)),
        "`--rungs` belongs to `cargo xtask bench overhead`"
    );
    ensure!(
        args.args.is_empty() || args.name.is_some_and(|_| !is_verifier),
        "which bench are the arguments after `--` for?"
    );
    if is_verifier {
        ensure!(
            !args.native && !args.json,
            "`verifier` is about the kernels of the tests and has its own files"
        );
        return verifier::run(&args.kernel, args.check);
    }
    let names = match args.name {
        Some(name) => vec![name],
        None => Name::MEASURING.to_vec(),
    };
    let mut all_met = true;
    for place in places(args)? {
        for name in &names {
            all_met &= measure(args, *name, &place)?;
        }
    }
    Ok(if all_met || !args.strict {
        ExitCode::SUCCESS
    } else {
        say("a goal is missed");
        ExitCode::FAILURE
    })
}

fn places(args: &BenchArgs) -> Result<Vec<Place>> {
    if args.native {
        return Ok(vec![Place::native()?]);
    }
    match args.kernel.as_slice() {
        [] => Ok(vec![Place::guest(USUAL_KERNEL)?]),
        kernels => kernels.iter().map(|kernel| Place::guest(kernel)).collect(),
    }
}

/// Runs one bench at one place and shows what came of it; whether its goals are met.
fn measure(args: &BenchArgs, name: Name, place: &Place) -> Result<bool> {
    let mut command = vec![OsString::from(name.as_str())];
    if args.rungs && name == Name::Overhead {
        command.push("--rungs".into());
    }
    if name == Name::Detect {
        command.extend(detect::arguments(place));
    }
    command.extend(args.args.iter().cloned());
    say(format_args!("bench {} on {}", name.as_str(), place.name()));
    let result = place
        .run(&command, name.emulation())
        .with_context(|| format!("the bench {} failed", name.as_str()))?;
    let figures = result
        .get("figures")
        .context("the bench returned no figures")?;
    let unit = place.unit(name.emulation());
    let report = match name {
        Name::Overhead => overhead::report(figures, unit),
        Name::Userspace => userspace::report(figures, unit),
        Name::Memory => memory::report(figures),
        Name::Start => start::report(figures, unit),
        Name::Population => population::report(figures, unit),
        Name::Latency => latency::report(figures),
        Name::Output => output::report(figures, unit),
        Name::Detect => detect::report(figures, unit),
        Name::Verifier => return Ok(true),
    }
    .with_context(|| format!("the bench {} returned odd figures", name.as_str()))?;
    if args.json {
        println!("{}", report.to_json(name, place, &result));
    } else {
        let release = result.get("release").and_then(Value::as_str);
        print!("{}", report.show(place, release.unwrap_or("?")));
    }
    Ok(report.goals.iter().all(Goal::is_met))
}

impl Name {
    /// Those that measure a running sensor.
    const MEASURING: [Self; 8] = [
        Self::Overhead,
        Self::Userspace,
        Self::Memory,
        Self::Start,
        Self::Population,
        Self::Latency,
        Self::Output,
        Self::Detect,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Overhead => "overhead",
            Self::Userspace => "userspace",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Population => "population",
            Self::Latency => "latency",
            Self::Output => "output",
            Self::Detect => "detect",
            Self::Verifier => "verifier",
        }
    }

    /// Memory does not depend on time, and a million events take long where instructions are counted.
    const fn emulation(self) -> Emulation {
        match self {
            Self::Memory | Self::Population | Self::Output | Self::Detect => Emulation::Fast,
            _ => Emulation::Counting,
        }
    }
}

impl Report {
    fn show(&self, place: &Place, release: &str) -> String {
        let mut text = format!(
            "\n{} ({}, kernel {release})\n\n{}",
            self.title,
            place.name(),
            self.table.show()
        );
        if !self.goals.is_empty() {
            text.push('\n');
            text.push_str(&goal::table(&self.goals).show());
        }
        for note in &self.notes {
            text.push_str(&format!("\nnote: {note}"));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        text
    }

    fn to_json(&self, name: Name, place: &Place, result: &Value) -> Value {
        json!({
            "bench": name.as_str(),
            "place": place.name(),
            "result": result,
            "goals": self.goals.iter().map(Goal::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

/// Nanoseconds as the place's unit has them.
fn in_unit(nanoseconds: f64, unit: Unit) -> f64 {
    nanoseconds / unit.nanoseconds()
}
