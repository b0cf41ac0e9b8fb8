//! How the configuration sets up delivery.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};

use super::{say, sinks};
use crate::{
    config::{Config, sink::Sink},
    delivery::{
        Assignment, Delivery, Outcome,
        backlog::Limits,
        filter::Filter,
        router::Router,
        voice::Tell,
        worker::{Batching, Patience},
    },
    host::Host,
};

/// How long sinks may work on after the last event.
const GRACE: Duration = Duration::from_secs(5);

/// What shows the lines of sinks.
pub(super) fn tell() -> Tell {
    Arc::new(|line| say(line))
}

/// Starts the sinks of a configuration, which has some.
pub(super) fn start(config: &Config, host: &Host) -> Result<(Delivery, Router)> {
    let assignments = config
        .sinks
        .iter()
        .map(|sink| assignment(sink, host, &config.state.spool_directory))
        .collect::<Result<Vec<_>>>()?;
    Delivery::start(assignments, host, GRACE, &tell()).context("cannot start the sinks")
}

fn assignment(sink: &Sink, host: &Host, spools: &Path) -> Result<Assignment> {
    let built = sinks::build(sink, host)
        .with_context(|| format!("sink {}: cannot be set up", sink.name))?;
    let spool = sink.spool_bytes();
    let whole = sink.waiting.queue_bytes as usize;
    // What its thread has not taken in yet must have room when a disk is slow; what is on disk is
    // read again.
    let inbox = if spool.is_some() {
        whole / 4 * 3
    } else {
        whole / 4
    };
    let memory = whole - inbox;
    Ok(Assignment {
        name: sink.name.clone(),
        format: sink.format,
        filter: Filter::new(sink.wanted(), sink.minimum_severity),
        sink: built,
        inbox_bytes: inbox,
        limits: Limits {
            bytes: spool.unwrap_or(memory as u64),
            memory_bytes: memory,
        },
        spool: spool.map(|_| spools.join(&sink.name)),
        dead_letter_bytes: sink.waiting.dead_letter_bytes,
        batching: Batching {
            entries: sink.batch.batch_events as usize,
            bytes: sink.batch.batch_bytes as usize,
            age: Duration::from_millis(sink.batch.batch_milliseconds.into()),
        },
        patience: patience(sink),
    })
}

/// How a sink treats failures.
pub(super) fn patience(sink: &Sink) -> Patience {
    Patience {
        timeout: sinks::timeout(sink),
        longest_wait: Duration::from_millis(sink.batch.retry_milliseconds_max.into()),
    }
}

/// Says what became of each sink's events.
pub(super) fn farewell(outcomes: &[Outcome]) {
    for Outcome { name, counts } in outcomes {
        let undelivered: u64 = counts.undelivered.values().sum();
        say(format_args!(
            "sink {name}: {} events delivered, {} wait, {undelivered} given up",
            counts.delivered, counts.waiting
        ));
    }
}
