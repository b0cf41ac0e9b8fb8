//! UDP: of what a process sends to a peer and receives from it, the first datagram is told of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use rustix::io::Errno;

use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, UDP, check_all, sees_packets};
use super::puppet::Puppet;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/udp-ipv4",
        play: |context| talk(context, "127.0.0.1:0", LOCAL4),
    },
    Scenario {
        name: "network/udp-ipv6",
        play: |context| talk(context, "[::1]:0", LOCAL6),
    },
    Scenario {
        name: "network/udp-mapped",
        play: |context| talk(context, "[::]:0", MAPPED),
    },
    Scenario {
        name: "network/udp-mapped-server",
        play: |context| talk(context, "[::]:0", LOCAL4),
    },
    Scenario {
        name: "network/udp-wildcard-server",
        play: |context| talk(context, "0.0.0.0:0", LOCAL4),
    },
    Scenario {
        name: "network/udp-connected-ipv4",
        play: |context| connected(context, "127.0.0.1:0", LOCAL4),
    },
    Scenario {
        name: "network/udp-connected-ipv6",
        play: |context| connected(context, "[::1]:0", LOCAL6),
    },
    Scenario {
        name: "network/udp-connected-mapped",
        play: |context| connected(context, "[::]:0", MAPPED),
    },
    Scenario {
        name: "network/udp-two-families",
        play: two_families,
    },
    Scenario {
        name: "network/udp-disconnected",
        play: disconnected,
    },
    Scenario {
        name: "network/udp-first-only",
        play: first_only,
    },
    Scenario {
        name: "network/udp-messages",
        play: messages,
    },
    Scenario {
        name: "network/udp-by-thread",
        play: by_thread,
    },
    Scenario {
        name: "network/udp-bind",
        play: bind,
    },
];

const LOCAL4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOCAL6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const MAPPED: IpAddr = IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1));

/// Makes a UDP socket that can reach this host.
pub fn opens(puppet: &mut Puppet, name: &str, host: IpAddr) -> Result<()> {
    let family = if host.is_ipv4() { "inet" } else { "inet6" };
    puppet.does(format!("socket {name} {family} dgram 0"))?;
    Ok(())
}

/// Sockets that name their peer in each call. Both ends are new to the other once.
fn talk(context: &Context<'_>, listen: &str, host: IpAddr) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let bound = server.binds("s", "dgram", listen)?;
    let far = SocketAddr::new(host, bound.port());
    opens(&mut client, "c", host)?;
    let sent = client.does(format!("send c 10 {far}"))?;
    let received = server.does("receive-from s")?;
    let near = received.peer()?;
    context.claim_eq("bytes there", &received.bytes, &10);
    for _ in 0..2 {
        server.does(format!("send s 20 {near}"))?;
        let answer = client.does("receive-from c")?;
        context.claim_eq("bytes back", &answer.bytes, &20);
        context.claim_eq("who answered", &answer.peer, &Some(far));
        client.does(format!("send c 30 {far}"))?;
        server.does("receive-from s")?;
    }

    let events = context.settle()?;
    let sent = flow::sent(context, &client.who, near, far, 10).within(sent.window);
    check_all(context, &events, client.pid(), &[sent]);
    let bind = flow::bind(context, &server.who, UDP, End::address(bound.ip()));
    let received = flow::received(context, &server.who, far, near, 10).within(received.window);
    check_all(context, &events, server.pid(), &[bind, received]);
    Ok(Outcome::Passed)
}

