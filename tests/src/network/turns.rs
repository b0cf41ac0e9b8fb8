//! Connects that two threads on two CPUs make strictly in turn, so that their order is known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, getsockname, socket_with,
};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use serde_json::{Value, json};

use crate::clock;
use crate::contract::Window;
use crate::event::{Event, Events};
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::privilege::changes::{committed, observed};
use crate::privilege::credentials::{Change, Credentials};
use crate::rung::Rung;
use crate::scenario::Context;
use crate::sensor::Sensor;
use crate::stage::{Act, Stage};
use crate::sys::{self, SetIds};

use super::flow::{self, End, Ending, Role, TCP};

/// The deed.
pub const ACTS: &[Act] = &[TAKE_TURNS];

/// How many turns there are.
const TURNS: u32 = 2000;

/// A thread changes its group in one of so many turns: another ring tells of that.
const STRIDE: u32 = 10;

/// Connects from two CPUs in turn, each connect to an address of its own, where it is refused; now
/// and then a thread changes its group before. Tells of every turn.
const TAKE_TURNS: Act = Act {
    name: "network/take-turns",
    play: |actor| {
        let taken = tcp()?;
        // It is taken and nobody listens there: the kernel refuses at once.
        bind(&taken, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))?;
        let port = SocketAddr::try_from(getsockname(&taken)?)?.port();
        let cpus = two_cpus()?.context("two CPUs are needed")?;
        let (to_first, first) = sync_channel(1);
        let (to_second, second) = sync_channel(1);
        to_first.send(())?;
        let [one, other] = cpus;
        let turns = thread::scope(|scope| -> Result<Vec<Value>> {
            let evens = scope.spawn(move || take_turns(0, one, port, &first, &to_second));
            let odds = scope.spawn(move || take_turns(1, other, port, &second, &to_first));
            let mut turns = evens.join().ok().context("a thread died")??;
            turns.extend(odds.join().ok().context("a thread died")??);
            Ok(turns)
        })?;
        for turn in turns {
            actor.tell(&turn)?;
        }
        Ok(())
    },
};

/// The first two CPUs that this process may use.
pub fn two_cpus() -> Result<Option<[usize; 2]>> {
    let usable = sched_getaffinity(None)?;
    let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| usable.is_set(*cpu));
    Ok(cpus
        .next()
        .zip(cpus.next())
        .map(|(first, second)| [first, second]))
}

/// A socket of TCP over IPv4.
pub fn tcp() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
}

/// Every second turn, on one CPU.
fn take_turns(
    begin: u32,
    cpu: usize,
    port: u16,
    token: &Receiver<()>,
    next: &SyncSender<()>,
) -> Result<Vec<Value>> {
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only)?;
    let thread = gettid().as_raw_nonzero().get();
    let mut turns = Vec::new();
    for number in (begin..TURNS).step_by(2) {
        token.recv()?;
        let from = clock::boot_nanoseconds();
        if changes_group(number) {
            let group = group_of(number).cast_signed();
            sys::set_ids(SetIds::FilesystemGroup, [group, 0, 0])?;
        }
        let socket = tcp()?;
        match connect(&socket, &SocketAddrV4::new(host(number), port)) {
            Err(Errno::CONNREFUSED) => (),
            other => bail!("it was not refused: {other:?}"),
        }
        let to = clock::boot_nanoseconds();
        // The last turn leads nowhere.
        let _over = next.send(());
        let own = SocketAddr::try_from(getsockname(&socket)?)?.port();
        turns.push(json!({
            "number": number,
            "from": from,
            "to": to,
            "thread": thread,
            "cpu": cpu,
            "port": port,
            "own": own,
        }));
    }
    Ok(turns)
}

/// The address that a turn is known by.
fn host(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + number)
}

/// Whether a thread changes its group before it connects.
const fn changes_group(turn: u32) -> bool {
    turn % STRIDE < 2
}

/// The group that a thread takes in this turn, for the file system only.
const fn group_of(turn: u32) -> u32 {
    3000 + turn
}

/// A process that is ready to take turns.
pub struct Ready {
    stage: Stage,
    credentials: Credentials,
}

/// A process that has taken its turns.
pub struct Turns {
    /// The process.
    pub who: Portrait,
    credentials: Credentials,
    turns: Vec<Turn>,
}

struct Turn {
    number: u32,
    window: Window,
    thread: u32,
    cpu: u64,
    to: SocketAddr,
    from: End,
}

