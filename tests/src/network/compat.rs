//! A program for i386 that connects: its connections are seen like everybody's.

use std::net::SocketAddr;

use anyhow::{Result, bail};

use crate::clock;
use crate::compat::Stepping;
use crate::contract::Window;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::flow::{self, End, Ending, Role, TCP, check_all};
use super::puppet::Puppet;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "network/i386",
    play: i386,
}];

fn i386(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let bound = server.listens("l", "127.0.0.1:0")?;
    server.binds("u", "dgram", &bound.to_string())?;
    let SocketAddr::V4(address) = bound else {
        bail!("{bound} is not of IPv4");
    };
    let Some(mut client) = Stepping::start(context, &tiny::connects_i386(address))? else {
        return Ok(Outcome::Skipped(
            "this kernel runs no i386 programs".to_owned(),
        ));
    };
    let from = clock::boot_nanoseconds();
    client.does()?;
    let deed = Window {
        from,
        to: clock::boot_nanoseconds(),
    };
    let near = server.does("accept l s")?.peer()?;
    let datagram = server.does("receive-from u")?;
    context.claim_eq("bytes of the datagram", &datagram.bytes, &4);
    let who = client.who.clone();
    let ending = clock::boot_nanoseconds();
    client.finish()?;
    server.does("receive s 1")?;
    server.does("close s")?;

    flow::wait_for_end(context, who.pid)?;
    let events = context.settle()?;
    let far = End::from(bound);
    let closed = Ending {
        role: Role::Client,
        local: near.into(),
        remote: far,
        sent: 0,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        opened: deed,
        closed: Window {
            from: ending,
            to: clock::boot_nanoseconds(),
        },
    };
    let expected = [
        flow::connect(context, &who, TCP, End::UNKNOWN, far).within(deed),
        flow::established(context, &who, near.into(), far).within(deed),
        flow::sent(context, &who, datagram.peer()?, bound, 4).within(deed),
        flow::closed(context, &who, &closed),
    ];
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}
