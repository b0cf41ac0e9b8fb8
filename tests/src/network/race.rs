//! An address that a second thread changes while the kernel reads it: the event must tell of the one
//! that the kernel used.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom, bind, getpeername, getsockname, listen,
    socket_with,
};
use serde_json::{Value, json};

use crate::clock;
use crate::contract::Window;
use crate::event::{Event, of};
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Actor};
use crate::sys;

use super::flow::{self, End, TCP};

/// The deed.
pub const ACTS: &[Act] = &[CHANGING_ADDRESS];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "network/race-address",
    play: changing_address,
}];

/// How many connects there are at least.
const CONNECTS: usize = 200;

/// How many of them, where the second address is chosen.
const CONNECTS_TO_CHOSEN: usize = 40;

/// How many there are at most, where the race is not won before.
const MOST_CONNECTS: usize = 5000;

/// The two addresses differ in one byte, so that there is no third between them.
const HOSTS: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];

/// Connects again and again while a thread changes the address, between the first host and the second
/// or one that it is given, which must differ in one byte. Tells of each connect when it was, and both ends of the connection by the
/// kernel's own account.
const CHANGING_ADDRESS: Act = Act {
    name: "network/changing-address",
    play: |actor| {
        let [first, second] = HOSTS;
        let (second, least) = match actor.arguments.first() {
            Some(_) => (actor.text(0)?.parse()?, CONNECTS_TO_CHOSEN),
            None => (second, CONNECTS),
        };
        let mut targets = targets([first, second])?;
        let [first, second] = &targets;
        let words = [first.word, second.word];
        let address = Arc::new([AtomicU64::new(first.word), AtomicU64::new(0)]);
        let over = Arc::new(AtomicBool::new(false));
        let changer = thread::spawn({
            let (address, over) = (Arc::clone(&address), Arc::clone(&over));
            move || {
                let [address, _] = &*address;
                while !over.load(Ordering::Relaxed) {
                    for word in words {
                        address.store(word, Ordering::Relaxed);
                        std::hint::spin_loop();
                    }
                }
            }
        });
        let connected = connect_all(actor, &address, &mut targets, least);
        over.store(true, Ordering::Relaxed);
        changer.join().ok().context("the thread died")?;
        connected
    },
};

/// Where a connect may lead to.
struct Target {
    listener: OwnedFd,
    at: SocketAddr,
    /// The first eight bytes of its `struct sockaddr_in`: family, port, address. Those that follow
    /// mean nothing.
    word: u64,
    connects: usize,
}

/// Two listeners, on the same port.
fn targets([first, second]: [Ipv4Addr; 2]) -> Result<[Target; 2]> {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        let first = target(first, 0)?;
        match target(second, first.at.port()) {
            Ok(second) => return Ok([first, second]),
            Err(Errno::ADDRINUSE) => (),
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no port is free on both addresses")
}

fn target(host: Ipv4Addr, port: u16) -> rustix::io::Result<Target> {
    const AF_INET: u16 = 2;
    let listener = tcp()?;
    bind(&listener, &SocketAddrV4::new(host, port))?;
    listen(&listener, 16)?;
    let at = SocketAddr::try_from(getsockname(&listener)?)?;
    let ([a, b], [c, d]) = (AF_INET.to_ne_bytes(), at.port().to_be_bytes());
    let [e, f, g, h] = host.octets();
    Ok(Target {
        listener,
        at,
        word: u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        connects: 0,
    })
}

fn tcp() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
}

fn connect_all(
    actor: &mut Actor,
    address: &[AtomicU64; 2],
    targets: &mut [Target; 2],
    least: usize,
) -> Result<()> {
    let mut changed = false;
    for number in 0..MOST_CONNECTS {
        let all_used = targets.iter().all(|target| target.connects > 0);
        if number >= least && changed && all_used {
            return Ok(());
        }
        let socket = tcp()?;
        let from = clock::boot_nanoseconds();
        sys::connect_racing(socket.as_fd(), address)?;
        let [left, _] = address;
        let left = left.load(Ordering::Relaxed);
        let to = clock::boot_nanoseconds();
        let peer = SocketAddr::try_from(getpeername(&socket)?.context("it has no peer")?)?;
        let local = SocketAddr::try_from(getsockname(&socket)?)?;
        let target = targets.iter_mut().find(|target| target.at == peer);
        let target = target.with_context(|| format!("it is connected to {peer}"))?;
        target.connects += 1;
        // Whoever reads the address when the call is over reads another one than the kernel did.
        changed |= left != target.word;
        let (connection, address) = acceptfrom(&target.listener)?;
        let address = address.map(SocketAddr::try_from).transpose()?;
        ensure!(address == Some(local), "another connection was accepted");
        actor.tell(&json!({
            "from": from,
            "to": to,
            "local": local.to_string(),
            "peer": peer.to_string(),
        }))?;
        drop(connection);
    }
    bail!("the race was never won: the kernel always used the address that was there afterwards")
}

fn changing_address(context: &Context<'_>) -> Result<Outcome> {
    let nothing: [&str; 0] = [];
    let played = context
        .act("network/changing-address", &nothing)?
        .success()?;
    let who = &played.portrait;
    let events = context.settle()?;
    let connects = events.all("connect", of(who.pid));
    let established = events.all("established", of(who.pid));
    for found in [&connects, &established] {
        context.claim_eq("events", &found.len(), &played.told.len());
    }
    let mut wrong = 0;
    for ((told, connect), established) in played.told.iter().zip(&connects).zip(&established) {
        let (window, near, far) = parse(told)?;
        let expected: [(&Event, _); 2] = [
            (
                connect,
                flow::connect(context, who, TCP, End::UNKNOWN, far).within(window),
            ),
            (
                established,
                flow::established(context, who, near, far).within(window),
            ),
        ];
        for (event, expect) in expected {
            if !expect.differences(event).is_empty() {
                wrong += 1;
                // The others will differ in the same way, or be counted.
                if wrong < 4 {
                    context.check(event, &expect);
                }
            }
        }
    }
    context.claim_eq("events that are not as expected", &wrong, &0);
    Ok(Outcome::Passed)
}

/// When a connect was, and its two ends.
fn parse(told: &Value) -> Result<(Window, End, End)> {
    let number = |name| told.get(name).and_then(Value::as_u64).context("untold");
    let end = |name| -> Result<End> {
        let text = told.get(name).and_then(Value::as_str).context("untold")?;
        Ok(text.parse::<SocketAddr>()?.into())
    };
    let window = Window {
        from: number("from")?,
        to: number("to")?,
    };
    Ok((window, end("local")?, end("peer")?))
}
