//! TCP connections that do not come about.

use std::net::SocketAddr;

use anyhow::Result;
use rustix::io::Errno;

use crate::event::{Events, of};
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, Ending, Role, TCP, check_one, claim_codes};
use super::pair::Pair;
use super::puppet::{Done, Puppet};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/tcp-refused",
        play: |context| refused(context, "127.0.0.1:0"),
    },
    Scenario {
        name: "network/tcp-refused-ipv6",
        play: |context| refused(context, "[::1]:0"),
    },
    Scenario {
        name: "network/tcp-refused-nonblocking",
        play: refused_later,
    },
    Scenario {
        name: "network/tcp-refused-bound-client",
        play: refused_bound,
    },
    Scenario {
        name: "network/tcp-again-after-refused",
        play: again,
    },
    Scenario {
        name: "network/tcp-timed-out",
        play: timed_out,
    },
    Scenario {
        name: "network/tcp-abandoned",
        play: abandoned,
    },
    Scenario {
        name: "network/tcp-unreachable",
        play: |context| unreachable(context, "192.0.2.1:9"),
    },
    Scenario {
        name: "network/tcp-unreachable-ipv6",
        play: |context| unreachable(context, "[2001:db8::1]:9"),
    },
    Scenario {
        name: "network/tcp-connect-twice",
        play: twice,
    },
];

/// All that a client does whose connect fails in the network.
const FAILED: [&str; 2] = ["connect", "closed"];

/// An address that is taken, so that nobody else listens there, and refuses connections.
fn refuses(server: &mut Puppet, address: &str) -> Result<SocketAddr> {
    server.binds("l", "stream", address)
}

/// How a connect ended that did not come about.
fn failed(connect: &Done, local: End, remote: SocketAddr, error: &'static str) -> Ending {
    Ending {
        role: Role::Client,
        local,
        remote: remote.into(),
        sent: 0,
        received: 0,
        states: &["syn_sent"],
        error: Some(error),
        opened: connect.window,
        closed: connect.window,
    }
}

/// Checks that these, in this order, are all events of a process with this code.
fn check_all(
    context: &Context<'_>,
    events: &Events,
    code: &str,
    who: &Portrait,
    expected: &[Expect],
) {
    let found = events.all(code, of(who.pid));
    context.claim_eq(
        &format!("{code} events of process {}", who.pid),
        &found.len(),
        &expected.len(),
    );
    for (event, expect) in found.iter().zip(expected) {
        context.check(event, expect);
    }
}

/// The socket's own end after its connect failed: the kernel has forgotten the address, which is the
/// destination's because that is this host's own, but not the port.
fn own_end(client: &mut Puppet, to: SocketAddr) -> Result<End> {
    let left = client.does("set c nonblocking")?.local()?;
    Ok(SocketAddr::new(to.ip(), left.port()).into())
}

fn refused(context: &Context<'_>, address: &str) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = refuses(&mut server, address)?;
    let family = if at.is_ipv4() { "inet" } else { "inet6" };
    client.does(format!("socket c {family} stream 0"))?;
    let connect = client.tries(format!("connect c {at}"))?;
    context.claim_eq(
        "what connect said",
        &connect.error,
        &Some(Errno::CONNREFUSED),
    );
    let own = own_end(&mut client, at)?;
    client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let expect = flow::closed(context, who, &failed(&connect, own, at, "ECONNREFUSED"));
    check_one(context, &events, "closed", who.pid, &expect);
    claim_codes(context, &events, who.pid, &FAILED);
    claim_codes(context, &events, server.pid(), &["bind"]);
    Ok(Outcome::Passed)
}

