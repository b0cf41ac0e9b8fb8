//! Access to another process's memory, registers and descriptors.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::event::of;
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::namespaces::child;
use super::subject::Subject;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/ptrace-attach",
        play: |context| {
            access(
                context,
                |victim| Ok(format!("attach {}", victim.pid())),
                REAL,
            )
        },
    },
    Scenario {
        name: "privilege/ptrace-seize",
        play: |context| {
            access(
                context,
                |victim| Ok(format!("seize {}", victim.pid())),
                REAL,
            )
        },
    },
    Scenario {
        name: "privilege/ptrace-thread",
        play: thread,
    },
    Scenario {
        name: "privilege/ptrace-trace-me",
        play: trace_me,
    },
    Scenario {
        name: "privilege/process-vm-readv",
        play: |context| access(context, |victim| memory("read-memory", victim), REAL),
    },
    Scenario {
        name: "privilege/process-vm-writev",
        play: process_vm_writev,
    },
    Scenario {
        name: "privilege/proc-mem",
        play: |context| access(context, |victim| Ok(proc_file(victim, "mem")), FILESYSTEM),
    },
    Scenario {
        name: "privilege/pidfd-getfd",
        play: |context| {
            let deed = |victim: &Subject| Ok(format!("take-descriptor {}", victim.pid()));
            access(context, deed, REAL)
        },
    },
    Scenario {
        name: "privilege/ptrace-refused",
        play: refused,
    },
    Scenario {
        name: "privilege/ptrace-only-looks",
        play: only_looks,
    },
];

/// Judged by real ids.
const REAL: &[&str] = &["attach", "realcreds"];
/// Judged by the ids for files.
const FILESYSTEM: &[&str] = &["attach", "fscreds"];

/// The user that is accessed.
const VICTIM: u32 = 1001;

/// A process that belongs to somebody else.
fn victim(context: &Context<'_>, start: fn(&Context<'_>) -> Result<Subject>) -> Result<Subject> {
    let mut victim = start(context)?;
    victim.does(&format!("setresuid {VICTIM} {VICTIM} {VICTIM}"))?;
    Ok(victim)
}

fn proc_file(victim: &Subject, name: &str) -> String {
    format!("open /proc/{}/{name}", victim.pid())
}

/// A deed with the address of some of a process's memory that can be written to.
fn memory(deed: &str, victim: &Subject) -> Result<String> {
    let pid = victim.pid();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps
        .lines()
        .find(|line| line.ends_with("[stack]"))
        .context("the process has no stack")?;
    let (start, _) = line.split_once('-').context("no range")?;
    let address = u64::from_str_radix(start, 16)?;
    Ok(format!("{deed} {pid} {address}"))
}

/// Everything below `sensor.ptrace` and `sensor.target`.
fn accessed(
    context: &Context<'_>,
    who: &Portrait,
    operation: &str,
    target: &Portrait,
    uid: u32,
) -> Expect {
    let name = target.executable.rsplit('/').next().unwrap_or_default();
    let path = "sensor.target.process";
    context
        .expect("ptrace")
        .process(context.host, who)
        .is("sensor.ptrace.operation", operation)
        .is(format!("{path}.pid"), target.pid)
        .is(
            format!("{path}.entity_id"),
            context.host.entity_id(target.pid, target.start),
        )
        .started(&format!("{path}.start"), target.start)
        .is(format!("{path}.name"), name)
        .is(format!("{path}.executable"), target.executable.clone())
        .is(format!("{path}.thread.id"), target.thread)
        .is("sensor.target.user.id", uid.to_string())
}

/// Whether the rung sees such accesses; says so if not, and checks that it then tells nothing.
fn sees_ptrace(context: &Context<'_>) -> Result<bool> {
    let sees = context.rung != Rung::LockedDown;
    context.claim_eq("a hook", &context.sensor.means("ptrace").is_some(), &sees);
    if !sees {
        context.note("ptrace cannot be seen without tracing programs and kprobes");
        let hook = hook(context, "ptrace");
        let missed = hook.as_ref().and_then(|hook| hook.get("missed"));
        context.claim_eq(
            "sensor.hooks[].missed",
            &missed,
            &Some(&json!("everything")),
        );
    }
    Ok(sees)
}

fn hook(context: &Context<'_>, event: &str) -> Option<Value> {
    let hooks = context.sensor.start.get("sensor.hooks")?.as_array()?;
    let wanted = |hook: &&Value| hook.get("event").is_some_and(|name| name == event);
    hooks.iter().find(wanted).cloned()
}

