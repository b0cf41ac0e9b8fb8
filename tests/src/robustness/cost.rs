//! What the sensor costs: time until an event is out, memory, and nothing on anybody's system calls.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::clock;
use crate::event::of;
use crate::place;
use crate::privilege::kernel_memory::KernelMemory;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};

use super::stopping::ending;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/latency",
        play: latency,
    },
    Scenario {
        name: "robustness/memory-at-start",
        play: memory,
    },
    Scenario {
        name: "robustness/no-tax-on-system-calls",
        play: no_tax,
    },
];

/// From an exec to its event at whoever reads the sensor's output.
fn latency(context: &Context<'_>) -> Result<Outcome> {
    const TIMES: usize = 500;
    const PAUSE: Duration = Duration::from_millis(7);
    const LONGEST: Duration = Duration::from_millis(50);
    /// Emulated CPUs are some twenty times slower, and the host may be busy.
    const LONGEST_EMULATED: Duration = Duration::from_millis(250);
    let program = ending(context)?;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        context.sensor.clear();
        let mut child = Command::new(&program).spawn()?;
        let pid = child.id();
        let event = context
            .sensor
            .wait_for(|event| event.code() == "exec" && of(pid)(event), PATIENCE)?;
        let now = clock::boot_nanoseconds();
        child.wait()?;
        let happened = event
            .number("sensor.record.boot_time")
            .context("the event has no time")?;
        took.push(Duration::from_nanos(now.saturating_sub(happened)));
        std::thread::sleep(PAUSE);
    }
    took.sort_unstable();
    let at = |per_cent: usize| {
        let place = (took.len() * per_cent / 100).min(took.len() - 1);
        took.get(place).copied().unwrap_or_default()
    };
    context.note(format!(
        "from exec to reader: median {:.1?}, p99 {:.1?}, longest {:.1?}",
        at(50),
        at(99),
        at(100)
    ));
    let longest = if place::is_a_test_machine() {
        LONGEST_EMULATED
    } else {
        LONGEST
    };
    context.claim(
        at(99) < longest,
        format!("p99 {:?} is below {longest:?}", at(99)),
    );
    Ok(Outcome::Passed)
}

fn memory(context: &Context<'_>) -> Result<Outcome> {
    const MOST: u64 = 25 << 10;
    let sensor = context.own_sensor("")?;
    let resident = kilobytes(sensor.pid(), "VmRSS")?;
    let peak = kilobytes(sensor.pid(), "VmHWM")?;
    let parts = ["RssAnon", "RssFile", "RssShmem"]
        .map(|name| Ok(format!("{name} {}", kilobytes(sensor.pid(), name)?)));
    let parts: Vec<String> = parts.into_iter().collect::<Result<_>>()?;
    sensor.stop(Signal::TERM)?;
    context.note(format!(
        "VmRSS {resident} kB ({}), at most {peak} kB before",
        parts.join(", ")
    ));
    context.claim(resident < MOST, format!("{resident} kB is below {MOST} kB"));
    Ok(Outcome::Passed)
}

/// A value in `/proc/PID/status`.
fn kilobytes(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let value = status
        .lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .trim()
                .strip_suffix(" kB")
        })
        .with_context(|| format!("{path} has no {name}"))?;
    Ok(value.parse()?)
}

/// As long as anybody traces system calls, every thread of the host takes their slow path. The kernel
/// says so of each thread.
fn no_tax(context: &Context<'_>) -> Result<Outcome> {
    let hooks = context
        .sensor
        .start
        .get("sensor.hooks")
        .and_then(|hooks| hooks.as_array())
        .context("sensor_start has no sensor.hooks")?;
    let targets: Vec<&str> = hooks
        .iter()
        .filter_map(|hook| hook.get("programs")?.as_array())
        .flatten()
        .filter_map(|program| program.get("target")?.as_str())
        .collect();
    context.claim(!targets.is_empty(), "the sensor has programs");
    for target in targets {
        let is_boundary = target.contains("sys_enter")
            || target.contains("sys_exit")
            || target.starts_with("__x64_sys")
            || target.starts_with("__ia32_sys")
            || target.starts_with("do_syscall");
        context.claim(
            !is_boundary,
            format!("{target} is not where calls begin or end"),
        );
    }
    for entry in fs::read_dir(format!("/proc/{}/fdinfo", context.sensor.pid()))? {
        let about = fs::read_to_string(entry?.path())?;
        context.claim(
            !about.contains("sys_enter") && !about.contains("sys_exit"),
            format!("the kernel knows no such link: {about}"),
        );
    }
    for group in ["syscalls", "raw_syscalls"] {
        let path = format!("/sys/kernel/tracing/events/{group}/enable");
        match crate::host::line(&path) {
            Ok(enabled) => context.claim_eq(&path, &enabled.as_str(), &"0"),
            Err(error) => context.note(format!("{error:#}")),
        }
    }
    match KernelMemory::open()? {
        Some(mut memory) => {
            for pid in [std::process::id(), context.sensor.pid(), 1] {
                let task = memory.task(pid)?;
                context.claim(
                    !memory.traces_system_calls(task)?,
                    format!("process {pid} takes the fast path"),
                );
            }
        }
        None => context.note("only on a test machine can a thread's path be looked at"),
    }
    Ok(Outcome::Passed)
}
