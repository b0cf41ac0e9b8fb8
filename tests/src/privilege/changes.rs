//! Changes of credentials by calls: ids, groups, capabilities, secure bits.

use anyhow::Result;

use crate::event::{Event, of};
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::credentials::Change;
use super::subject::Subject;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/user-ids",
        play: |context| walk(context, Subject::start, USERS),
    },
    Scenario {
        name: "privilege/group-ids",
        play: |context| walk(context, Subject::start, GROUPS),
    },
    Scenario {
        name: "privilege/groups",
        play: groups,
    },
    Scenario {
        name: "privilege/capabilities",
        play: |context| walk(context, Subject::start, CAPABILITIES),
    },
    Scenario {
        name: "privilege/secure-bits",
        play: |context| walk(context, Subject::start, SECURE_BITS),
    },
    Scenario {
        name: "privilege/by-thread",
        play: |context| walk(context, Subject::in_thread, BY_THREAD),
    },
];

/// A deed, and the `event.action` that it must lead to.
type Step = (&'static str, Becomes);

/// What comes of a deed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Becomes {
    /// An event with this action.
    Action(&'static str),
    /// No event, for nothing changes.
    Nothing,
    /// No event, for the kernel refuses.
    Refused,
}

use Becomes::{Action, Nothing, Refused};

const USER: Becomes = Action("uid_change");
const GROUP: Becomes = Action("gid_change");
const CAPABILITY: Becomes = Action("capabilities_change");
const OTHER: Becomes = Action("credentials_change");

/// Begins as root.
const USERS: &[Step] = &[
    ("setuid 0", Nothing),
    ("setresuid -1 -1 -1", Nothing),
    ("setreuid 0 0", Nothing),
    ("setfsuid 0", Nothing),
    // Loses the capabilities for files.
    ("setfsuid 1001", USER),
    ("setfsuid 1001", Nothing),
    ("setfsuid 0", USER),
    // seteuid: loses the effective capabilities, but not for good.
    ("setresuid -1 1001 -1", USER),
    ("setresuid -1 0 -1", USER),
    ("setresuid 1001 -1 -1", USER),
    ("setresuid 0 -1 -1", USER),
    ("setresuid -1 -1 1001", USER),
    ("setreuid 1001 -1", USER),
    ("setreuid -1 1001", USER),
    // Swaps the real and the saved one.
    ("setresuid 0 -1 1001", USER),
    ("setresuid 1001 1001 1001", USER),
    ("setuid 0", Refused),
    ("setuid 1001", Nothing),
];

/// Begins as root, and goes on as somebody with three user ids.
const GROUPS: &[Step] = &[
    ("setgid 0", Nothing),
    ("setfsgid 2001", GROUP),
    ("setfsgid 0", GROUP),
    ("setregid -1 2001", GROUP),
    ("setregid 2002 -1", GROUP),
    ("setresgid -1 -1 2003", GROUP),
    ("setresgid 2001 2002 2003", GROUP),
    ("setresgid -1 -1 -1", Nothing),
    ("setgid 2004", GROUP),
    ("setresuid 1001 1002 1003", USER),
    ("setresuid -1 1001 -1", USER),
    ("setreuid 1001 1003", USER),
    ("setresuid 1001 1001 1001", USER),
    ("setgid 0", Refused),
    ("setgroups 1", Refused),
    ("setresuid 1002 -1 -1", Refused),
];

/// `CAP_NET_BIND_SERVICE`, `CAP_NET_RAW` and `CAP_SYS_ADMIN` are 10, 13 and 21. Begins as root.
const CAPABILITIES: &[Step] = &[
    // Effective, permitted, inheritable.
    ("capset 9216 9216 0", CAPABILITY),
    ("capset 9216 9216 0", Nothing),
    ("capset 8192 9216 0", CAPABILITY),
    ("capset 9216 9216 8192", CAPABILITY),
    ("ambient 13", CAPABILITY),
    ("ambient 13", Nothing),
    ("ambient 10", Refused),
    ("ambient-clear", CAPABILITY),
    ("ambient-clear", Nothing),
    ("capset 2097152 2097152 0", Refused),
    ("bounding-drop 21", Refused),
    ("capset 0 0 0", CAPABILITY),
];

/// Begins as root.
const SECURE_BITS: &[Step] = &[
    ("bounding-drop 21", CAPABILITY),
    ("bounding-drop 21", Nothing),
    // NO_SETUID_FIXUP, and its lock.
    ("securebits 4", OTHER),
    ("securebits 12", OTHER),
    ("securebits 12", Nothing),
    ("securebits 0", Refused),
    ("keep-capabilities", OTHER),
    ("setresuid 1001 1001 1001", USER),
];

/// Another thread than the first, whose process does nothing else.
const BY_THREAD: &[Step] = &[
    ("setresuid 0 1001 0", USER),
    ("setresuid 0 0 0", USER),
    ("setresgid 2001 2001 2001", GROUP),
    ("bounding-drop 13", CAPABILITY),
    ("setresuid 1001 1001 1001", USER),
];

/// Has a process do deeds, and checks all the events of its credentials.
fn walk(
    context: &Context<'_>,
    start: fn(&Context<'_>) -> Result<Subject>,
    steps: &[Step],
) -> Result<Outcome> {
    let mut subject = start(context)?;
    let mut changes = Vec::new();
    for (deed, becomes) in steps {
        let change = match becomes {
            Refused => {
                subject.fails(deed)?;
                continue;
            }
            Nothing | Action(_) => subject.changes(context, deed)?,
        };
        let differs = change.before != change.after;
        context.claim_eq(
            &format!("whether {deed} changes anything"),
            &differs,
            &(*becomes != Nothing),
        );
        if let Action(action) = becomes {
            changes.push((change, *action));
        }
    }
    let (who, found_by) = (subject.portrait(), subject.notable());
    subject.finish()?.success()?;
    check(context, &who, &changes, found_by)
}

fn groups(context: &Context<'_>) -> Result<Outcome> {
    let list = |numbers: std::ops::Range<u32>| {
        numbers.fold("setgroups".to_owned(), |text, number| {
            format!("{text} {number}")
        })
    };
    let mut subject = Subject::start(context)?;
    let mut changes = Vec::new();
    for deed in [
        "setgroups 2001 2002".to_owned(),
        "setgroups 2001 2003".to_owned(),
        list(3000..3032),
        list(3000..3033),
        list(4000..4100),
        // Only a group that no event has room for is another.
        format!("{} 5000", list(4000..4099)),
        "setgroups".to_owned(),
    ] {
        changes.push((subject.changes(context, &deed)?, "gid_change"));
    }
    for deed in ["setgroups", "setgroups 7", "setgroups 7"] {
        let change = subject.changes(context, deed)?;
        if change.before != change.after {
            changes.push((change, "gid_change"));
        }
    }
    let (who, found_by) = (subject.portrait(), subject.notable());
    subject.finish()?.success()?;
    context.claim_eq("lists of groups", &changes.len(), &8);
    check(context, &who, &changes, found_by)
}

/// Checks that these changes, and no others, are what the sensor tells of a process's credentials.
fn check(
    context: &Context<'_>,
    who: &Portrait,
    changes: &[(Change, &str)],
    found_by: &'static str,
) -> Result<Outcome> {
    let (code, other) = match context.rung {
        Rung::LockedDown => ("credential_divergence", "credential_change"),
        Rung::Tracing | Rung::Kprobes => ("credential_change", "credential_divergence"),
    };
    let mut wanted: Vec<&(Change, &str)> = changes.iter().collect();
    if context.rung == Rung::LockedDown {
        wanted.retain(|(change, _)| change.is_more_than_groups());
        if wanted.len() < changes.len() {
            context.note("supplementary groups are not compared where commits cannot be hooked");
        }
    }
    let events = context.settle()?;
    context.attempt(events.none(other, of(who.pid)));
    let found = events.all(code, of(who.pid));
    context.claim_eq(&format!("{code} events"), &found.len(), &wanted.len());
    for (event, (change, action)) in found.iter().zip(wanted) {
        let expect = match context.rung {
            Rung::LockedDown => observed(context, who, change, action, found_by),
            Rung::Tracing | Rung::Kprobes => committed(context, who, change, action, "call"),
        };
        context.check(event, &expect);
    }
    Ok(Outcome::Passed)
}

/// A change that was seen to be committed. `cause` is `call`, `exec` or `clone`.
pub fn committed(
    context: &Context<'_>,
    who: &Portrait,
    change: &Change,
    action: &str,
    cause: &str,
) -> Expect {
    context
        .expect("credential_change")
        .process(context.host, &change.after.held_by(who))
        .changed(change, action)
        .groups(change)
        .is("sensor.credentials.cause", cause)
}

/// A change that was found at what the process did next, where commits are not seen, and that calls
/// could have made.
pub fn observed(
    context: &Context<'_>,
    who: &Portrait,
    change: &Change,
    action: &str,
    found_by: &str,
) -> Expect {
    context
        .expect("credential_divergence")
        .process(context.host, &change.after.held_by(who))
        .changed(change, action)
        .is("sensor.credentials.observed", true)
        .is("sensor.credentials.found_by", found_by)
}

/// Whether an event tells of credentials.
pub fn is_of_credentials(event: &Event) -> bool {
    matches!(event.code(), "credential_change" | "credential_divergence")
}
