//! What is done to the sensor itself.

use anyhow::{Context as _, Result};

use crate::detect::watch::{Found, PROGRAM};
use crate::privilege::code::own_programs;
use crate::privilege::subject::Subject;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;
use crate::{sys, tiny};

use super::names::{forbidden, ran};
use super::sees;

/// The deeds.
pub const ACTS: &[Act] = &[OPEN_PROGRAM];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t12-sensor-attacked",
        play: attacked,
    },
    Scenario {
        name: "detect/t12-sensor-suspended",
        play: suspended,
    },
];

/// Opens the BPF program whose id it is given.
const OPEN_PROGRAM: Act = Act {
    name: "detect/open-program",
    play: |actor| {
        let id = actor.number(0)?.try_into()?;
        sys::bpf_open(id).context("cannot open the program by its id")?;
        Ok(())
    },
};

/// The sensor is traced, stopped by commands, robbed of its files, its links and its programs.
fn attacked(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let pid = watch.pid().to_string();
    let mut expected = Vec::new();
    for (name, words, rule) in [
        ("kill", ["-STOP", &pid].as_slice(), "sensor-stopped"),
        ("pkill", &["-9", "sensor"], "sensor-stopped"),
        ("systemctl", &["stop", "sensor.service"], "sensor-stopped"),
        ("umount", &["/sys/fs/bpf"], "sensor-files-changed"),
        ("bpftool", &["link", "detach", "id", "7"], "bpf-detach"),
    ] {
        let tool = context.folder.join(name);
        tiny::write(&tool, &tiny::exits(7))?;
        let tool = tool.to_string_lossy();
        let words = [&[&*tool], words].concat();
        expected.push((rule, ran(context, "exec/exec", &words)?));
    }

    let mut tracer = Subject::start(context)?;
    tracer.does(&format!("attach {pid}"))?;
    if sees(context, watch, "ptrace") {
        expected.push(("sensor-traced", tracer.pid()));
        expected.push(("process-injection", tracer.pid()));
    }
    tracer.finish()?.success()?;

    let (program, _) = own_programs(watch.pid())?
        .pop()
        .context("the sensor has no program")?;
    let opened = context
        .act("detect/open-program", &[program.to_string()])?
        .success()?;
    if sees(context, watch, "bpf program") {
        expected.push(("sensor-programs-opened", opened.portrait.pid));
    }
    Found::by(context, watch)?.claim(context, "attacks on the sensor", &expected);
    Ok(Outcome::Passed)
}

/// What is done while the sensor is stopped is found when it goes on.
fn suspended(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let program = forbidden(context, "")?;
    let stopped = watch.suspend()?;
    let pid = ran(context, "exec/exec", &[&program.to_string_lossy()])?;
    drop(stopped);
    Found::by(context, watch)?.claim(context, "a sensor that was stopped", &[(PROGRAM, pid)]);
    Ok(Outcome::Passed)
}
