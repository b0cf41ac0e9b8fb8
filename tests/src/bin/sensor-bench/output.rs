//! Events of many processes, written down in each format: how many a core does in a second, from the
//! kernel's record to the line. They come from a generated recording ([`host`](crate::host)), so no
//! kernel is asked.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::host::{Story, Teller, Telling};
use crate::replay::Replay;
use crate::say;
use crate::sensor::Setting;

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many containers are made and gone
    #[arg(long, default_value_t = 200)]
    containers: u32,
    /// How many processes each of them has
    #[arg(long, default_value_t = 100)]
    processes: u32,
    /// How often each format is measured
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// The formats, and whether lines go to a file or nowhere.
const RUNS: [(&str, bool); 6] = [
    ("json", false),
    ("flat", false),
    ("ocsf", false),
    ("cef", false),
    ("pretty", false),
    ("json", true),
];

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let story = Story {
        containers: arguments.containers,
        processes: arguments.processes,
    };
    let mut rows = Vec::new();
    for round in 1..=arguments.rounds {
        say(format_args!("round {round} of {}", arguments.rounds));
        // In turn, so that what else the machine does falls on all.
        for (format, is_file) in RUNS {
            let (events, used) = measure(setting, story, format, is_file)
                .with_context(|| format!("the format {format} cannot be measured"))?;
            rows.push(json!({
                "format": format,
                "file": is_file,
                "events": events,
                "cpu": used.as_secs_f64() * 1e9,
            }));
        }
    }
    Ok(json!({ "rows": rows }))
}

/// Events, and the CPU time of all of them.
fn measure(
    setting: &Setting,
    story: Story,
    format: &str,
    is_file: bool,
) -> Result<(u64, Duration)> {
    let path = std::env::temp_dir().join(format!("sensor-bench-{}.out", std::process::id()));
    let output = if is_file {
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Stdio::from(file)
    } else {
        Stdio::null()
    };
    let mut replay = Replay::start_with(setting, format, output)?;
    let mut teller = Teller::new(story, Telling::Rich);
    teller.begin(&mut |frame| replay.write(frame))?;
    let (_, before) = replay.look()?;
    for container in 1..=story.containers {
        teller.container(container, &mut |frame| replay.write(frame))?;
    }
    let (_, after) = replay.look()?;
    teller.end(&mut |frame| replay.write(frame))?;
    replay.finish()?;
    let _not_there_without_file = fs::remove_file(&path);
    Ok((teller.events(), after.saturating_sub(before)))
}
