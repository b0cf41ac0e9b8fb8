//! What the tests of sinks have in common.

use std::{fs, future::Future, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use sensor_common::record::Kind;

use crate::{
    clock::WallTime,
    delivery::entry::{Entry, Facts},
    detect::severity::Severity,
    output::subject::Topic,
};

/// Runs a future as a sink's thread does, for half a minute at most.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(async {
        tokio::time::timeout(Duration::from_secs(30), future)
            .await
            .expect("took too long")
    })
}

/// What a sink's thread runs on: for tests that call a sink more than once.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .unwrap()
}

/// A folder of a test's own, which goes with it.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new(name: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let path = std::env::temp_dir().join(format!("sensor-{process}-{name}-{number}"));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An entry for each document.
pub(super) fn entries(documents: &[&str]) -> Vec<Entry> {
    let numbered = documents.iter().zip(1..);
    numbered
        .map(|(document, place)| Entry {
            place,
            facts: Arc::new(Facts {
                id: format!("0a1b-{place}"),
                time: WallTime(1_795_837_692_123_456_789),
                topic: Topic::Event(Kind::Exec),
                severity: Severity::Low,
            }),
            document: Bytes::from((*document).to_owned()),
        })
        .collect()
}

/// Any entry.
pub(super) fn any_entry() -> impl Strategy<Value = Entry> {
    let topic = prop_oneof![
        Just(Topic::Alert),
        proptest::sample::select(Kind::ALL.to_vec()).prop_map(Topic::Event),
        proptest::sample::select(vec!["started", "stopped", "a]b\"c\\d e", "über"])
            .prop_map(Topic::Sensor),
    ];
    (
        any::<u64>(),
        "[0-9a-z-]{1,40}",
        any::<i64>(),
        topic,
        proptest::sample::select(Severity::ALL.to_vec()),
        // Any text, and such that has what formats trip over.
        prop_oneof![".{0,200}", "[\\]\\[\" \\\\<>\n=0-9]{0,60}"],
    )
        .prop_map(|(place, id, time, topic, severity, document)| Entry {
            place,
            facts: Arc::new(Facts {
                id,
                time: WallTime(time),
                topic,
                severity,
            }),
            document: Bytes::from(document),
        })
}
