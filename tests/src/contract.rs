//! What `docs/events.md` promises of every event.

use serde_json::{Value, json};

use crate::clock;
use crate::event::Event;
use crate::expect::Expect;
use crate::host::Host;

/// What is the same in all events with one `event.code`.
struct Kind {
    code: &'static str,
    action: Option<&'static str>,
    category: &'static str,
    types: &'static [&'static str],
    dataset: &'static str,
    ring: &'static str,
}

const EXEC: &str = "sensor.exec";
const NETWORK: &str = "sensor.network";
const PRIVILEGE: &str = "sensor.privilege";

/// Where `action` is none, it depends on the event: say it with `is("event.action", ...)`.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    kind("fork", Some("fork"), "process", &["start"], EXEC, "bulk"),
    kind("exec", Some("exec"), "process", &["start"], EXEC, "critical"),
    kind("exit", Some("end"), "process", &["end"], EXEC, "bulk"),
    kind("connect", Some("connection_attempted"), "network", &["start", "connection"], NETWORK, "bulk"),
    kind("accept", Some("connection_accepted"), "network", &["start", "connection"], NETWORK, "bulk"),
    kind("bind", Some("bind"), "network", &["info"], NETWORK, "bulk"),
    kind("listen", Some("listen"), "network", &["info"], NETWORK, "bulk"),
    kind("established", Some("connection_established"), "network", &["connection"], NETWORK, "bulk"),
    kind("closed", Some("disconnect_received"), "network", &["end", "connection"], NETWORK, "bulk"),
    kind("datagram", None, "network", &["connection"], NETWORK, "bulk"),
    kind("dns_question", Some("lookup_requested"), "network", &["protocol"], NETWORK, "bulk"),
    kind("dns_answer", Some("lookup_result"), "network", &["protocol"], NETWORK, "bulk"),
    kind("credential_change", None, "process", &["change"], PRIVILEGE, "critical"),
    kind("credential_divergence", None, "process", &["change"], PRIVILEGE, "critical"),
    kind("namespace", Some("namespace_change"), "process", &["change"], PRIVILEGE, "critical"),
    kind("ptrace", Some("ptrace"), "process", &["access"], PRIVILEGE, "critical"),
    kind("module_load", Some("load_module"), "driver", &["start"], PRIVILEGE, "critical"),
    kind("bpf_program", None, "driver", &["start"], PRIVILEGE, "critical"),
];

const fn kind(
    code: &'static str,
    action: Option<&'static str>,
    category: &'static str,
    types: &'static [&'static str],
    dataset: &'static str,
    ring: &'static str,
) -> Kind {
    Kind {
        code,
        action,
        category,
        types,
        dataset,
        ring,
    }
}

/// The interval, in nanoseconds since boot, in which an event must have happened.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Not earlier than this.
    pub from: u64,
    /// Not later than this.
    pub to: u64,
}

/// What every event with this code has, whoever did whatever.
pub fn every_event(code: &str, host: &Host, agent: &str, window: Window) -> Expect {
    let expect = Expect::default()
        .is("ecs.version", "9.3.0")
        .meets("event.sequence", "a number", |value, _| value.is_u64())
        .is("event.kind", "event")
        .is("event.module", "sensor")
        .is("event.code", code)
        .of_host(host)
        .is("agent.type", "sensor")
        .is("agent.version", env!("CARGO_PKG_VERSION"))
        .is("agent.id", agent);
    let Some(kind) = KINDS.iter().find(|kind| kind.code == code) else {
        return expect;
    };
    let cpus = host.cpus;
    let boot = host.boot();
    let moment = clock::boot_moment();
    expect
        .is("event.category", json!([kind.category]))
        .is("event.type", json!(kind.types))
        .has("event.action", kind.action)
        .is("event.dataset", kind.dataset)
        .is("sensor.record.ring", kind.ring)
        .meets(
            "sensor.record.cpu",
            format!("a CPU's number below {cpus}"),
            move |value, _| value.as_u64().is_some_and(|cpu| cpu < cpus),
        )
        .meets("sensor.record.sequence", "a number", |value, _| {
            value.is_u64()
        })
        .meets(
            "sensor.record.boot_time",
            format!("between {} and {}", window.from, window.to),
            move |value, _| {
                value
                    .as_u64()
                    .is_some_and(|time| (window.from..=window.to).contains(&time))
            },
        )
        .meets(
            "@timestamp",
            "the moment of sensor.record.boot_time",
            move |value, event| is_moment(value, event, moment),
        )
        .meets(
            "event.id",
            format!("{boot}-CPU-RING-SEQUENCE-TIME as in sensor.record"),
            move |value, event| value.as_str() == id(&boot, event).as_deref(),
        )
}

impl Expect {
    /// Everything below `host`.
    #[must_use]
    pub fn of_host(self, host: &Host) -> Self {
        self.has("host.id", host.machine_id.clone())
            .is("host.name", host.hostname.clone())
            .is("host.hostname", host.hostname.clone())
            .is("host.architecture", host.architecture.clone())
            .is("host.boot.id", host.boot_id.clone())
            .is("host.pid_ns_ino", host.pid_namespace)
            .is("host.os.type", "linux")
            .is("host.os.kernel", host.release.clone())
            .has("host.os.platform", host.os.platform.clone())
            .has("host.os.name", host.os.name.clone())
            .has("host.os.version", host.os.version.clone())
    }
}

fn is_moment(value: &Value, event: &Event, boot_moment: i64) -> bool {
    // The clocks are measured by the sensor and by us: each measurement has its error.
    const ERROR: u64 = 1_000_000;
    let told = value.as_str().and_then(|text| clock::parse(text).ok());
    let recorded = event.number("sensor.record.boot_time");
    match (told, recorded.and_then(|time| i64::try_from(time).ok())) {
        (Some(told), Some(recorded)) => (boot_moment + recorded).abs_diff(told) < ERROR,
        _ => false,
    }
}

fn id(boot: &str, event: &Event) -> Option<String> {
    let cpu = event.number("sensor.record.cpu")?;
    let sequence = event.number("sensor.record.sequence")?;
    let ring = match event.text("sensor.record.ring")? {
        "critical" => 0,
        "bulk" => 1,
        _ => return None,
    };
    let time = event.number("sensor.record.boot_time")?;
    Some(format!("{boot}-{cpu:x}-{ring:x}-{sequence:x}-{time:x}"))
}
