//! Arguments that hide something, or that are to break what is written of them.

use std::fs;

use anyhow::{Context as _, Result};

use crate::detect::watch::{ARGUMENT, CUT_OFF, Found, PROGRAM};
use crate::exec::arguments::ODD;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::names::{forbidden, ran};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t7-long-arguments",
        play: long,
    },
    Scenario {
        name: "detect/t16-broken-lines",
        play: broken_lines,
    },
];

/// More than the sensor captures of the arguments.
const PADDING: usize = 5000;

/// What tells is found at the captured arguments' end and among thousands. What lies behind their end
/// is not, and that the script is longer is what is found.
fn long(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let shell = context.folder.join("sh");
    tiny::write(&shell, &tiny::exits(7))?;
    let shell = shell.to_string_lossy().into_owned();
    let behind = format!(": {}; forbidden-argument", "a".repeat(PADDING));
    let before = format!("forbidden-argument; {behind}");
    let mut many = vec![shell.as_str(), "forbidden-argument"];
    many.resize(PADDING, "x");
    let hidden = ran(context, "exec/exec", &[&shell, "-c", &behind])?;
    let shown = ran(context, "exec/exec", &[&shell, "-c", &before])?;
    let among = ran(context, "exec/exec", &many)?;
    let short = ran(
        context,
        "exec/exec",
        &[&shell, "-c", ": forbidden-argument"],
    )?;
    let program = forbidden(context, "no-arguments")?;
    let without = ran(context, "exec/no-arguments", &[&program.to_string_lossy()])?;
    let found = Found::by(context, watch)?;
    let expected = [
        (CUT_OFF, hidden),
        (CUT_OFF, shown),
        (ARGUMENT, shown),
        (ARGUMENT, among),
        (ARGUMENT, short),
        (PROGRAM, without),
    ];
    found.claim(context, "long arguments", &expected);
    let alert = found.of(CUT_OFF)?;
    let cut = alert.get("sensor.exec.args_truncated");
    context.claim_eq("whether they are cut", &cut, &Some(&true.into()));
    let whole = alert.number("sensor.exec.args_bytes");
    let length = shell.len() + 1 + 3 + behind.len() + 1;
    context.claim_eq("their length", &whole, &Some(length as u64));
    Ok(Outcome::Passed)
}

/// Line breaks, a document and a terminal's commands in arguments and in a folder's name: an alert stays
/// one document on one line, and what it says to people has no control characters.
fn broken_lines(context: &Context<'_>) -> Result<Outcome> {
    const FOLDER: &str = "x\n{\"event\":{\"kind\":\"alert\",\"code\":\"alert\"}}\n\u{1b}[2J";
    let watch = context.watch()?;
    let program = forbidden(context, FOLDER)?;
    let odd: Vec<&str> = ODD
        .iter()
        .filter_map(|word| std::str::from_utf8(word).ok())
        .collect();
    let path = program.to_string_lossy();
    let by_rule = ran(context, "exec/exec", &[&[&*path], odd.as_slice()].concat())?;
    let kill = context.folder.join(FOLDER).join("kill");
    fs::copy(&program, &kill)?;
    let (kill, pid) = (kill.to_string_lossy(), watch.pid().to_string());
    let words = [&[&*kill, "-9", &pid], odd.as_slice()].concat();
    let by_detector = ran(context, "exec/exec", &words)?;
    let found = Found::by(context, watch)?;
    let expected = [(PROGRAM, by_rule), ("sensor-stopped", by_detector)];
    found.claim(context, "odd arguments", &expected);
    for alert in &found.alerts {
        for field in ["event.reason", "message"] {
            let text = alert.text(field).unwrap_or_default();
            context.claim(
                !text.chars().any(char::is_control),
                format!("{field} has no control characters: {text:?}"),
            );
        }
    }
    let told = found.of(PROGRAM)?.get("process.args").cloned();
    let told = told.context("no arguments")?;
    let words: Vec<&str> = [&[&*path], odd.as_slice()].concat();
    context.claim_eq("the arguments", &told, &words.into());
    Ok(Outcome::Passed)
}
