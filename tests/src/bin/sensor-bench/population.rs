//! Many containers and processes, made and gone: what the sensor remembers of them, and what that
//! costs. It replays a generated recording ([`host`](crate::host)), so no kernel is asked.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::host::{self, Story, Telling};
use crate::replay::Replay;
use crate::say;
use crate::sensor::Setting;

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many containers are made and gone
    #[arg(long, default_value_t = 10_000)]
    containers: u32,
    /// How many processes each of them has
    #[arg(long, default_value_t = 100)]
    processes: u32,
    /// How often what enrichment costs is measured
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// Looks at the sensor that often on the way.
const LOOKS: u32 = 20;

/// Of the containers, those that the cost of enrichment is measured with.
const SHARE: u32 = 20;

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let story = Story {
        containers: arguments.containers,
        processes: arguments.processes,
    };
    let curve = curve(setting, story)?;
    let small = Story {
        containers: (arguments.containers / SHARE).max(1),
        ..story
    };
    let mut rounds = Vec::new();
    for round in 1..=arguments.rounds {
        say(format_args!("enrichment, round {round}"));
        // In turn, so that what else the machine does falls on both.
        let bare = whole(setting, small, Telling::Bare)?;
        let rich = whole(setting, small, Telling::Rich)?;
        rounds.push(json!({
            "events": bare.0,
            "bare": bare.1.as_secs_f64() * 1e9,
            "rich": rich.1.as_secs_f64() * 1e9,
        }));
    }
    Ok(json!({"curve": curve, "rounds": rounds}))
}

/// Resident memory and CPU time on the way through all of it.
fn curve(setting: &Setting, story: Story) -> Result<Vec<Value>> {
    let mut replay = Replay::start(setting)?;
    let mut curve = Vec::new();
    let mut said = Instant::now();
    let step = (story.containers / LOOKS).max(1);
    let mut teller = host::Teller::new(story, Telling::Rich);
    teller.begin(&mut |frame| replay.write(frame))?;
    for container in 1..=story.containers {
        teller.container(container, &mut |frame| replay.write(frame))?;
        if container.is_multiple_of(step) {
            let (resident, used) = replay.look()?;
            curve.push(json!({
                "containers": container,
                "events": teller.events(),
                "resident": resident,
                "cpu": used.as_secs_f64() * 1e9,
            }));
        }
        if said.elapsed() > Duration::from_secs(10) {
            say(format_args!(
                "{container} of {} containers",
                story.containers
            ));
            said = Instant::now();
        }
    }
    teller.end(&mut |frame| replay.write(frame))?;
    replay.finish()?;
    Ok(curve)
}

/// Events, and the CPU time of all of them.
fn whole(setting: &Setting, story: Story, telling: Telling) -> Result<(u64, Duration)> {
    let mut replay = Replay::start(setting)?;
    let mut teller = host::Teller::new(story, telling);
    teller.begin(&mut |frame| replay.write(frame))?;
    let (_, before) = replay.look()?;
    for container in 1..=story.containers {
        teller.container(container, &mut |frame| replay.write(frame))?;
    }
    let (_, after) = replay.look()?;
    teller.end(&mut |frame| replay.write(frame))?;
    replay.finish()?;
    Ok((teller.events(), after.saturating_sub(before)))
}
