//! Of what is damaged the rest lives, and it is counted.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    memory_bytes: 500,
};

/// A directory with entries in several segments.
fn filled() -> (Place, Vec<Entry>) {
    let place = Place::new();
    let (mut backlog, _) = place.open(LIMITS);
    for number in 0..40_u64 {
        let severity = Severity::ALL[usize::try_from(number % 5).unwrap()];
        backlog.append(vec![new(severity, format!("document {number}"))]);
    }
    backlog.acknowledge(3);
    let (mut again, _) = {
        drop(backlog);
        place.open(LIMITS)
    };
    let all = drain_copy(&mut again, &place);
    (place, all)
}

/// What is in it, without taking it out.
fn drain_copy(backlog: &mut Backlog, place: &Place) -> Vec<Entry> {
    let copy = Place::new();
    fs::create_dir(&copy.0).unwrap();
    for file in fs::read_dir(&place.0).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.0.join(file.file_name())).unwrap();
    }
    let all = drain(&mut copy.open(LIMITS).0);
    assert_eq!(backlog.len(), all.len() as u64);
    all
}

/// The files that are not empty.
fn files(place: &Place) -> Vec<PathBuf> {
    let mut files = place.segments();
    files.push(place.0.join("acknowledged"));
    files
}

/// What is given is what was written, in order.
fn check_order(given: &[Entry], written: &[Entry]) {
    let mut rest = written.iter();
    for entry in given {
        assert!(
            entry.place <= 3 || rest.any(|each| each == entry),
            "{entry:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_bytes_cost_their_records(
        changes in vec((any::<Index>(), any::<Index>(), 1..=u8::MAX), 1..5),
        at_once: bool,
    ) {
        let (place, written) = filled();
        // They change before it is opened, or after it was found whole.
        let opened = (!at_once).then(|| place.open(LIMITS));
        for (file, at, by) in &changes {
            let files = files(&place);
            let path = &files[file.index(files.len())];
            let mut bytes = fs::read(path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            fs::write(path, bytes).unwrap();
        }
        let (mut backlog, recovery) = opened.unwrap_or_else(|| place.open(LIMITS));
        let given = drain(&mut backlog);
        check_order(&given, &written);
        let missing = written.iter().filter(|entry| !given.contains(entry)).count();
        prop_assert!(missing <= changes.len(), "{missing} are missing");
        let lost: u64 = backlog.lost().iter().map(|gone| gone.count).sum();
        if at_once {
            prop_assert!(missing == 0 || recovery.damaged > 0, "{recovery:?}");
            prop_assert_eq!(lost, 0);
        } else {
            prop_assert_eq!(lost, missing as u64);
        }
        prop_assert!(backlog.is_empty());
    }

    #[test]
    fn bytes_that_are_missing_or_too_many_are_passed_over(
        file: Index,
        at: Index,
        missing in 0_usize..300,
        more in vec(any::<u8>(), 0..300),
    ) {
        let (place, written) = filled();
        let files = files(&place);
        let path = &files[file.index(files.len())];
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        let end = (at + missing).min(bytes.len());
        bytes.splice(at..end, more.clone());
        fs::write(path, &bytes).unwrap();
        let (mut backlog, _) = place.open(LIMITS);
        let given = drain(&mut backlog);
        check_order(&given, &written);
        let lost = written.len() - given.iter().filter(|entry| entry.place > 3).count();
        // A record is longer than 60 bytes.
        prop_assert!(lost <= missing / 60 + 2, "{lost} are missing");
    }

    #[test]
    fn any_bytes_are_a_segment_or_left_alone(bytes in vec(any::<u8>(), 0..300)) {
        let place = Place::new();
        fs::create_dir(&place.0).unwrap();
        let path = place.0.join("low-0000000000000005.segment");
        fs::write(&path, &bytes).unwrap();
        fs::write(place.0.join("acknowledged"), &bytes).unwrap();
        let (mut backlog, recovery) = place.open(PLENTY);
        prop_assert!(backlog.is_empty());
        prop_assert_eq!(path.exists(), recovery.left_count == 1);
        prop_assert_eq!(backlog.append(vec![new(Severity::Low, "x")]).evicted, []);
        prop_assert_eq!(drain(&mut backlog).len(), 1);
    }
}

#[test]
fn many_markers_that_are_none_are_passed_over_quickly() {
    let (place, written) = filled();
    let path = &place.segments()[0];
    let mut bytes = fs::read(path).unwrap();
    bytes.splice(16..16, vec![0xff; 4 << 20]);
    fs::write(path, bytes).unwrap();
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!(recovery.damaged, 1);
    assert_eq!(drain(&mut backlog), written);
}

#[test]
fn of_what_was_acknowledged_at_most_the_last_is_forgotten() {
    for slot in [0, 1] {
        let place = Place::new();
        let (mut backlog, _) = place.open(PLENTY);
        backlog.append((0..5).map(|_| new(Severity::Low, "x")).collect());
        backlog.acknowledge(1);
        backlog.acknowledge(2);
        drop(backlog);
        // The next run goes on with the slot whose turn it is.
        let (mut backlog, _) = place.open(PLENTY);
        backlog.acknowledge(3);
        backlog.acknowledge(4);
        drop(backlog);
        let path = place.0.join("acknowledged");
        let mut bytes = fs::read(&path).unwrap();
        bytes[slot * 16 + 5] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (mut backlog, recovery) = place.open(PLENTY);
        assert_eq!(recovery.damaged, 1);
        let given = places(&drain(&mut backlog));
        assert!(given == [4, 5] || given == [5], "{given:?}");
    }
}

#[test]
fn segments_that_are_taken_away_are_counted() {
    let (place, written) = filled();
    let (mut backlog, _) = place.open(LIMITS);
    for path in place.segments() {
        fs::remove_file(path).unwrap();
    }
    let given = drain(&mut backlog);
    let lost: u64 = backlog.lost().iter().map(|gone| gone.count).sum();
    assert!(given.len() < written.len());
    assert_eq!(given.len() as u64 + lost, written.len() as u64);
    assert!(backlog.is_empty());
}
