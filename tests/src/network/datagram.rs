//! Datagrams that are received in an unusual way, of an unusual size, or made by the process itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;

use crate::contract::Window;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, RAW_ICMP, UDP, check_all, sees_packets};
use super::puppet::Puppet;
use super::udp::opens;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/udp-peeked",
        play: |context| peeked(context, 3),
    },
    Scenario {
        name: "network/udp-peeked-empty",
        play: |context| peeked(context, 0),
    },
    Scenario {
        name: "network/udp-nobody-asks-who",
        play: nobody_asks,
    },
    Scenario {
        name: "network/udp-sizes-ipv4",
        play: |context| sizes(context, LOCAL4, 65_507),
    },
    Scenario {
        // With IPv6's header these are more bytes than the loopback device takes at once.
        name: "network/udp-sizes-ipv6",
        play: |context| sizes(context, LOCAL6, 65_527),
    },
    Scenario {
        name: "network/udp-fragments",
        play: fragments,
    },
    Scenario {
        name: "network/udp-raw",
        play: raw_udp,
    },
    Scenario {
        name: "network/icmp-raw",
        play: raw_icmp,
    },
];

const LOCAL4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOCAL6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Who only looks has not received.
fn peeked(context: &Context<'_>, bytes: u64) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "127.0.0.1:0")?;
    opens(&mut client, "c", LOCAL4)?;
    client.does(format!("send c {bytes} {far}"))?;
    let looked = server.does("peek-from s")?;
    server.does("peek-from s")?;
    let received = server.does("receive-from s")?;
    let near = received.peer()?;
    context.claim_eq("bytes seen", &looked.bytes, &bytes);
    context.claim_eq("bytes received", &received.bytes, &bytes);

    let events = context.settle()?;
    let who = &server.who;
    // What sees calls that name a peer sees no difference.
    let window = if sees_packets(context, "udp receive") {
        received.window
    } else {
        looked.window
    };
    let expected = [
        flow::bind(context, who, UDP, End::address(LOCAL4)),
        flow::received(context, who, far, near, bytes).within(window),
    ];
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}

/// A process that receives and does not ask from whom: that is only seen where packets are.
fn nobody_asks(context: &Context<'_>) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "[::1]:0")?;
    opens(&mut client, "c", LOCAL6)?;
    let sent = client.does(format!("send c 3 {far}"))?;
    client.does(format!("send c 4 {far}"))?;
    let first = server.does("receive s 1")?;
    let second = server.does("receive-from s")?;
    let near = second.peer()?;

    let events = context.settle()?;
    let (bytes, done) = if sees_packets(context, "udp receive") {
        (3, first)
    } else {
        (4, second)
    };
    let who = &server.who;
    let expected = [
        flow::bind(context, who, UDP, End::address(LOCAL6)),
        flow::received(context, who, far, near, bytes).within(done.window),
    ];
    check_all(context, &events, who.pid, &expected);
    let sent = flow::sent(context, &client.who, near, far, 3).within(sent.window);
    check_all(context, &events, client.pid(), &[sent]);
    Ok(Outcome::Passed)
}

/// From no byte to as many as a datagram can have.
fn sizes(context: &Context<'_>, host: IpAddr, most: u64) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", &SocketAddr::new(host, 0).to_string())?;
    let mut sent = Vec::new();
    let bind = flow::bind(context, &server.who, UDP, End::address(host));
    let mut received = vec![bind];
    for bytes in [0, 1, 1472, 1473, 20_000, most] {
        // A port of its own for each, for each is to be a first.
        opens(&mut client, "c", host)?;
        let there = client.does(format!("send c {bytes} {far}"))?;
        let here = server.does("receive-from s")?;
        context.claim_eq("bytes received", &here.bytes, &bytes);
        let near = here.peer()?;
        sent.push(flow::sent(context, &client.who, near, far, bytes).within(there.window));
        received.push(flow::received(context, &server.who, far, near, bytes).within(here.window));
    }
    let events = context.settle()?;
    check_all(context, &events, client.pid(), &sent);
    check_all(context, &events, server.pid(), &received);
    Ok(Outcome::Passed)
}