/// Sockets that have one peer. A connect is told of each time, whoever was connected before.
fn connected(context: &Context<'_>, listen: &str, host: IpAddr) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let bound = server.binds("s", "dgram", listen)?;
    let other = server.binds("o", "dgram", listen)?;
    let [far, other] = [bound, other].map(|at| SocketAddr::new(host, at.port()));
    opens(&mut client, "c", host)?;
    let asked = client.does(format!("connect c {far}"))?;
    let near = asked.local()?;
    let first = client.does("send c 5")?;
    client.does("send c 6")?;
    // A peer that a call names goes before the one that the socket has.
    let aside = client.does(format!("send c 7 {other}"))?;
    let received = server.does("receive-from s")?;
    let answering = server.does(format!("connect s {near}"))?;
    server.does("send s 8")?;
    let answer = client.does("receive c 1")?;
    context.claim_eq("bytes back", &answer.bytes, &8);
    let again = client.does(format!("connect c {other}"))?;

    let events = context.settle()?;
    let who = &client.who;
    let connect = |who: &Portrait, local: End, remote: SocketAddr| {
        flow::connect(context, who, UDP, local, remote.into())
    };
    let mut expected = vec![
        connect(who, End::UNKNOWN, far).within(asked.window),
        flow::sent(context, who, near, other, 7).within(aside.window),
        connect(who, near.into(), other).within(again.window),
    ];
    // From a socket for IPv6 to an address of IPv4, the kernel names the peer in each call itself.
    if sees_packets(context, "udp send") || host == MAPPED {
        let first = flow::sent(context, who, near, far, 5).within(first.window);
        expected.insert(1, first);
    }
    check_all(context, &events, client.pid(), &expected);

    let who = &server.who;
    let bind = || flow::bind(context, who, UDP, End::address(bound.ip()));
    // An address of zeros is still open.
    let own = End {
        ip: End::from(bound).ip.filter(|ip| !ip.is_unspecified()),
        ..bound.into()
    };
    let expected = [
        bind(),
        bind(),
        flow::received(context, who, far, near, 5).within(received.window),
        connect(who, own, near).within(answering.window),
    ];
    check_all(context, &events, server.pid(), &expected);
    Ok(Outcome::Passed)
}

/// A socket for IPv6 that is told addresses of IPv4, which are not mapped.
fn two_families(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "127.0.0.1:0")?;
    let other = server.binds("o", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL6)?;
    let asked = client.does(format!("connect c {far}"))?;
    let first = client.does("send c 5")?;
    let aside = client.does(format!("send c 6 {other}"))?;
    let near = server.does("receive-from s")?.peer()?;

    let events = context.settle()?;
    let who = &client.who;
    let expected = [
        flow::connect(context, who, UDP, End::UNKNOWN, far.into()).within(asked.window),
        // The kernel names the peer in each call itself, so that every rung sees it.
        flow::sent(context, who, near, far, 5).within(first.window),
        flow::sent(context, who, near, other, 6).within(aside.window),
    ];
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}

/// A socket that gives its peer up is told of when it takes another, and has another port then.
fn disconnected(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL4)?;
    let first = client.does(format!("connect c {far}"))?;
    client.does("disconnect c")?;
    let refused = client.tries("send c 1")?;
    context.claim_eq(
        "a send to nobody",
        &refused.error,
        &Some(Errno::DESTADDRREQ),
    );
    let sent = client.does(format!("send c 2 {far}"))?;
    let near = server.does("receive-from s")?.peer()?;
    let second = client.does(format!("connect c {far}"))?;
    client.does("disconnect c")?;
    client.does("disconnect c")?;

    let events = context.settle()?;
    let who = &client.who;
    let connect = |local: End| flow::connect(context, who, UDP, local, far.into());
    let expected = [
        connect(End::UNKNOWN).within(first.window),
        flow::sent(context, who, near, far, 2).within(sent.window),
        connect(End::port(near.port())).within(second.window),
    ];
    check_all(context, &events, client.pid(), &expected);
    Ok(Outcome::Passed)
}

