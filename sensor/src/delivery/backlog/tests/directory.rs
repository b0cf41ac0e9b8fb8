//! The directory: who may have it, and what else may be in it.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

#[test]
fn only_one_has_it() {
    let place = Place::new();
    let first = place.open(PLENTY);
    let told = Backlog::open(&place.0, PLENTY).unwrap_err();
    assert!(matches!(told, BacklogError::InUse(_)));
    assert!(told.to_string().contains(&place.0.display().to_string()));
    drop(first);
    place.open(PLENTY);
}

#[test]
fn nobody_else_can_read_it() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    backlog.append(vec![new(Severity::Low, "secret")]);
    backlog.acknowledge(0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.0), 0o700);
    let mut files = 0;
    for file in fs::read_dir(&place.0).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 3);
}

#[test]
fn what_is_somebody_elses_is_left_alone_and_named() {
    let place = Place::new();
    let outside = Place::new();
    fs::create_dir(&place.0).unwrap();
    fs::write(&outside.0, "precious").unwrap();
    let link = place.0.join("low-0000000000000001.segment");
    symlink(&outside.0, &link).unwrap();
    fs::hard_link(&outside.0, place.0.join("low-0000000000000002.segment")).unwrap();
    fs::create_dir(place.0.join("high-0000000000000003.segment")).unwrap();
    fs::write(place.0.join("notes.txt"), "mine").unwrap();
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!(recovery.left_count, 4);
    let whys: Vec<_> = recovery.left.iter().map(|left| &left.why[..]).collect();
    for why in [
        "symbolic link",
        "hard link",
        "regular file",
        "none of a backlog's",
    ] {
        assert!(whys.iter().any(|each| each.contains(why)), "{whys:?}");
    }
    backlog.append(vec![new(Severity::Low, "x"), new(Severity::High, "y")]);
    assert_eq!(drain(&mut backlog).len(), 2);
    assert_eq!(fs::read(&outside.0).unwrap(), b"precious");
    assert_eq!(fs::read(place.0.join("notes.txt")).unwrap(), b"mine");
    drop(backlog);
    fs::remove_file(place.0.join("acknowledged")).unwrap();
    symlink(&outside.0, place.0.join("acknowledged")).unwrap();
    let told = Backlog::open(&place.0, PLENTY).unwrap_err().to_string();
    assert!(
        told.contains("acknowledged: it is a symbolic link"),
        "{told}"
    );
    fs::remove_file(&outside.0).unwrap();
}

#[test]
fn a_copy_of_a_segment_is_not_sent_twice() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    backlog.append(vec![new(Severity::Low, "x"), new(Severity::Low, "y")]);
    drop(backlog);
    let path = &place.segments()[0];
    fs::copy(path, place.0.join("low-00000000000000ff.segment")).unwrap();
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!((recovery.entries, recovery.left_count), (2, 1));
    assert_eq!(drain(&mut backlog).len(), 2);
}

#[test]
fn what_a_later_sensor_wrote_is_delivered_all_the_same() {
    for code in ["x", "of_a_later_sensor"] {
        let place = Place::new();
        let limits = Limits {
            memory_bytes: 0,
            ..PLENTY
        };
        let (mut backlog, _) = place.open(limits);
        for number in 0..5 {
            let mut new = new(Severity::Low, format!("document {number}"));
            let mut facts = Facts::clone(&new.facts);
            facts.topic = Topic::Sensor(code);
            new.facts = Arc::new(facts);
            backlog.append(vec![new]);
        }
        drop(backlog);
        let (mut backlog, recovery) = place.open(limits);
        assert_eq!(recovery.entries, 5);
        let given = drain(&mut backlog);
        assert_eq!(places(&given), [1, 2, 3, 4, 5]);
        assert_eq!(backlog.lost(), []);
        for entry in given {
            assert_eq!(entry.facts.topic, Topic::Sensor("unknown"));
        }
    }
}

#[test]
fn a_segment_in_a_later_format_is_left_alone() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    backlog.append(vec![new(Severity::Low, "x")]);
    drop(backlog);
    let path = &place.segments()[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[8] = 2;
    let checksum = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, &bytes).unwrap();
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!((recovery.entries, recovery.left_count), (0, 1));
    assert!(recovery.left[0].why.contains("version 2"), "{recovery:?}");
    assert_eq!(backlog.append(vec![new(Severity::Low, "y")]).evicted, []);
    assert_eq!(drain(&mut backlog)[0].document, "y");
    assert_eq!(fs::read(path).unwrap(), bytes);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(&place.0, "").unwrap();
    let told = Backlog::open(&place.0, PLENTY).unwrap_err().to_string();
    assert!(told.contains(&place.0.display().to_string()), "{told}");
    fs::remove_file(&place.0).unwrap();
}

#[test]
fn places_go_on_after_all_was_delivered() {
    let place = Place::new();
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!(recovery, Recovery::default());
    backlog.append(vec![new(Severity::Low, "x"), new(Severity::High, "y")]);
    assert_eq!(places(&drain(&mut backlog)), [1, 2]);
    backlog.sync().unwrap();
    drop(backlog);
    let (mut backlog, recovery) = place.open(PLENTY);
    assert_eq!(recovery, Recovery::default());
    assert_eq!(place.segments(), [] as [PathBuf; 0]);
    assert_eq!(backlog.append(vec![new(Severity::Low, "z")]).places, 3..4);
    backlog.sync().unwrap();
}

#[test]
fn a_lower_limit_evicts_at_once() {
    let place = Place::new();
    let (mut backlog, _) = place.open(PLENTY);
    backlog.append(vec![new(Severity::High, vec![b'x'; 700])]);
    backlog.append(vec![new(Severity::Low, vec![b'x'; 700])]);
    drop(backlog);
    let limits = Limits {
        bytes: 1000,
        ..PLENTY
    };
    let (mut backlog, recovery) = place.open(limits);
    let gone = Gone {
        severity: Severity::Low,
        count: 1,
    };
    assert_eq!(recovery.evicted, [gone]);
    assert_eq!(places(&drain(&mut backlog)), [1]);
}
