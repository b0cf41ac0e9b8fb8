//! What is held back, and that nothing is lost.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};
use sensor_common::record::Ring;

use super::*;
use crate::{
    detect::alert::{RuleDescription, RuleKind},
    enrich::Surroundings,
    event::{
        Actor, Body, CgroupId, Connection, Dns, Endpoint, Endpoints, NetworkNamespace, Origin,
        Text, Tgid, Tid, arbitrary,
    },
    process::{BootId, Image, Process},
};

const HOUR: u64 = 3_600 * 1_000_000_000;

fn rule(id: &str, severity: Severity) -> Arc<RuleDescription> {
    Arc::new(RuleDescription {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: RuleKind::Sigma,
        severity,
        description: String::new(),
        author: String::new(),
        license: String::new(),
        references: Vec::new(),
        false_positives: Vec::new(),
        attack: Vec::new(),
    })
}

fn id(tgid: u32) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(tgid.into()),
    }
}

/// A process connects to a port.
fn connect(time: u64, tgid: u32, port: u16) -> Event {
    let remote = Endpoint {
        address: Some([192, 0, 2, 1].into()),
        port: Some(port),
    };
    Event {
        origin: Origin {
            cpu: 0,
            ring: Ring::Bulk,
            sequence: time,
            time: BootTime(time),
        },
        actor: Some(Actor {
            id: id(tgid),
            tid: Tid(tgid),
            uid: 1000,
            cgroup: CgroupId(7),
            credentials_digest: 0,
            io_worker: false,
        }),
        body: Body::Connect(Connection {
            endpoints: Endpoints {
                local: Endpoint {
                    address: None,
                    port: Some(40_000),
                },
                remote,
                family: 2,
                protocol: 6,
            },
            namespace: NetworkNamespace(1),
            socket_type: 1,
            backlog: None,
            unix_path: None,
        }),
    }
}

fn observed(event: &Event) -> Observed<'_> {
    Observed {
        event,
        late: false,
        process: None,
        parent: None,
        other: None,
        about: None,
        surroundings: Surroundings::default(),
    }
}

fn process(tgid: u32, executable: &str) -> Process {
    let image = Image {
        executable: executable.to_owned(),
        ..Image::default()
    };
    Process {
        image: Some(Arc::new(image)),
        ..Process::unknown(BootId::default(), id(tgid))
    }
}

fn repetition() -> Repetition {
    Repetition::new(Duration::from_secs(3600), 100)
}

fn raise(repetition: &mut Repetition, rule: &Arc<RuleDescription>, event: &Event) -> Option<Alert> {
    let alert = Alert::single(rule.clone(), String::new(), event.origin);
    repetition.take(alert, &observed(event))
}

#[test]
fn the_first_goes_out_and_the_next_after_the_window_has_the_count() {
    let mut repetition = repetition();
    let rule = rule("a", Severity::High);
    let first = raise(&mut repetition, &rule, &connect(5, 1, 443)).unwrap();
    assert_eq!((first.count, first.first), (1, BootTime(5)));
    for time in [6, 7, HOUR + 4] {
        assert_eq!(
            raise(&mut repetition, &rule, &connect(time, 2, 443)),
            None,
            "{time}"
        );
    }
    assert_eq!(repetition.repeated(), 3);
    let next = raise(&mut repetition, &rule, &connect(HOUR + 5, 3, 443)).unwrap();
    assert_eq!((next.count, next.first), (4, BootTime(6)));
    assert_eq!(next.evidence[0].time, BootTime(HOUR + 5));
    // The window begins again.
    assert_eq!(
        raise(&mut repetition, &rule, &connect(HOUR + 6, 3, 443)),
        None
    );
    assert_eq!(repetition.drain().len(), 1);
}

