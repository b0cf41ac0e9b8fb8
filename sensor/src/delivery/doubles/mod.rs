//! Receivers in this process, for tests: as strict as their protocols' specifications, and obedient to
//! a script where a test wants something to fail.
//!
//! - `server`: any receiver that speaks HTTP. `wire`: one that answers with any bytes.
//! - `elasticsearch`, `splunk`, `collector`, `lines`: what some receivers check and keep.
//! - `authority`: signs certificates.

mod authority;
mod collector;
mod elasticsearch;
mod lines;
mod server;
mod splunk;
mod wire;

pub(crate) use authority::{Authority, Flaw, Identity};
pub(crate) use collector::{Collector, grpc_failure};
pub(crate) use elasticsearch::Elasticsearch;
pub(crate) use lines::Lines;
pub(crate) use server::{Act, Asked, Server, Told, Transport};
pub(crate) use splunk::Splunk;
pub(crate) use wire::Wire;

use std::{
    future::Future,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use super::{
    entry::{Entry, Facts},
    secret::SecretSource,
};
use crate::{clock::WallTime, detect::severity::Severity, output::subject::Topic};

/// No test takes that long, whatever else the machine does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test as a sink's thread would run it.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.unwrap() })
}

/// A document with the id `id-PLACE`.
pub(crate) fn entry(place: u64, document: &str) -> Entry {
    entry_at(place, document, 1_795_491_380_123_456_789)
}

/// The same, of a time in nanoseconds since 1970.
pub(crate) fn entry_at(place: u64, document: &str, nanoseconds: i64) -> Entry {
    Entry {
        place,
        facts: Arc::new(Facts {
            id: format!("id-{place}"),
            time: WallTime(nanoseconds),
            topic: Topic::Sensor("tested"),
            severity: Severity::Medium,
        }),
        document: Bytes::copy_from_slice(document.as_bytes()),
    }
}

/// Documents that differ.
pub(crate) fn entries(count: u64) -> Vec<Entry> {
    (1..=count)
        .map(|place| entry(place, &format!(r#"{{"n":{place}}}"#)))
        .collect()
}

/// A file of its own that is gone with its owner.
pub(crate) struct Scrap(pub(crate) PathBuf);

impl Scrap {
    pub(crate) fn new(content: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sensor-double-{}-{number}", std::process::id());
        let scrap = Self(std::env::temp_dir().join(name));
        scrap.write(content);
        scrap
    }

    pub(crate) fn write(&self, content: &str) {
        std::fs::write(&self.0, content).unwrap();
    }

    /// A secret that is in it.
    pub(crate) fn secret(&self) -> SecretSource {
        SecretSource::File(self.0.clone())
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
