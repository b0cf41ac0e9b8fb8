//! Credentials that nobody committed: written to in the kernel's memory, as exploits do.
//!
//! The host writes to this machine's memory, so that no function of the kernel runs.

use anyhow::Result;

use crate::event::of;
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::changes::is_of_credentials;
use super::credentials::Change;
use super::kernel_memory::KernelMemory;
use super::subject::Subject;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/overwritten-found-by-fork",
        play: |context| overwritten(context, in_place, Acts::Does("fork")),
    },
    Scenario {
        name: "privilege/overwritten-found-by-connect",
        play: |context| overwritten(context, in_place, Acts::Does("connect")),
    },
    Scenario {
        name: "privilege/overwritten-found-by-setuid",
        play: found_by_setuid,
    },
    Scenario {
        name: "privilege/overwritten-found-by-exec",
        play: |context| overwritten(context, in_place, Acts::Executes),
    },
    Scenario {
        name: "privilege/overwritten-found-by-exit",
        play: |context| overwritten(context, in_place, Acts::Ends),
    },
    Scenario {
        name: "privilege/overwritten-ids-alone",
        play: |context| overwritten(context, ids_alone, Acts::Does("fork")),
    },
    Scenario {
        name: "privilege/overwritten-capabilities-alone",
        play: |context| overwritten(context, capabilities_alone, Acts::Does("fork")),
    },
    Scenario {
        name: "privilege/overwritten-pointers",
        play: |context| overwritten(context, pointers, Acts::Does("fork")),
    },
    Scenario {
        name: "privilege/overwritten-pointers-found-by-exec",
        play: |context| overwritten(context, pointers, Acts::Executes),
    },
];

/// The user whose process is made root's.
const USER: u32 = 1001;

/// Writes to a process's credentials; says whether they stay where they are.
type Exploit = fn(&mut KernelMemory, &Subject) -> Result<bool>;

/// What the process does then.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Acts {
    /// A deed, whose name is that of its event.
    Does(&'static str),
    /// Executes a program.
    Executes,
    /// Ends.
    Ends,
}

/// Writes root's ids and all capabilities to the credentials themselves.
pub fn in_place(memory: &mut KernelMemory, victim: &Subject) -> Result<bool> {
    let task = memory.task(victim.pid())?;
    memory.overwrite_ids(task)?;
    memory.overwrite_capabilities(task, victim.credentials()?.bounding)?;
    Ok(true)
}

fn ids_alone(memory: &mut KernelMemory, victim: &Subject) -> Result<bool> {
    let task = memory.task(victim.pid())?;
    memory.overwrite_ids(task)?;
    Ok(true)
}

fn capabilities_alone(memory: &mut KernelMemory, victim: &Subject) -> Result<bool> {
    let task = memory.task(victim.pid())?;
    memory.overwrite_capabilities(task, victim.credentials()?.bounding)?;
    Ok(true)
}

/// Makes the process's credentials those of the host's first process.
pub fn pointers(memory: &mut KernelMemory, victim: &Subject) -> Result<bool> {
    let (task, first) = (memory.task(victim.pid())?, memory.first()?);
    memory.share(task, first)?;
    Ok(false)
}

/// Somebody's process, and the kernel's memory; nothing where no host offers that.
pub fn prepare(context: &Context<'_>) -> Result<Option<(KernelMemory, Subject)>> {
    let Some(memory) = KernelMemory::open()? else {
        return Ok(None);
    };
    let mut victim = Subject::start(context)?;
    victim.does("setgroups")?;
    victim.does(&format!("setresgid {USER} {USER} {USER}"))?;
    victim.does(&format!("setresuid {USER} {USER} {USER}"))?;
    victim.is_noticed(context)?;
    Ok(Some((memory, victim)))
}

fn no_memory() -> Outcome {
    Outcome::Skipped("only the host of a test machine can write to the kernel's memory".to_owned())
}

