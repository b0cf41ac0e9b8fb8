//! What becomes of events that come too late, and of what was not found out.

use std::sync::{Arc, Mutex};

use sensor_common::{
    exec::Exit,
    network::{AF_INET, Connection, Endpoints},
    record::{Header, Kind, Text},
};
use serde_json::Value;
use zerocopy::{FromZeros, IntoBytes};

use super::*;
use crate::{
    enrich::Enrichment,
    event::interpret::{Commits, Premises},
    host::Host,
    output::{FormatChoice, Terminal, format, lines::Lines},
};

/// An output that keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, documents: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(documents);
        Ok(documents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn documents(&self) -> Vec<Value> {
        let written = self.0.lock().unwrap();
        let lines = written.split_inclusive(|byte| *byte == b'\n');
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

fn pipeline(output: Kept) -> Pipeline<Lines<Kept>> {
    let host = Host::here();
    let setup = Setup {
        boot: host.boot(),
        processes: 16,
        cgroups: 16,
        detection: Detection::none(),
        own: None,
        interpreter: Interpreter::new(Premises {
            commits: Commits::Seen,
            newest_program: 0,
            own: None,
        }),
        sources: None,
        recorder: None,
        enrichment: Enrichment::new(None),
        patience: None,
    };
    let format = format(FormatChoice::Json, &host, Terminal::default());
    Pipeline::new(setup, Lines::new(format, output))
}

/// A process's end, at this time.
fn exit(time: u64) -> Bytes {
    let record = Exit {
        header: Header {
            length: u32::try_from(size_of::<Exit>()).unwrap(),
            kind: Kind::Exit as u8,
            ring: Kind::Exit.ring() as u8,
            flags: 0,
            sequence: time,
            time,
            cpu: 0,
            tid: 7,
            tgid: 7,
            uid: 0,
            start: 1,
            cgroup: 1,
            credentials: 0,
        },
        status: 0,
        reserved: 0,
    };
    Bytes::copy_from_slice(record.as_bytes())
}

#[test]
fn late_events_are_marked_and_counted() {
    let kept = Kept::default();
    let mut pipeline = pipeline(kept.clone());
    for (time, complete_until) in [(20, 30), (10, 30), (35, 40), (34, 40)] {
        pipeline.push(exit(time));
        pipeline.complete_until(BootTime(complete_until)).unwrap();
    }
    let mut counted = Counted::default();
    counted.seen.insert(Kind::Exit, 4);
    let totals = pipeline.end(counted, BootTime(50)).unwrap();
    assert_eq!(totals.late, 2);

    let documents = kept.documents();
    let of_record = |name: &str| -> Vec<Option<Value>> {
        let records = documents.iter().map(|document| document.get("sensor"));
        records
            .filter_map(|sensor| sensor?.get("record"))
            .map(|record| record.get(name).cloned())
            .collect()
    };
    let times = [20, 10, 35, 34].map(|time| Some(Value::from(time)));
    assert_eq!(of_record("boot_time"), times);
    let late = || Some(Value::Bool(true));
    assert_eq!(of_record("late"), [None, late(), None, late()]);
    let stop = documents.last().unwrap();
    assert_eq!(stop.pointer("/sensor/totals/late"), Some(&2.into()));
}

#[test]
fn what_was_not_found_out_is_counted_in_a_replay_too() {
    let kept = Kept::default();
    let mut pipeline = pipeline(kept.clone());
    pipeline.learn(Fact::Unanswered([("hash_gone".to_owned(), 3)].into()));
    pipeline.end(Counted::default(), BootTime(50)).unwrap();
    let documents = kept.documents();
    let stop = documents.last().unwrap();
    let gone = stop.pointer("/sensor/totals/degraded/hash_gone");
    assert_eq!(gone, Some(&3.into()));
}

/// A listening socket of a process.
fn listen(tgid: u32, time: u64) -> Bytes {
    let record = Connection {
        header: Header {
            length: u32::try_from(size_of::<Connection>()).unwrap(),
            kind: Kind::Listen as u8,
            ring: Kind::Listen.ring() as u8,
            flags: 0,
            sequence: time,
            time,
            cpu: 0,
            tid: tgid,
            tgid,
            uid: 0,
            start: 1,
            cgroup: 1,
            credentials: 0,
        },
        endpoints: Endpoints {
            family: AF_INET,
            ..Endpoints::new_zeroed()
        },
        network_namespace: 1,
        socket_type: 1,
        backlog: 5,
        reserved: 0,
        path: Text::new_zeroed(),
    };
    Bytes::copy_from_slice(record.as_bytes())
}

#[test]
fn the_sensors_own_connections_are_counted_and_not_told() {
    let kept = Kept::default();
    let mut pipeline = pipeline(kept.clone());
    pipeline.own = Some(Tgid(7));
    pipeline.push(listen(7, 10));
    pipeline.push(listen(8, 11));
    // Its end is an event: only connections are left out.
    pipeline.push(exit(12));
    let mut totals = Counted::default();
    totals.seen.insert(Kind::Listen, 2);
    totals.seen.insert(Kind::Exit, 1);
    let totals = pipeline.end(totals, BootTime(13)).unwrap();
    let codes: Vec<String> = kept
        .documents()
        .iter()
        .map(|document| document["event"]["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["listen", "exit", "sensor_stop"]);
    let listen = totals
        .kinds
        .iter()
        .find(|kind| kind.code == "listen")
        .unwrap();
    assert_eq!((listen.seen, listen.delivered, listen.own), (2, 1, 1));
    assert!(listen.lost.is_empty());
}
