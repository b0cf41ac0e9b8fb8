//! The scenario's side.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::contract::Window;
use crate::portrait::Portrait;
use crate::scenario::Context;
use crate::stage::{self, Stage};

/// A process that obeys.
pub struct Puppet {
    stage: Stage,
    /// Who obeys now: the process, or its child after `fork`.
    pub who: Portrait,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Done {
    /// When the command was obeyed.
    pub window: Window,
    /// The socket's own address, if it has one of the internet.
    pub local: Option<SocketAddr>,
    /// Its peer's address, or who sent the datagram.
    pub peer: Option<SocketAddr>,
    /// Why the kernel refused.
    pub error: Option<Errno>,
    /// How many bytes were sent or received.
    pub bytes: u64,
    told: Value,
}

impl Puppet {
    /// A process that is ready to obey.
    pub fn start(context: &Context<'_>) -> Result<Self> {
        let nothing: [&str; 0] = [];
        let mut stage = context.stage("network/puppet", &nothing)?;
        stage.go()?;
        let who = stage.portrait.clone();
        Ok(Self { stage, who })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.who.pid
    }

    /// Gives a command, and does not wait for what becomes of it.
    pub fn begin(&mut self, command: impl AsRef<str>) -> Result<()> {
        self.stage.tell(command.as_ref())
    }

    /// Waits for what becomes of a command that must succeed.
    pub fn done(&mut self) -> Result<Done> {
        let done = Done::parse(self.stage.hear()?)?;
        match done.error {
            None => Ok(done),
            Some(error) => bail!("the kernel refused: {error}"),
        }
    }

    /// Has a command obeyed, which must succeed.
    pub fn does(&mut self, command: impl AsRef<str>) -> Result<Done> {
        let command = command.as_ref();
        self.begin(command)?;
        self.done().with_context(|| command.to_owned())
    }

    /// Has a command obeyed, which the kernel may refuse.
    pub fn tries(&mut self, command: impl AsRef<str>) -> Result<Done> {
        self.begin(command)?;
        Done::parse(self.stage.hear()?)
    }

    /// Makes a socket and binds it to an address; says to which.
    pub fn binds(&mut self, name: &str, kind: &str, address: &str) -> Result<SocketAddr> {
        let family = family(address);
        self.does(format!("socket {name} {family} {kind} 0"))?;
        let bound = self.does(format!("bind {name} {address}"))?;
        bound.local.context("it was not bound")
    }

    /// Makes a TCP socket that listens, with the usual backlog; says at which address.
    pub fn listens(&mut self, name: &str, address: &str) -> Result<SocketAddr> {
        let at = self.binds(name, "stream", address)?;
        self.does(format!("listen {name} 16"))?;
        Ok(at)
    }

    /// Makes a TCP socket that connects.
    pub fn connects(&mut self, name: &str, address: SocketAddr) -> Result<Done> {
        let family = if address.is_ipv4() { "inet" } else { "inet6" };
        self.does(format!("socket {name} {family} stream 0"))?;
        self.does(format!("connect {name} {address}"))
    }

    /// Copies the process: from now on its child obeys, until it [`Puppet::ends_child`].
    pub fn forks(&mut self) -> Result<()> {
        let child = self.does("fork")?;
        let pid = child.number("child")?.try_into()?;
        self.who = self.stage.portrait.child(pid, child.number("start")?);
        Ok(())
    }

    /// Ends the child: from now on the process itself obeys again.
    pub fn ends_child(&mut self) -> Result<()> {
        self.does("end")?;
        self.who = self.stage.portrait.clone();
        Ok(())
    }

    /// Kills the process, whatever it is doing, and waits for its end.
    pub fn kill(&mut self) -> Result<()> {
        let pid = i32::try_from(self.stage.pid())?;
        let pid = Pid::from_raw(pid).context("no process id")?;
        kill_process(pid, Signal::KILL)?;
        stage::wait_and_keep(self.stage.pid())
    }
}

impl Done {
    fn parse(told: Value) -> Result<Self> {
        let number = |name| told.get(name).and_then(Value::as_u64);
        let address = |name| -> Result<Option<SocketAddr>> {
            let text = told.get(name).and_then(Value::as_str);
            Ok(text.map(str::parse).transpose()?)
        };
        Ok(Self {
            window: Window {
                from: number("from").context("no beginning was told")?,
                to: number("to").context("no end was told")?,
            },
            local: address("local")?,
            peer: address("peer")?,
            error: number("error")
                .and_then(|error| i32::try_from(error).ok())
                .map(Errno::from_raw_os_error),
            bytes: number("bytes").unwrap_or_default(),
            told,
        })
    }

    /// A number that was told.
    pub fn number(&self, name: &str) -> Result<u64> {
        self.told
            .get(name)
            .and_then(Value::as_u64)
            .with_context(|| format!("{name} was not told"))
    }

    /// The thread that obeyed.
    pub fn thread(&self) -> Result<u32> {
        Ok(self.number("thread")?.try_into()?)
    }

    /// The threads that io_uring made, of the process itself: none where the kernel's own do the
    /// work.
    pub fn helpers(&self) -> Result<Vec<u32>> {
        let told = self.told.get("helpers").and_then(Value::as_array);
        let told = told.context("no helpers were told")?;
        told.iter()
            .map(|thread| {
                let thread = thread.as_u64().context("no thread")?;
                Ok(thread.try_into()?)
            })
            .collect()
    }

    /// The socket's own address, which it must have.
    pub fn local(&self) -> Result<SocketAddr> {
        self.local.context("the socket has no address")
    }

    /// The peer's address, which must be known.
    pub fn peer(&self) -> Result<SocketAddr> {
        self.peer.context("the socket has no peer")
    }
}

fn family(address: &str) -> &'static str {
    if address.starts_with('[') {
        "inet6"
    } else {
        "inet"
    }
}
