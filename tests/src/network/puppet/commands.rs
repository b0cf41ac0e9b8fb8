//! The process's side.

use std::collections::BTreeMap;
use std::fs;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{
    self, AddressFamily, Protocol, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown,
    SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};
use rustix::process::WaitOptions;
use serde_json::{Value, json};

use crate::clock;
use crate::host::inode;
use crate::portrait;
use crate::stage::{Act, Actor, wait_and_keep};
use crate::sys::{self, Doer, Fork, Ring};

/// The deed.
pub const ACTS: &[Act] = &[Act {
    name: "network/puppet",
    play: |actor| obey(actor, &mut Sockets::default()),
}];

type Sockets = BTreeMap<String, OwnedFd>;

fn obey(actor: &mut Actor, sockets: &mut Sockets) -> Result<()> {
    loop {
        let line = actor.hear()?;
        let words: Vec<&str> = line.split(' ').collect();
        let told = match words.as_slice() {
            ["end"] => return Ok(()),
            ["fork"] => {
                copy(actor, sockets)?;
                continue;
            }
            ["in-thread", words @ ..] => std::thread::scope(|scope| {
                let thread = scope.spawn(|| measured(sockets, words));
                thread.join().ok().context("the thread died")?
            })?,
            words => measured(sockets, words)?,
        };
        actor.tell(&told)?;
    }
}

/// Copies this process, which waits until its copy has obeyed to the end.
fn copy(actor: &mut Actor, sockets: &mut Sockets) -> Result<()> {
    let from = clock::boot_nanoseconds();
    let child = sys::fork(Fork::default(), || {
        let mut told = || -> Result<()> {
            let pid = std::process::id();
            let start = portrait::start(pid)?;
            let to = clock::boot_nanoseconds();
            actor.tell(&json!({"from": from, "to": to, "child": pid, "start": start}))?;
            obey(actor, sockets)
        };
        match told() {
            Ok(()) => {
                sockets.clear();
                0
            }
            Err(error) => {
                eprintln!("{error:#}");
                1
            }
        }
    })?;
    wait_and_keep(child)?;
    rustix::process::wait(WaitOptions::empty())?;
    actor.tell(&json!({"from": from, "to": clock::boot_nanoseconds()}))
}

/// Obeys, and tells how long that took and what the kernel said.
fn measured(sockets: &mut Sockets, words: &[&str]) -> Result<Value> {
    let from = clock::boot_nanoseconds();
    let result = command(sockets, words);
    let to = clock::boot_nanoseconds();
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    let mut told = json!({"from": from, "to": to, "thread": thread});
    let Obeyed {
        socket,
        bytes,
        sender,
        helpers,
    } = match result {
        Ok(obeyed) => obeyed,
        Err(error) => match error.downcast::<Errno>() {
            Ok(error) => {
                put(&mut told, "error", error.raw_os_error());
                return Ok(told);
            }
            Err(error) => return Err(error.context(words.join(" "))),
        },
    };
    put(&mut told, "bytes", bytes);
    put(&mut told, "helpers", helpers);
    if let Some(socket) = sockets.get(&socket) {
        if let Some(local) = internet(net::getsockname(socket).ok()) {
            put(&mut told, "local", local.to_string());
        }
        let peer = net::getpeername(socket).ok().flatten();
        if let Some(peer) = sender.or(internet(peer)) {
            put(&mut told, "peer", peer.to_string());
        }
    }
    Ok(told)
}

fn put(told: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(fields) = told.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
}

fn internet(address: Option<SocketAddrAny>) -> Option<SocketAddr> {
    SocketAddr::try_from(address?).ok()
}

/// What a command that succeeded has to tell.
#[derive(Default)]
struct Obeyed {
    /// The socket whose addresses are of interest.
    socket: String,
    bytes: usize,
    sender: Option<SocketAddr>,
    /// The threads that io_uring made, of the process itself.
    helpers: Vec<u32>,
}

