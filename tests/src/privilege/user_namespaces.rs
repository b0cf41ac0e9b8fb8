//! User namespaces: a process that comes into one has all capabilities there, and its ids mean
//! others outside.

use std::fs;

use anyhow::{Context as _, Result};

use crate::event::{Event, of};
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::changes::{committed, observed};
use super::credentials::{Change, Credentials};
use super::namespaces::{Move, child, moved};
use super::subject::{Subject, namespaces};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/user-namespace-unshare",
        play: |context| unshare(context, None),
    },
    Scenario {
        name: "privilege/user-namespace-unshare-unprivileged",
        play: |context| unshare(context, Some("setresuid 1001 1001 1001")),
    },
    Scenario {
        name: "privilege/user-namespace-clone",
        play: clone,
    },
    Scenario {
        name: "privilege/user-namespace-setns",
        play: setns,
    },
    Scenario {
        name: "privilege/user-namespace-with-others",
        play: with_others,
    },
    Scenario {
        name: "privilege/user-namespace-map",
        play: map,
    },
    Scenario {
        name: "privilege/user-namespace-map-to-root",
        play: map_to_root,
    },
];

const NEW_USER: u32 = 0x1000_0000;
const NEW_NET: u32 = 0x4000_0000;

/// Has a process come into another user namespace.
fn enters(context: &Context<'_>, subject: &mut Subject, deed: &str) -> Result<(Change, Move)> {
    let before = subject.namespaces()?;
    let change = subject.changes(context, deed)?;
    let after = subject.namespaces()?;
    context.claim(
        change.before.user_namespace != change.after.user_namespace,
        format!("{deed} changes the user namespace"),
    );
    Ok((change, Move { before, after }))
}

/// Checks the change of credentials, which must be one of all events since the scenario began, and
/// returns it.
fn check_change(
    context: &Context<'_>,
    who: &Portrait,
    change: &Change,
    holds: impl Fn(&Event) -> bool,
) -> Result<()> {
    let action = action(change);
    let events = context.settle()?;
    let of_process = |event: &Event| of(who.pid)(event) && holds(event);
    let (code, expect) = match context.rung {
        Rung::LockedDown => (
            "credential_divergence",
            observed(context, who, change, action, "fork"),
        ),
        Rung::Tracing | Rung::Kprobes => (
            "credential_change",
            committed(context, who, change, action, "call"),
        ),
    };
    let event = events.one(code, of_process)?;
    context.check(&event, &expect);
    Ok(())
}

/// Root has all capabilities already; nobody else had them.
fn action(change: &Change) -> &'static str {
    let sets = |credentials: &Credentials| (credentials.permitted, credentials.effective);
    if change.before.uids != change.after.uids {
        "uid_change"
    } else if sets(&change.before) == sets(&change.after) {
        "credentials_change"
    } else {
        "capabilities_change"
    }
}

fn is_of_entering(change: &Change) -> impl Fn(&Event) -> bool {
    let namespace = change.after.user_namespace;
    move |event| {
        event.number("sensor.credentials.after.user_namespace") == Some(namespace)
            && event.number("sensor.credentials.before.user_namespace") != Some(namespace)
    }
}

/// The process once it is known to be in the user namespace. The event of its credentials comes
/// before that of its namespaces.
fn inside(who: &Portrait, change: &Change) -> Portrait {
    let mut who = change.after.held_by(who);
    who.namespaces.insert("user", change.after.user_namespace);
    who
}

fn unshare(context: &Context<'_>, first: Option<&str>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    if let Some(first) = first {
        subject.changes(context, first)?;
    }
    let (change, namespaces) = enters(context, &mut subject, &format!("unshare {NEW_USER}"))?;
    context.claim_eq("what changed", &namespaces.changed(), &vec!["user"]);
    let who = subject.portrait();
    subject.finish()?.success()?;
    check_entered(context, &who, &change, &namespaces, "unshare")
}

fn check_entered(
    context: &Context<'_>,
    who: &Portrait,
    change: &Change,
    namespaces: &Move,
    operation: &str,
) -> Result<Outcome> {
    check_change(context, who, change, is_of_entering(change))?;
    let event = context.settle()?.one("namespace", of(who.pid))?;
    let who = inside(who, change);
    context.check(&event, &moved(context, &who, namespaces, operation));
    Ok(Outcome::Passed)
}

fn clone(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    let (before, outer) = (subject.credentials()?, subject.namespaces()?);
    let answer = subject.does(&format!("clone {NEW_USER}"))?;
    let child = child(&subject, &answer)?;
    let change = Change {
        after: Credentials::of(child.pid, child.pid, before.securebits)?,
        before,
    };
    let namespaces = Move {
        before: outer,
        after: namespaces(child.pid)?,
    };
    context.claim_eq("what changed", &namespaces.changed(), &vec!["user"]);
    let who = subject.portrait();
    subject.finish()?.success()?;

    let child = inside(&child, &change);
    let events = context.settle()?;
    let event = events.one("namespace", of(child.pid))?;
    context.check(&event, &moved(context, &child, &namespaces, "clone"));
    // The hook of fork sees it on every rung.
    let event = events.one("credential_change", of(child.pid))?;
    let expect = committed(context, &child, &change, action(&change), "clone");
    context.check(&event, &expect);
    for code in ["namespace", "credential_change", "credential_divergence"] {
        context.attempt(events.none(code, of(who.pid)));
    }
    context.attempt(events.none("credential_divergence", of(child.pid)));
    Ok(Outcome::Passed)
}

