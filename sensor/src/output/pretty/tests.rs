//! Rows of some events, and what holds for those of any.

use std::{ops::RangeInclusive, sync::Arc};

use proptest::prelude::*;
use sensor_common::{network::Role, record::Ring};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::{
    clock::{BootTime, WallOffset},
    detect::{alert::RuleDescription, severity::Severity},
    enrich::Surroundings,
    event::{
        Actor, CgroupId, Closed, Endpoint, Endpoints, NetworkNamespace, Origin, ProcessId, Tgid,
        Tid, arbitrary, state::Lost,
    },
    output::{
        arbitrary::{self as documents, Input},
        samples,
    },
    process::{Image, Process},
};

const UNLIMITED: Terminal = Terminal {
    width: None,
    colours: false,
};

/// The lines that are written of an event, and its header before them.
fn lines(terminal: Terminal, content: Content<'_>) -> String {
    let mut out = Vec::new();
    let document = Document {
        sequence: 1,
        wall_offset: WallOffset(0),
        content,
    };
    Pretty::new(terminal).write(&document, &mut out).unwrap();
    String::from_utf8(out).unwrap()
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

fn event(body: Body) -> Event {
    Event {
        origin: Origin {
            cpu: 0,
            ring: Ring::Bulk,
            sequence: 0,
            time: BootTime(3_661_002_000_000),
        },
        actor: Some(Actor {
            id: ProcessId {
                tgid: Tgid(400),
                start: BootTime(3_600_000_000_000),
            },
            tid: Tid(400),
            uid: 1000,
            cgroup: CgroupId(1),
            credentials_digest: 0,
            io_worker: false,
        }),
        body,
    }
}

fn closed() -> Event {
    event(Body::Closed(Closed {
        endpoints: Endpoints {
            local: Endpoint {
                address: Some("2001:db8::1".parse().unwrap()),
                port: Some(22),
            },
            remote: Endpoint {
                address: Some("2001:db8::2".parse().unwrap()),
                port: Some(40000),
            },
            family: 10,
            protocol: 6,
        },
        namespace: NetworkNamespace(1),
        socket_type: 1,
        opened: None,
        established: Some(BootTime(3_660_002_000_000)),
        bytes_sent: 1234,
        bytes_received: 5,
        error: 104,
        role: Role::Server,
        state: 1,
    }))
}

#[test]
fn rows_are_below_a_header() {
    let event = closed();
    let lines = lines(UNLIMITED, Content::Event(observed(&event)));
    assert_eq!(
        lines,
        "UTC          EVENT        PROCESS              USER     WHAT\n\
         01:01:01.002 closed       ?[400]               1000     [2001:db8::2]:40000 -> \
         [2001:db8::1]:22 tcp, sent 1.2 KiB, received 5 B, 1.0 s, ECONNRESET\n"
    );
}

#[test]
fn the_header_is_written_once() {
    let event = closed();
    let mut out = Vec::new();
    let mut format = Pretty::new(UNLIMITED);
    for sequence in 1..4 {
        let document = Document {
            sequence,
            wall_offset: WallOffset(0),
            content: Content::Event(observed(&event)),
        };
        format.write(&document, &mut out).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert_eq!(text.matches("PROCESS").count(), 1);
}

#[test]
fn rows_end_where_the_terminal_does() {
    let event = closed();
    let terminal = Terminal {
        width: Some(70),
        colours: false,
    };
    let lines = lines(terminal, Content::Event(observed(&event)));
    assert_eq!(
        lines.lines().nth(1),
        Some("01:01:01.002 closed       ?[400]               1000     [2001:db8::2]…")
    );
}

#[test]
fn a_long_name_does_not_hide_the_id() {
    let event = closed();
    let mut observed = observed(&event);
    let image = Image {
        name: "a-program-with-a-long-name".into(),
        ..Image::default()
    };
    let process = Process {
        image: Some(Arc::new(image)),
        ..Process::unknown(
            arbitrary::boot(),
            ProcessId {
                tgid: Tgid(400),
                start: BootTime(0),
            },
        )
    };
    observed.process = Some(&process);
    let lines = lines(UNLIMITED, Content::Event(observed));
    assert!(
        lines.contains("closed       a-program-with…[400] 1000 "),
        "{lines}"
    );
}

#[test]
fn losses_stand_out() {
    let stated = Stated {
        time: BootTime(0),
        statement: Statement::Lost(vec![Lost {
            code: "connect".into(),
            family: "network".into(),
            reason: "ring_full".into(),
            count: 7,
        }]),
    };
    let plain = lines(UNLIMITED, Content::Statement(&stated));
    assert_eq!(
        plain.lines().nth(1),
        Some("00:00:00.000 LOST                                       7 connect (ring_full)")
    );
    let colours = Terminal {
        width: None,
        colours: true,
    };
    let coloured = lines(colours, Content::Statement(&stated));
    assert!(coloured.contains("\x1b[1;33m7 connect (ring_full)\x1b[0m"));
}

#[test]
fn an_alert_stands_out_and_says_where_it_comes_from() {
    let mut input = samples::alerted();
    let document = |input: &Input, terminal| {
        let mut out = Vec::new();
        let mut format = Pretty::new(terminal);
        format.write(&input.document(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let plain = document(&input, UNLIMITED);
    assert_eq!(
        plain.lines().skip(1).collect::<Vec<_>>(),
        [
            "03:36:20.000 ALERT        env[400]             1002     high: Shell on a socket: \
             bash[400] took its input from a socket  (2 times)",
            "             env \"\"  (by sshd[300]) < sshd[300]",
        ]
    );
    let colours = Terminal {
        width: None,
        colours: true,
    };
    let coloured = document(&input, colours);
    assert!(coloured.contains("\x1b[1;31mhigh: Shell"), "{coloured}");
    let alert = input.alert.as_mut().unwrap();
    alert.rule = Arc::new(RuleDescription {
        severity: Severity::Low,
        ..(*alert.rule).clone()
    });
    let coloured = document(&input, colours);
    assert!(coloured.contains("\x1b[33mlow: Shell"), "{coloured}");
}

fn input() -> impl Strategy<Value = (Event, [Option<Process>; 3], Terminal)> {
    let process = || proptest::option::of(arbitrary::process());
    let terminal = (proptest::option::of(0..200_usize), any::<bool>())
        .prop_map(|(width, colours)| Terminal { width, colours });
    (
        arbitrary::event(),
        [process(), process(), process()],
        terminal,
    )
}

/// The text without the sequences that colour it.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (parameters, rest) = piece.split_once('m').unwrap();
        assert!(
            parameters
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';')
        );
        plain += rest;
    }
    plain
}

proptest! {
    #[test]
    fn no_event_reaches_beyond_its_row((event, processes, terminal) in input()) {
        let [process, parent, other] = processes.each_ref().map(Option::as_ref);
        let written = lines(terminal, Content::Event(Observed {
            event: &event,
            late: false,
            process,
            parent,
            other,
            about: None,
            surroundings: Surroundings::default(),
        }));
        check(&written, terminal, 2..=2)?;
    }

    #[test]
    fn no_alert_reaches_beyond_its_rows(
        (event, processes, terminal) in input(),
        alert in documents::alert(),
    ) {
        let [process, parent, other] = processes.each_ref().map(Option::as_ref);
        let observed = Observed {
            event: &event,
            late: false,
            process,
            parent,
            other,
            about: None,
            surroundings: Surroundings::default(),
        };
        let written = lines(terminal, Content::Alert(Alerted { alert: &alert, observed }));
        check(&written, terminal, 2..=3)?;
    }
}

/// What was written has so many lines, and nothing in it that leaves them.
fn check(
    written: &str,
    terminal: Terminal,
    expected: RangeInclusive<usize>,
) -> Result<(), TestCaseError> {
    prop_assert!(terminal.colours || !written.contains('\x1b'));
    let plain = without_colours(written);
    let count = plain.matches('\n').count();
    prop_assert!(expected.contains(&count), "{} lines", count);
    let reaches_beyond = |character: char| character.is_control() && character != '\n';
    prop_assert!(!plain.contains(reaches_beyond));
    if let Some(width) = terminal.width {
        for line in plain.lines() {
            prop_assert!(line.width() <= width, "{} is wider than {}", line, width);
        }
    }
    Ok(())
}
