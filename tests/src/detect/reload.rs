//! Rules that are read anew while the sensor runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::event::Event;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;
use crate::tiny;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "detect/reload",
    play: reload,
}];

/// How often it is tried whether other rules are in force by now, with a rest between.
const TRIES: u32 = 60;
const REST: Duration = Duration::from_millis(500);

/// A rule that comes with SIGHUP is in force; one that cannot be read is told, and disables nothing; a
/// directory that is gone changes nothing.
fn reload(context: &Context<'_>) -> Result<Outcome> {
    let rules = context.folder.join("rules");
    fs::create_dir(&rules)?;
    write_rule(&rules, "first")?;
    let sensor = context.detecting_sensor(
        &format!("[detect]\nbuiltin_rules = false\nrules = [{rules:?}]\n"),
        None,
    )?;
    context.claim(
        is_found(context, &sensor, "first")?,
        "a rule is not in force",
    );

    write_rule(&rules, "second")?;
    fs::write(rules.join("broken.yml"), "title: [\n")?;
    hang_up(&sensor)?;
    context.claim(
        is_found(context, &sensor, "second")?,
        "a rule that was added is not in force",
    );

    fs::rename(&rules, context.folder.join("elsewhere"))?;
    hang_up(&sensor)?;
    // The next is asked for by another program, so that it is no repetition.
    context.claim(
        is_found(context, &sensor, "second-again")?,
        "a directory that is gone takes its rules along",
    );
    let alerts = sensor.settle()?.all("alert", |_| true);
    for alert in &alerts {
        let name = alert.text("rule.name").unwrap_or_default();
        context.claim(name.starts_with("Rule "), format!("no such rule: {name}"));
        sensor.expect_alert();
    }
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    Ok(Outcome::Passed)
}

/// A rule about a program called so, or so and more.
fn write_rule(folder: &Path, name: &str) -> Result<()> {
    let rule = format!(
        "title: Rule {name}\nlogsource:\n    category: process_creation\ndetection:\n    \
         selection:\n        Image|contains: /{name}\n    condition: selection\nlevel: high\n"
    );
    fs::write(folder.join(format!("{name}.yml")), rule)?;
    Ok(())
}

fn hang_up(sensor: &Sensor) -> Result<()> {
    let pid = i32::try_from(sensor.pid())?;
    let pid = Pid::from_raw(pid).context("the sensor has no pid")?;
    Ok(kill_process(pid, Signal::HUP)?)
}

/// Runs a program with this name until there is an alert about it, or it was tried long enough.
fn is_found(context: &Context<'_>, sensor: &Sensor, name: &str) -> Result<bool> {
    let program = context.folder.join(name);
    tiny::write(&program, &tiny::exits(0))?;
    let path = program.to_str().context("the folder's name is not UTF-8")?;
    for _ in 0..TRIES {
        context.act("exec/exec", &[&program])?;
        let is_alert = |event: &Event| {
            event.code() == "alert" && event.text("process.executable") == Some(path)
        };
        if sensor.wait_for(is_alert, REST).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}
