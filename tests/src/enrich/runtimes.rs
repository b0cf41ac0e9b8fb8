//! What is asked of the runtimes of containers, and what if they do not answer.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::json;

use crate::exec::image::{self, File};
use crate::exec::spawn::seven;
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::sensor::Sensor;
use crate::tiny;

use super::cgroup::{Container, refusal};
use super::hashes::{exec_of, stop};
use super::runtime::{IMAGE_HASHES, Manner, Runtime};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/hung-socket",
        play: |context| useless(context, Manner::Hangs, "runtime_timed_out"),
    },
    Scenario {
        name: "enrich/garbage-socket",
        play: |context| useless(context, Manner::Garbage, "runtime_malformed"),
    },
    Scenario {
        name: "enrich/docker-socket",
        play: docker,
    },
];

/// A runtime that does not answer costs what only it knows, and nothing else.
fn useless(context: &Context<'_>, manner: Manner, counter: &str) -> Result<Outcome> {
    // Shorter than a socket is waited for.
    const BOUND: Duration = Duration::from_millis(1500);
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = seven(context)?;
    let runtime = Runtime::start(&context.folder, manner)?;
    let sensor = context.own_sensor(&runtime.configuration())?;
    let mut best = Duration::MAX;
    let begun = Instant::now();
    let container = Container::docker(context)?;
    for _ in 0..3 {
        let mut stage = context.stage("exec/exec", &[&program])?;
        container.cgroup.take(&mut stage)?;
        let going = Instant::now();
        stage.go()?;
        let event = exec_of(&sensor, stage.pid(), &program)?;
        best = best.min(going.elapsed());
        let played = stage.finish()?;
        let path = program.to_string_lossy();
        let who = played.portrait.clone().executed(&program, &[&path]);
        let expect = image::exec(context, &who, File::at(&program)?, &path);
        let expect = container
            .expect(expect, context.host, &who)
            .is("agent.id", sensor.agent());
        context.check(&event, &expect);
    }
    context.claim(best < BOUND, format!("an exec is told in {best:?}"));
    context.note(format!("an exec is told in {best:?}"));
    // A question is given up after two seconds.
    sleep(Duration::from_secs(3).saturating_sub(begun.elapsed()));
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let stop = ended.events.0.last().context("there are no events")?;
    let count = stop.number(&format!("sensor.totals.degraded.{counter}"));
    context.claim(
        count >= Some(1),
        format!("{counter} counts: {}", stop.line()),
    );
    Ok(Outcome::Passed)
}

fn docker(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = context.folder.join("program");
    tiny::write(&program, &tiny::exits(7))?;
    let container = Container::docker(context)?;
    let runtime = Runtime::start(&context.folder, Manner::Docker(container.id.clone()))?;
    let sensor = context.own_sensor(&runtime.configuration())?;
    wait_for_name(context, &sensor, &container, &program)?;
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// Runs a program in a container until the container's name is known, which an event does not wait
/// for.
pub fn wait_for_name(
    context: &Context<'_>,
    sensor: &Sensor,
    container: &Container,
    program: &Path,
) -> Result<Portrait> {
    let deadline = Instant::now() + PATIENCE;
    let path = program.to_string_lossy();
    loop {
        let mut stage = context.stage("exec/exec", &[program])?;
        container.cgroup.take(&mut stage)?;
        stage.go()?;
        let event = exec_of(sensor, stage.pid(), program)?;
        let who = stage.finish()?.portrait.executed(program, &[&path]);
        if event.get("container.name").is_some() {
            let expect = image::exec(context, &who, File::at(program)?, &path);
            let expect = container
                .expect(expect, context.host, &who)
                .is("agent.id", sensor.agent())
                .is("container.name", "web")
                .is("container.image.name", "registry.example/shop/web")
                .is("container.image.tag", json!(["1.2"]))
                .is("container.image.hash.all", json!(IMAGE_HASHES))
                .is("container.labels.team", "shop");
            context.check(&event, &expect);
            return Ok(who);
        }
        ensure!(
            Instant::now() < deadline,
            "the container has no name: {}",
            event.line()
        );
        sleep(Duration::from_millis(20));
    }
}
