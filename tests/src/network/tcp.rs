//! TCP connections that come about and end in an orderly way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;

use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, TCP, check_one, claim_codes};
use super::pair::{EndOf, Pair};
use super::puppet::Puppet;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/tcp-ipv4",
        play: |context| talk(context, "127.0.0.1:0", LOCAL4, 1000, 70_000),
    },
    Scenario {
        name: "network/tcp-ipv6",
        play: |context| talk(context, "[::1]:0", LOCAL6, 1000, 70_000),
    },
    Scenario {
        name: "network/tcp-mapped",
        play: |context| talk(context, "[::]:0", MAPPED, 1, 0),
    },
    Scenario {
        name: "network/tcp-mapped-server",
        play: |context| talk(context, "[::]:0", LOCAL4, 0, 1),
    },
    Scenario {
        name: "network/tcp-wildcard-server",
        play: |context| talk(context, "0.0.0.0:0", LOCAL4, 2, 3),
    },
    Scenario {
        name: "network/tcp-no-bytes",
        play: |context| talk(context, "127.0.0.1:0", LOCAL4, 0, 0),
    },
    Scenario {
        name: "network/tcp-many-bytes",
        play: |context| talk(context, "127.0.0.1:0", LOCAL4, 2_000_000, 1_000_000),
    },
    Scenario {
        name: "network/tcp-server-closes-first",
        play: server_closes_first,
    },
    Scenario {
        name: "network/tcp-half-closed",
        play: half_closed,
    },
    Scenario {
        name: "network/tcp-nonblocking",
        play: nonblocking,
    },
    Scenario {
        name: "network/tcp-bound-client",
        play: |context| bound_client(context, "127.0.0.1:0", LOCAL4),
    },
    Scenario {
        name: "network/tcp-client-bound-to-wildcard",
        play: |context| bound_client(context, "0.0.0.0:0", LOCAL4),
    },
    Scenario {
        name: "network/tcp-client-bound-to-port",
        play: |context| bound_client(context, "[::1]:46999", LOCAL6),
    },
    Scenario {
        name: "network/tcp-to-wildcard",
        play: to_wildcard,
    },
    Scenario {
        name: "network/tcp-killed",
        play: killed,
    },
    Scenario {
        name: "network/tcp-outlives-process",
        play: outlives,
    },
];

const LOCAL4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOCAL6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const MAPPED: IpAddr = IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1));

/// All that a client does which connects and does nothing else.
const CLIENT: [&str; 3] = ["connect", "established", "closed"];
/// All that a server does.
const SERVER: [&str; 4] = ["bind", "listen", "accept", "closed"];

/// The client sends, the server answers, the client ends the connection, and then the server does.
fn talk(
    context: &Context<'_>,
    listen: &str,
    host: IpAddr,
    there: u64,
    back: u64,
) -> Result<Outcome> {
    let mut pair = Pair::make(context, listen, host)?;
    pair.client.begin(format!("send c {there}"))?;
    pair.server.does(format!("receive s {there}"))?;
    context.claim_eq("bytes there", &pair.client.done()?.bytes, &there);
    pair.server.begin(format!("send s {back}"))?;
    pair.client.does(format!("receive c {back}"))?;
    context.claim_eq("bytes back", &pair.server.done()?.bytes, &back);
    let first = pair.client.does("close c")?;
    pair.server.does("receive s 1")?;
    let second = pair.server.does("close s")?;

    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        sent: there,
        received: back,
        states: &["fin_wait2"],
        error: None,
        after: first.window,
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        sent: back,
        received: there,
        states: &["last_ack"],
        error: None,
        after: second.window,
    };
    pair.check_server_end(context, &events, &server)?;
    claim_codes(context, &events, pair.client.pid(), &CLIENT);
    claim_codes(context, &events, pair.server.pid(), &SERVER);

    // Of a listener's own end nothing is told.
    pair.server.does("close l")?;
    claim_codes(context, &context.settle()?, pair.server.pid(), &SERVER);
    Ok(Outcome::Passed)
}

