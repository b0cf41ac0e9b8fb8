//! What is remembered, and what is forgotten first.

use proptest::prelude::*;
use sensor_common::record::Ring;

use super::*;
use crate::event::{Actor, CgroupId, Exit, ExitStatus, Origin, Tid};

fn id(tgid: u32, start: u64) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(start),
    }
}

fn event(time: u64, actor: ProcessId, body: Body) -> Event {
    Event {
        origin: Origin {
            cpu: 0,
            ring: Ring::Bulk,
            sequence: 0,
            time: BootTime(time),
        },
        actor: Some(Actor {
            id: actor,
            tid: Tid(actor.tgid.0),
            uid: 0,
            cgroup: CgroupId(1),
            credentials_digest: 0,
            io_worker: false,
        }),
        body,
    }
}

fn fork(time: u64, parent: ProcessId, child: ProcessId) -> Event {
    let fork = Fork {
        child,
        parent,
        namespace_pid: child.tgid,
    };
    event(time, parent, Body::Fork(fork))
}

fn exit(time: u64, process: ProcessId) -> Event {
    let status = ExitStatus::Code(0);
    event(time, process, Body::Exit(Exit { status }))
}

fn table(limit: usize) -> Table {
    Table::new(BootId::parse("0123456789abcdef").unwrap(), limit, 4)
}

#[test]
fn a_child_has_its_callers_image_until_it_execs() {
    let mut table = table(10);
    let mut init = Process::unknown(table.boot, id(1, 0));
    init.image = Some(Arc::new(Image {
        name: "init".into(),
        ..Image::default()
    }));
    table.add(init);
    table.observe(&fork(50, id(1, 0), id(2, 50)));
    let child = table.get(id(2, 50)).unwrap();
    assert_eq!(child.image.as_ref().unwrap().name, "init");
    assert_eq!(child.parent, Some(id(1, 0)));
    assert_eq!(child.entity_id.as_str(), "0123456789abcdef-2-0");
}

#[test]
fn an_id_that_is_used_again_is_another_process() {
    let mut table = table(10);
    table.observe(&fork(100, id(1, 0), id(7, 100)));
    table.observe(&exit(200, id(7, 100)));
    table.observe(&fork(300, id(1, 0), id(7, 300)));
    let first = table.get(id(7, 100)).unwrap();
    let second = table.get(id(7, 300)).unwrap();
    assert!(first.ended.is_some() && second.ended.is_none());
    assert_ne!(first.entity_id, second.entity_id);
}

#[test]
fn an_exact_start_finds_what_proc_told() {
    let mut table = table(10);
    table.add(Process::unknown(table.boot, id(5, 30_000_000)));
    assert!(table.get(id(5, 31_234_567)).is_some());
    assert!(table.get(id(5, 41_234_567)).is_none());
    table.observe(&exit(50_000_000, id(5, 31_234_567)));
    assert!(table.get(id(5, 30_000_000)).unwrap().ended.is_some());
    assert_eq!(table.len(), 1);
}

#[test]
fn ended_processes_are_forgotten_after_a_while() {
    let mut table = table(10);
    table.observe(&fork(1, id(1, 0), id(2, 1)));
    table.observe(&exit(2, id(2, 1)));
    table.observe(&exit(3, id(1, 0)));
    assert_eq!(table.len(), 2);
    table.observe(&fork(
        REMEMBERED_NANOSECONDS + 10,
        id(8, 1),
        id(9, REMEMBERED_NANOSECONDS + 10),
    ));
    assert!(table.get(id(2, 1)).is_none() && table.get(id(1, 0)).is_none());
    assert_eq!(table.len(), 2);
}

#[test]
fn at_the_limit_the_ended_go_first() {
    let mut table = table(3);
    table.observe(&fork(1, id(1, 0), id(2, 1)));
    table.observe(&fork(2, id(1, 0), id(3, 2)));
    table.observe(&exit(3, id(2, 1)));
    table.observe(&fork(4, id(1, 0), id(4, 4)));
    assert!(table.get(id(2, 1)).is_none());
    assert_eq!(table.evicted(), 0);
    table.observe(&fork(5, id(1, 0), id(5, 5)));
    assert_eq!(table.evicted(), 1);
    assert_eq!(table.len(), 3);
}

#[test]
fn keeps_a_bounded_part_of_the_arguments() {
    assert_eq!(kept_arguments(b"a\0\0b c\0"), ["a", "", "b c"]);
    assert!(kept_arguments(b"").is_empty());
    assert_eq!(kept_arguments(b"\0"), [""]);
    let long = kept_arguments(&[b'x'; 5000]);
    assert_eq!(long.concat().len(), ARGUMENT_BYTES_KEPT);
}

proptest! {
    /// Whatever happens in whatever order, the table stays within its limit, and every process
    /// that is found is the one that was asked for.
    #[test]
    fn stays_consistent(steps in proptest::collection::vec((0u8..3, 1u32..6, 0u64..40), 1..300)) {
        let mut table = table(8);
        let mut now = 0;
        for (step, tgid, start) in steps {
            now += 1_000_000_000;
            let process = id(tgid, start * 3_000_001);
            match step {
                0 => table.observe(&fork(now, id(tgid % 3 + 1, 0), process)),
                1 => table.observe(&exit(now, process)),
                _ => table.add(Process::unknown(table.boot, id(tgid, start * START_TICK_NANOSECONDS))),
            }
            prop_assert!(table.len() <= 8);
            let live = table.places.iter().flatten().count();
            prop_assert_eq!(live, table.len());
            if let Some(found) = table.get(process) {
                prop_assert!(is_same(found.id.start, process.start));
            }
            // Every place can be found through its id.
            for place in table.places.iter().flatten() {
                prop_assert!(table.get(place.process.id).is_some());
            }
        }
    }
}
