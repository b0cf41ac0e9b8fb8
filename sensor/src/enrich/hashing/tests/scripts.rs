use super::*;

#[test]
fn a_script_is_told_with_its_key() {
    let directory = Directory::new("script");
    let path = directory.write("script", b"#!/bin/sh\n");
    settle();
    let mut worker = Alone::new(&Settings::default());
    let answer = worker.script(script(&path));
    assert_eq!(answer.found, Found::Script(Some(key(&path))));
    let expected = told(digest(b"#!/bin/sh\n"), Evidence::Unchanged);
    assert_eq!(answer.outcome, expected);
    assert_eq!(answer.bytes_read, 10);
    // Known by now.
    let answer = worker.script(script(&path));
    assert_eq!(answer.outcome, expected);
    assert_eq!(answer.bytes_read, 0);
    // Through another process.
    let mut request = script(&path);
    request.reading.process = ended();
    let answer = worker.script(request);
    let expected = told(digest(b"#!/bin/sh\n"), Evidence::LookedUp);
    assert_eq!(answer.outcome, expected);
}

#[test]
fn a_script_that_was_changed_after_the_exec_is_not_told() {
    let directory = Directory::new("newer");
    let path = directory.write("script", b"#!/bin/sh\n");
    let mut request = script(&path);
    request.reading.executed = WallTime(key(&path).changed.wall_time().0 - 1);
    let mut worker = Alone::new(&Settings::default());
    let answer = worker.script(request.clone());
    assert_eq!(answer.outcome, Outcome::Missing(Missing::Replaced));
    assert_eq!(answer.found, Found::Script(None));
    // In the same moment: perhaps before it, perhaps not.
    request.reading.executed.0 += 1;
    let answer = worker.script(request);
    let Outcome::Sha256 { evidence, .. } = answer.outcome else {
        panic!("{answer:?}");
    };
    assert_eq!(evidence, Evidence::Young);
}

#[test]
fn what_is_no_file_neither_blocks_nor_is_read() {
    let directory = Directory::new("special");
    let fifo = directory.path("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let link = directory.path("link");
    symlink("/dev/zero", &link).unwrap();
    let mut worker = Alone::new(&Settings::default());
    for path in [&fifo, &link, &directory.0, Path::new("/proc/version")] {
        let answer = worker.script(script(path));
        let expected = Outcome::Missing(Missing::NotRegular);
        assert_eq!(answer.outcome, expected, "{path:?}");
        let outcome = ask(executable(key(path), path, ended())).outcome;
        assert_eq!(outcome, expected, "{path:?}");
    }
    let answer = worker.script(script(Path::new("/proc/self/exe")));
    let expected = Missing::Unreadable(rustix::io::Errno::LOOP.raw_os_error());
    assert_eq!(answer.outcome, Outcome::Missing(expected));
}
