//! A disk that takes nothing, for other reasons than room.

use std::{fs::File, io, os::unix::fs::FileExt as _, sync::atomic::AtomicBool};

use super::{super::store::Medium, *};

/// A disk that can be broken.
#[derive(Debug)]
struct Broken {
    is_broken: Arc<AtomicBool>,
    /// Whether not even what was begun can be taken back.
    keeps_half: bool,
}

impl Medium for Broken {
    fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        if self.is_broken.load(Ordering::Relaxed) {
            file.write_at(&bytes[..bytes.len() / 2], at)?;
            return Err(io::Error::from_raw_os_error(5));
        }
        file.write_at(bytes, at)
    }

    fn cut(&mut self, file: &File, length: u64) -> io::Result<()> {
        if self.keeps_half && self.is_broken.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        file.set_len(length)
    }
}

fn broken(place: &Place, keeps_half: bool, limits: Limits) -> (Backlog, Arc<AtomicBool>) {
    let is_broken = Arc::new(AtomicBool::new(false));
    let disk = Broken {
        is_broken: is_broken.clone(),
        keeps_half,
    };
    let (backlog, _) = Backlog::open_with(&place.0, limits, Box::new(disk)).unwrap();
    (backlog, is_broken)
}

#[test]
fn trouble_is_told_once_and_all_is_written_in_order_after_it() {
    for keeps_half in [false, true] {
        let place = Place::new();
        let (mut backlog, is_broken) = broken(&place, keeps_half, PLENTY);
        let some = |number: u64| {
            vec![
                new(Severity::Low, format!("low {number}")),
                new(Severity::High, format!("high {number}")),
            ]
        };
        assert!(backlog.append(some(0)).trouble.is_none());
        is_broken.store(true, Ordering::Relaxed);
        let Some(Trouble::Begins(error)) = backlog.append(some(1)).trouble else {
            panic!("nothing was said");
        };
        let told = error.to_string();
        assert!(told.contains(&place.0.display().to_string()), "{told}");
        assert!(backlog.append(some(2)).trouble.is_none());
        backlog.sync().unwrap_err();
        // It is there for the sink all the same.
        let seen = backlog.peek(100, 1 << 20).unwrap();
        assert_eq!(places(&seen), [1, 2, 3, 4, 5, 6]);
        is_broken.store(false, Ordering::Relaxed);
        let after = backlog.append(some(3));
        assert!(matches!(after.trouble, Some(Trouble::Ends)));
        assert!(backlog.append(vec![]).trouble.is_none());
        let seen = backlog.peek(100, 1 << 20).unwrap();
        drop(backlog);
        let (mut backlog, recovery) = place.open(PLENTY);
        assert_eq!(recovery.entries, 8);
        assert_eq!(recovery.damaged > 0, keeps_half);
        assert_eq!(drain(&mut backlog), seen);
    }
}

#[test]
fn in_memory_the_oldest_of_the_least_severe_goes_and_what_is_on_disk_stays() {
    let place = Place::new();
    let limits = Limits {
        memory_bytes: 2000,
        ..PLENTY
    };
    let (mut backlog, is_broken) = broken(&place, false, limits);
    backlog.append(vec![new(Severity::Informational, vec![b'd'; 900])]);
    is_broken.store(true, Ordering::Relaxed);
    let mut gone = 0;
    let order = [Severity::High, Severity::Low, Severity::Low, Severity::Low];
    for severity in order {
        for each in backlog.append(vec![new(severity, vec![b'm'; 500])]).evicted {
            assert_eq!(each.severity, Severity::Low);
            gone += each.count;
        }
        assert!(backlog.memory_used() <= 2000);
    }
    assert!(gone > 0);
    assert_eq!(backlog.len(), 5 - gone);
    is_broken.store(false, Ordering::Relaxed);
    let given = places(&drain(&mut backlog));
    assert_eq!(given.first_chunk(), Some(&[1, 2]));
    assert_eq!(given.last(), Some(&5));
}

#[test]
fn a_directory_that_was_removed_is_a_disk_that_fails() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    fs::remove_dir_all(&place.0).unwrap();
    let appended = backlog.append(vec![new(Severity::Low, "x")]);
    assert!(matches!(appended.trouble, Some(Trouble::Begins(_))));
    assert_eq!(places(&drain(&mut backlog)), [1]);
}

#[test]
fn what_a_broken_disk_did_not_take_is_counted_when_it_is_dropped() {
    let place = Place::new();
    let (mut backlog, is_broken) = broken(&place, false, PLENTY);
    backlog.append(vec![new(Severity::Low, "on disk".to_owned())]);
    is_broken.store(true, Ordering::Relaxed);
    let lost = || new(Severity::High, "in memory".to_owned());
    backlog.append(vec![lost(), lost()]);
    let dropped = backlog.drop_unwritten();
    assert_eq!(
        dropped,
        [Gone {
            severity: Severity::High,
            count: 2
        }]
    );
    assert_eq!(backlog.len(), 1);
    drop(backlog);
    let (backlog, _) = place.open(PLENTY);
    assert_eq!(backlog.len(), 1);
}
