//! How long it takes from the kernel's hook until the event's line can be read.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::cgroup::Cgroup;
use crate::operation::Operation;
use crate::rung::Rung;
use crate::sensor::{Sensor, Setting};
use crate::{say, worker};

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How long each load lasts
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// What else happens meanwhile.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// So many connections a second.
    Steady(&'static str, u32),
    /// On every CPU programs are started one after the other, without a pause.
    Flood,
}

const LOADS: [Load; 3] = [
    Load::Steady("idle", 10),
    Load::Steady("moderate", 1000),
    Load::Flood,
];

type Samples = Arc<Mutex<Vec<u64>>>;

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let cgroup = setting.cgroup()?;
    let samples = Samples::default();
    let to = Arc::clone(&samples);
    let sensor = Sensor::start(
        setting,
        Rung::Tracing,
        "",
        cgroup.as_ref(),
        Box::new(move |line| {
            if let Some(made) = boot_time(line) {
                let taken = now().saturating_sub(made);
                to.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(taken);
            }
        }),
    )?;
    thread::sleep(Duration::from_secs(1));
    let mut rows = Vec::new();
    for load in LOADS {
        say(format_args!("{}: {} s", load.name(), arguments.seconds));
        sensor.wait_until_quiet()?;
        take(&samples);
        load.run(arguments.seconds, cgroup.as_ref())?;
        sensor.wait_until_quiet()?;
        let mut taken = take(&samples);
        taken.sort_unstable();
        rows.push(json!({
            "load": load.name(),
            "events": taken.len(),
            "median": quantile(&taken, 50),
            "p90": quantile(&taken, 90),
            "p99": quantile(&taken, 99),
            "most": taken.last(),
        }));
    }
    Ok(json!({
        "seconds": arguments.seconds,
        "rows": rows,
        "totals": sensor.finish()?.to_json(),
    }))
}

impl Load {
    const fn name(self) -> &'static str {
        match self {
            Self::Steady(name, _) => name,
            Self::Flood => "flood",
        }
    }

    fn run(self, seconds: u32, cgroup: Option<&Cgroup>) -> Result<()> {
        let place = cgroup.map(Cgroup::path);
        match self {
            Self::Steady(_, rate) => {
                worker::make_events(Operation::Connect, rate * seconds, Some(rate), place)
            }
            Self::Flood => {
                let cpus = thread::available_parallelism().map_or(1, usize::from);
                let mut loads = Vec::new();
                for _ in 0..cpus {
                    let mut command = worker::load_command(Operation::Exec, u32::MAX, None, place)?;
                    loads.push(Running(command.spawn().context("cannot start a load")?));
                }
                thread::sleep(Duration::from_secs(u64::from(seconds)));
                Ok(())
            }
        }
    }
}

/// A load, ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _waited_for_already = self.0.wait();
    }
}

fn take(samples: &Samples) -> Vec<u64> {
    std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The kernel's clock of the events: nanoseconds since the boot.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// `sensor.record.boot_time` of a line. The line is not parsed: reading must not take the time that
/// it is to measure.
fn boot_time(line: &[u8]) -> Option<u64> {
    const FIELD: &[u8] = b"\"boot_time\":";

    let place = line
        .windows(FIELD.len())
        .position(|window| window == FIELD)?;
    let digits = line
        .get(place + FIELD.len()..)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number, digit| {
        let number = number.unwrap_or(0_u64);
        Some(
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0')),
        )
    })
}

/// The value that so many in a hundred do not exceed.
fn quantile(sorted: &[u64], hundredths: usize) -> Option<u64> {
    let place = (sorted.len() * hundredths).div_ceil(100);
    sorted.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_in_the_line() {
        let line = br#"{"sensor":{"record":{"cpu":0,"boot_time":12345678901,"ring":"bulk"}}}"#;
        assert_eq!(boot_time(line), Some(12_345_678_901));
        assert_eq!(
            boot_time(br#"{"sensor":{"record":{"boot_time":"x"}}}"#),
            None
        );
        assert_eq!(boot_time(b"{}"), None);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(quantile(&values, 50), Some(100));
        assert_eq!(quantile(&values, 99), Some(198));
        assert_eq!(quantile(&[7], 99), Some(7));
        assert_eq!(quantile(&[], 99), None);
    }
}
