//! Rules of files and directories.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
};

use super::*;

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sensor-{}-ruleset-{name}", process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn rule(&self, name: &str, number: usize) {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        self.write(
            name,
            rule(&format!("r{number}"), &id, &format!("/{number}")),
        );
    }

    fn load(&self) -> Loaded {
        load_paths(&[&self.0])
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn load_paths(paths: &[&Path]) -> Loaded {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    Ruleset::load(&paths, Arc::new(Words), &Placeholders::default())
}

fn titles(loaded: &Loaded) -> Vec<&str> {
    loaded
        .report
        .rules
        .iter()
        .map(|rule| &*rule.title)
        .collect()
}

#[test]
fn directories_are_read_in_the_order_of_names_and_other_files_are_not() {
    let directory = Directory::new("order");
    for (name, number) in [("b.yml", 2), ("a.yaml", 1), ("c/d/e.yml", 3), ("z.YML", 4)] {
        directory.rule(name, number);
    }
    for (name, number) in [
        ("a.tests.yml", 5),
        ("n.txt", 6),
        (".h.yml", 7),
        (".git/x.yml", 8),
    ] {
        directory.rule(name, number);
    }
    let loaded = directory.load();
    assert_eq!(titles(&loaded), ["r1", "r2", "r3", "r4"]);
    assert_eq!(whats(&loaded.report), [""; 0]);
    assert!(loaded.report.rules[2].place.file.ends_with("c/d/e.yml"));
}

#[test]
fn a_file_that_is_named_is_read_and_only_once() {
    let directory = Directory::new("named");
    directory.rule("a.rules", 1);
    directory.rule("b.yml", 2);
    let (file, other) = (directory.0.join("a.rules"), directory.0.join("b.yml"));
    let loaded = load_paths(&[&file, &other, &directory.0]);
    assert_eq!(titles(&loaded), ["r1", "r2"]);
    assert_eq!(whats(&loaded.report), [""; 0]);
    assert!(!loaded.report.is_fatal());
}

#[test]
fn links_are_followed_and_lead_around_no_circle() {
    let directory = Directory::new("links");
    directory.rule("real/a.yml", 1);
    symlink(&directory.0, directory.0.join("real/circle")).unwrap();
    symlink(directory.0.join("real"), directory.0.join("again")).unwrap();
    symlink(directory.0.join("real/a.yml"), directory.0.join("b.yml")).unwrap();
    symlink("self.yml", directory.0.join("self.yml")).unwrap();
    let loaded = directory.load();
    assert_eq!(titles(&loaded), ["r1"]);
    assert_eq!(loaded.report.problems.len(), 1);
    assert!(loaded.report.problems[0].place.file.ends_with("self.yml"));
}

#[test]
fn a_mounted_volume_of_links_to_hidden_directories_has_each_rule_once() {
    let directory = Directory::new("volume");
    directory.rule("..2026/a.yml", 1);
    symlink("..2026", directory.0.join("..data")).unwrap();
    symlink("..data/a.yml", directory.0.join("a.yml")).unwrap();
    let loaded = directory.load();
    assert_eq!(titles(&loaded), ["r1"]);
    assert_eq!(whats(&loaded.report), [""; 0]);
}

#[test]
fn a_file_that_is_unfit_is_a_problem_of_its_own() {
    let directory = Directory::new("unfit");
    directory.rule("a.yml", 1);
    directory.write("binary.yml", [0xff, 0xfe]);
    directory.write(
        "large.yml",
        vec![b'#'; crate::detect::sigma::reading::FILE_SIZE_MAX + 1],
    );
    // Opening the reading end of a pipe would wait for a writer.
    let pipe = directory.0.join("pipe.yml");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let loaded = directory.load();
    assert_eq!(titles(&loaded), ["r1"]);
    let whats = whats(&loaded.report);
    for (what, word) in whats.iter().zip(["UTF-8", "larger", "regular"]) {
        assert!(what.contains(word), "{what}");
    }
    assert_eq!(whats.len(), 3);
    assert!(!loaded.report.is_fatal());
}

#[test]
fn a_directory_that_is_gone_is_fatal_and_the_rest_is_read() {
    let directory = Directory::new("gone");
    directory.rule("a.yml", 1);
    let gone = directory.0.join("gone");
    let loaded = load_paths(&[&gone, &directory.0]);
    assert!(loaded.report.is_fatal());
    assert_eq!(loaded.report.unreadable[0].path, gone);
    let message = loaded.report.unreadable[0].to_string();
    assert!(
        message.contains("/gone: ") && message.contains("No such file"),
        "{message}"
    );
    assert_eq!(loaded.report.problems.len(), 1);
    assert_eq!(titles(&loaded), ["r1"]);
}

#[test]
fn a_directory_whose_files_are_all_unreadable_is_fatal() {
    let directory = Directory::new("unreadable");
    symlink("nowhere", directory.0.join("a.yml")).unwrap();
    assert!(directory.load().report.is_fatal());
    directory.rule("b.yml", 1);
    let report = directory.load().report;
    assert!(!report.is_fatal());
    assert_eq!(report.problems.len(), 1);
}

#[test]
fn an_empty_directory_is_told_and_not_fatal() {
    let directory = Directory::new("empty");
    let report = directory.load().report;
    assert!(!report.is_fatal());
    assert!(
        report.problems[0].what.contains("no files of rules"),
        "{:?}",
        report.problems
    );
}

#[test]
fn directories_too_deep_are_a_problem() {
    let directory = Directory::new("deep");
    directory.rule("a.yml", 1);
    directory.rule(&format!("{}b.yml", "d/".repeat(DEPTH_MAX)), 2);
    directory.rule(&format!("{}c.yml", "d/".repeat(DEPTH_MAX + 1)), 3);
    let loaded = directory.load();
    assert_eq!(titles(&loaded), ["r1", "r2"]);
    assert_eq!(loaded.report.problems.len(), 1);
}

#[test]
fn texts_and_directories_are_one_set() {
    let directory = Directory::new("both");
    directory.rule("a.yml", 1);
    let text = twice("two", "r1");
    let sources = Sources::default()
        .text("embedded.yml", &text)
        .path(&directory.0);
    let Loaded {
        mut ruleset,
        report,
    } = load(&sources);
    assert_eq!(whats(&report), [""; 0]);
    assert!(found(&mut ruleset, 1, "/1", "x").is_empty());
    assert_eq!(found(&mut ruleset, 2, "/1", "x"), ["two*"]);
}
