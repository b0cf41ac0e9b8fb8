//! What `sensor doctor` says, and a kernel that refuses a hook: the others watch all the same.

use std::fs::{self, File};
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::place;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::{Sensor, Settings};
use crate::sys::{self, BpfProgram};

use super::command::{self, configuration};
use super::stopping::{ending, execs, runs};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/doctor",
        play: doctor,
    },
    Scenario {
        name: "robustness/one-hook-refused",
        play: one_refused,
    },
    Scenario {
        name: "robustness/everything-excluded-but-one",
        play: one_wanted,
    },
];

fn doctor(context: &Context<'_>) -> Result<Outcome> {
    let configuration = configuration(context, "doctor", "")?;
    let doctor = |json: bool| {
        let mut command = command::command(&["doctor"]);
        command.args(json.then_some("--json"));
        command.arg("--config").arg(&configuration);
        if let Some(scope) = context.scope() {
            command.arg("--scope-cgroup").arg(scope);
        }
        command::finish(&mut command)
    };
    let report = doctor(true)?;
    report.claim(context, "the doctor", 0, &[]);
    let report: Value = serde_json::from_slice(&report.output).context("no JSON")?;
    let said = |name: &str| report.get(name).and_then(Value::as_str);
    let release = context.host.release.as_str();
    context.claim_eq("the kernel", &said("kernel"), &Some(release));
    let hooks = hooks(&report, "hooks", "misses")?;
    context.claim_eq(
        "hooks, and those of the sensor that runs",
        &hooks,
        &self::hooks(&started(context.sensor)?, "hooks", "missed")?,
    );

    let text = doctor(false)?;
    text.claim(context, "the doctor", 0, &[]);
    let text = String::from_utf8(text.output)?;
    context.claim(text.contains(release), "the text names the kernel");
    for hook in &hooks {
        for word in [&hook.event, &hook.means, &hook.missed] {
            // Long sentences are broken into lines.
            let first = word.split(' ').next().unwrap_or_default();
            context.claim(
                text.contains(first),
                format!("the text has {word:?}: {text}"),
            );
        }
    }
    let refused = hooks.iter().filter(|hook| !hook.refused.is_empty()).count();
    match context.rung {
        Rung::LockedDown => {
            context.claim(refused > 0, "hooks are refused");
            let ptrace = hooks.iter().find(|hook| hook.event == "ptrace");
            let missed = ptrace.map(|hook| hook.missed.as_str());
            context.claim_eq("what is not seen of ptrace", &missed, &Some("everything"));
        }
        Rung::Tracing | Rung::Kprobes => {
            let missed: Vec<_> = hooks.iter().filter(|hook| hook.means.is_empty()).collect();
            context.claim(
                missed.is_empty(),
                format!("everything is hooked: {missed:?}"),
            );
        }
    }
    Ok(Outcome::Passed)
}

/// What is said of a hook.
#[derive(Debug, PartialEq)]
struct Hook {
    event: String,
    means: String,
    missed: String,
    programs: Vec<(String, String)>,
    refused: Vec<String>,
}

fn started(sensor: &Sensor) -> Result<Value> {
    let started = sensor.start.get("sensor").cloned();
    started.context("sensor_start has no sensor")
}

/// The hooks of a report, in which what a hook does not see has this name.
fn hooks(report: &Value, name: &str, missed: &str) -> Result<Vec<Hook>> {
    let hooks = report.get(name).and_then(Value::as_array);
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let list = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let hook = |hook: &Value| Hook {
        event: text(hook, "event"),
        means: text(hook, "means"),
        missed: text(hook, missed),
        programs: list(hook, "programs")
            .iter()
            .map(|program| (text(program, "name"), text(program, "target")))
            .collect(),
        refused: list(hook, "refused")
            .iter()
            .map(|refusal| text(refusal, "means"))
            .collect(),
    };
    let hooks: Vec<Hook> = hooks
        .context("there are no hooks")?
        .iter()
        .map(hook)
        .collect();
    ensure!(!hooks.is_empty(), "there are no hooks");
    Ok(hooks)
}

/// Somebody else's program has a cgroup's connect for itself, so that the kernel refuses the sensor's.
fn one_refused(context: &Context<'_>) -> Result<Outcome> {
    if !place::is_a_test_machine() {
        return Ok(Outcome::Skipped(
            "it would take a cgroup that is not this scenario's own".to_owned(),
        ));
    }
    let cgroup = context.host.cgroup_mount.join("one-hook-refused");
    fs::create_dir(&cgroup).with_context(|| format!("cannot make {}", cgroup.display()))?;
    let folder = File::open(&cgroup)?;
    let taken = sys::bpf_load(&BpfProgram {
        kind: sys::BPF_CGROUP_SOCK_ADDR,
        attach_type: sys::BPF_CGROUP_INET4_CONNECT,
        // r0 = 1; exit
        instructions: &[0x1_0000_00b7, 0x95],
        name: "alone",
        licence: c"GPL",
    })
    .context("cannot load a program")?;
    sys::bpf_attach_alone(folder.as_fd(), taken.as_fd(), sys::BPF_CGROUP_INET4_CONNECT)
        .context("cannot attach a program")?;

    let sensor = Sensor::start(&Settings {
        configuration: &Rung::LockedDown.configuration(),
        scope: Some(&cgroup),
        folder: &context.folder,
        record: None,
    })?;
    let hooks = hooks(&started(&sensor)?, "hooks", "missed")?;
    for hook in &hooks {
        let sees = !matches!(hook.event.as_str(), "connect" | "ptrace" | "bpf program");
        context.claim_eq(
            &format!("whether {} is hooked", hook.event),
            &!hook.means.is_empty(),
            &sees,
        );
        if hook.event == "connect" {
            let last = hook.refused.last().map(String::as_str);
            context.claim_eq("what was refused last", &last, &Some("cgroup"));
            context.claim_eq("what is missed", &hook.missed.as_str(), &"everything");
        }
    }
    let program = ending(context)?;
    let words = [program.to_string_lossy().into_owned(), "5".to_owned()];
    let mut stage = context.stage("robustness/execs", &words)?;
    fs::write(cgroup.join("cgroup.procs"), stage.pid().to_string())?;
    stage.go()?;
    stage.finish()?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let told = ended.events.all("exec", runs(&program));
    context.claim_eq("exec events", &told.len(), &5);
    drop(folder);
    fs::remove_dir(&cgroup).with_context(|| format!("cannot remove {}", cgroup.display()))?;
    Ok(Outcome::Passed)
}

/// What nobody wants is not hooked, and not missed by anybody.
fn one_wanted(context: &Context<'_>) -> Result<Outcome> {
    const ALL_BUT_EXEC: &str = "[capture]\nexclude = [\"fork\", \"exit\", \"connect\", \"accept\", \
        \"bind\", \"listen\", \"established\", \"closed\", \"datagram\", \"dns_question\", \
        \"dns_answer\", \"credential_change\", \"credential_divergence\", \"namespace\", \
        \"ptrace\", \"module_load\", \"bpf_program\"]\n";
    let program = ending(context)?;
    let sensor = context.own_sensor(ALL_BUT_EXEC)?;
    execs(context, &program, 20)?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let told = ended.events.all("exec", runs(&program));
    context.claim_eq("exec events", &told.len(), &20);
    let others = ended
        .events
        .0
        .iter()
        .filter(|event| event.get("sensor.record").is_some() && event.code() != "exec");
    context.claim_eq("other events", &others.count(), &0);
    Ok(Outcome::Passed)
}
