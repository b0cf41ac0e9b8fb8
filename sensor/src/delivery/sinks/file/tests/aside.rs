//! What is set aside, compressed and removed.

use std::time::SystemTime;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_file_that_is_full_is_set_aside_and_compressed() {
    let mut bench = Bench::new();
    bench.settings.rotation.bytes_max = Some(6);
    let mut file = bench.open().unwrap();
    // All at one moment: names are told apart all the same, and their order is that of the files.
    send(&mut file, &["aa", "bb", "cc", "longer than that", "d"]);
    assert_eq!(bench.live(), "d\n");
    file.keeper.finish();
    drop(file);
    send(&mut bench.open().unwrap(), &["e"]);
    let mut keeper = bench.open().unwrap();
    keeper.tidy(WallTime(0));
    keeper.keeper.finish();
    assert_eq!(
        bench.names(),
        [
            "events.log",
            "events.log-20261128T034812.123Z.gz",
            "events.log-20261128T034812.124Z.gz",
            "events.log-20261128T034812.125Z.gz",
        ]
    );
    assert_eq!(bench.all(), "aa\nbb\ncc\nlonger than that\nd\ne\n");
}

#[test]
fn a_period_that_is_over_ends_a_file() {
    let mut bench = Bench::new();
    bench.settings.rotation.period = Some(DAY);
    bench.settings.compress = false;
    let mut file = bench.open().unwrap();
    send(&mut file, &["a"]);
    bench.pass(DAY / 24);
    send(&mut file, &["b"]);
    bench.pass(DAY);
    send(&mut file, &["c"]);
    assert_eq!(bench.live(), "c\n");
    drop(file);
    // One that was written to before the sensor was started: years ago.
    File::options()
        .append(true)
        .open(bench.path())
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    bench.pass(DAY / 24);
    send(&mut bench.open().unwrap(), &["d"]);
    assert_eq!(
        bench.names(),
        [
            "events.log",
            "events.log-20261129T044812.123Z",
            "events.log-20261129T054812.123Z",
        ]
    );
    assert_eq!(bench.all(), "a\nb\nc\nd\n");
}

#[test]
fn a_file_that_cannot_be_set_aside_is_written_on() {
    let mut bench = Bench::new();
    bench.settings.rotation.bytes_max = Some(1);
    // Names that are taken, and no files that could be removed.
    let taken = |number: u32| {
        let name = format!("events.log-20261128T034812.{number:03}Z");
        bench.directory.0.join(name)
    };
    for number in 0..1000 {
        fs::create_dir(taken(number)).unwrap();
    }
    bench.clock.fetch_sub(123_000_000, Ordering::Relaxed);
    bench.settings.compress = false;
    let mut file = bench.open().unwrap();
    send(&mut file, &["a"]);
    let receipt = send(&mut file, &["b", "c"]);
    assert!(
        receipt.answer.contains("cannot be set aside"),
        "{receipt:?}"
    );
    assert_eq!(bench.live(), "a\nb\nc\n");
    // It is when it can be.
    fs::remove_dir(taken(7)).unwrap();
    assert_eq!(send(&mut file, &["d"]), sent(bench.path()));
    assert_eq!(bench.live(), "d\n");
    assert_eq!(read(&taken(7)), "a\nb\nc\n");
}

#[test]
fn no_more_are_kept_than_was_asked_for() {
    let mut bench = Bench::new();
    bench.settings.rotation.bytes_max = Some(1);
    bench.settings.retention.count = Some(2);
    let foreign = [
        "events.log-20261128T034812.123Z.gz.old",
        "events.log-2026",
        "events.logs-20261128T034812.123Z",
    ];
    for name in foreign {
        fs::write(bench.directory.0.join(name), "keep").unwrap();
    }
    let mut file = bench.open().unwrap();
    for document in ["a", "b", "c", "d", "e"] {
        bench.pass(Duration::from_secs(1));
        send(&mut file, &[document]);
    }
    file.tidy(WallTime(0));
    file.keeper.finish();
    tidy(&bench);
    let names: Vec<_> = bench.names();
    let ours: Vec<_> = names
        .iter()
        .filter(|name| !foreign.contains(&name.as_str()))
        .collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    assert_eq!(names.len(), 6, "{names:?}");
    assert_eq!(read(&bench.directory.0.join(ours[1])), "c\n");
    assert_eq!(read(&bench.directory.0.join(ours[2])), "d\n");
}

/// Has everything done that is to be done about what was set aside.
fn tidy(bench: &Bench) {
    let mut file = bench.open().unwrap();
    file.keeper.finish();
}

#[test]
fn what_is_old_is_removed() {
    let mut bench = Bench::new();
    bench.settings.retention.age = Some(DAY);
    let old = bench.directory.0.join("events.log-20200101T000000.000Z");
    let young = bench.directory.0.join("events.log-20200101T000000.001Z");
    for path in [&old, &young] {
        fs::write(path, "a\n").unwrap();
    }
    let ago = |path: &Path, age: Duration| {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    ago(&old, DAY * 2);
    ago(&young, DAY / 2);
    tidy(&bench);
    let compressed = PathBuf::from(format!("{}.gz", young.display()));
    assert_eq!(read(&compressed), "a\n");
    assert!(!old.exists() && !young.exists());
    // A compressed file is as old as what is in it.
    let age = fs::metadata(&compressed)
        .unwrap()
        .modified()
        .unwrap()
        .elapsed();
    assert!(age.unwrap() > DAY / 3);
}

#[test]
fn what_an_earlier_run_left_half_done_is_finished() {
    let bench = Bench::new();
    let at = |end: &str| bench.directory.0.join(format!("events.log-{end}"));
    fs::write(at("20200101T000000.000Z"), "a\n").unwrap();
    fs::write(at("20200101T000000.000Z.gz.part"), "half").unwrap();
    // Compressed, and not yet removed.
    fs::write(at("20200101T000000.001Z"), "b\n").unwrap();
    fs::write(at("20200101T000000.001Z.gz"), "b, compressed").unwrap();
    tidy(&bench);
    assert_eq!(
        bench.names(),
        [
            "events.log",
            "events.log-20200101T000000.000Z.gz",
            "events.log-20200101T000000.001Z.gz",
        ]
    );
    assert_eq!(read(&at("20200101T000000.000Z.gz")), "a\n");
    let whole = fs::read_to_string(at("20200101T000000.001Z.gz")).unwrap();
    assert_eq!(whole, "b, compressed");
}

#[test]
fn a_file_behind_a_link_is_set_aside_where_it_is() {
    let mut bench = Bench::new();
    bench.settings.rotation.bytes_max = Some(1);
    bench.settings.compress = false;
    let folder = bench.directory.0.join("disk");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "").unwrap();
    std::os::unix::fs::symlink(folder.join("file"), bench.path()).unwrap();
    let mut file = bench.open().unwrap();
    send(&mut file, &["a"]);
    assert_eq!(read(&folder.join("file")), "a\n");
    // The link names nothing for a moment.
    send(&mut file, &["b"]);
    assert_eq!(bench.live(), "b\n");
    assert_eq!(read(&folder.join("file-20261128T034812.123Z")), "a\n");
}