fn server_closes_first(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.server.does("send s 5")?;
    let first = pair.server.does("close s")?;
    pair.client.does("receive c 100")?;
    let second = pair.client.does("close c")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        sent: 0,
        received: 5,
        states: &["last_ack"],
        error: None,
        after: second.window,
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        sent: 5,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        after: first.window,
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

/// The client says that it will send no more, and still receives.
fn half_closed(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("send c 3")?;
    pair.client.does("shutdown c")?;
    pair.server.does("receive s 100")?;
    pair.server.does("send s 4000")?;
    let closing = pair.server.does("close s")?;
    pair.client.does("receive c 5000")?;
    pair.client.does("close c")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        sent: 3,
        received: 4000,
        states: &["fin_wait2"],
        error: None,
        after: closing.window,
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        sent: 4000,
        received: 3,
        states: &["last_ack"],
        error: None,
        after: closing.window,
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

/// A connect that returns before the connection is there.
fn nonblocking(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let bound = server.listens("l", "127.0.0.1:0")?;
    client.does("socket c inet stream 0")?;
    client.does("set c nonblocking")?;
    let asked = client.tries(format!("connect c {bound}"))?;
    context.claim_eq(
        "what connect said",
        &asked.error,
        &Some(rustix::io::Errno::INPROGRESS),
    );
    let connected = client.does("connected c")?;
    let accept = server.does("accept l s")?;
    client.does("close c")?;
    server.does("receive s 1")?;
    server.does("close s")?;

    let (near, far) = (connected.local()?.into(), bound.into());
    flow::wait_for_end(context, client.pid())?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, far).within(asked.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let window = flow::between(asked.window, connected.window);
    let expect = flow::established(context, who, near, far).within(window);
    check_one(context, &events, "established", who.pid, &expect);
    claim_codes(context, &events, who.pid, &CLIENT);
    let expect = flow::accept(context, &server.who, far, near)
        .within(flow::between(asked.window, accept.window));
    check_one(context, &events, "accept", server.pid(), &expect);
    Ok(Outcome::Passed)
}

/// A client that chose its own address before.
fn bound_client(context: &Context<'_>, own: &str, host: IpAddr) -> Result<Outcome> {
    let asked: SocketAddr = own.parse()?;
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let listen = SocketAddr::new(host, 0).to_string();
    let bound = server.listens("l", &listen)?;
    let family = if asked.is_ipv4() { "inet" } else { "inet6" };
    client.does(format!("socket c {family} stream 0"))?;
    // A port that is named is not free again at once when the rung before has used it.
    client.does("set c reuseaddr")?;
    let own = client.does(format!("bind c {own}"))?.local()?;
    let connect = client.does(format!("connect c {bound}"))?;
    server.does("accept l s")?;
    let closing = client.does("close c")?;
    server.does("receive s 1")?;
    server.does("close s")?;

    flow::wait_for_end(context, client.pid())?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::bind(context, who, TCP, asked.into());
    check_one(context, &events, "bind", who.pid, &expect);
    // An address of zeros is still open.
    let chosen = End {
        ip: End::from(own).ip.filter(|ip| !ip.is_unspecified()),
        ..own.into()
    };
    let expect = flow::connect(context, who, TCP, chosen, bound.into()).within(connect.window);
    check_one(context, &events, "connect", who.pid, &expect);
    let near = connect.local()?.into();
    let expect = flow::established(context, who, near, bound.into()).within(connect.window);
    check_one(context, &events, "established", who.pid, &expect);
    let ending = flow::Ending {
        role: flow::Role::Client,
        local: near,
        remote: bound.into(),
        sent: 0,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        opened: connect.window,
        closed: flow::since(closing.window),
    };
    let expect = flow::closed(context, who, &ending);
    check_one(context, &events, "closed", who.pid, &expect);
    Ok(Outcome::Passed)
}

/// Zeros as a destination are this host itself.
fn to_wildcard(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let bound = server.listens("l", "127.0.0.1:0")?;
    let zeros = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), bound.port());
    let connect = client.connects("c", zeros)?;
    let events = context.settle()?;
    let who = &client.who;
    let expect = flow::connect(context, who, TCP, End::UNKNOWN, zeros.into());
    check_one(context, &events, "connect", who.pid, &expect);
    let near = connect.local()?.into();
    let expect = flow::established(context, who, near, bound.into());
    check_one(context, &events, "established", who.pid, &expect);
    Ok(Outcome::Passed)
}

/// A process that is killed leaves its connections to the kernel.
fn killed(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("send c 12")?;
    pair.server.does("receive s 12")?;
    let after = pair.client.does("send c 0")?.window;
    pair.client.kill()?;
    pair.server.does("receive s 1")?;
    let closing = pair.server.does("close s")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        sent: 12,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        after,
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        sent: 0,
        received: 12,
        states: &["last_ack"],
        error: None,
        after: closing.window,
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

/// A process that ends before its last bytes are out: who it was is still told when they are.
fn outlives(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("set c nonblocking")?;
    let sent = pair.client.does("send c 50000000")?.bytes;
    let closing = pair.client.does("close c")?;
    pair.client.kill()?;
    let events = context.settle()?;
    context.attempt(events.none("closed", |event| event.pid() == Some(pair.client.pid())));
    let read = pair.server.does(format!("receive s {}", sent + 1))?;
    context.claim_eq("bytes that were received", &read.bytes, &sent);
    let second = pair.server.does("close s")?;
    let events = pair.settle(context)?;
    let client = EndOf {
        sent,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        after: flow::between(closing.window, read.window),
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        sent: 0,
        received: sent,
        states: &["last_ack"],
        error: None,
        after: second.window,
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}