#[test]
fn what_is_held_back_goes_out_when_its_window_ends() {
    let mut repetition = repetition();
    let rule = rule("a", Severity::Medium);
    assert!(raise(&mut repetition, &rule, &connect(5, 1, 443)).is_some());
    for time in [7, 9] {
        assert!(raise(&mut repetition, &rule, &connect(time, 1, 443)).is_none());
    }
    assert!(repetition.due(BootTime(HOUR + 4)).is_empty());
    let due = repetition.due(BootTime(HOUR + 5));
    let [(event, alert)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(event.origin.time, BootTime(9));
    assert_eq!((alert.count, alert.first), (2, BootTime(7)));
    // It was said just now.
    assert!(raise(&mut repetition, &rule, &connect(HOUR + 6, 1, 443)).is_none());
    assert_eq!(repetition.due(BootTime(2 * HOUR + 5)).len(), 1);
    // Nothing came: it is forgotten.
    assert!(repetition.due(BootTime(3 * HOUR + 5)).is_empty());
    assert!(repetition.said.is_empty());
    assert!(repetition.ends.is_empty());
    assert_eq!(repetition.forgotten(), 0);
}

#[test]
fn what_differs_is_not_the_same() {
    let mut repetition = repetition();
    let high = rule("a", Severity::High);
    let mut event = connect(1, 1, 443);
    let known = [process(1, "/bin/a"), process(1, "/bin/b")];
    let mut out = |rule: &Arc<RuleDescription>, observed: &Observed<'_>| {
        let alert = Alert::single(rule.clone(), String::new(), observed.event.origin);
        repetition.take(alert, observed).is_some()
    };
    assert!(out(&high, &observed(&event)));
    assert!(out(&rule("b", Severity::High), &observed(&event)));
    assert!(out(&high, &observed(&connect(1, 1, 80))));
    for (process, parent) in [
        (Some(&known[0]), None),
        (Some(&known[1]), None),
        (None, Some(&known[0])),
        (Some(&known[0]), Some(&known[1])),
        (Some(&known[1]), Some(&known[0])),
    ] {
        let observed = Observed {
            process,
            parent,
            ..observed(&event)
        };
        assert!(out(&high, &observed));
        assert!(!out(&high, &observed));
    }
    event.actor.as_mut().unwrap().uid = 0;
    assert!(out(&high, &observed(&event)));
    event.actor.as_mut().unwrap().cgroup = CgroupId(8);
    assert!(out(&high, &observed(&event)));
    assert!(!out(&high, &observed(&event)));
}

#[test]
fn containers_and_units_tell_apart_and_logins_do_not() {
    let mut repetition = repetition();
    let rule = rule("a", Severity::High);
    let event = connect(1, 1, 443);
    let mut out = |cgroup: &str| {
        let mut process = process(1, "/bin/a");
        process.placement = Some(Arc::new(crate::process::placement::placement(cgroup)));
        let observed = Observed {
            process: Some(&process),
            ..observed(&event)
        };
        let alert = Alert::single(rule.clone(), String::new(), event.origin);
        repetition.take(alert, &observed).is_some()
    };
    let container = |digit: &str| format!("/system.slice/docker-{}.scope", digit.repeat(64));
    assert!(out(&container("a")));
    assert!(out(&container("b")));
    assert!(!out(&container("a")));
    assert!(out("/system.slice/ssh.service"));
    assert!(out("/system.slice/cron.service"));
    assert!(out("/user.slice/user-1000.slice/session-3.scope"));
    assert!(!out("/user.slice/user-1000.slice/session-4.scope"));
    assert!(out("/user.slice/user-1001.slice/session-5.scope"));
}

#[test]
fn critical_alerts_of_other_processes_go_out_at_once() {
    let mut repetition = repetition();
    let critical = rule("a", Severity::Critical);
    for tgid in 0..u32::try_from(PROCESSES_MAX).unwrap() {
        assert!(raise(&mut repetition, &critical, &connect(5, tgid, 443)).is_some());
        assert!(raise(&mut repetition, &critical, &connect(5, tgid, 443)).is_none());
    }
    // A flood of processes is no flood of alerts.
    assert!(raise(&mut repetition, &critical, &connect(5, 99, 443)).is_none());
    let counts: u64 = repetition
        .drain()
        .iter()
        .map(|(_, alert)| alert.count)
        .sum();
    assert_eq!(counts, 17);
}

#[test]
fn without_a_window_each_goes_out() {
    let mut repetition = Repetition::new(Duration::ZERO, 0);
    let rule = rule("a", Severity::High);
    for _ in 0..3 {
        assert!(raise(&mut repetition, &rule, &connect(5, 1, 443)).is_some());
    }
    assert!(repetition.drain().is_empty());
}

#[test]
fn the_least_recently_met_makes_room_and_its_count_goes_out() {
    let mut repetition = Repetition::new(Duration::from_secs(3600), 2);
    let rule = rule("a", Severity::High);
    let mut out = |port| raise(&mut repetition, &rule, &connect(5, 1, port)).is_some();
    assert!(out(1) && out(2) && !out(1) && !out(2) && !out(1));
    assert!(out(3));
    assert_eq!(repetition.forgotten(), 1);
    let due = repetition.due(BootTime(5));
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].1.count, 1);
    assert_eq!(repetition.drain()[0].1.count, 2);
}

