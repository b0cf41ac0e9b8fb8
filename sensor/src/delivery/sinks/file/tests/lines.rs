//! What is written to, and that lines are whole.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{
    super::append::{Outcome, Storage, append},
    *,
};

#[test]
fn lines_are_appended() {
    let bench = Bench::new();
    fs::write(bench.path(), "old\n").unwrap();
    let mut file = bench.open().unwrap();
    assert_eq!(send(&mut file, &["a", "b"]), sent(bench.path()));
    assert_eq!(send(&mut file, &["c"]), sent(bench.path()));
    assert_eq!(bench.live(), "old\na\nb\nc\n");
}

#[test]
fn a_file_has_the_permissions_that_were_asked_for() {
    let mut bench = Bench::new();
    bench.settings.mode = 0o664;
    bench.settings.synchronise = true;
    send(&mut bench.open().unwrap(), &["a"]);
    let mode = |bench: &Bench| fs::metadata(bench.path()).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&bench), 0o664);
    // Those of a file that is there are somebody's choice.
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o600)).unwrap();
    send(&mut bench.open().unwrap(), &["b"]);
    assert_eq!(mode(&bench), 0o600);
    assert_eq!(bench.live(), "a\nb\n");
}

#[test]
fn a_line_that_a_crash_tore_is_ended() {
    let bench = Bench::new();
    fs::write(bench.path(), "whole\nhal").unwrap();
    send(&mut bench.open().unwrap(), &["a"]);
    assert_eq!(bench.live(), "whole\nhal\na\n");
}

#[test]
fn a_file_that_was_moved_or_removed_is_made_anew() {
    let bench = Bench::new();
    let mut file = bench.open().unwrap();
    let moved = bench.directory.0.join("moved");
    send(&mut file, &["a"]);
    fs::rename(bench.path(), &moved).unwrap();
    send(&mut file, &["b"]);
    fs::remove_file(bench.path()).unwrap();
    send(&mut file, &["c"]);
    assert_eq!((read(&moved), bench.live()), ("a\n".into(), "c\n".into()));
    // As `copytruncate` does it.
    fs::write(bench.path(), "").unwrap();
    send(&mut file, &["d"]);
    assert_eq!(bench.live(), "d\n");
    file.reopen();
    send(&mut file, &["e"]);
    assert_eq!(bench.live(), "d\ne\n");
}

#[test]
fn errors_say_what_to_do() {
    let mut bench = Bench::new();
    let error = |bench: &Bench| bench.open().err().unwrap().to_string();
    bench.settings.path = bench.directory.0.join("none/events.log");
    assert!(error(&bench).contains("make the folder"));
    bench.settings.path = bench.directory.0.clone();
    assert!(error(&bench).contains("name a file in it"));
    bench.settings.path = "/dev/full".into();
    assert!(error(&bench).contains("allow it with `special`"));
    bench.settings.path = bench.directory.0.join("link");
    symlink("nothing", bench.path()).unwrap();
    assert!(error(&bench).contains("what the link names"));
}

#[test]
fn a_folder_that_goes_is_told_and_one_that_comes_is_used() {
    let mut bench = Bench::new();
    let folder = bench.directory.0.join("folder");
    fs::create_dir(&folder).unwrap();
    bench.settings.path = folder.join("events.log");
    let mut file = bench.open().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let Failure::Again(again) = block_on(file.send(&entries(&["a"]))).unwrap_err() else {
        panic!("it may come");
    };
    assert!(again.why.contains("make the folder"), "{again:?}");
    fs::create_dir(&folder).unwrap();
    send(&mut file, &["a"]);
    assert_eq!(bench.live(), "a\n");
}

#[test]
fn devices_are_written_to_on_purpose() {
    let mut bench = Bench::new();
    bench.settings.special = true;
    bench.settings.path = "/dev/full".into();
    let mut full = bench.open().unwrap();
    let Failure::Again(again) = block_on(full.send(&entries(&["a"]))).unwrap_err() else {
        panic!("there may be room again");
    };
    assert!(again.why.contains("No space left"), "{again:?}");
    bench.settings.path = "/dev/null".into();
    send(&mut bench.open().unwrap(), &["a"]);
}

#[test]
fn a_fifo_waits_for_its_reader() {
    let mut bench = Bench::new();
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, bench.path(), FileType::Fifo, mode, 0).unwrap();
    assert!(bench.open().err().unwrap().to_string().contains("a FIFO"));
    bench.settings.special = true;
    // Nobody reads it yet.
    let mut file = bench.open().unwrap();
    let Failure::Again(again) = block_on(file.send(&entries(&["a"]))).unwrap_err() else {
        panic!("it may come");
    };
    assert!(again.why.contains("nobody reads it"), "{again:?}");
    let path = bench.path().to_owned();
    let reading = thread::spawn(move || {
        let lines = BufReader::new(File::open(path).unwrap()).lines();
        lines.collect::<Result<Vec<_>, _>>().unwrap()
    });
    let batch = entries(&["a", &"b".repeat(300_000)]);
    while block_on(file.send(&batch)).is_err() {
        thread::yield_now();
    }
    drop(file);
    assert_eq!(reading.join().unwrap(), ["a", &"b".repeat(300_000)]);
}

/// A disk with room for so many bytes.
struct Disk {
    content: Vec<u8>,
    room: usize,
    cuts: bool,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fitting = bytes.len().min(self.room - self.content.len());
        if fitting == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.content.extend(&bytes[..fitting]);
        Ok(fitting)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shared, because files are cut through shared references.
struct Shared(std::cell::RefCell<Disk>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Shared {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.borrow().content.len() as u64)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if !disk.cuts {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        disk.content.truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}

proptest::proptest! {
    #[test]
    fn a_full_disk_has_whole_lines_only(
        documents in proptest::collection::vec("[a-z]{0,9}", 1..9),
        before in "(old\n)?",
        room in 0..60_usize,
        begin in 0..3_usize,
        cuts: bool,
    ) {
        let begin = begin.min(documents.len() - 1);
        let documents: Vec<_> = documents.iter().map(String::as_str).collect();
        let content = before.clone().into_bytes();
        let room = room.max(content.len());
        let mut disk = Shared(Disk { content, room, cuts }.into());
        let lines = Lines::of(&entries(&documents));
        let outcome = append(&mut disk, &lines, begin..documents.len());
        let content = String::from_utf8(disk.0.into_inner().content).unwrap();
        let expected = |whole: usize| {
            let lines = documents[begin..begin + whole].iter();
            before.clone() + &lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        match outcome {
            Outcome::Whole => assert_eq!(content, expected(documents.len() - begin)),
            Outcome::Cut { whole, .. } => {
                assert_eq!(content, expected(whole));
                // One more had not fitted.
                assert!(expected(whole + 1).len() > room);
            }
            Outcome::Torn { whole, .. } => {
                assert!(!cuts && content.len() == room);
                assert!(content.starts_with(&expected(whole)) && !content.ends_with('\n'));
            }
        }
    }
}
