//! A second network namespace.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

use crate::scenario::{Context, Outcome, PATIENCE, Scenario};

use super::flow::{self, End, Ending, Role, TCP, UDP};
use super::puppet::Puppet;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "network/namespace",
    play: namespace,
}];

/// A process talks to itself in a network namespace of its own.
fn namespace(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    let before = puppet.who.namespaces.get("net").copied();
    let inode = puppet.does("new-network")?.bytes;
    puppet.who.namespaces.insert("net", inode);
    context.claim(before != Some(inode), "it is in another namespace");

    let at = puppet.listens("l", "127.0.0.1:0")?;
    let connect = puppet.connects("c", at)?;
    let accept = puppet.does("accept l s")?;
    puppet.does("send c 10")?;
    puppet.does("receive s 10")?;
    let closing = puppet.does("close c")?;
    puppet.does("receive s 1")?;
    puppet.does("close s")?;
    let local = puppet.binds("u", "dgram", "127.0.0.1:0")?;
    puppet.does(format!("send u 5 {local}"))?;

    let who = &puppet.who;
    let (near, far) = (connect.local()?.into(), End::from(at));
    let handshake = flow::between(connect.window, accept.window);
    for (role, opened) in [(Role::Client, connect.window), (Role::Server, handshake)] {
        let word = role.word();
        let event = context.sensor.wait_for(
            |event| {
                event.code() == "closed"
                    && event.pid() == Some(who.pid)
                    && event.text("sensor.network.role") == Some(word)
            },
            PATIENCE,
        )?;
        let is_client = role == Role::Client;
        let ending = Ending {
            role,
            local: if is_client { near } else { far },
            remote: if is_client { far } else { near },
            sent: if is_client { 10 } else { 0 },
            received: if is_client { 0 } else { 10 },
            states: if is_client {
                &["fin_wait2"]
            } else {
                &["last_ack"]
            },
            error: None,
            opened,
            closed: flow::since(closing.window),
        };
        context.check(&event, &flow::closed(context, who, &ending));
    }
    let events = context.settle()?;
    let nowhere = End::address(Ipv4Addr::LOCALHOST.into());
    for (code, transport, expect) in [
        ("bind", "tcp", flow::bind(context, who, TCP, nowhere)),
        ("bind", "udp", flow::bind(context, who, UDP, nowhere)),
        ("listen", "tcp", flow::listen(context, who, far, 16)),
        (
            "connect",
            "tcp",
            flow::connect(context, who, TCP, End::UNKNOWN, far),
        ),
        (
            "established",
            "tcp",
            flow::established(context, who, near, far),
        ),
        ("accept", "tcp", flow::accept(context, who, far, near)),
        ("datagram", "udp", flow::sent(context, who, local, local, 5)),
    ] {
        let found = events.one(code, |event| {
            event.pid() == Some(who.pid) && event.text("network.transport") == Some(transport)
        });
        if let Some(event) = context.attempt(found) {
            context.check(&event, &expect);
        }
    }
    Ok(Outcome::Passed)
}

/// Sets the loopback device of this process's network namespace up.
pub fn raise_loopback() -> Result<()> {
    const UP: u32 = 1;
    change_loopback(UP, &[])
}

/// Lets the loopback device of this process's network namespace take no larger packets.
pub fn limit_packets(bytes: u32) -> Result<()> {
    const MTU: u16 = 4;
    let mut attribute = Vec::new();
    attribute.extend(8_u16.to_ne_bytes()); // length
    attribute.extend(MTU.to_ne_bytes());
    attribute.extend(bytes.to_ne_bytes());
    change_loopback(0, &attribute)
}

/// Sets these flags of the loopback device, and what an attribute says, with one netlink message.
fn change_loopback(flags: u32, attribute: &[u8]) -> Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 0x1 | 0x4;
    const LOOPBACK: i32 = 1; // the first device of every network namespace

    let length = 32 + u32::try_from(attribute.len())?;
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]); // sequence, port
    message.extend([0; 4]); // struct ifinfomsg: family, padding, type
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(flags.to_ne_bytes()); // which flags change
    message.extend(attribute);

    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &message, SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 256];
    recv(&socket, &mut answer[..], RecvFlags::empty())?;
    // The answer's header has sixteen bytes; what follows is an error's number, 0 for none.
    let error = answer.get(16..20).context("netlink's answer is short")?;
    let error = i32::from_ne_bytes(error.try_into()?);
    ensure!(error == 0, "{}", Errno::from_raw_os_error(-error));
    Ok(())
}
