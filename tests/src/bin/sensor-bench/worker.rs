//! The process that does the work that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::operation::{Operation, Step};
use crate::{cgroup, process};

/// Chunks of which the median is taken: an odd number, and enough that the kernel's timer, which
/// interrupts some of them, does not matter.
pub const CHUNKS: u32 = 31;

/// What a measurement is told.
#[derive(clap::Args)]
pub struct Arguments {
    operation: Operation,
    /// Where to write the figure to; standard output belongs to the programs that are started
    #[arg(long)]
    out: PathBuf,
    /// Stop this process before the measurement begins
    #[arg(long)]
    stop: Option<i32>,
    /// Enter this cgroup first
    #[arg(long)]
    cgroup: Option<PathBuf>,
}

/// What a load is told.
#[derive(clap::Args)]
pub struct LoadArguments {
    operation: Operation,
    /// How many
    count: u32,
    /// A second; as fast as it goes if not given
    #[arg(long)]
    rate: Option<u32>,
    /// Enter this cgroup first
    #[arg(long)]
    cgroup: Option<PathBuf>,
}

/// How many operations one measurement does in all.
pub fn operations(operation: Operation) -> u32 {
    // One chunk warms up.
    (CHUNKS + 1) * operation.chunk()
}

/// Starts a measurement and returns the nanoseconds that one operation took.
pub fn start(operation: Operation, stop: Option<Pid>, cgroup: Option<&Path>) -> Result<f64> {
    let out = std::env::temp_dir().join(format!("sensor-bench-{}-figure", std::process::id()));
    let mut command = myself("worker", cgroup)?;
    command.arg(operation.name()).arg("--out").arg(&out);
    if let Some(pid) = stop {
        command
            .arg("--stop")
            .arg(pid.as_raw_nonzero().get().to_string());
    }
    let status = command.status().context("cannot start a worker")?;
    ensure!(status.success(), "the worker failed: {status}");
    let figure =
        fs::read_to_string(&out).with_context(|| format!("cannot read {}", out.display()))?;
    fs::remove_file(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    figure
        .parse()
        .with_context(|| format!("{figure:?} is no figure"))
}

/// A command that makes events: `count` operations, `rate` a second.
pub fn load_command(
    operation: Operation,
    count: u32,
    rate: Option<u32>,
    cgroup: Option<&Path>,
) -> Result<Command> {
    let mut command = myself("load", cgroup)?;
    command.arg(operation.name()).arg(count.to_string());
    if let Some(rate) = rate {
        command.arg("--rate").arg(rate.to_string());
    }
    Ok(command)
}

/// Makes events and waits until they are made.
pub fn make_events(
    operation: Operation,
    count: u32,
    rate: Option<u32>,
    cgroup: Option<&Path>,
) -> Result<()> {
    let status = load_command(operation, count, rate, cgroup)?
        .status()
        .context("cannot start a load")?;
    ensure!(status.success(), "the load failed: {status}");
    Ok(())
}

/// This program, with nothing of ours open, so that what it starts inherits nothing either.
fn myself(role: &str, cgroup: Option<&Path>) -> Result<Command> {
    let program = std::env::current_exe().context("cannot find this program's file")?;
    let mut command = Command::new(program);
    command
        .arg(role)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    Ok(command)
}

/// Measures an operation: the median of what it takes over all chunks.
pub fn measure(arguments: &Arguments) -> Result<()> {
    if let Some(cgroup) = &arguments.cgroup {
        cgroup::join(cgroup)?;
    }
    let operation = arguments.operation;
    let mut step = operation.prepare()?;
    repeat(&mut step, operation.chunk())?;
    if let Some(pid) = arguments.stop.and_then(Pid::from_raw) {
        // A sensor that slept was woken by the first event; it shall have told the programs that it
        // is awake, as it is on a host where something happens, before it is stopped.
        thread::sleep(Duration::from_millis(3));
        kill_process(pid, Signal::STOP).context("cannot stop the sensor")?;
        process::wait_until_stopped(pid)?;
    }
    let mut times = Vec::new();
    for _ in 0..CHUNKS {
        let started = Instant::now();
        repeat(&mut step, operation.chunk())?;
        times.push(started.elapsed());
    }
    times.sort();
    let median = times.get(times.len() / 2).context("nothing was measured")?;
    let figure = median.as_secs_f64() * 1e9 / f64::from(operation.chunk());
    fs::write(&arguments.out, figure.to_string())
        .with_context(|| format!("cannot write {}", arguments.out.display()))
}

/// Makes events, at a steady rate if there is one.
pub fn load(arguments: &LoadArguments) -> Result<()> {
    if let Some(cgroup) = &arguments.cgroup {
        cgroup::join(cgroup)?;
    }
    let mut step = arguments.operation.prepare()?;
    let Some(rate) = arguments.rate else {
        return repeat(&mut step, arguments.count);
    };
    let started = Instant::now();
    for number in 0..arguments.count {
        let due = Duration::from_secs(u64::from(number)) / rate.max(1);
        thread::sleep(due.saturating_sub(started.elapsed()));
        step()?;
    }
    Ok(())
}

fn repeat(step: &mut Step, times: u32) -> Result<()> {
    for _ in 0..times {
        step()?;
    }
    Ok(())
}
