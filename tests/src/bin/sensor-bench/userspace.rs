//! What an event costs the sensor itself, from the ring to its line: the sensor is stopped while
//! events are made, and its CPU time is read when all of their lines have come out.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cgroup::Cgroup;
use crate::operation::Operation;
use crate::rung::Rung;
use crate::sensor::{ROOMY, Sensor, Setting};
use crate::{process, say, worker};

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Thousands of operations of each kind
    #[arg(long, default_value_t = 3)]
    thousands: u32,
}

/// Events of one sort, or a mix that belongs together.
struct Mix {
    name: &'static str,
    operation: Operation,
    /// What is not wanted of what the operation makes.
    exclude: &'static str,
}

/// Between them they have every frequent kind of event.
const MIXES: [Mix; 5] = [
    Mix {
        name: "exec",
        operation: Operation::Exec,
        exclude: "[capture]\nexclude = [\"fork\", \"exit\"]\n",
    },
    Mix {
        name: "fork, exec, exit",
        operation: Operation::Exec,
        exclude: "",
    },
    Mix {
        name: "connect",
        operation: Operation::Connect,
        exclude: "",
    },
    Mix {
        name: "tcp connection",
        operation: Operation::Tcp,
        exclude: "",
    },
    Mix {
        name: "credential change",
        operation: Operation::Setresuid,
        exclude: "",
    },
];

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let cgroup = setting.cgroup()?;
    let place = cgroup.as_ref().map(Cgroup::path);
    let mut rows = Vec::new();
    for Mix {
        name,
        operation,
        exclude,
    } in MIXES
    {
        say(format_args!(
            "{} thousand times: {name}",
            arguments.thousands
        ));
        let sensor = Sensor::start(
            setting,
            Rung::Tracing,
            &format!("{ROOMY}{exclude}"),
            cgroup.as_ref(),
            Box::new(|_| ()),
        )?;
        // What is done once only is done now.
        worker::make_events(operation, 100, None, place)?;
        thread::sleep(Duration::from_secs(1));
        sensor.wait_until_quiet()?;

        sensor.pause()?;
        worker::make_events(operation, arguments.thousands * 1000, None, place)?;
        let before = sensor.count()?;
        let used_before = process::cpu_time(sensor.pid())?;
        sensor.resume()?;
        let (after, used) = sensor.wait_until_quiet()?;
        let events = after.lines - before.lines;
        ensure!(events > 0, "no event came out");
        let totals = sensor.finish()?;
        rows.push(json!({
            "events_of": name,
            "events": events,
            "bytes": after.bytes - before.bytes,
            "sensor": used.saturating_sub(used_before).as_secs_f64() * 1e9,
            "totals": totals.to_json(),
        }));
    }
    Ok(json!({"rows": rows}))
}
