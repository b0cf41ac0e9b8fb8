//! What a program may ask of the kernel, as the benches ask it: over and over, nothing else between.

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use rustix::process::{Gid, Uid};
use rustix::thread;

use crate::tiny;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// Starts the smallest program and waits for its end.
    Exec,
    /// Connects to itself over TCP, accepts, closes both ends.
    Tcp,
    /// Connects a UDP socket, which sends nothing: one event.
    Connect,
    /// Sends a datagram to itself and receives it.
    Datagram,
    /// Asks for its parent's id: the cheapest system call.
    Getppid,
    /// Reads one byte of a file.
    Pread,
    /// Sets its user id to what it is already.
    Setuid,
    /// Gives up its effective user id and takes it back: two changes.
    Setresuid,
    /// Gives up its effective group id and takes it back: two changes.
    Setresgid,
}

/// One operation, ready to be done.
pub type Step = Box<dyn FnMut() -> Result<()>>;

/// Whom it becomes for a moment: `nobody` and its group.
const NOBODY: u32 = 65534;

impl Operation {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Exec,
        Self::Tcp,
        Self::Connect,
        Self::Datagram,
        Self::Getppid,
        Self::Pread,
        Self::Setuid,
        Self::Setresuid,
        Self::Setresgid,
    ];
    /// Those that no security sensor has any business with: their price must not change.
    pub const UNRELATED: [Self; 2] = [Self::Getppid, Self::Pread];

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Tcp => "tcp",
            Self::Connect => "connect",
            Self::Datagram => "datagram",
            Self::Getppid => "getppid",
            Self::Pread => "pread",
            Self::Setuid => "setuid",
            Self::Setresuid => "setresuid",
            Self::Setresgid => "setresgid",
        }
    }

    /// How many of them make a time that is worth reading the clock for.
    pub const fn chunk(self) -> u32 {
        match self {
            Self::Exec | Self::Tcp => 10,
            _ => 100,
        }
    }

    /// Makes what it needs.
    pub fn prepare(self) -> Result<Step> {
        Ok(match self {
            Self::Exec => exec()?,
            Self::Tcp => tcp()?,
            Self::Connect => connect()?,
            Self::Datagram => datagram()?,
            Self::Getppid => Box::new(|| {
                let _parent = rustix::process::getppid();
                Ok(())
            }),
            Self::Pread => pread()?,
            Self::Setuid => Box::new(|| Ok(thread::set_thread_uid(Uid::ROOT)?)),
            Self::Setresuid => Box::new(|| {
                let root = Uid::ROOT;
                thread::set_thread_res_uid(root, Uid::from_raw(NOBODY), root)?;
                Ok(thread::set_thread_res_uid(root, root, root)?)
            }),
            Self::Setresgid => Box::new(|| {
                let root = Gid::ROOT;
                thread::set_thread_res_gid(root, Gid::from_raw(NOBODY), root)?;
                Ok(thread::set_thread_res_gid(root, root, root)?)
            }),
        })
    }
}

/// A file of this process's own, removed with the last user of it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("sensor-bench-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_with_the_machine = std::fs::remove_file(&self.0);
    }
}

fn exec() -> Result<Step> {
    let program = Scratch::new("tiny");
    tiny::write(&program.0, &tiny::exits(0))?;
    let mut command = Command::new(&program.0);
    Ok(Box::new(move || {
        let status = command
            .status()
            .with_context(|| format!("cannot start {}", program.0.display()))?;
        ensure!(status.success(), "the smallest program failed: {status}");
        Ok(())
    }))
}

fn tcp() -> Result<Step> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on the loopback")?;
    let address = listener.local_addr()?;
    Ok(Box::new(move || {
        let client = TcpStream::connect(address).context("cannot connect to the loopback")?;
        let (server, _) = listener.accept().context("cannot accept")?;
        // The client's end first: the port that waits for stragglers is then one of many.
        drop(client);
        drop(server);
        Ok(())
    }))
}

fn connect() -> Result<Step> {
    let peer = UdpSocket::bind("127.0.0.1:0").context("cannot bind to the loopback")?;
    let address = peer.local_addr()?;
    let socket = UdpSocket::bind("127.0.0.1:0").context("cannot bind to the loopback")?;
    Ok(Box::new(move || {
        let _kept_open = &peer;
        socket.connect(address).context("cannot connect")
    }))
}

fn datagram() -> Result<Step> {
    let from = UdpSocket::bind("127.0.0.1:0").context("cannot bind to the loopback")?;
    let to = UdpSocket::bind("127.0.0.1:0").context("cannot bind to the loopback")?;
    let address = to.local_addr()?;
    let mut buffer = [0; 16];
    Ok(Box::new(move || {
        from.send_to(b"x", address).context("cannot send")?;
        to.recv(&mut buffer).context("cannot receive")?;
        Ok(())
    }))
}

fn pread() -> Result<Step> {
    let scratch = Scratch::new("byte");
    std::fs::write(&scratch.0, "x")
        .with_context(|| format!("cannot write {}", scratch.0.display()))?;
    let file =
        File::open(&scratch.0).with_context(|| format!("cannot open {}", scratch.0.display()))?;
    let mut buffer = [0];
    Ok(Box::new(move || {
        file.read_exact_at(&mut buffer, 0).context("cannot read")?;
        Ok(())
    }))
}
