//! Requests by io_uring, which no system call names: whoever does them inside the kernel, they are
//! the process's that asked.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use rustix::io::Errno;

use crate::event::of;
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, Ending, Role, TCP, UDP, check_one, claim_codes};
use super::puppet::{Done, Puppet};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/ring-connect",
        play: |context| connects(context, "ring-connect c caller", LOCAL4),
    },
    Scenario {
        name: "network/ring-connect-ipv6",
        play: |context| connects(context, "ring-connect c caller", LOCAL6),
    },
    Scenario {
        name: "network/ring-connect-by-thread",
        play: |context| connects(context, "in-thread ring-connect c caller", LOCAL4),
    },
    Scenario {
        name: "network/ring-connect-by-pool",
        play: |context| connects(context, "ring-connect c pool", LOCAL4),
    },
    Scenario {
        name: "network/ring-connect-by-pool-ipv6",
        play: |context| connects(context, "ring-connect c pool", LOCAL6),
    },
    Scenario {
        name: "network/ring-connect-by-poller",
        play: |context| connects(context, "ring-connect c poller", LOCAL4),
    },
    Scenario {
        name: "network/ring-connect-by-poller-ipv6",
        play: |context| connects(context, "ring-connect c poller", LOCAL6),
    },
    Scenario {
        name: "network/ring-send",
        play: |context| sends(context, "ring-send c caller", LOCAL4),
    },
    Scenario {
        name: "network/ring-send-ipv6",
        play: |context| sends(context, "ring-send c caller", LOCAL6),
    },
    Scenario {
        name: "network/ring-send-by-thread",
        play: |context| sends(context, "in-thread ring-send c caller", LOCAL4),
    },
    Scenario {
        name: "network/ring-send-by-pool",
        play: |context| sends(context, "ring-send c pool", LOCAL4),
    },
    Scenario {
        name: "network/ring-send-by-pool-ipv6",
        play: |context| sends(context, "ring-send c pool", LOCAL6),
    },
    Scenario {
        name: "network/ring-send-by-poller",
        play: |context| sends(context, "ring-send c poller", LOCAL4),
    },
    Scenario {
        name: "network/ring-send-by-poller-ipv6",
        play: |context| sends(context, "ring-send c poller", LOCAL6),
    },
];

const LOCAL4: &str = "127.0.0.1:0";
const LOCAL6: &str = "[::1]:0";

/// Who does what a process asks of a ring.
struct Doer {
    /// The process that asked, with the thread that does it.
    who: Portrait,
    /// Whether that is a thread that the kernel made for this.
    is_worker: bool,
}

impl Doer {
    /// Who did what was asked by this command. Where the kernel has threads of its own for it, which
    /// belong to no process, the event names the process's first thread.
    fn of(context: &Context<'_>, command: &str, who: &Portrait, done: &Done) -> Result<Self> {
        let is_worker = !command.ends_with("caller");
        let thread = match (is_worker, done.helpers()?.as_slice()) {
            (false, []) => done.thread()?,
            (true, []) => who.pid,
            (true, [helper]) => *helper,
            (_, several) => bail!("{several:?} are the helpers of {command:?}"),
        };
        // Before 5.12, and its parts that 5.10.162 took over, a worker was a thread of the kernel's.
        if is_worker && context.host.is_at_least(5, 12) {
            context.claim(thread != who.pid, "a thread of the process does it");
        }
        let by_thread = command.starts_with("in-thread");
        context.claim_eq(
            "whether the first thread does it",
            &(thread == who.pid),
            &(!by_thread && (!is_worker || done.helpers()?.is_empty())),
        );
        Ok(Self {
            who: Portrait {
                thread,
                ..who.clone()
            },
            is_worker,
        })
    }

    /// What an event tells of a worker.
    fn mark(&self, expect: Expect) -> Expect {
        expect.has("sensor.process.io_worker", self.is_worker.then_some(true))
    }
}

/// Why this host has no rings, if it has none.
fn without_rings(asked: &Done) -> Result<Option<Outcome>> {
    match asked.error {
        None => Ok(None),
        Some(error @ (Errno::NOSYS | Errno::PERM)) => Ok(Some(Outcome::Skipped(format!(
            "io_uring is not to be had here: {error}"
        )))),
        Some(error) => bail!("the kernel refused: {error}"),
    }
}

fn connects(context: &Context<'_>, command: &str, address: &str) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let at = server.listens("l", address)?;
    let family = if at.is_ipv4() { "inet" } else { "inet6" };
    client.does(format!("socket c {family} stream 0"))?;
    let connect = client.tries(format!("{command} {at}"))?;
    if let Some(outcome) = without_rings(&connect)? {
        return Ok(outcome);
    }
    server.does("accept l s")?;
    let closing = client.does("close c")?;
    server.does("receive s 1")?;
    server.does("close s")?;
    flow::wait_for_end(context, client.pid())?;
    let events = context.settle()?;

    let doer = Doer::of(context, command, &client.who, &connect)?;
    let who = &doer.who;
    let (near, far): (End, End) = (connect.local()?.into(), at.into());
    let attempts = events.all("connect", of(who.pid));
    // The kernel may call connect a second time to ask what came of the first: the hook of that call
    // sees both, that of the protocol only the first.
    let most = match context.rung {
        Rung::LockedDown => 1,
        Rung::Tracing | Rung::Kprobes => 2,
    };
    context.claim(
        (1..=most).contains(&attempts.len()),
        format!("{} connect events, at most {most}", attempts.len()),
    );
    for (event, known) in attempts.iter().zip([End::UNKNOWN, near]) {
        let expect = flow::connect(context, who, TCP, known, far).within(connect.window);
        context.check(event, &doer.mark(expect));
    }
    let expect = flow::established(context, who, near, far).within(connect.window);
    let expect = doer.mark(expect);
    check_one(context, &events, "established", who.pid, &expect);
    let ending = Ending {
        role: Role::Client,
        local: near,
        remote: far,
        sent: 0,
        received: 0,
        states: &["fin_wait2"],
        error: None,
        opened: connect.window,
        closed: flow::since(closing.window),
    };
    let expect = doer.mark(flow::closed(context, who, &ending));
    check_one(context, &events, "closed", who.pid, &expect);
    Ok(Outcome::Passed)
}

fn sends(context: &Context<'_>, command: &str, address: &str) -> Result<Outcome> {
    let mut server = Puppet::start(context)?;
    let mut client = Puppet::start(context)?;
    let to: SocketAddr = server.binds("s", "dgram", address)?;
    let from = client.binds("c", "dgram", address)?;
    let done = client.tries(format!("{command} 5 {to}"))?;
    if let Some(outcome) = without_rings(&done)? {
        return Ok(outcome);
    }
    context.claim_eq("bytes that were sent", &done.bytes, &5);
    let events = context.settle()?;
    let bound = flow::bind(context, &client.who, UDP, End::address(from.ip()));
    check_one(context, &events, "bind", client.pid(), &bound);
    let doer = Doer::of(context, command, &client.who, &done)?;
    let expect = flow::sent(context, &doer.who, from, to, 5).within(done.window);
    let expect = doer.mark(expect);
    check_one(context, &events, "datagram", client.pid(), &expect);
    claim_codes(context, &events, client.pid(), &["bind", "datagram"]);
    Ok(Outcome::Passed)
}
