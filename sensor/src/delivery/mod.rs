//! The way of written documents to where they are wanted.
//!
//! ```text
//!               ┌▶ inbox ─▶ backlog ─▶ sink ─▶ standard output
//! pipeline ─▶ router                                  one thread for each sink
//!               └▶ inbox ─▶ backlog ─▶ sink ─▶ a SIEM
//! ```
//!
//! Each sink has a thread of its own, so that none holds up another one, nor the pipeline for more than
//! a moment. What is in a backlog with a directory survives the sensor, and is sent at least once
//! and in order; what a receiver has got twice it recognises by `event.id`. Every limit on the way
//! gives up the oldest of the least grave events, counts them, and says so.
//!
//! - [`entry`]: a document on its way.
//! - [`filter`], [`router`]: who gets it.
//! - `inbox`, `intake`, [`backlog`]: where it waits.
//! - [`worker`], `backoff`, `dead_letters`: sending, and what if that fails.
//! - [`sink`]: what a sink must do; [`sinks`] are those there are.
//! - [`tally`], [`voice`]: what became of it.
//! - [`http`], [`secret`], [`tls`]: what several sinks need.

pub mod backlog;
mod backoff;
mod dead_letters;
#[cfg(test)]
pub(crate) mod doubles;
pub mod entry;
pub mod filter;
pub mod http;
mod inbox;
mod intake;
pub mod router;
pub mod secret;
pub mod sink;
pub mod sinks;
pub mod tally;
pub mod tls;
pub mod voice;
pub mod worker;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, sync::Arc, thread, time::Duration};

use tokio::runtime;

use self::{
    backlog::{Backlog, Limits},
    dead_letters::DeadLetters,
    filter::Filter,
    inbox::Inbox,
    intake::Intake,
    router::{Route, Router},
    sink::Sink,
    tally::{Counts, Reason, Tally},
    voice::{Tell, Voice},
    worker::{Batching, Patience, Worker},
};
use crate::{host::Host, output::FormatChoice};

/// A sink, and how it is used.
pub struct Assignment {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// How documents are written down for it.
    pub format: FormatChoice,
    /// What it wants.
    pub filter: Filter,
    /// Where it sends.
    pub sink: Box<dyn Sink>,
    /// Most bytes that wait for its thread.
    pub inbox_bytes: usize,
    /// How much waits for its receiver.
    pub limits: Limits,
    /// Where that is kept on disk; in memory only if nowhere.
    pub spool: Option<PathBuf>,
    /// Most bytes of events that are kept because the receiver will never take them, beside the spool.
    pub dead_letter_bytes: u64,
    /// When it sends.
    pub batching: Batching,
    /// How it treats failures.
    pub patience: Patience,
}

/// Sinks at work.
pub struct Delivery {
    sinks: Vec<Started>,
}

struct Started {
    name: String,
    inbox: Arc<Inbox>,
    tally: Arc<Tally>,
    thread: thread::JoinHandle<()>,
}

/// What became of a sink's events in the end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The sink's name.
    pub name: String,
    /// Its counts.
    pub counts: Counts,
}

impl Delivery {
    /// Starts a thread for each sink; the router hands documents to them. At the end each has so
    /// long to deliver what waits.
    ///
    /// # Errors
    ///
    /// If a spool cannot be opened or a thread started; says whose.
    pub fn start(
        assignments: Vec<Assignment>,
        host: &Host,
        grace: Duration,
        tell: &Tell,
    ) -> io::Result<(Self, Router)> {
        let mut router = Router::new(host);
        let mut sinks = Vec::new();
        for assignment in assignments {
            let of_sink = |error: io::Error| {
                io::Error::new(error.kind(), format!("sink {}: {error}", assignment.name))
            };
            let mut voice = Voice::new(&assignment.name, tell.clone());
            let tally = Arc::new(Tally::default());
            let (backlog, dead_letters) = open(&assignment, &tally, &mut voice).map_err(of_sink)?;
            let inbox = Arc::new(Inbox::new(assignment.inbox_bytes, tally.clone()));
            let route = Route::new(
                &assignment.name,
                assignment.filter.clone(),
                inbox.clone(),
                tally.clone(),
            );
            router.add(assignment.format, host, route);
            let name = assignment.name.clone();
            let (its_inbox, its_tally) = (inbox.clone(), tally.clone());
            let thread = thread::Builder::new()
                .name(thread_name(&name))
                .spawn(move || {
                    let runtime = runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = match runtime {
                        Ok(runtime) => runtime,
                        Err(error) => {
                            voice.once(format_args!("cannot be set up: {error}"));
                            return;
                        }
                    };
                    runtime.block_on(async {
                        let intake = Intake::new(
                            backlog,
                            assignment.spool,
                            its_inbox,
                            its_tally,
                            voice,
                            grace,
                        );
                        let worker = Worker::new(
                            assignment.sink,
                            intake,
                            assignment.batching,
                            assignment.patience,
                            dead_letters,
                        );
                        worker.run().await;
                    });
                    // A name server that does not answer is not waited for.
                    runtime.shutdown_background();
                })?;
            sinks.push(Started {
                name,
                inbox,
                tally,
                thread,
            });
        }
        Ok((Self { sinks }, router))
    }

    /// The files that are written to were moved away (SIGHUP).
    pub fn reopen(&self) {
        for sink in &self.sinks {
            sink.inbox.reopen();
        }
    }

    /// Nothing more will come: waits until every sink has delivered what it can, or its time of grace is over.
    #[must_use]
    pub fn end(self) -> Vec<Outcome> {
        for sink in &self.sinks {
            sink.inbox.close();
        }
        self.sinks
            .into_iter()
            .map(|sink| {
                // A thread that died has said so itself; what it had is still counted as waiting.
                let _died = sink.thread.join();
                Outcome {
                    name: sink.name,
                    counts: sink.tally.counts(),
                }
            })
            .collect()
    }
}

/// Opens what waits from the last run, if anything is kept.
fn open(
    assignment: &Assignment,
    tally: &Tally,
    voice: &mut Voice,
) -> io::Result<(Backlog, Option<DeadLetters>)> {
    let Some(directory) = &assignment.spool else {
        return Ok((Backlog::in_memory(assignment.limits), None));
    };
    let (backlog, recovery) =
        Backlog::open(directory, assignment.limits).map_err(io::Error::other)?;
    if let Some(news) = recovery.news() {
        voice.once(news);
    }
    for gone in recovery.evicted {
        tally.undelivered(Reason::BacklogFull, gone.severity, gone.count);
        voice.gives_up(Reason::BacklogFull, gone.severity, gone.count);
    }
    let letters = DeadLetters::new(
        directory.join("dead-letters.ndjson"),
        assignment.dead_letter_bytes,
    );
    Ok((backlog, Some(letters)))
}

/// The kernel shows 15 bytes of it.
fn thread_name(sink: &str) -> String {
    format!("sink {sink}").chars().take(15).collect()
}
