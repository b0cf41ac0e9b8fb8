//! Listeners that are older than the sensor.

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use rustix::process::Signal;

use crate::event::{Event, Events};
use crate::scenario::{Context, Outcome, Scenario};

use super::flow;
use super::puppet::{Done, Puppet};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/listener-older-than-the-sensor",
        play: older,
    },
    Scenario {
        name: "network/listener-older-in-a-namespace",
        play: older_elsewhere,
    },
];

/// Two processes listen, then a sensor is started, then somebody connects.
fn older(context: &Context<'_>) -> Result<Outcome> {
    let mut client = Puppet::start(context)?;
    let mut servers = [Puppet::start(context)?, Puppet::start(context)?];
    let mut bound = Vec::new();
    for (server, at) in servers.iter_mut().zip(["127.0.0.1:0", "[::1]:0"]) {
        bound.push(server.listens("l", at)?);
    }
    let sensor = context.own_sensor("")?;
    let mut accepts = Vec::new();
    for (server, at) in servers.iter_mut().zip(&bound) {
        server.begin("accept l s")?;
        client.connects("c", *at)?;
        accepts.push(server.done()?);
        client.does("send c 10")?;
        server.does("receive s 10")?;
        server.does("send s 20")?;
        client.does("receive c 20")?;
        client.does("close c")?;
        server.does("receive s 1")?;
        server.does("close s")?;
        flow::wait_for_end(context, server.pid())?;
    }
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    for ((server, at), accept) in servers.iter().zip(&bound).zip(&accepts) {
        check(context, &ended.events, server, *at, accept)?;
    }
    Ok(Outcome::Passed)
}

/// The same in a network namespace of its own.
fn older_elsewhere(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    let inode = puppet.does("new-network")?.bytes;
    let at = puppet.listens("l", "127.0.0.1:0")?;
    let sensor = context.own_sensor("")?;
    puppet.connects("c", at)?;
    let accept = puppet.does("accept l s")?;
    puppet.does("send c 10")?;
    puppet.does("receive s 10")?;
    puppet.does("send s 20")?;
    puppet.does("receive c 20")?;
    puppet.does("close c")?;
    puppet.does("receive s 1")?;
    puppet.does("close s")?;
    flow::wait_for_end(context, puppet.pid())?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    check(context, &ended.events, &puppet, at, &accept)?;
    for event in ended.events.all("accept", of(puppet.pid())) {
        let namespace = event.number("sensor.network.namespace");
        context.claim_eq("the network namespace", &namespace, &Some(inode));
    }
    Ok(Outcome::Passed)
}

/// The server's accept, and the end of its connection.
fn check(
    context: &Context<'_>,
    events: &Events,
    server: &Puppet,
    at: SocketAddr,
    accept: &Done,
) -> Result<()> {
    let peer = accept.peer()?;
    let is_ends = |event: &Event| {
        of(server.pid())(event)
            && event.text("source.ip").and_then(|ip| ip.parse().ok()) == Some::<IpAddr>(peer.ip())
            && event.number("source.port") == Some(peer.port().into())
            && event.number("destination.port") == Some(at.port().into())
    };
    let accepted = events.all("accept", is_ends);
    context.claim_eq(&format!("accepts of {at}"), &accepted.len(), &1);
    let closed = events.all("closed", |event: &Event| {
        is_ends(event) && event.text("sensor.network.role") == Some("server")
    });
    context.claim_eq(&format!("ends of {at}"), &closed.len(), &1);
    let executable = server.who.executable.clone();
    for event in accepted.iter().chain(&closed) {
        context.claim_eq(
            "the executable",
            &event.text("process.executable").map(str::to_owned),
            &Some(executable.clone()),
        );
    }
    for event in closed {
        context.claim_eq("bytes received", &event.number("source.bytes"), &Some(10));
        context.claim_eq("bytes sent", &event.number("destination.bytes"), &Some(20));
        let lasted = event.number("event.duration");
        context.claim(lasted.is_some_and(|lasted| lasted > 0), "it has a duration");
    }
    Ok(())
}

fn of(pid: u32) -> impl Fn(&Event) -> bool {
    move |event| event.pid() == Some(pid)
}