/// One event for each process, port of its own and peer, however many datagrams there are.
fn first_only(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let first = server.binds("a", "dgram", "127.0.0.1:0")?;
    let second = server.binds("b", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL4)?;
    opens(&mut client, "d", LOCAL4)?;
    let one = client.does(format!("send c 1 {first}"))?;
    client.does(format!("send c 2 {first}"))?;
    let other_peer = client.does(format!("send c 3 {second}"))?;
    client.does(format!("send c 4 {first}"))?;
    let other_port = client.does(format!("send d 5 {first}"))?;
    // Another process, with the same socket.
    client.forks()?;
    let child = client.who.clone();
    let other_process = client.does(format!("send c 6 {first}"))?;
    client.does(format!("send c 7 {first}"))?;
    client.ends_child()?;
    client.does(format!("send c 8 {first}"))?;

    let events = context.settle()?;
    let sent = |who: &Portrait, done: &super::puppet::Done, to: SocketAddr, bytes: u64| {
        let near = SocketAddr::new(LOCAL4, done.local()?.port());
        anyhow::Ok(flow::sent(context, who, near, to, bytes).within(done.window))
    };
    let who = &client.who;
    let expected = [
        sent(who, &one, first, 1)?,
        sent(who, &other_peer, second, 3)?,
        sent(who, &other_port, first, 5)?,
    ];
    check_all(context, &events, who.pid, &expected);
    let expected = [sent(&child, &other_process, first, 6)?];
    check_all(context, &events, child.pid, &expected);
    // Of datagrams that lie in a queue, nothing is told of the process that could receive them.
    let bind = || flow::bind(context, &server.who, UDP, End::address(LOCAL4));
    check_all(context, &events, server.pid(), &[bind(), bind()]);
    Ok(Outcome::Passed)
}

/// `sendmsg`, and `sendmmsg` with several datagrams.
fn messages(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let first = server.binds("a", "dgram", "127.0.0.1:0")?;
    let second = server.binds("b", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL4)?;
    let one = client.does(format!("send-message c 11 {first}"))?;
    let many = client.does(format!("send-messages c {second} 21 22 23"))?;
    context.claim_eq("datagrams of one call", &many.bytes, &3);
    let near = server.does("receive-from a")?.peer()?;
    for bytes in [21, 22, 23] {
        let received = server.does("receive-from b")?;
        context.claim_eq("bytes there", &received.bytes, &bytes);
    }

    let events = context.settle()?;
    let who = &client.who;
    let expected = [
        flow::sent(context, who, near, first, 11).within(one.window),
        flow::sent(context, who, near, second, 21).within(many.window),
    ];
    check_all(context, &events, who.pid, &expected);
    let who = &server.who;
    let bind = || flow::bind(context, who, UDP, End::address(LOCAL4));
    let expected = [
        bind(),
        bind(),
        flow::received(context, who, first, near, 11),
        flow::received(context, who, second, near, 21),
    ];
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}

/// The thread that calls is told, not the first of its process.
fn by_thread(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL4)?;
    let sent = client.does(format!("in-thread send c 4 {far}"))?;
    let received = server.does("in-thread receive-from s")?;
    let near = received.peer()?;
    let connect = client.does(format!("in-thread connect c {far}"))?;

    let thread = |who: &Portrait, done: &super::puppet::Done| {
        anyhow::Ok(Portrait {
            thread: done.thread()?,
            ..who.clone()
        })
    };
    let events = context.settle()?;
    let sender = thread(&client.who, &sent)?;
    context.claim(sender.thread != sender.pid, "another thread sent");
    let connecter = thread(&client.who, &connect)?;
    let expected = [
        flow::sent(context, &sender, near, far, 4).within(sent.window),
        flow::connect(context, &connecter, UDP, End::port(near.port()), far.into())
            .within(connect.window),
    ];
    check_all(context, &events, sender.pid, &expected);
    let receiver = thread(&server.who, &received)?;
    let expected = [
        flow::bind(context, &server.who, UDP, End::address(LOCAL4)),
        flow::received(context, &receiver, far, near, 4).within(received.window),
    ];
    check_all(context, &events, receiver.pid, &expected);
    Ok(Outcome::Passed)
}

/// The address is told that was asked for, whatever the kernel makes of it.
fn bind(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    let asked = [
        "127.0.0.1:0",
        "0.0.0.0:0",
        "[::1]:0",
        "[::]:0",
        "[::ffff:127.0.0.1]:0",
        "127.3.2.1:46997",
        "[::]:46998",
    ];
    let mut expected = Vec::new();
    for (number, address) in asked.iter().enumerate() {
        puppet.binds(&format!("s{number}"), "dgram", address)?;
        let at: SocketAddr = address.parse()?;
        expected.push(flow::bind(context, &puppet.who, UDP, at.into()));
    }
    let events = context.settle()?;
    check_all(context, &events, puppet.pid(), &expected);
    Ok(Outcome::Passed)
}
