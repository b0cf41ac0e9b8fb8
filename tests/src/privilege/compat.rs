//! A program for i386 that changes its ids: by the call for ids of 32 bits, and by that for ids of 16.

use anyhow::Result;

use crate::compat::Stepping;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::changes::{committed, is_of_credentials, observed};
use super::credentials::{Change, Credentials};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/i386-setuid",
        play: |context| set_id(context, 213, "uid_change"),
    },
    Scenario {
        name: "privilege/i386-setuid-16",
        play: |context| set_id(context, 23, "uid_change"),
    },
    Scenario {
        name: "privilege/i386-setgid",
        play: |context| set_id(context, 214, "gid_change"),
    },
];

fn set_id(context: &Context<'_>, call: u8, action: &str) -> Result<Outcome> {
    const SOMEBODY: u16 = 1001;
    let Some(mut process) = Stepping::start(context, &tiny::sets_id_i386(call, SOMEBODY))? else {
        return Ok(Outcome::Skipped(
            "this kernel runs no i386 programs".to_owned(),
        ));
    };
    let who = process.who.clone();
    let held = || Credentials::of(who.pid, who.thread, 0);
    let before = held()?;
    process.does()?;
    let change = Change {
        before,
        after: held()?,
    };
    let somebody = [u32::from(SOMEBODY); 4];
    let ids = match action {
        "uid_change" => change.after.uids,
        _ => change.after.gids,
    };
    context.claim_eq("the ids", &ids, &somebody);
    process.finish()?;

    let events = context.settle()?;
    let expect = match context.rung {
        // It does nothing else but end.
        Rung::LockedDown => observed(context, &who, &change, action, "exit"),
        Rung::Tracing | Rung::Kprobes => committed(context, &who, &change, action, "call"),
    };
    let told =
        |event: &crate::event::Event| crate::event::of(who.pid)(event) && is_of_credentials(event);
    let code = match context.rung {
        Rung::LockedDown => "credential_divergence",
        Rung::Tracing | Rung::Kprobes => "credential_change",
    };
    let count = events.0.iter().filter(|event| told(event)).count();
    context.claim_eq("events of its credentials", &count, &1);
    if let Some(event) = context.attempt(events.one(code, told)) {
        context.check(&event, &expect);
    }
    Ok(Outcome::Passed)
}