/// The call has returned before the refusal comes.
fn refused_later(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = refuses(&mut server, "127.0.0.1:0")?;
    client.does("socket c inet stream 0")?;
    client.does("set c nonblocking")?;
    let asked = client.tries(format!("connect c {at}"))?;
    context.claim_eq("what connect said", &asked.error, &Some(Errno::INPROGRESS));
    let answer = client.tries("connected c")?;
    context.claim_eq("what came of it", &answer.error, &Some(Errno::CONNREFUSED));
    let own = client.does("set c nonblocking")?.local()?;
    client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(asked.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let ending = Ending {
        closed: flow::between(asked.window, answer.window),
        ..failed(&asked, own.into(), at, "ECONNREFUSED")
    };
    check_one(
        context,
        &events,
        "closed",
        who.pid,
        &flow::closed(context, who, &ending),
    );
    claim_codes(context, &events, who.pid, &FAILED);
    Ok(Outcome::Passed)
}

/// The client chose its own address, which it keeps.
fn refused_bound(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = refuses(&mut server, "127.0.0.1:0")?;
    let own = client.binds("c", "stream", "127.0.0.1:0")?;
    let connect = client.tries(format!("connect c {at}"))?;
    context.claim_eq(
        "what connect said",
        &connect.error,
        &Some(Errno::CONNREFUSED),
    );
    client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, own.into(), at.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let ending = failed(&connect, own.into(), at, "ECONNREFUSED");
    let expect = flow::closed(context, who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    claim_codes(context, &events, who.pid, &["bind", "connect", "closed"]);
    Ok(Outcome::Passed)
}

/// A socket whose connect was refused may try again.
fn again(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = refuses(&mut server, "127.0.0.1:0")?;
    client.does("socket c inet stream 0")?;
    let first = client.tries(format!("connect c {at}"))?;
    context.claim_eq("what connect said", &first.error, &Some(Errno::CONNREFUSED));
    server.does("listen l 16")?;
    let second = client.does(format!("connect c {at}"))?;
    let events = context.settle()?;
    let who = &client.who;
    let expected = [&first, &second].map(|connect| {
        flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(connect.window)
    });
    check_all(context, &events, "connect", who, &expected);
    let near = second.local()?.into();
    let expect = flow::established(context, who, near, at.into()).within(second.window);
    check_one(context, &events, "established", who.pid, &expect);
    let codes = ["connect", "closed", "connect", "established"];
    claim_codes(context, &events, who.pid, &codes);
    Ok(Outcome::Passed)
}

/// A listener with a full queue: from now on the kernel drops what asks for a connection, without a
/// word. The connections that fill the queue are a third process's.
fn swallows(server: &mut Puppet, filler: &mut Puppet) -> Result<SocketAddr> {
    let at = server.binds("l", "stream", "127.0.0.1:0")?;
    server.does("listen l 1")?;
    // The queue is full when it is longer than it was to be.
    for name in ["first", "second"] {
        filler.connects(name, at)?;
    }
    Ok(at)
}

fn timed_out(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut filler = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = swallows(&mut server, &mut filler)?;
    client.does("socket c inet stream 0")?;
    client.does("set c impatient")?;
    let connect = client.tries(format!("connect c {at}"))?;
    context.claim_eq("what connect said", &connect.error, &Some(Errno::TIMEDOUT));
    let own = own_end(&mut client, at)?;
    client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let expect = flow::closed(context, who, &failed(&connect, own, at, "ETIMEDOUT"));
    check_one(context, &events, "closed", who.pid, &expect);
    claim_codes(context, &events, who.pid, &FAILED);
    Ok(Outcome::Passed)
}

/// A process asks twice for a connection that does not come about, and then gives up.
fn abandoned(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut filler = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = swallows(&mut server, &mut filler)?;
    client.does("socket c inet stream 0")?;
    client.does("set c nonblocking")?;
    let asked = client.tries(format!("connect c {at}"))?;
    context.claim_eq("what connect said", &asked.error, &Some(Errno::INPROGRESS));
    let own = client.does("set c nonblocking")?.local()?;
    let more = client.tries(format!("connect c {at}"))?;
    context.claim_eq("what it said then", &more.error, &Some(Errno::ALREADY));
    let closing = client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let mut expected =
        vec![flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(asked.window)];
    if asks_every_time(context) {
        let expect = flow::connect(context, who, TCP, own.into(), at.into());
        expected.push(expect.within(more.window));
    }
    check_all(context, &events, "connect", who, &expected);
    let ending = Ending {
        error: None,
        closed: flow::since(closing.window),
        ..failed(&asked, own.into(), at, "")
    };
    let expect = flow::closed(context, who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    context.attempt(events.none("established", of(who.pid)));
    Ok(Outcome::Passed)
}

/// Whether the rung sees calls that the protocol does not even look at.
fn asks_every_time(context: &Context<'_>) -> bool {
    context.rung != Rung::LockedDown
}

/// There is no way there: a network namespace of its own has the loopback device only.
fn unreachable(context: &Context<'_>, to: &str) -> Result<Outcome> {
    let mut client = Puppet::start(context)?;
    let inode = client.does("new-network")?.bytes;
    client.who.namespaces.insert("net", inode);
    let to: SocketAddr = to.parse()?;
    let family = if to.is_ipv4() { "inet" } else { "inet6" };
    client.does(format!("socket c {family} stream 0"))?;
    let connect = client.tries(format!("connect c {to}"))?;
    context.claim_eq(
        "what connect said",
        &connect.error,
        &Some(Errno::NETUNREACH),
    );
    client.does("close c")?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, to.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    // Not one packet was sent: there is nothing that could end.
    claim_codes(context, &events, who.pid, &["connect"]);
    Ok(Outcome::Passed)
}

/// A connected socket is asked to connect again.
fn twice(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    let at = pair.bound;
    let more = pair.client.tries(format!("connect c {at}"))?;
    context.claim_eq("what connect said", &more.error, &Some(Errno::ISCONN));
    let events = context.settle()?;
    let who = &pair.client.who;
    let first =
        flow::connect(context, who, TCP, End::UNKNOWN, at.into()).within(pair.connect.window);
    let mut expected = vec![first];
    if asks_every_time(context) {
        let near = pair.client_end()?;
        let expect = flow::connect(context, who, TCP, near, at.into());
        expected.push(expect.within(more.window));
    }
    check_all(context, &events, "connect", who, &expected);
    let near = pair.client_end()?;
    let expect = flow::established(context, who, near, at.into()).within(pair.connect.window);
    check_one(context, &events, "established", who.pid, &expect);
    context.attempt(events.none("closed", of(who.pid)));
    Ok(Outcome::Passed)
}
