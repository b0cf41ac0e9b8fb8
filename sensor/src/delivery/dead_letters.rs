//! What a receiver will never take: kept for a person to look at, up to a limit.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::entry::Entry;

/// The file of a sink's dead letters: JSON lines.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
    limit: u64,
}

/// A dead letter as it is written.
#[derive(Serialize)]
struct Letter<'a> {
    /// `event.id`
    id: &'a str,
    /// `event.code`
    code: &'static str,
    severity: &'static str,
    /// Why the receiver does not take it.
    why: &'a str,
    /// As it was sent.
    document: &'a str,
}

impl DeadLetters {
    /// In this file, which holds at most so many bytes. It is made when there is one to be kept.
    pub(super) fn new(path: PathBuf, limit: u64) -> Self {
        Self { path, limit }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps an entry.
    ///
    /// # Errors
    ///
    /// If the file is full or cannot be written.
    pub(super) fn keep(&self, entry: &Entry, why: &str) -> io::Result<()> {
        let letter = Letter {
            id: &entry.facts.id,
            code: entry.facts.topic.code(),
            severity: entry.facts.severity.name(),
            why,
            document: &String::from_utf8_lossy(&entry.document),
        };
        let mut line = serde_json::to_vec(&letter)?;
        line.push(b'\n');
        let mut file = self.open()?;
        let before = file.metadata()?.len();
        if before.saturating_add(line.len() as u64) > self.limit {
            return Err(io::Error::other(format!(
                "{} is full\n  look at it, then remove it",
                self.path.display()
            )));
        }
        file.write_all(&line).inspect_err(|_| {
            // Half a line would spoil the next one.
            let _as_well_as_it_goes = file.set_len(before);
        })
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)
            .map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot write to {}: {error}", self.path.display()),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use bytes::Bytes;

    use super::*;
    use crate::{
        clock::WallTime, delivery::entry::Facts, detect::severity::Severity, output::subject::Topic,
    };

    #[test]
    fn letters_are_kept_up_to_the_limit() {
        let path = std::env::temp_dir().join(format!("sensor-dead-{}", std::process::id()));
        let _if_there = fs::remove_file(&path);
        let letters = DeadLetters::new(path.clone(), 250);
        let entry = Entry {
            place: 1,
            facts: Arc::new(Facts {
                id: "a-1".into(),
                time: WallTime(0),
                topic: Topic::Sensor("sink_test"),
                severity: Severity::Low,
            }),
            document: Bytes::from_static(b"{\"a\":\"\\n\"}"),
        };
        letters.keep(&entry, "no such field: \"a\"").unwrap();
        let full = letters.keep(&entry, &"x".repeat(200)).unwrap_err();
        assert!(full.to_string().contains("is full"), "{full}");
        let kept = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let lines: Vec<serde_json::Value> = kept
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["document"], "{\"a\":\"\\n\"}");
        assert_eq!(lines[0]["why"], "no such field: \"a\"");
    }
}
