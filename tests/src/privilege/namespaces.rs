//! Processes that come into other namespaces: by unshare, by clone, by setns.

use anyhow::{Context as _, Result};

use crate::event::of;
use crate::expect::Expect;
use crate::portrait::{NAMESPACES, Portrait};
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::subject::{Namespaces, Subject, namespaces};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/unshare-each",
        play: unshare_each,
    },
    Scenario {
        name: "privilege/unshare-several",
        play: unshare_several,
    },
    Scenario {
        name: "privilege/unshare-time",
        play: unshare_time,
    },
    Scenario {
        name: "privilege/unshare-nothing",
        play: unshare_nothing,
    },
    Scenario {
        name: "privilege/clone-each",
        play: clone_each,
    },
    Scenario {
        name: "privilege/setns-each",
        play: setns_each,
    },
    Scenario {
        name: "privilege/setns-several",
        play: setns_several,
    },
    Scenario {
        name: "privilege/setns-own",
        play: setns_own,
    },
];

/// `CLONE_NEW...` of the kinds of namespace that a process can simply move to.
pub const SIMPLE: [(&str, u32); 6] = [
    ("mnt", 0x0002_0000),
    ("pid", 0x2000_0000),
    ("net", 0x4000_0000),
    ("uts", 0x0400_0000),
    ("ipc", 0x0800_0000),
    ("cgroup", 0x0200_0000),
];

/// `CLONE_NEWTIME`, whose namespace is that of future children, and one's own after an exec.
const TIME: u32 = 0x80;

/// Namespaces before a deed and after it.
#[derive(Clone, Debug)]
pub struct Move {
    /// Before the deed.
    pub before: Namespaces,
    /// After the deed.
    pub after: Namespaces,
}

impl Move {
    /// The kinds that are different, in the order of events.
    pub fn changed(&self) -> Vec<&'static str> {
        NAMESPACES
            .into_iter()
            .filter(|kind| self.before.get(kind) != self.after.get(kind))
            .collect()
    }
}

/// A process that came into other namespaces by an operation. What it does on a rung that cannot see
/// the operation is told as `observed`.
pub fn moved(context: &Context<'_>, who: &Portrait, namespaces: &Move, operation: &str) -> Expect {
    let operation = match context.rung {
        Rung::LockedDown if operation != "clone" => "observed",
        _ => operation,
    };
    let who = Portrait {
        namespaces: namespaces.after.clone(),
        ..who.clone()
    };
    let mut expect = context
        .expect("namespace")
        .process(context.host, &who)
        .is("sensor.namespaces.operation", operation)
        .is("sensor.namespaces.changed", namespaces.changed());
    for (name, numbers) in [("before", &namespaces.before), ("after", &namespaces.after)] {
        for (kind, number) in numbers {
            expect = expect.is(format!("sensor.namespaces.{name}.{kind}"), *number);
        }
    }
    expect
}

/// Has a process do a deed that changes its namespaces.
fn moves(context: &Context<'_>, subject: &mut Subject, deed: &str) -> Result<Move> {
    let before = subject.namespaces()?;
    subject.does(deed)?;
    // A pid namespace can be looked at from its first process on.
    subject.does("clone 0")?;
    let after = subject.namespaces()?;
    subject.is_noticed(context)?;
    Ok(Move { before, after })
}

/// Checks that these moves, and no others, are what the sensor tells of a process's namespaces.
fn check(
    context: &Context<'_>,
    who: &Portrait,
    moves: &[Move],
    operation: &str,
) -> Result<Outcome> {
    let found = context.settle()?.all("namespace", of(who.pid));
    context.claim_eq("namespace events", &found.len(), &moves.len());
    for (event, one) in found.iter().zip(moves) {
        context.check(event, &moved(context, who, one, operation));
    }
    Ok(Outcome::Passed)
}

fn unshare_each(context: &Context<'_>) -> Result<Outcome> {
    for (kind, flag) in SIMPLE {
        let mut subject = Subject::start(context)?;
        let one = moves(context, &mut subject, &format!("unshare {flag}"))?;
        context.claim_eq("what changed", &one.changed(), &vec![kind]);
        let who = subject.portrait();
        subject.finish()?.success()?;
        check(context, &who, &[one], "unshare")?;
    }
    Ok(Outcome::Passed)
}

fn unshare_several(context: &Context<'_>) -> Result<Outcome> {
    let all = SIMPLE.iter().fold(0, |flags, (_, flag)| flags | flag);
    let mut subject = Subject::start(context)?;
    let first = moves(context, &mut subject, &format!("unshare {all}"))?;
    context.claim_eq("what changed", &first.changed().len(), &SIMPLE.len());
    // And once more, out of what was new.
    let second = moves(context, &mut subject, &format!("unshare {}", 0x0400_0000))?;
    context.claim_eq("what changed then", &second.changed(), &vec!["uts"]);
    let who = subject.portrait();
    subject.finish()?.success()?;
    check(context, &who, &[first, second], "unshare")
}

