//! An alert: what it is about, and the events behind it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::event::{Event, of};
use crate::robustness::command;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "detect/alert",
    play: alert,
}];

const RULE: &str = "fileless-execution";

/// How long an alert may take. An emulated CPU may stand still for long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program without a file: its alert names its process and its exec, comes once, and comes again when
/// the recording is replayed.
fn alert(context: &Context<'_>) -> Result<Outcome> {
    let program = context.folder.join("seven");
    tiny::write(&program, &tiny::exits(7))?;
    let path = context.folder.join("recording");
    let sensor = context.detecting_sensor("[detect]\nbuiltin_rules = false\n", Some(&path))?;
    let played = context.act("exec/memfd", &[program.as_path(), Path::new("/dev/fd")])?;
    let pid = played.portrait.pid;
    let is_alert = |event: &Event| event.code() == "alert" && event.text("rule.id") == Some(RULE);
    let alert = sensor.wait_for(is_alert, PATIENCE)?;
    let events = sensor.settle()?;
    let is_fileless =
        |event: &Event| of(pid)(event) && event.get("sensor.exec.fileless") == Some(&true.into());
    let exec = events.one("exec", is_fileless)?;
    context.claim_eq("the alert's process", &alert.pid(), &Some(pid));
    let evidence = alert.get("sensor.alert.evidence").context("no evidence")?;
    let evidence: Vec<&str> = evidence
        .as_array()
        .context("evidence is no array")?
        .iter()
        .filter_map(serde_json::Value::as_str)
        .collect();
    let exec_id = exec.text("event.id").context("no event.id")?;
    context.claim_eq("evidence", &evidence.last(), &Some(&exec_id));
    context.claim_eq("event.kind", &alert.text("event.kind"), &Some("alert"));
    let alerts = events.all("alert", |_| true);
    context.claim_eq(
        "alerts of the rule",
        &alerts.iter().filter(|event| is_alert(event)).count(),
        &1,
    );
    for alert in &alerts {
        context.claim(
            alert.pid() == Some(pid),
            format!("an alert about nothing: {}", alert.line()),
        );
        sensor.expect_alert();
    }
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());

    let replayed = command::finish(
        command::command(&["replay", "--output", "json"].map(Path::new)).arg(&path),
    )?;
    let id = alert.text("event.id").context("no event.id")?;
    let again = replayed
        .output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(Event::parse)
        .filter(|event| {
            event
                .as_ref()
                .is_ok_and(|event| event.text("event.id") == Some(id))
        });
    context.claim_eq("the same alert in the replay", &again.count(), &1);
    Ok(Outcome::Passed)
}
