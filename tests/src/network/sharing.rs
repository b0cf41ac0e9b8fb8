//! Sockets that several threads or processes use: whose connection it is.

use std::net::SocketAddr;

use anyhow::Result;

use crate::contract::Window;
use crate::event::{Event, Events, of};
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};

use super::flow::{self, End, Ending, Role, TCP, check_one, claim_codes};
use super::puppet::{Done, Puppet};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/tcp-accepted-by-child",
        play: accepted_by_child,
    },
    Scenario {
        name: "network/tcp-accepted-by-thread",
        play: accepted_by_thread,
    },
    Scenario {
        name: "network/tcp-connected-by-thread",
        play: connected_by_thread,
    },
    Scenario {
        name: "network/tcp-closed-by-child-first",
        play: closed_by_child_first,
    },
    Scenario {
        name: "network/tcp-closed-by-child-last",
        play: closed_by_child_last,
    },
];

/// A connection, from its beginning to its end.
struct Whole {
    connect: Done,
    accept: Done,
    /// When the server's end was closed.
    closing: Window,
}

/// A client connects to a listener, and closes first. `accept` is how the server accepts.
fn connection(
    context: &Context<'_>,
    client: &mut Puppet,
    server: &mut Puppet,
    at: SocketAddr,
    accept: &str,
) -> Result<(Whole, Events)> {
    let connect = client.connects("c", at)?;
    let accept = server.does(accept)?;
    client.does("close c")?;
    server.does("receive s 1")?;
    let closing = server.does("close s")?.window;
    flow::wait_for_end(context, client.pid())?;
    let is_server = |event: &Event| {
        event.code() == "closed" && event.text("sensor.network.role") == Some("server")
    };
    context.sensor.wait_for(is_server, PATIENCE)?;
    let whole = Whole {
        connect,
        accept,
        closing,
    };
    Ok((whole, context.settle()?))
}

/// Checks whose the server's end is.
fn check_server(
    context: &Context<'_>,
    events: &Events,
    whole: &Whole,
    owner: &Portrait,
) -> Result<()> {
    let (near, far) = (whole.connect.local()?.into(), whole.accept.local()?.into());
    let handshake = flow::between(whole.connect.window, whole.accept.window);
    let accepted = if flow::stands_in(context, "accept") {
        handshake
    } else {
        whole.accept.window
    };
    let expect = flow::accept(context, owner, far, near).within(accepted);
    check_one(context, events, "accept", owner.pid, &expect);
    let ending = Ending {
        role: Role::Server,
        local: far,
        remote: near,
        sent: 0,
        received: 0,
        states: &["last_ack"],
        error: None,
        opened: handshake,
        closed: flow::since(whole.closing),
    };
    let expect = flow::closed(context, owner, &ending);
    check_one(context, events, "closed", owner.pid, &expect);
    Ok(())
}

/// A process listens and leaves it to its child to accept, as servers do that fork.
fn accepted_by_child(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    let parent = server.who.clone();
    server.forks()?;
    let child = server.who.clone();
    let (whole, events) = connection(context, &mut client, &mut server, at, "accept l s")?;
    // Where the call cannot be hooked, a connection is the listener's for good.
    let (owner, other) = if flow::stands_in(context, "accept") {
        (&parent, &child)
    } else {
        (&child, &parent)
    };
    check_server(context, &events, &whole, owner)?;
    context.attempt(events.none("accept", of(other.pid)));
    context.attempt(events.none("closed", of(other.pid)));
    server.ends_child()?;
    Ok(Outcome::Passed)
}

fn accepted_by_thread(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    let (whole, events) = connection(
        context,
        &mut client,
        &mut server,
        at,
        "in-thread accept l s",
    )?;
    let mut owner = server.who.clone();
    context.claim(
        whole.accept.thread()? != owner.thread,
        "it is another thread",
    );
    if !flow::stands_in(context, "accept") {
        owner.thread = whole.accept.thread()?;
    }
    check_server(context, &events, &whole, &owner)?;
    Ok(Outcome::Passed)
}

fn connected_by_thread(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    client.does("socket c inet stream 0")?;
    let connect = client.does(format!("in-thread connect c {at}"))?;
    server.does("accept l s")?;
    let closing = client.does("close c")?;
    server.does("close s")?;
    let who = Portrait {
        thread: connect.thread()?,
        ..client.who.clone()
    };
    context.claim(who.thread != client.who.thread, "it is another thread");
    flow::wait_for_end(context, who.pid)?;
    let events = context.settle()?;
    let expect = flow::connect(context, &who, TCP, End::UNKNOWN, at.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let near = connect.local()?.into();
    let expect = flow::established(context, &who, near, at.into()).within(connect.window);
    check_one(context, &events, "established", who.pid, &expect);
    let ending = client_end(&connect, closing.window)?;
    let expect = flow::closed(context, &who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    Ok(Outcome::Passed)
}

/// How the client's end of a connection ended, over which no byte went.
fn client_end(connect: &Done, closing: Window) -> Result<Ending> {
    Ok(Ending {
        role: Role::Client,
        local: connect.local()?.into(),
        remote: connect.peer()?.into(),
        sent: 0,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        opened: connect.window,
        closed: flow::since(closing),
    })
}

/// A child closes the socket that it inherited: the connection goes on until the parent does.
fn closed_by_child_first(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    let connect = client.connects("c", at)?;
    server.does("accept l s")?;
    let who = client.who.clone();
    client.forks()?;
    let child = client.pid();
    client.does("close c")?;
    client.ends_child()?;
    let events = context.settle()?;
    context.attempt(events.none("closed", |event| of(who.pid)(event) || of(child)(event)));
    let closing = client.does("close c")?;
    server.does("receive s 1")?;
    server.does("close s")?;
    flow::wait_for_end(context, who.pid)?;
    let events = context.settle()?;
    let ending = client_end(&connect, closing.window)?;
    let expect = flow::closed(context, &who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    claim_codes(context, &events, child, &[]);
    Ok(Outcome::Passed)
}

/// A child closes the socket that it inherited when the parent is gone: the connection was the
/// parent's, who asked for it.
fn closed_by_child_last(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    let connect = client.connects("c", at)?;
    server.does("accept l s")?;
    let who = client.who.clone();
    client.forks()?;
    let child = client.pid();
    client.kill()?;
    let events = context.settle()?;
    context.attempt(events.one("exit", of(who.pid)));
    context.attempt(events.none("closed", |event| of(who.pid)(event) || of(child)(event)));
    let closing = client.does("close c")?;
    server.does("receive s 1")?;
    server.does("close s")?;
    flow::wait_for_end(context, who.pid)?;
    let events = context.settle()?;
    let ending = client_end(&connect, closing.window)?;
    let expect = flow::closed(context, &who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    claim_codes(context, &events, child, &[]);
    // Its parent can no longer end it.
    client.begin("end")?;
    Ok(Outcome::Passed)
}