/// A process talks to itself in a network of its own, where datagrams are sent in many pieces.
fn fragments(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    let inode = puppet.does("new-network")?.bytes;
    puppet.who.namespaces.insert("net", inode);
    puppet.does("packet-size 1500")?;

    let mut expected = Vec::new();
    for (name, host) in [("four", LOCAL4), ("six", LOCAL6)] {
        let at = SocketAddr::new(host, 0).to_string();
        let far = puppet.binds(name, "dgram", &at)?;
        let other = format!("{name}-too");
        opens(&mut puppet, &other, host)?;
        let sent = puppet.does(format!("send {other} 10000 {far}"))?;
        let received = puppet.does(format!("receive-from {name}"))?;
        context.claim_eq("bytes received", &received.bytes, &10_000);
        let near = received.peer()?;
        let who = &puppet.who;
        expected.extend([
            flow::bind(context, who, UDP, End::address(host)),
            flow::sent(context, who, near, far, 10_000).within(sent.window),
            flow::received(context, who, far, near, 10_000).within(received.window),
        ]);
    }
    let events = context.settle()?;
    check_all(context, &events, puppet.pid(), &expected);
    Ok(Outcome::Passed)
}

/// A process that makes the header itself, as only a privileged one can. Over IPv4 it is not seen to
/// send: in no kernel so far do such packets come by the function that is hooked. Who receives sees no
/// difference.
fn raw_udp(context: &Context<'_>) -> Result<Outcome> {
    const FROM: u16 = 46_995;
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let far = server.binds("s", "dgram", "127.0.0.1:0")?;
    let mut datagram = String::from("0x");
    // Ports, the length of all, no checksum, four bytes of payload.
    for word in [FROM, far.port(), 12, 0, 0x6162, 0x6364] {
        datagram.push_str(&format!("{word:04x}"));
    }
    client.does("socket r inet raw 17")?;
    client.does(format!("send r {datagram} 127.0.0.1:0"))?;
    let received = server.does("receive-from s")?;
    let near = SocketAddr::new(LOCAL4, FROM);
    context.claim_eq("who sent", &received.peer()?, &near);
    context.claim_eq("bytes received", &received.bytes, &4);
    // Nobody receives it, for over IPv6 there must be a checksum.
    client.does("socket r6 inet6 raw 17")?;
    let sent6 = client.does(format!("send r6 {datagram} [::1]:0"))?;

    let events = context.settle()?;
    let mut expected = Vec::new();
    if sees_packets(context, "udp send") {
        let [near, far] = [near, far].map(|end| SocketAddr::new(LOCAL6, end.port()));
        expected.push(flow::sent(context, &client.who, near, far, 4).within(sent6.window));
    }
    check_all(context, &events, client.pid(), &expected);
    let expected = [
        flow::bind(context, &server.who, UDP, End::address(LOCAL4)),
        flow::received(context, &server.who, far, near, 4).within(received.window),
    ];
    check_all(context, &events, server.pid(), &expected);
    Ok(Outcome::Passed)
}

/// A protocol without ports: its connects are told of, its packets are not.
fn raw_icmp(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    puppet.does("socket r inet raw 1")?;
    let unbound = puppet.does("connect r 127.0.0.1:0")?;
    puppet.does("disconnect r")?;
    let bound = puppet.does("bind r 127.0.0.2:0")?;
    // What a process says of a port means nothing.
    let again = puppet.does("connect r 127.0.0.1:7")?;
    // An echo request: type, code, checksum, id and sequence.
    puppet.does("send r 0x0800f7fd00010001")?;

    let events = context.settle()?;
    let who = &puppet.who;
    let local = End::address(Ipv4Addr::new(127, 0, 0, 2).into());
    let connect = |local: End, window: Window| {
        flow::connect(context, who, RAW_ICMP, local, End::address(LOCAL4)).within(window)
    };
    let mut expected = Vec::new();
    if context.rung != Rung::LockedDown {
        expected.extend([
            connect(End::UNKNOWN, unbound.window),
            flow::bind(context, who, RAW_ICMP, local).within(bound.window),
            connect(local, again.window),
        ]);
    }
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}