/// An overwrite that was found at what the process did next.
fn alert(
    context: &Context<'_>,
    who: &Portrait,
    change: &Change,
    is_in_place: bool,
    found_by: &str,
) -> Expect {
    context
        .expect("credential_divergence")
        .process(context.host, &change.after.held_by(who))
        .changed(change, "credentials_overwritten")
        .is("event.kind", "alert")
        .has(
            "sensor.credentials.same_object",
            is_in_place.then_some(true),
        )
        .is("sensor.credentials.found_by", found_by)
}

fn overwritten(context: &Context<'_>, exploit: Exploit, acts: Acts) -> Result<Outcome> {
    let Some((mut memory, mut victim)) = prepare(context)? else {
        return Ok(no_memory());
    };
    let before = victim.credentials()?;
    let is_in_place = exploit(&mut memory, &victim)?;
    let change = Change {
        before,
        after: victim.credentials()?,
    };
    context.claim(change.before != change.after, "the exploit works");
    context.sensor.expect_alert();
    let program = context.folder.join("waits");
    tiny::write(&program, &tiny::waits(7))?;
    let (found_by, is_same) = match acts {
        Acts::Does(deed) => {
            victim.does(deed)?;
            // What was told once is not told again.
            victim.does("fork")?;
            (deed, is_in_place)
        }
        Acts::Executes => {
            victim.executes(&program)?;
            match context.rung {
                // Every exec commits, whether that changes anything or not.
                Rung::Tracing | Rung::Kprobes => ("credential_change", is_in_place),
                // Which has made them others by the time when the exec is seen.
                Rung::LockedDown => ("exec", false),
            }
        }
        Acts::Ends => ("exit", is_in_place),
    };
    let who = victim.portrait();
    victim.finish()?;
    let found = context.settle()?.all("credential_divergence", |event| {
        of(who.pid)(event) && event.text("event.kind") == Some("alert")
    });
    context.claim_eq("alerts", &found.len(), &1);
    for event in found {
        let expect = alert(context, &who, &change, is_same, found_by);
        context.check(&event, &expect);
    }
    Ok(Outcome::Passed)
}

/// A process that uses what it got to commit credentials of its own: the commit is told after the
/// overwrite that made it possible.
fn found_by_setuid(context: &Context<'_>) -> Result<Outcome> {
    let Some((mut memory, mut victim)) = prepare(context)? else {
        return Ok(no_memory());
    };
    let before = victim.credentials()?;
    let task = memory.task(victim.pid())?;
    memory.overwrite_capabilities(task, before.bounding)?;
    let between = victim.credentials()?;
    context.sensor.expect_alert();
    let overwrite = Change {
        before,
        after: between,
    };
    let call = victim.changes(context, "setresuid 0 0 0")?;
    let who = victim.portrait();
    victim.finish()?.success()?;
    let events = context.settle()?;
    let after: Vec<_> = events
        .0
        .iter()
        .filter(|event| of(who.pid)(event) && is_of_credentials(event))
        .skip(previous_changes(context.rung))
        .collect();
    if context.rung == Rung::LockedDown {
        // Both are one change for who only looks afterwards.
        let both = Change {
            before: overwrite.before,
            after: call.after,
        };
        context.claim_eq("changes", &after.len(), &1);
        for event in after {
            context.check(event, &alert(context, &who, &both, false, "fork"));
        }
        return Ok(Outcome::Passed);
    }
    context.claim_eq("changes", &after.len(), &2);
    let expected = [
        alert(context, &who, &overwrite, true, "credential_change"),
        super::changes::committed(context, &who, &call, "uid_change", "call"),
    ];
    for (event, expect) in after.into_iter().zip(expected) {
        context.check(event, &expect);
    }
    Ok(Outcome::Passed)
}

/// Changes by which [`prepare`] makes somebody's process of root's.
fn previous_changes(rung: Rung) -> usize {
    match rung {
        // Groups (of which there may have been none), the group, the user.
        Rung::Tracing | Rung::Kprobes => 2,
        Rung::LockedDown => 1,
    }
}
