//! What happens at the limits, by example.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::{super::store::Medium, model::Small, *};

fn gone(severity: Severity, count: u64) -> Gone {
    Gone { severity, count }
}

#[test]
fn a_sink_that_keeps_up_reads_no_file_and_leaves_none() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    for round in 0..10 {
        backlog.append(vec![
            new(Severity::Low, vec![b'x'; 2000]),
            new(Severity::High, vec![b'y'; 2000]),
        ]);
        assert!(bytes_of_entries(&place.0) > 4000);
        if round == 9 {
            // What it would read is not there.
            for path in place.segments() {
                fs::remove_file(path).unwrap();
            }
        }
        let seen = backlog.peek(10, 1 << 20).unwrap();
        assert_eq!(places(&seen), [2 * round + 1, 2 * round + 2]);
        backlog.acknowledge(2 * round + 2);
        assert!(backlog.is_empty());
        assert_eq!(bytes_of_entries(&place.0), 0);
    }
    assert_eq!(backlog.lost(), []);
}

#[test]
fn what_is_peeked_twice_is_not_copied() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    let document = Bytes::from(vec![b'x'; 100]);
    backlog.append(vec![new(Severity::Low, document.clone())]);
    for _ in 0..2 {
        let seen = backlog.peek(1, 1000).unwrap();
        assert_eq!(seen[0].document.as_ptr(), document.as_ptr());
    }
}

#[test]
fn a_long_backlog_takes_little_memory() {
    let place = Place::new();
    let limits = Limits {
        bytes: 64 << 20,
        memory_bytes: 64 << 10,
    };
    let (mut backlog, _) = place.open(limits);
    let most = limits.memory_bytes + 4 * 2500;
    for round in 0..200_u64 {
        let severity = Severity::ALL[usize::try_from(round % 5).unwrap()];
        let some = (0..20).map(|_| new(severity, vec![b'x'; 2000]));
        assert_eq!(backlog.append(some.collect()).evicted, []);
        assert!(backlog.memory_used() <= most);
    }
    assert!(backlog.bytes() > 7 << 20);
    let mut expected = 1;
    while let Some(last) = {
        let seen = backlog.peek(50, 1 << 20).unwrap();
        assert!(backlog.memory_used() <= most);
        for entry in &seen {
            assert_eq!(entry.place, expected);
            expected += 1;
        }
        seen.last().cloned()
    } {
        backlog.acknowledge(last.place);
        assert!(backlog.memory_used() <= most);
    }
    assert_eq!(expected, 4001);
}

#[test]
fn the_least_severe_go_first_and_new_ones_too() {
    for on_disk in [true, false] {
        let place = Place::new();
        let limits = Limits {
            bytes: 10_000,
            memory_bytes: 1 << 20,
        };
        let mut backlog = if on_disk {
            place.open(limits).0
        } else {
            Backlog::in_memory(limits)
        };
        let one = |severity| vec![new(severity, vec![b'x'; 3000])];
        assert_eq!(backlog.append(one(Severity::Informational)).evicted, []);
        assert_eq!(backlog.append(one(Severity::High)).evicted, []);
        assert_eq!(backlog.append(one(Severity::Medium)).evicted, []);
        let appended = backlog.append(one(Severity::Critical));
        assert_eq!(appended.evicted, [gone(Severity::Informational, 1)]);
        // There is nothing less severe than the new one.
        let appended = backlog.append(one(Severity::Low));
        assert_eq!(appended.evicted, [gone(Severity::Low, 1)]);
        // What is too long costs nobody else anything.
        let appended = backlog.append(vec![new(Severity::Critical, vec![b'x'; 10_000])]);
        assert_eq!(appended.evicted, [gone(Severity::Critical, 1)]);
        assert_eq!(places(&drain(&mut backlog)), [2, 3, 4]);
    }
}

/// A disk with room for so many writes, and a little more.
#[derive(Debug)]
struct Full(u32);

impl Medium for Full {
    fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        if let Some(left) = self.0.checked_sub(1) {
            self.0 = left;
            return file.write_at(bytes, at);
        }
        if at > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_at(&bytes[..bytes.len().min(30)], at)
    }

    fn cut(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

#[test]
fn a_full_disk_is_told_of_and_holds_no_half_records() {
    let place = Place::new();
    let (mut backlog, _) = Backlog::open_with(&place.0, PLENTY, Box::new(Full(0))).unwrap();
    let appended = backlog.append(vec![new(Severity::Low, "x")]);
    let Some(Trouble::Begins(error)) = appended.trouble else {
        panic!("nothing was said");
    };
    assert!(error.to_string().contains("make room"), "{error}");
    assert_eq!(bytes_of_entries(&place.0), 0);
    assert_eq!(places(&drain(&mut backlog)), [1]);
}

#[test]
fn the_last_room_is_for_the_severest() {
    let place = Place::new();
    let (mut backlog, _) = Backlog::open_with(&place.0, PLENTY, Box::new(Full(1))).unwrap();
    let severities = [Severity::Low, Severity::High, Severity::Medium];
    backlog.append(severities.map(|severity| new(severity, "x")).into());
    drop(backlog);
    assert_eq!(places(&drain(&mut place.open(PLENTY).0)), [2]);
}

#[test]
fn on_a_full_disk_the_least_severe_makes_room() {
    let place = Place::new();
    let limits = Limits {
        bytes: 8000,
        memory_bytes: 500,
    };
    let disk = Small {
        directory: place.0.clone(),
        room: Arc::new(4500.into()),
    };
    let (mut backlog, _) = Backlog::open_with(&place.0, limits, Box::new(disk)).unwrap();
    for _ in 0..4 {
        let appended = backlog.append(vec![new(Severity::Low, vec![b'x'; 1000])]);
        assert_eq!(appended.evicted, []);
    }
    let appended = backlog.append(vec![new(Severity::High, vec![b'x'; 1000])]);
    assert_eq!(appended.evicted, [gone(Severity::Low, 1)]);
    assert!(appended.trouble.is_none());
    drop(backlog);
    assert_eq!(places(&drain(&mut place.open(limits).0)), [2, 3, 4, 5]);
}

#[test]
fn what_was_read_ahead_of_a_segment_that_was_emptied_is_forgotten() {
    let place = Place::new();
    let limits = Limits {
        bytes: 4000,
        memory_bytes: 300,
    };
    let (mut backlog, _) = place.open(limits);
    let low = |text: u8| new(Severity::Low, vec![text; 100]);
    backlog.append(vec![low(b'a'), low(b'b'), low(b'c')]);
    assert_eq!(places(&backlog.peek(1, 1000).unwrap()), [1]);
    let appended = backlog.append(vec![new(Severity::High, vec![b'x'; 3500])]);
    assert_eq!(appended.evicted, [gone(Severity::Low, 3)]);
    // These are where the evicted ones were.
    backlog.append(vec![low(b'd')]);
    backlog.append(vec![low(b'e')]);
    let given = drain(&mut backlog);
    assert_eq!(places(&given), [4, 5, 6]);
    assert_eq!(given[2].document, vec![b'e'; 100]);
    assert_eq!(backlog.lost(), []);
}