#[test]
fn any_number_of_different_alerts_takes_bounded_memory() {
    let mut repetition = repetition();
    let rules: Vec<_> = (0..5)
        .map(|number| rule(&number.to_string(), Severity::High))
        .collect();
    for rule in &rules {
        for port in 0..4_000 {
            assert!(raise(&mut repetition, rule, &connect(5, 1, port)).is_some());
        }
    }
    assert_eq!(repetition.said.len(), 100);
    assert_eq!(repetition.ends.len(), 100);
    assert_eq!(repetition.forgotten(), 19_900);

    let mut repetition = Repetition::new(Duration::from_secs(3600), 1_000_000);
    let mut due = 0;
    for port in 0..1_200 {
        let mut event = connect(5, 1, port);
        if let Body::Connect(connection) = event.body {
            event.body = Body::DnsQuestion(Dns {
                endpoints: connection.endpoints,
                namespace: connection.namespace,
                message: Text {
                    bytes: vec![0; 32 << 10].into(),
                    original: None,
                },
            });
        }
        for _ in 0..2 {
            raise(&mut repetition, &rules[0], &event);
        }
        assert!(!repetition.memory.is_exceeded());
        due += repetition.due(BootTime(5)).len();
    }
    assert!(due > 150, "{due}");
    assert_eq!(due + repetition.drain().len(), 1_200);
    assert_eq!(repetition.memory.bytes(), 0);
}

#[test]
fn what_is_held_back_becomes_due_when_nothing_is_held_back_any_more() {
    let mut repetition = repetition();
    let rule = rule("a", Severity::High);
    for port in [1, 1, 2, 2] {
        raise(&mut repetition, &rule, &connect(5, 1, port));
    }
    repetition.change(Duration::from_secs(60), 1);
    assert_eq!(repetition.due(BootTime(5)).len(), 1);
    repetition.change(Duration::ZERO, 1);
    assert_eq!(repetition.due(BootTime(5)).len(), 1);
    assert!(raise(&mut repetition, &rule, &connect(6, 1, 1)).is_some());
}

/// What happens to it.
#[derive(Clone, Debug)]
enum Step {
    Raise {
        rule: usize,
        tgid: u32,
        port: u16,
        count: u64,
        minutes: u64,
        is_late: bool,
    },
    Due,
    Change(u64, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let raise = (
        0_usize..5,
        0_u32..3,
        0_u16..3,
        1_u64..4,
        select(vec![0, 1, 20, 60, 61, 300]),
        any::<bool>(),
    );
    prop_oneof![
        8 => raise.prop_map(|(rule, tgid, port, count, minutes, is_late)| Step::Raise {
            rule, tgid, port, count, minutes, is_late
        }),
        1 => Just(Step::Due),
        1 => (select(vec![0, 1, 60]), 0_usize..6).prop_map(|(minutes, limit)| Step::Change(minutes, limit)),
    ]
}

proptest! {
    #[test]
    fn as_many_go_out_as_came_in(steps in vec(step(), 0..200)) {
        let rules: Vec<_> = Severity::ALL.map(|severity| rule(severity.name(), severity)).into();
        let mut repetition = Repetition::new(Duration::from_secs(3600), 5);
        let mut now = 10 * HOUR;
        let (mut into, mut out) = (0, 0);
        for step in steps {
            match step {
                Step::Raise { rule, tgid, port, count, minutes, is_late } => {
                    now += minutes * HOUR / 60;
                    let event = connect(if is_late { now - HOUR } else { now }, tgid, port);
                    let mut alert = Alert::single(rules[rule].clone(), String::new(), event.origin);
                    alert.count = count;
                    into += count;
                    if let Some(alert) = repetition.take(alert, &observed(&event)) {
                        prop_assert!(alert.count >= count);
                        prop_assert!(alert.first <= event.origin.time);
                        out += alert.count;
                    }
                }
                Step::Due => {
                    for (event, alert) in repetition.due(BootTime(now)) {
                        prop_assert_eq!(alert.evidence.last(), Some(&event.origin));
                        out += alert.count;
                    }
                }
                Step::Change(minutes, limit) => {
                    repetition.change(Duration::from_secs(60 * minutes), limit);
                }
            }
            prop_assert!(repetition.said.len() <= repetition.limit.get());
            prop_assert_eq!(repetition.said.len(), repetition.ends.len());
        }
        out += repetition.drain().iter().map(|(_, alert)| alert.count).sum::<u64>();
        prop_assert_eq!(into, out);
        prop_assert_eq!(repetition.memory.bytes(), 0);
        prop_assert!(repetition.said.is_empty() && repetition.ends.is_empty());
    }

    #[test]
    fn an_event_is_held_back_as_it_was(event in arbitrary::event()) {
        let rule = rule("a", Severity::High);
        let mut repetition = repetition();
        prop_assert!(raise(&mut repetition, &rule, &event).is_some());
        prop_assert!(raise(&mut repetition, &rule, &event).is_none());
        let drained = repetition.drain();
        prop_assert_eq!(format!("{:?}", drained[0].0), format!("{event:?}"));
    }
}
