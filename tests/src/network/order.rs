//! Events of several CPUs come in the order in which they happened, with the time at which they did,
//! whatever keeps the sensor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::event::of;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;

use super::account::Account;
use super::turns::{Ready, Turns, two_cpus};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/order",
        play: |context| with_two_cpus(context, in_time),
    },
    Scenario {
        name: "network/order-unheard",
        play: |context| with_two_cpus(context, unheard),
    },
    Scenario {
        name: "network/order-suspended",
        play: |context| with_two_cpus(context, suspended),
    },
    Scenario {
        name: "network/order-held-up",
        play: |context| with_two_cpus(context, held_up),
    },
];

/// How long a sensor lags.
const LAG: Duration = Duration::from_secs(3);

/// On one CPU there is only one order.
fn with_two_cpus(context: &Context<'_>, play: fn(&Context<'_>) -> Result<()>) -> Result<Outcome> {
    if two_cpus()?.is_none() {
        return Ok(Outcome::Skipped("there is one CPU only".to_owned()));
    }
    play(context)?;
    Ok(Outcome::Passed)
}

fn in_time(context: &Context<'_>) -> Result<()> {
    let turns = Ready::start(context)?.play()?;
    turns.check(context, context.sensor, &context.settle()?)
}

/// Nobody reads what the sensor writes: its output fills up, then what it holds itself, then the rings.
fn unheard(context: &Context<'_>) -> Result<()> {
    let sensor = context.own_sensor("")?;
    let ready = Ready::start(context)?;
    let guard = sensor.unheard();
    let turns = lag(|| ready.play())?;
    let came = sensor.events().all("connect", of(turns.who.pid)).len();
    context.claim(
        came < 1000,
        format!("the sensor lags; {came} connect events came"),
    );
    drop(guard);
    check_and_stop(context, sensor, &turns)
}

/// The sensor does not run.
fn suspended(context: &Context<'_>) -> Result<()> {
    let sensor = context.own_sensor("")?;
    let ready = Ready::start(context)?;
    let guard = sensor.suspend()?;
    let turns = lag(|| ready.play())?;
    let came = sensor.events().all("connect", of(turns.who.pid)).len();
    context.claim_eq("connect events that came meanwhile", &came, &0);
    drop(guard);
    check_and_stop(context, sensor, &turns)
}

/// The sensor runs for a moment only, and then for longer not at all, like one that has used up what
/// its cgroup may have of a CPU. It is held up wherever it happens to be.
fn held_up(context: &Context<'_>) -> Result<()> {
    let sensor = context.own_sensor("")?;
    let ready = Ready::start(context)?;
    let over = AtomicBool::new(false);
    let (turns, times) = thread::scope(|scope| {
        let holding = scope.spawn(|| hold_up(&sensor, &over));
        let turns = ready.play();
        over.store(true, Ordering::Relaxed);
        let times = holding.join().ok().context("the thread died")?;
        Ok::<_, anyhow::Error>((turns?, times?))
    })?;
    context.claim(times > 5, format!("it was held up {times} times"));
    check_and_stop(context, sensor, &turns)
}

/// Holds a sensor up until it is over; how often that was.
fn hold_up(sensor: &Sensor, over: &AtomicBool) -> Result<u32> {
    let mut times = 0;
    while !over.load(Ordering::Relaxed) {
        let guard = sensor.suspend()?;
        // Longer than an event waits for earlier ones.
        thread::sleep(Duration::from_millis(120));
        drop(guard);
        thread::sleep(Duration::from_millis(10 + u64::from(times % 7)));
        times += 1;
    }
    Ok(times)
}

/// Does something, and waits until it took long enough.
fn lag<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let done = work()?;
    thread::sleep(LAG.saturating_sub(begun.elapsed()));
    Ok(done)
}

/// Checks what a sensor tells in the end, and that it lost nothing and put nothing in a wrong place.
fn check_and_stop(context: &Context<'_>, sensor: Sensor, turns: &Turns) -> Result<()> {
    turns.check(context, &sensor, &sensor.settle()?)?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim(
        ended.status.success(),
        format!("it ended with {}", ended.status),
    );
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let account = Account::of(&ended)?;
    context.claim_eq("losses", &account.losses(), &Vec::new());
    context.claim_eq("late events", &account.late(), &Some(0));
    Ok(())
}
