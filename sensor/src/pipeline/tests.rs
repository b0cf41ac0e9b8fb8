//! What becomes of events that come too late, and of what was not found out.

use std::sync::{Arc, Mutex};

use sensor_common::{
    exec::Exit,
    record::{Header, Kind},
};
use serde_json::Value;
use zerocopy::IntoBytes;

use super::*;
use crate::{
    enrich::Enrichment,
    event::interpret::{Commits, Premises},
    host::Host,
    output::{FormatChoice, Terminal, format},
};

/// An output that keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Output for Kept {
    fn write(&mut self, documents: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(documents);
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

fn pipeline(output: Kept) -> Pipeline<Kept> {
    let host = Host::here();
    let setup = Setup {
        boot: host.boot(),
        processes: 16,
        cgroups: 16,
        interpreter: Interpreter::new(Premises {
            commits: Commits::Seen,
            newest_program: 0,
        }),
        format: format(FormatChoice::Json, &host, Terminal::default()),
        sources: None,
        recorder: None,
        enrichment: Enrichment::new(None),
        patience: None,
    };
    Pipeline::new(setup, output)
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