fn command(sockets: &mut Sockets, words: &[&str]) -> Result<Obeyed> {
    let mut obeyed = Obeyed {
        socket: (*words.get(1).unwrap_or(&"")).to_owned(),
        ..Obeyed::default()
    };
    match words {
        ["socket", name, family, kind, protocol] => {
            let socket = socket(family, kind, protocol.parse()?)?;
            sockets.insert((*name).to_owned(), socket);
        }
        ["accept", listener, name] => {
            let connection = net::accept(get(sockets, listener)?)?;
            sockets.insert((*name).to_owned(), connection);
            (*name).clone_into(&mut obeyed.socket);
        }
        ["close", name] => drop(sockets.remove(*name).context("no such socket")?),
        [verb @ ("ring-connect" | "ring-send"), name, doer, rest @ ..] => {
            let mut ring = Ring::new(get(sockets, name)?, doer_named(doer)?).map_err(errno)?;
            obeyed.bytes = by_ring(&mut ring, verb, rest)?;
            // A poller is gone with its ring.
            obeyed.helpers = helpers()?;
        }
        ["new-network"] => {
            sys::unshare(libc::CLONE_NEWNET)?;
            super::super::namespace::raise_loopback()?;
            obeyed.bytes = usize::try_from(inode("/proc/self/ns/net")?)?;
        }
        ["packet-size", bytes] => super::super::namespace::limit_packets(bytes.parse()?)?,
        [verb, name, rest @ ..] => {
            let socket = get(sockets, name)?;
            obeyed.bytes = match *verb {
                "receive-from" | "peek-from" => {
                    let flags = match *verb {
                        "peek-from" => RecvFlags::PEEK,
                        _ => RecvFlags::empty(),
                    };
                    let mut buffer = vec![0; 1 << 16];
                    let (_, length, sender) = net::recvfrom(socket, &mut *buffer, flags)?;
                    obeyed.sender = internet(sender);
                    length
                }
                _ => on_socket(socket, verb, rest)?,
            };
        }
        _ => bail!("no such command"),
    }
    Ok(obeyed)
}

fn get<'a>(sockets: &'a Sockets, name: &str) -> Result<BorrowedFd<'a>> {
    let socket = sockets.get(name).context("no such socket")?;
    Ok(socket.as_fd())
}

/// Says how many bytes were sent or received.
fn on_socket(socket: BorrowedFd<'_>, verb: &str, words: &[&str]) -> Result<usize> {
    match (verb, words) {
        ("set", [option]) => set(socket, option)?,
        ("bind", [at]) => net::bind(socket, &address(at)?)?,
        ("listen", [backlog]) => net::listen(socket, backlog.parse()?)?,
        ("connect", [to]) => net::connect(socket, &address(to)?)?,
        ("disconnect", []) => net::connect_unspec(socket)?,
        ("connected", []) => {
            poll(&mut [PollFd::new(&socket, PollFlags::OUT)], None)?;
            sockopt::socket_error(socket)??;
        }
        ("shutdown", []) => net::shutdown(socket, Shutdown::Write)?,
        ("send", [bytes]) => return Ok(net::send(socket, &payload(bytes)?, SendFlags::NOSIGNAL)?),
        ("send", [bytes, to]) => {
            let flags = SendFlags::NOSIGNAL;
            return Ok(net::sendto(socket, &payload(bytes)?, flags, &address(to)?)?);
        }
        ("send-more", [bytes, to]) => {
            return Ok(net::sendto(
                socket,
                &payload(bytes)?,
                SendFlags::MORE,
                &address(to)?,
            )?);
        }
        ("send-message", [bytes, to]) => {
            let payload = payload(bytes)?;
            return Ok(net::sendmsg_addr(
                socket,
                &address(to)?,
                &[IoSlice::new(&payload)],
                &mut SendAncillaryBuffer::default(),
                SendFlags::empty(),
            )?);
        }
        ("send-messages", [to, payloads @ ..]) => return send_messages(socket, to, payloads),
        ("receive", [count]) => return receive(socket, count.parse()?),
        _ => bail!("no such command"),
    }
    Ok(0)
}

fn by_ring(ring: &mut Ring, verb: &str, words: &[&str]) -> Result<usize> {
    match (verb, words) {
        ("ring-connect", [to]) => {
            ring.connect(&address(to)?).map_err(errno)?;
            Ok(0)
        }
        ("ring-send", [bytes, to]) => {
            let (bytes, to) = (payload(bytes)?, address(to)?);
            ring.send(&bytes, &to).map_err(errno)
        }
        _ => bail!("no such command"),
    }
}

