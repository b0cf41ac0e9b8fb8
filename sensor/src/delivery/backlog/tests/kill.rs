//! What was appended is there after the sensor was killed.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use super::*;

/// Names the directory to the child; without it the child's test does nothing.
const DIRECTORY: &str = "SENSOR_TEST_BACKLOG";

/// How the child's lines begin, among those of the test runner.
const APPENDED: &str = "appended up to ";

fn document(place: u64) -> String {
    format!(
        "{place} {}",
        "x".repeat(usize::try_from(place % 3000).unwrap())
    )
}

#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let (mut backlog, _) = Backlog::open(Path::new(&directory), PLENTY).unwrap();
    // The places are those that come: an empty batch says which is the next one.
    let mut next = backlog.append(vec![]).places.end;
    loop {
        let new = (next..next + 5).map(|place| {
            let severity = Severity::ALL[usize::try_from(place % 5).unwrap()];
            new(severity, document(place))
        });
        let places = backlog.append(new.collect()).places;
        next = places.end;
        // One line in one piece, past what the test runner captures.
        let line = format!("\n{APPENDED}{}\n", next - 1);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn what_was_appended_is_there_after_a_kill() {
    let place = Place::new();
    let mut acknowledged = 0;
    for lines in [1, 40, 200] {
        let name = "child";
        let test = module_path!().split_once("::").unwrap().1;
        let mut child = Command::new(env::current_exe().unwrap())
            .args([&format!("{test}::{name}"), "--exact", "--nocapture"])
            .env(DIRECTORY, &place.0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut reported = acknowledged;
        let mut read = |output: &mut dyn Iterator<Item = std::io::Result<String>>| {
            for line in output {
                if let Some(place) = line.unwrap().strip_prefix(APPENDED) {
                    reported = place.parse().unwrap();
                    return true;
                }
            }
            false
        };
        for _ in 0..lines {
            assert!(read(&mut output), "the child ended");
        }
        child.kill().unwrap();
        while read(&mut output) {}
        child.wait().unwrap();

        let (mut backlog, recovery) = place.open(PLENTY);
        assert_eq!(recovery.left_count, 0);
        let given = drain(&mut backlog);
        // Of the batch that it was killed in there may be some.
        let whole: Vec<_> = (acknowledged + 1..=reported).collect();
        let given_places = places(&given);
        assert_eq!(given_places.get(..whole.len()), Some(&whole[..]));
        assert!(
            given
                .iter()
                .all(|entry| entry.document == document(entry.place))
        );
        let last = given.last().unwrap();
        assert!(last.place <= reported + 5);
        acknowledged = last.place;
    }
}
