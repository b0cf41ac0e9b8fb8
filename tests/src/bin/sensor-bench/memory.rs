//! The sensor's memory: when it has started, and after many events of every frequent kind.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Pid;
use serde_json::{Value, json};

use crate::cgroup::Cgroup;
use crate::operation::Operation;
use crate::rung::Rung;
use crate::sensor::{Sensor, Setting};
use crate::{maps, process, say, worker};

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many events must have come out
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
}

/// One helping of the mix.
const MIX: [(Operation, u32); 4] = [
    (Operation::Exec, 200),
    (Operation::Tcp, 500),
    (Operation::Setresuid, 1000),
    (Operation::Connect, 2000),
];

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let cgroup = setting.cgroup()?;
    let place = cgroup.as_ref().map(Cgroup::path);
    // As it comes: rings and limits are what this is about.
    let sensor = Sensor::start(
        setting,
        Rung::Tracing,
        "",
        cgroup.as_ref(),
        Box::new(|_| ()),
    )?;
    thread::sleep(Duration::from_secs(1));
    let maps = maps::of_process(sensor.pid())?;
    let at_start = snapshot(sensor.pid())?;

    let mut said = Instant::now();
    while sensor.count()?.lines < arguments.events {
        for (operation, count) in MIX {
            worker::make_events(operation, count, None, place)?;
        }
        if said.elapsed() > Duration::from_secs(10) {
            say(format_args!(
                "{} of {} events",
                sensor.count()?.lines,
                arguments.events
            ));
            said = Instant::now();
        }
    }
    sensor.wait_until_quiet()?;
    let events = sensor.count()?.lines;
    let after = snapshot(sensor.pid())?;
    let totals = sensor.finish()?;
    Ok(json!({
        "at_start": at_start,
        "after": after,
        "events": events,
        "maps": maps.len(),
        "map_bytes": maps.values().sum::<u64>(),
        "totals": totals.to_json(),
    }))
}

/// Bytes: resident now, the most ever, and what the first is made of.
fn snapshot(pid: Pid) -> Result<Value> {
    Ok(json!({
        "resident": process::status_bytes(pid, "VmRSS")?,
        "peak": process::status_bytes(pid, "VmHWM")?,
        "anonymous": process::status_bytes(pid, "RssAnon")?,
        "file": process::status_bytes(pid, "RssFile")?,
        "shared": process::status_bytes(pid, "RssShmem")?,
    }))
}
