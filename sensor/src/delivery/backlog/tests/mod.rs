//! What a backlog promises.

mod damage;
mod directory;
mod failing;
mod kill;
mod limits;
mod model;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sensor_common::record::Kind;

use super::*;
use crate::{
    clock::WallTime, delivery::entry::Entry, detect::severity::Severity, output::subject::Topic,
};

/// A directory of its own for each case, gone after it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sensor-backlog-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self, limits: Limits) -> (Backlog, Recovery) {
        Backlog::open(&self.0, limits).unwrap()
    }

    /// Its segments, in order of name.
    fn segments(&self) -> Vec<PathBuf> {
        let mut segments: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|suffix| suffix == "segment"))
            .collect();
        segments.sort();
        segments
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PLENTY: Limits = Limits {
    bytes: 64 << 20,
    memory_bytes: 1 << 20,
};

fn new(severity: Severity, document: impl Into<Bytes>) -> New {
    New {
        facts: Arc::new(Facts {
            id: "1f-2-3".to_owned(),
            time: WallTime(1_700_000_000_000_000_000),
            topic: Topic::Event(Kind::Exec),
            severity,
        }),
        document: document.into(),
    }
}

/// Hands over all that waits, a few at a time.
fn drain(backlog: &mut Backlog) -> Vec<Entry> {
    let mut all = Vec::new();
    loop {
        let some = backlog.peek(7, 4096).unwrap();
        let Some(last) = some.last() else {
            return all;
        };
        backlog.acknowledge(last.place);
        all.extend(some);
    }
}

fn places(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.place).collect()
}

/// Bytes of all files of entries, without their headers.
fn bytes_of_entries(directory: &Path) -> u64 {
    fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name().to_string_lossy().ends_with(".segment"))
        .map(|file| file.metadata().unwrap().len().saturating_sub(16))
        .sum()
}
