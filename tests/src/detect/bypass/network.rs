//! Connections by other calls than those that are watched for, and programs for other machines.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use rustix::io::Errno;
use serde_json::Value;

use crate::compat::{Stepping, is_refusal};
use crate::detect::watch::{DESTINATION, FORBIDDEN_HOST, Found, PROGRAM};
use crate::network::puppet::Puppet;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::names::forbidden;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t1-swapped-address",
        play: swapped_address,
    },
    Scenario {
        name: "detect/t3-io-uring",
        play: ring,
    },
    Scenario {
        name: "detect/t10-other-machines",
        play: other_machines,
    },
];

/// A listener at the place that rules look for.
fn listener(context: &Context<'_>) -> Result<(Puppet, SocketAddr)> {
    let mut server = Puppet::start(context)?;
    let at = server.listens("l", &format!("{FORBIDDEN_HOST}:0"))?;
    Ok((server, at))
}

/// The rule is about one of two addresses: it finds each connect that the kernel made to that one, and
/// no other.
fn swapped_address(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let words = [FORBIDDEN_HOST];
    let played = context.act("network/changing-address", &words)?.success()?;
    let peer = |told: &&Value| {
        let peer = told.get("peer").and_then(Value::as_str);
        peer.is_some_and(|peer| peer.starts_with(FORBIDDEN_HOST))
    };
    let connects = played.told.iter().filter(peer).count();
    context.claim(connects > 0, "the address was used");
    context.claim(connects < played.told.len(), "so was the other one");
    let expected = vec![(DESTINATION, played.portrait.pid); connects];
    Found::by(context, watch)?.claim(context, "connects", &expected);
    Ok(Outcome::Passed)
}

/// Whoever does it in the kernel: the process that asked is found.
fn ring(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let (mut server, at) = listener(context)?;
    let mut clients = Vec::new();
    for doer in ["caller", "pool", "poller"] {
        let mut client = Puppet::start(context)?;
        client.does("socket c inet stream 0")?;
        let done = client.tries(format!("ring-connect c {doer} {at}"))?;
        match done.error {
            None => (),
            Some(error @ (Errno::NOSYS | Errno::PERM)) => {
                return Ok(Outcome::Skipped(format!(
                    "io_uring is not to be had here: {error}"
                )));
            }
            Some(error) => bail!("the kernel refused: {error}"),
        }
        server.does("accept l s")?;
        client.does("close c")?;
        server.does("close s")?;
        clients.push((DESTINATION, client.pid(), doer));
    }
    let mut found = Found::by(context, watch)?;
    // The kernel may call connect a second time to ask what came of the first.
    found.alerts.dedup_by_key(|alert| alert.pid());
    let expected: Vec<_> = clients.iter().map(|(rule, pid, _)| (*rule, *pid)).collect();
    found.claim(context, "connects by io_uring", &expected);
    for (alert, (_, _, doer)) in found.alerts.iter().zip(clients) {
        let worker = alert.get("sensor.process.io_worker") == Some(&true.into());
        let what = format!("whether a worker did it for {doer}");
        context.claim_eq(&what, &worker, &(doer != "caller"));
    }
    Ok(Outcome::Passed)
}

/// Programs for i386 and x32, one of which connects.
fn other_machines(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let mut expected = Vec::new();
    for (machine, code) in [("i386", tiny::exits_i386(7)), ("x32", tiny::exits_x32(7))] {
        let program = forbidden(context, &format!("for-{machine}"))?;
        tiny::write(&program, &code)?;
        let played = context.act("exec/exec", &[&program])?;
        match played.value("error") {
            Ok(error) if is_refusal(error) => {
                context.note(format!("this kernel runs no {machine} programs"));
            }
            Ok(error) => bail!("exec failed with error {error}"),
            Err(_) => expected.push((PROGRAM, played.portrait.pid)),
        }
    }
    let (mut server, at) = listener(context)?;
    server.binds("u", "dgram", &at.to_string())?;
    let SocketAddr::V4(address) = at else {
        bail!("{at} is not of IPv4");
    };
    if let Some(mut client) = Stepping::start(context, &tiny::connects_i386(address))? {
        client.does()?;
        // A connect and a first datagram.
        expected.extend([(DESTINATION, client.who.pid); 2]);
        server.does("accept l s")?;
        client.finish()?;
    }
    if expected.is_empty() {
        return Ok(Outcome::Skipped(
            "this kernel runs no programs for other machines".to_owned(),
        ));
    }
    Found::by(context, watch)?.claim(context, "programs for other machines", &expected);
    Ok(Outcome::Passed)
}