/// The threads of this process that io_uring made.
fn helpers() -> Result<Vec<u32>> {
    let mut helpers = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let folder = entry?.path();
        let name = fs::read_to_string(folder.join("comm"))?;
        if name.starts_with("iou-") {
            let thread = folder.file_name().and_then(|name| name.to_str());
            helpers.push(thread.context("a thread without a number")?.parse()?);
        }
    }
    Ok(helpers)
}

fn send_messages(socket: BorrowedFd<'_>, to: &str, payloads: &[&str]) -> Result<usize> {
    let to = address(to)?;
    let payloads: Vec<Vec<u8>> = payloads
        .iter()
        .map(|bytes| payload(bytes))
        .collect::<Result<_>>()?;
    let slices: Vec<[IoSlice<'_>; 1]> =
        payloads.iter().map(|bytes| [IoSlice::new(bytes)]).collect();
    let mut controls: Vec<SendAncillaryBuffer<'_, '_, '_>> = payloads
        .iter()
        .map(|_| SendAncillaryBuffer::default())
        .collect();
    let mut messages: Vec<net::MMsgHdr<'_>> = slices
        .iter()
        .zip(&mut controls)
        .map(|(slice, control)| net::MMsgHdr::new_with_addr(&to, slice, control))
        .collect();
    Ok(net::sendmmsg(socket, &mut messages, SendFlags::empty())?)
}

/// Receives until so many bytes or the end of the stream came.
fn receive(socket: BorrowedFd<'_>, count: usize) -> Result<usize> {
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    while received < count {
        let (_, length) = net::recv(socket, &mut *buffer, RecvFlags::empty())?;
        if length == 0 {
            break;
        }
        received += length;
    }
    Ok(received)
}

fn socket(family: &str, kind: &str, protocol: u32) -> Result<OwnedFd> {
    let family = match family {
        "inet" => AddressFamily::INET,
        "inet6" => AddressFamily::INET6,
        "unix" => AddressFamily::UNIX,
        "netlink" => AddressFamily::NETLINK,
        "packet" => AddressFamily::PACKET,
        _ => bail!("no such family"),
    };
    let kind = match kind {
        "stream" => SocketType::STREAM,
        "dgram" => SocketType::DGRAM,
        "raw" => SocketType::RAW,
        _ => bail!("no such type"),
    };
    let protocol = NonZeroU32::new(protocol).map(Protocol::from_raw);
    Ok(net::socket_with(
        family,
        kind,
        SocketFlags::CLOEXEC,
        protocol,
    )?)
}

fn set(socket: BorrowedFd<'_>, option: &str) -> Result<()> {
    match option {
        "reuseaddr" => sockopt::set_socket_reuseaddr(socket, true)?,
        "v6only" => sockopt::set_ipv6_v6only(socket, true)?,
        "nonblocking" => rustix::io::ioctl_fionbio(socket, true)?,
        // Its end is a reset.
        "resetting" => sockopt::set_socket_linger(socket, Some(Duration::ZERO))?,
        // Gives up a connect after this time.
        "impatient" => sockopt::set_tcp_user_timeout(socket, 1000)?,
        _ => bail!("no such option"),
    }
    Ok(())
}

fn address(text: &str) -> Result<SocketAddrAny> {
    if let Some(name) = text.strip_prefix('@') {
        return Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?.as_any());
    }
    if text.starts_with('/') {
        return Ok(SocketAddrUnix::new(text)?.as_any());
    }
    Ok(text.parse::<SocketAddr>()?.as_any())
}

/// So many bytes, or these.
fn payload(text: &str) -> Result<Vec<u8>> {
    let Some(digits) = text.strip_prefix("0x") else {
        return Ok(vec![b'x'; text.parse()?]);
    };
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}

fn doer_named(name: &str) -> Result<Doer> {
    match name {
        "caller" => Ok(Doer::Caller),
        "pool" => Ok(Doer::Pool),
        "poller" => Ok(Doer::Poller),
        _ => bail!("nobody of that name"),
    }
}

/// The kernel's refusal, or else an error of ours.
fn errno(error: std::io::Error) -> anyhow::Error {
    match Errno::from_io_error(&error) {
        Some(errno) => errno.into(),
        None => error.into(),
    }
}
