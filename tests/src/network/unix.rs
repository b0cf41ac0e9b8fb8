//! Unix sockets, of which nothing is told unless that is asked for: there are many.

use anyhow::Result;
use rustix::io::Errno;
use rustix::process::Signal;

use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;

use super::flow::check_all;
use super::puppet::{Done, Puppet};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/unix-not-wanted",
        play: not_wanted,
    },
    Scenario {
        name: "network/unix-wanted",
        play: wanted,
    },
];

/// What a process did with the address of a unix socket.
struct Call {
    code: &'static str,
    socket_type: &'static str,
    address: String,
    done: Done,
}

/// A server with sockets that have a path and that have a name which is in no folder, and a client that
/// connects to them.
struct Scene {
    client: Puppet,
    server: Puppet,
    by_client: Vec<Call>,
    by_server: Vec<Call>,
}

impl Scene {
    fn play(context: &Context<'_>) -> Result<Self> {
        // Of a path the kernel takes 107 bytes and a NUL, of such a name 107 bytes after a NUL.
        const MOST: usize = 107;
        let path = |name: &str| context.folder.join(name).to_string_lossy().into_owned();
        let short = path("s");
        let long = format!("{short}{}", "p".repeat(MOST - short.len()));
        let pid = std::process::id();
        let hidden = format!("@sensor-{pid}");
        let long_hidden = format!("{hidden}{}", "n".repeat(MOST + 1 - hidden.len()));

        let mut scene = Self {
            client: Puppet::start(context)?,
            server: Puppet::start(context)?,
            by_client: Vec::new(),
            by_server: Vec::new(),
        };
        for (number, address) in [short, long, hidden, long_hidden].into_iter().enumerate() {
            for kind in ["stream", "dgram"] {
                // Datagrams have an address of their own.
                let address = match kind {
                    "dgram" => format!("{}d", address.get(..address.len() - 1).unwrap_or("@")),
                    _ => address.clone(),
                };
                scene.meet(&format!("{kind}{number}"), kind, &address)?;
            }
        }
        scene.is_refused(&path("nobody"))?;
        Ok(scene)
    }

    /// The server binds a socket, to which the client connects and sends.
    fn meet(&mut self, name: &str, kind: &'static str, address: &str) -> Result<()> {
        let Self { client, server, .. } = self;
        server.does(format!("socket {name} unix {kind} 0"))?;
        client.does(format!("socket {name} unix {kind} 0"))?;
        let call = |code, done| Call {
            code,
            socket_type: kind,
            address: address.to_owned(),
            done,
        };
        let bind = server.does(format!("bind {name} {address}"))?;
        self.by_server.push(call("bind", bind));
        if kind == "stream" {
            server.does(format!("listen {name} 4"))?;
        }
        let connect = client.does(format!("connect {name} {address}"))?;
        self.by_client.push(call("connect", connect));
        client.does(format!("send {name} 3"))?;
        if kind == "stream" {
            server.does(format!("accept {name} {name}-accepted"))?;
            server.does(format!("receive {name}-accepted 3"))?;
        } else {
            client.does(format!("send {name} 4 {address}"))?;
            server.does(format!("receive {name} 7"))?;
        }
        Ok(())
    }

    /// The client tries to connect to a place where nobody is.
    fn is_refused(&mut self, address: &str) -> Result<()> {
        self.client.does("socket nobody unix stream 0")?;
        let done = self.client.tries(format!("connect nobody {address}"))?;
        anyhow::ensure!(done.error == Some(Errno::NOENT), "{:?}", done.error);
        self.by_client.push(Call {
            code: "connect",
            socket_type: "stream",
            address: address.to_owned(),
            done,
        });
        Ok(())
    }
}

/// What is expected of a call.
fn expect(context: &Context<'_>, sensor: &Sensor, who: &Portrait, call: &Call) -> Expect {
    context
        .expect_from(sensor, call.code)
        .process(context.host, who)
        .within(call.done.window)
        .has(
            "sensor.network.namespace",
            who.namespaces.get("net").copied(),
        )
        .is("sensor.network.socket_type", call.socket_type)
        .is("sensor.network.unix_path", call.address.clone())
        .has(
            "network.direction",
            (call.code == "connect").then_some("egress"),
        )
}

fn not_wanted(context: &Context<'_>) -> Result<Outcome> {
    let scene = Scene::play(context)?;
    let events = context.settle()?;
    for puppet in [&scene.client, &scene.server] {
        check_all(context, &events, puppet.pid(), &[]);
    }
    Ok(Outcome::Passed)
}

/// Connects and binds are told of, where functions of the kernel can be hooked: no program of a cgroup
/// is asked about unix sockets.
fn wanted(context: &Context<'_>) -> Result<Outcome> {
    let sensor = context.own_sensor("[capture]\nunix_sockets = true\n")?;
    let scene = Scene::play(context)?;
    let events = sensor.settle()?;
    for (puppet, calls) in [
        (&scene.client, &scene.by_client),
        (&scene.server, &scene.by_server),
    ] {
        let mut expected = Vec::new();
        if context.rung != Rung::LockedDown {
            let calls = calls.iter();
            expected.extend(calls.map(|call| expect(context, &sensor, &puppet.who, call)));
        }
        check_all(context, &events, puppet.pid(), &expected);
    }
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq(
        "problems with the output",
        &ended.stream.problems().to_vec(),
        &Vec::new(),
    );
    Ok(Outcome::Passed)
}