/// Has a process access another one, and checks that there is one event of it.
fn access(
    context: &Context<'_>,
    deed: fn(&Subject) -> Result<String>,
    mode: &[&str],
) -> Result<Outcome> {
    let victim = victim(context, Subject::start)?;
    let mut tracer = Subject::start(context)?;
    tracer.does(&deed(&victim)?)?;
    let (who, target) = (tracer.portrait(), victim.portrait());
    tracer.finish()?.success()?;
    victim.finish()?.success()?;
    let events = context.settle()?;
    if !sees_ptrace(context)? {
        context.attempt(events.none("ptrace", of(who.pid)));
        return Ok(Outcome::Passed);
    }
    let expect =
        accessed(context, &who, "access", &target, VICTIM).is("sensor.ptrace.mode", json!(mode));
    let event = events.one("ptrace", of(who.pid))?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// What is traced is a thread.
fn thread(context: &Context<'_>) -> Result<Outcome> {
    let victim = victim(context, Subject::in_thread)?;
    let target = victim.portrait();
    let mut tracer = Subject::start(context)?;
    tracer.does(&format!("attach {}", target.thread))?;
    let who = tracer.portrait();
    tracer.finish()?.success()?;
    victim.finish()?.success()?;
    context.claim(target.thread != target.pid, "it is not the leader");
    let events = context.settle()?;
    if !sees_ptrace(context)? {
        context.attempt(events.none("ptrace", of(who.pid)));
        return Ok(Outcome::Passed);
    }
    let expect =
        accessed(context, &who, "access", &target, VICTIM).is("sensor.ptrace.mode", json!(REAL));
    let event = events.one("ptrace", of(who.pid))?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn trace_me(context: &Context<'_>) -> Result<Outcome> {
    let mut tracer = Subject::start(context)?;
    let answer = tracer.does("trace-me")?;
    let (target, child) = (tracer.portrait(), child(&tracer, &answer)?);
    tracer.finish()?.success()?;
    let events = context.settle()?;
    if !sees_ptrace(context)? {
        context.attempt(events.none("ptrace", of(child.pid)));
        return Ok(Outcome::Passed);
    }
    // The mode is that of an access, which the tracer has not asked for.
    let expect = accessed(context, &child, "traceme", &target, 0);
    let event = events.one("ptrace", of(child.pid))?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// The memory that is written to is read first.
fn process_vm_writev(context: &Context<'_>) -> Result<Outcome> {
    let victim = victim(context, Subject::start)?;
    let mut tracer = Subject::start(context)?;
    tracer.does(&memory("write-memory", &victim)?)?;
    let (who, target) = (tracer.portrait(), victim.portrait());
    tracer.finish()?.success()?;
    victim.finish()?.success()?;
    let found = context.settle()?.all("ptrace", of(who.pid));
    let times = if sees_ptrace(context)? { 2 } else { 0 };
    context.claim_eq("ptrace events", &found.len(), &times);
    for event in found {
        let expect = accessed(context, &who, "access", &target, VICTIM)
            .is("sensor.ptrace.mode", json!(REAL));
        context.check(&event, &expect);
    }
    Ok(Outcome::Passed)
}

/// Whoever is refused was given no access.
fn refused(context: &Context<'_>) -> Result<Outcome> {
    let victim = Subject::start(context)?;
    let mut tracer = Subject::start(context)?;
    tracer.does(&format!("setresuid {VICTIM} {VICTIM} {VICTIM}"))?;
    tracer.fails(&format!("attach {}", victim.pid()))?;
    tracer.fails(&memory("read-memory", &victim)?)?;
    tracer.fails(&proc_file(&victim, "mem"))?;
    tracer.fails(&format!("take-descriptor {}", victim.pid()))?;
    let who = tracer.portrait();
    tracer.finish()?.success()?;
    victim.finish()?.success()?;
    context.attempt(context.settle()?.none("ptrace", of(who.pid)));
    Ok(Outcome::Passed)
}

/// What shows something of a process, but gives no access to it, is no event.
fn only_looks(context: &Context<'_>) -> Result<Outcome> {
    let victim = victim(context, Subject::start)?;
    let mut tracer = Subject::start(context)?;
    for name in ["environ", "maps", "ns/user", "exe"] {
        tracer.does(&proc_file(&victim, name))?;
    }
    let who = tracer.portrait();
    tracer.finish()?.success()?;
    victim.finish()?.success()?;
    context.attempt(context.settle()?.none("ptrace", of(who.pid)));
    Ok(Outcome::Passed)
}
