//! TCP connections that end badly.

use anyhow::Result;
use rustix::io::Errno;

use crate::contract::Window;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, Ending, Role, check_one, claim_codes};
use super::pair::{EndOf, Pair};
use super::puppet::Puppet;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/tcp-reset-by-client",
        play: by_client,
    },
    Scenario {
        name: "network/tcp-reset-by-server",
        play: by_server,
    },
    Scenario {
        name: "network/tcp-reset-with-unread-bytes",
        play: unread,
    },
    Scenario {
        name: "network/tcp-reset-after-end",
        play: after_end,
    },
    Scenario {
        name: "network/tcp-never-accepted",
        play: never_accepted,
    },
];

/// One end of a connection that broke off, over which no byte went.
const fn broken(after: Window, error: Option<&'static str>) -> EndOf {
    EndOf {
        sent: 0,
        received: 0,
        states: &["established"],
        error,
        after,
    }
}

/// Whoever breaks off a connection meets no error; the peer does.
fn by_client(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("set c resetting")?;
    let closing = pair.client.does("close c")?;
    let read = pair.server.tries("receive s 1")?;
    context.claim_eq("what receive said", &read.error, &Some(Errno::CONNRESET));
    pair.server.does("close s")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    pair.check_client_end(context, &events, &broken(closing.window, None))?;
    let server = broken(closing.window, Some("ECONNRESET"));
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

fn by_server(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.server.does("set s resetting")?;
    let closing = pair.server.does("close s")?;
    let read = pair.client.tries("receive c 1")?;
    context.claim_eq("what receive said", &read.error, &Some(Errno::CONNRESET));
    pair.client.does("close c")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = broken(closing.window, Some("ECONNRESET"));
    pair.check_client_end(context, &events, &client)?;
    pair.check_server_end(context, &events, &broken(closing.window, None))?;
    Ok(Outcome::Passed)
}

/// The server closes without having read everything.
fn unread(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("send c 5")?;
    let peeked = pair.server.does("peek-from s")?;
    context.claim_eq("bytes that wait", &peeked.bytes, &5);
    let closing = pair.server.does("close s")?;
    let read = pair.client.tries("receive c 1")?;
    context.claim_eq("what receive said", &read.error, &Some(Errno::CONNRESET));
    pair.client.does("close c")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        sent: 5,
        ..broken(closing.window, Some("ECONNRESET"))
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        received: 5,
        ..broken(closing.window, None)
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

/// The client ends its half in order, and then breaks off the rest.
fn after_end(context: &Context<'_>) -> Result<Outcome> {
    let mut pair = Pair::usual(context)?;
    pair.client.does("shutdown c")?;
    let ended = pair.server.does("receive s 1")?;
    context.claim_eq("bytes that came", &ended.bytes, &0);
    pair.client.does("set c resetting")?;
    let closing = pair.client.does("close c")?;
    let sent = pair.server.tries("send s 1")?;
    context.claim_eq("what send said", &sent.error, &Some(Errno::PIPE));
    pair.server.does("close s")?;
    let events = pair.settle(context)?;
    pair.check_opening(context, &events)?;
    let client = EndOf {
        // The server may acknowledge the end late, and never does if the connection is gone before.
        states: &["fin_wait1", "fin_wait2"],
        ..broken(closing.window, None)
    };
    pair.check_client_end(context, &events, &client)?;
    let server = EndOf {
        states: &["close_wait"],
        ..broken(closing.window, Some("EPIPE"))
    };
    pair.check_server_end(context, &events, &server)?;
    Ok(Outcome::Passed)
}

/// A listener is closed while a connection waits to be accepted: that was the listener's process's.
fn never_accepted(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", "127.0.0.1:0")?;
    let connect = client.connects("c", at)?;
    let closing = server.does("close l")?;
    let read = client.tries("receive c 1")?;
    context.claim_eq("what receive said", &read.error, &Some(Errno::CONNRESET));
    client.does("close c")?;
    flow::wait_for_end(context, client.pid())?;
    flow::wait_for_end(context, server.pid())?;
    let events = context.settle()?;
    let (near, far) = (connect.local()?.into(), at.into());
    let client_end = Ending {
        role: Role::Client,
        local: near,
        remote: far,
        sent: 0,
        received: 0,
        states: &["established"],
        error: Some("ECONNRESET"),
        opened: connect.window,
        closed: flow::since(closing.window),
    };
    let server_end = Ending {
        role: Role::Server,
        local: far,
        remote: near,
        error: None,
        ..client_end
    };
    for (who, ending) in [(&client.who, client_end), (&server.who, server_end)] {
        let expect = flow::closed(context, who, &ending);
        check_one(context, &events, "closed", who.pid, &expect);
    }
    let client_codes = ["connect", "established", "closed"];
    claim_codes(context, &events, client.pid(), &client_codes);
    // Where the call cannot be hooked, being established stands in for being accepted.
    let server_codes: &[&str] = match context.rung {
        Rung::LockedDown => &["bind", "listen", "accept", "closed"],
        Rung::Tracing | Rung::Kprobes => &["bind", "listen", "closed"],
    };
    claim_codes(context, &events, server.pid(), server_codes);
    Ok(Outcome::Passed)
}
