//! One among many: processes that are gone at once, a flood, and an output that nobody reads.

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use serde_json::Value;

use crate::detect::watch::{Found, PROGRAM, configuration};
use crate::network::account::Account;
use crate::network::turns::two_cpus;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::stage::Played;

use super::names::{forbidden, ran};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t8-short-lived",
        play: short_lived,
    },
    Scenario {
        name: "detect/t17-unheard",
        play: unheard,
    },
    Scenario {
        name: "detect/t9-flood",
        play: flood,
    },
];

/// How many processes live shortly.
const SHORT_LIVED: &str = "100";

/// How many run while nobody reads the output: what is told of them is many times a pipe's room.
const UNHEARD: &str = "60";

/// For how many seconds a flood lasts at most, and how many connections it makes: several times what
/// the rings have room for.
const FLOOD: [&str; 2] = ["60", "300"];

/// Each of many processes that are gone at once is found.
fn short_lived(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let program = forbidden(context, "")?;
    let words = [&*program.to_string_lossy(), SHORT_LIVED];
    let played = context.act("exec/many", &words)?.success()?;
    let expected = children(&played)?;
    Found::by(context, watch)?.claim(context, "short-lived processes", &expected);
    Ok(Outcome::Passed)
}

/// Nothing that is found while nobody reads is given up.
fn unheard(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let program = forbidden(context, "")?;
    let unheard = watch.unheard();
    let words = [&*program.to_string_lossy(), UNHEARD];
    let played = context.act("exec/many", &words)?.success()?;
    drop(unheard);
    let expected = children(&played)?;
    Found::by(context, watch)?.claim(context, "processes while nobody read", &expected);
    Ok(Outcome::Passed)
}

/// What the rule must find: each process that `exec/many` told of.
fn children(played: &Played) -> Result<Vec<(&'static str, u32)>> {
    let child = |told: &Value| told.get("child").and_then(Value::as_u64);
    played
        .told
        .iter()
        .map(|told| Ok((PROGRAM, u32::try_from(child(told).context("untold")?)?)))
        .collect()
}

/// A flood, of which more is lost than comes: the one program among it is found, and the losses are
/// counted.
fn flood(context: &Context<'_>) -> Result<Outcome> {
    const RINGS: &str = "[rings]\ncritical_bytes = \"64KiB\"\nbulk_bytes = \"64KiB\"\n";
    let Some([cpu, _]) = two_cpus()? else {
        return Ok(Outcome::Skipped("there is one CPU only".to_owned()));
    };
    let watch = context.watch()?;
    let rules = configuration(&context.folder)?;
    let sensor = context.detecting_sensor(&format!("{rules}{RINGS}"), None)?;
    // What is found of another sensor's programs is not what this is about.
    Found::by(context, watch)?;
    watch.clear();
    let program = forbidden(context, "")?;
    let path = program.to_string_lossy();
    // What does not run empties no ring.
    let suspended = sensor.suspend()?;
    let mut flood = context.stage("network/flood", &[&*cpu.to_string(), FLOOD[0], FLOOD[1]])?;
    flood.go()?;
    let first = ran(context, "exec/exec", &[&path])?;
    let flooded = flood.finish()?.success()?.number("connects")?;
    let last = ran(context, "exec/exec", &[&path])?;
    drop(suspended);
    for pid in [first, last] {
        let is_it =
            |event: &crate::event::Event| event.code() == "alert" && crate::event::of(pid)(event);
        context.attempt(sensor.wait_for(is_it, PATIENCE));
        sensor.expect_alert();
    }
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let account = Account::of(&ended)?;
    let lost: u64 = account
        .losses()
        .iter()
        .filter(|(code, _, _)| code == "connect")
        .map(|(_, _, count)| count)
        .sum();
    context.claim(lost > 0, format!("connects were lost, of {flooded}"));
    let lost_execs = account.losses().iter().any(|(code, ..)| code == "exec");
    context.claim(!lost_execs, "no exec was lost");
    Found::by(context, watch)?.claim(context, "a flood", &[(PROGRAM, first), (PROGRAM, last)]);
    Ok(Outcome::Passed)
}