fn setns(context: &Context<'_>) -> Result<Outcome> {
    let mut other = Subject::start(context)?;
    other.does(&format!("unshare {NEW_USER}"))?;
    let mut subject = Subject::start(context)?;
    let deed = format!("setns /proc/{}/ns/user", other.pid());
    let (change, namespaces) = enters(context, &mut subject, &deed)?;
    let who = subject.portrait();
    subject.finish()?.success()?;
    other.finish()?.success()?;
    check_entered(context, &who, &change, &namespaces, "setns")
}

/// A user namespace and another one at once: the hooks see two changes, a look afterwards sees one.
fn with_others(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    let deed = format!("unshare {}", NEW_USER | NEW_NET);
    let (change, namespaces) = enters(context, &mut subject, &deed)?;
    context.claim_eq("what changed", &namespaces.changed(), &vec!["net", "user"]);
    let who = subject.portrait();
    subject.finish()?.success()?;

    let moves = if context.rung == Rung::LockedDown {
        vec![(namespaces, change.after.held_by(&who))]
    } else {
        // unshare(2) switches the others first and commits the credentials last.
        let mut between = namespaces.after.clone();
        if let Some(outer) = namespaces.before.get("user") {
            between.insert("user", *outer);
        }
        let others = Move {
            before: namespaces.before,
            after: between.clone(),
        };
        let user = Move {
            before: between,
            after: namespaces.after,
        };
        vec![(others, who.clone()), (user, change.after.held_by(&who))]
    };
    let mut known = who.clone();
    if let [(others, _), _] = moves.as_slice() {
        known.namespaces.clone_from(&others.after);
    }
    check_change(context, &known, &change, is_of_entering(&change))?;
    let found = context.settle()?.all("namespace", of(who.pid));
    context.claim_eq("namespace events", &found.len(), &moves.len());
    for (event, (one, who)) in found.iter().zip(&moves) {
        context.check(event, &moved(context, who, one, "unshare"));
    }
    Ok(Outcome::Passed)
}

/// The ids of a process in a user namespace are told as they are outside.
fn map(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    let (entered, _) = enters(context, &mut subject, &format!("unshare {NEW_USER}"))?;
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{}/{map}", subject.pid());
        fs::write(&path, "0 100000 1000").with_context(|| format!("cannot write {path}"))?;
    }
    // Its ids are not mapped, so that it is nobody there until it chooses.
    let group = subject.changes(context, "setresgid 5 5 5")?;
    let user = subject.changes(context, "setresuid 7 7 7")?;
    context.claim_eq("user ids outside", &user.after.uids, &[100_007; 4]);
    context.claim_eq("group ids outside", &user.after.gids, &[100_005; 4]);
    subject.fails("setresuid 2000 2000 2000")?;
    let outside = subject.portrait();
    let who = inside(&outside, &entered);
    subject.finish()?.success()?;

    let (code, events) = (code(context.rung), context.settle()?);
    let found = events.all(code, of(who.pid));
    let wanted = [
        (&outside, &entered, action(&entered)),
        (&who, &group, "gid_change"),
        (&who, &user, "uid_change"),
    ];
    context.claim_eq("changes of credentials", &found.len(), &wanted.len());
    for (event, (who, change, action)) in found.iter().zip(wanted) {
        let expect = match context.rung {
            Rung::LockedDown => observed(context, who, change, action, "fork"),
            Rung::Tracing | Rung::Kprobes => committed(context, who, change, action, "call"),
        };
        context.check(event, &expect);
    }
    Ok(Outcome::Passed)
}

/// Somebody who becomes root in a user namespace of its own is nobody else outside.
fn map_to_root(context: &Context<'_>) -> Result<Outcome> {
    let mut subject = Subject::start(context)?;
    subject.changes(context, "setresgid 1001 1001 1001")?;
    subject.changes(context, "setresuid 1001 1001 1001")?;
    let (entered, namespaces) = enters(context, &mut subject, &format!("unshare {NEW_USER}"))?;
    for (file, content) in [
        ("setgroups", "deny"),
        ("uid_map", "0 1001 1"),
        ("gid_map", "0 1001 1"),
    ] {
        let path = format!("/proc/{}/{file}", subject.pid());
        fs::write(&path, content).with_context(|| format!("cannot write {path}"))?;
    }
    for deed in ["setresgid 0 0 0", "setresuid 0 0 0"] {
        let change = subject.changes(context, deed)?;
        context.claim_eq("what root changes", &change.after, &change.before);
    }
    let who = subject.portrait();
    subject.finish()?.success()?;
    // Before it entered it changed its group and its user.
    let found = context.settle()?.all(code(context.rung), of(who.pid));
    context.claim_eq("changes of credentials", &found.len(), &3);
    check_entered(context, &who, &entered, &namespaces, "unshare")
}

const fn code(rung: Rung) -> &'static str {
    match rung {
        Rung::LockedDown => "credential_divergence",
        Rung::Tracing | Rung::Kprobes => "credential_change",
    }
}
