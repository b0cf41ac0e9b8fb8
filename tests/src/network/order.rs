//! Events of several CPUs come in the order in which they happened, with the time at which they did,
//! whatever keeps the sensor.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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

/// How long a sensor that is held up waits for earlier events: not as long as that.
const PATIENCE: Duration = Duration::from_millis(200);

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
    check_and_stop(context, sensor, &[turns])
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
    check_and_stop(context, sensor, &[turns])
}

/// The sensor runs for a moment only, and then for longer not at all, like one that has used up what
/// its cgroup may have of a CPU. It is held up wherever it happens to be.
fn held_up(context: &Context<'_>) -> Result<()> {
    let sensor = context.own_sensor(&format!(
        "[limits]\nreorder_milliseconds = {}\n",
        PATIENCE.as_millis()
    ))?;
    let times = AtomicU32::new(0);
    let over = AtomicBool::new(false);
    let all = thread::scope(|scope| {
        let holding = scope.spawn(|| hold_up(&sensor, &times, &over));
        let all = take_turns_until(context, &times);
        over.store(true, Ordering::Relaxed);
        holding.join().ok().context("the thread died")??;
        all
    })?;
    check_and_stop(context, sensor, &all)
}

/// Holds a sensor up, again and again, until it is over.
fn hold_up(sensor: &Sensor, times: &AtomicU32, over: &AtomicBool) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let guard = sensor.suspend()?;
        thread::sleep(PATIENCE + PATIENCE / 4);
        drop(guard);
        // For about as long as it takes to read what has gathered, so that it is held up in that.
        let held = times.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1 + u64::from(held % 7)));
    }
    Ok(())
}

/// Has processes take turns, one after the other, until the sensor was held up often enough.
fn take_turns_until(context: &Context<'_>, times: &AtomicU32) -> Result<Vec<Turns>> {
    const ENOUGH: u32 = 10;
    let mut all = Vec::new();
    while times.load(Ordering::Relaxed) < ENOUGH {
        all.push(Ready::start(context)?.play()?);
    }
    Ok(all)
}

/// Does something, and waits until it took long enough.
fn lag<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let done = work()?;
    thread::sleep(LAG.saturating_sub(begun.elapsed()));
    Ok(done)
}

/// Checks what a sensor tells in the end, and that it lost nothing and put nothing in a wrong place.
fn check_and_stop(context: &Context<'_>, sensor: Sensor, all: &[Turns]) -> Result<()> {
    let events = sensor.settle()?;
    for turns in all {
        turns.check(context, &sensor, &events)?;
    }
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