impl Ready {
    /// Starts a process.
    pub fn start(context: &Context<'_>) -> Result<Self> {
        let nothing: [&str; 0] = [];
        let stage = context.stage("network/take-turns", &nothing)?;
        let credentials = Credentials::of(stage.pid(), stage.pid(), 0)?;
        Ok(Self { stage, credentials })
    }

    /// Has all turns taken.
    pub fn play(mut self) -> Result<Turns> {
        self.stage.go()?;
        let played = self.stage.finish()?.success()?;
        let mut turns: Vec<Turn> = played.told.iter().map(Turn::parse).collect::<Result<_>>()?;
        turns.sort_by_key(|turn| turn.number);
        Ok(Turns {
            who: played.portrait,
            credentials: self.credentials,
            turns,
        })
    }
}

impl Turn {
    fn parse(told: &Value) -> Result<Self> {
        let number = |name| told.get(name).and_then(Value::as_u64).context("untold");
        let turn = number("number")?.try_into()?;
        let to = SocketAddr::new(host(turn).into(), number("port")?.try_into()?);
        // Whatever loopback address is the peer's, the kernel chooses the first as its own.
        let from = SocketAddr::new(
            IpAddr::from(Ipv4Addr::LOCALHOST),
            number("own")?.try_into()?,
        );
        Ok(Self {
            number: turn,
            window: Window {
                from: number("from")?,
                to: number("to")?,
            },
            thread: number("thread")?.try_into()?,
            cpu: number("cpu")?,
            to,
            from: from.into(),
        })
    }
}

impl Turns {
    /// Checks all that this sensor tells of what the process did, one event after the other.
    pub fn check(&self, context: &Context<'_>, sensor: &Sensor, events: &Events) -> Result<()> {
        let found: Vec<&Event> = events
            .0
            .iter()
            .map(AsRef::as_ref)
            .filter(|event| event.pid() == Some(self.who.pid) && is_of_turns(event))
            .collect();
        let expected = self.expected(context);
        context.claim_eq("turns", &self.turns.len(), &(TURNS as usize));
        context.claim_eq("events", &found.len(), &expected.len());
        let mut wrong = 0;
        for (event, expect) in found.into_iter().zip(expected) {
            let expect = expect.is("agent.id", sensor.agent());
            if !expect.differences(event).is_empty() {
                wrong += 1;
                // One event too many, and all others are the wrong ones.
                if wrong < 4 {
                    context.check(event, &expect);
                }
            }
        }
        context.claim_eq("events that are not as expected", &wrong, &0);
        Ok(())
    }

    /// All events, in their order.
    fn expected(&self, context: &Context<'_>) -> Vec<Expect> {
        let mut expected = Vec::new();
        // Each thread has credentials of its own.
        let mut held = [self.credentials.clone(), self.credentials.clone()];
        // The sensor remembers those that were taken last.
        let mut gids = self.who.gids;
        for turn in &self.turns {
            let mut add = |expect: Expect| {
                let expect = expect.within(turn.window);
                expected.push(expect.is("sensor.record.cpu", turn.cpu));
            };
            if changes_group(turn.number) {
                let [_, _, _, group] = &mut gids;
                *group = group_of(turn.number);
            }
            let who = Portrait {
                thread: turn.thread,
                gids,
                ..self.who.clone()
            };
            let [evens, odds] = &mut held;
            let held = if turn.number % 2 == 0 { evens } else { odds };
            if changes_group(turn.number) {
                let before = held.clone();
                let [_, _, _, group] = &mut held.gids;
                *group = group_of(turn.number);
                let after = held.clone();
                let change = Change { before, after };
                add(match context.rung {
                    Rung::LockedDown => observed(context, &who, &change, "gid_change", "connect"),
                    Rung::Tracing | Rung::Kprobes => {
                        committed(context, &who, &change, "gid_change", "call")
                    }
                });
            }
            let to = turn.to.into();
            add(flow::connect(context, &who, TCP, End::UNKNOWN, to));
            let ending = Ending {
                role: Role::Client,
                local: turn.from,
                remote: to,
                sent: 0,
                received: 0,
                states: &["syn_sent"],
                error: Some("ECONNREFUSED"),
                opened: turn.window,
                closed: turn.window,
            };
            add(flow::closed(context, &who, &ending));
        }
        expected
    }
}

/// Whether an event tells of what is done in a turn, not before or after all of them.
fn is_of_turns(event: &Event) -> bool {
    !matches!(event.code(), "fork" | "exec" | "bind" | "exit")
}