/// A new time namespace is that of the children that are made from then on.
fn unshare_time(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    let before = subject.namespaces()?;
    subject.does(&format!("unshare {TIME}"))?;
    context.claim_eq("its own", &subject.namespaces()?, &before);
    let answer = subject.does("clone 0")?;
    let child = child(&subject, &answer)?;
    let after = namespaces(child.pid)?;
    let who = subject.portrait();
    subject.finish()?.success()?;

    let events = context.settle()?;
    context.attempt(events.none("namespace", of(who.pid)));
    let one = Move { before, after };
    context.claim_eq("what changed", &one.changed(), &vec!["time"]);
    let event = events.one("namespace", of(child.pid))?;
    context.check(&event, &moved(context, &child, &one, "clone"));
    Ok(Outcome::Passed)
}

/// unshare(2) also undoes the sharing of other things, which are no namespaces.
fn unshare_nothing(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    let flags = libc::CLONE_FS | libc::CLONE_SYSVSEM;
    let one = moves(context, &mut subject, &format!("unshare {flags}"))?;
    context.claim_eq("namespaces", &one.after, &one.before);
    let who = subject.portrait();
    subject.finish()?.success()?;
    check(context, &who, &[], "unshare")
}

/// The child that a `clone` made, as it was before it did anything.
pub fn child(subject: &Subject, answer: &serde_json::Value) -> Result<Portrait> {
    let number = |name: &str| {
        let number = answer.get(name).and_then(serde_json::Value::as_u64);
        number.with_context(|| format!("it did not tell {name}"))
    };
    let pid = number("child")?.try_into()?;
    Ok(subject.portrait().child(pid, number("child_start")?))
}

fn clone_each(context: &Context<'_>) -> Result<Outcome> {
    for (kind, flag) in SIMPLE.into_iter().chain([("time", TIME)]) {
        let mut subject = Subject::start(context)?;
        let before = subject.namespaces()?;
        let answer = subject.does(&format!("clone {flag}"))?;
        let mut child = child(&subject, &answer)?;
        let after = namespaces(child.pid)?;
        let who = subject.portrait();
        subject.finish()?.success()?;

        if kind == "pid" {
            child.vpid = 1;
        }
        let one = Move { before, after };
        context.claim_eq("what changed", &one.changed(), &vec![kind]);
        let events = context.settle()?;
        context.attempt(events.none("namespace", of(who.pid)));
        let event = events.one("namespace", of(child.pid))?;
        context.check(&event, &moved(context, &child, &one, "clone"));
        let fork = events.one("fork", of(child.pid))?;
        context.claim(
            fork.number("event.sequence") < event.number("event.sequence"),
            "the process is made before its namespaces are told",
        );
    }
    Ok(Outcome::Passed)
}

fn setns_each(context: &Context<'_>) -> Result<Outcome> {
    for (kind, flag) in SIMPLE.into_iter().chain([("time", TIME)]) {
        let mut other = Subject::start(context)?;
        other.does(&format!("unshare {flag}"))?;
        other.does("clone 0")?;
        let link = match kind {
            "pid" | "time" => format!("{kind}_for_children"),
            same => same.to_owned(),
        };
        let mut subject = Subject::start(context)?;
        let deed = format!("setns /proc/{}/ns/{link}", other.pid());
        let one = moves(context, &mut subject, &deed)?;
        context.claim_eq("what changed", &one.changed(), &vec![kind]);
        let who = subject.portrait();
        subject.finish()?.success()?;
        other.finish()?.success()?;
        check(context, &who, &[one], "setns")?;
    }
    Ok(Outcome::Passed)
}

fn setns_several(context: &Context<'_>) -> Result<Outcome> {
    let kinds = ["net", "uts", "ipc"];
    let flags = SIMPLE
        .iter()
        .filter(|(kind, _)| kinds.contains(kind))
        .fold(0, |flags, (_, flag)| flags | flag);
    let mut other = Subject::start(context)?;
    other.does(&format!("unshare {flags}"))?;
    let mut subject = Subject::start(context)?;
    let deed = format!("setns-of-process {} {flags}", other.pid());
    let one = moves(context, &mut subject, &deed)?;
    context.claim_eq("what changed", &one.changed(), &kinds.to_vec());
    let who = subject.portrait();
    subject.finish()?.success()?;
    other.finish()?.success()?;
    check(context, &who, &[one], "setns")
}

/// Whoever joins the namespace that it is in already changes nothing.
fn setns_own(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    for kind in ["net", "uts", "mnt"] {
        let one = moves(
            context,
            &mut subject,
            &format!("setns /proc/self/ns/{kind}"),
        )?;
        context.claim_eq("namespaces", &one.after, &one.before);
    }
    let who = subject.portrait();
    subject.finish()?.success()?;
    check(context, &who, &[], "setns")
}
