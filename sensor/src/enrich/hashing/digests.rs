//! The pipeline's side: what is known, what is asked, what was answered.

use std::{
    collections::HashMap,
    sync::mpsc::{SyncSender, TrySendError},
};

use super::{
    Answer, ExecutableRequest, FileKey, Found, Identity, Missing, Outcome, Request, ScriptRequest,
    Settings, Ticket,
};
use crate::clock::{WallTime, file_time_granularity};
use crate::enrich::cache::Cache;

/// Digests by file. Never blocks, and touches no file.
#[derive(Debug)]
pub struct Digests {
    file_bytes_max: u64,
    known: Cache<FileKey, Identity>,
    requests: SyncSender<Request>,
    /// Requests whose answers will do for others of the same key.
    under_way: HashMap<FileKey, Ticket>,
    under_way_max: usize,
    granularity: i64,
    next: u64,
    counters: Counters,
}

/// What became of the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Look-ups of files that were known.
    pub hits: u64,
    /// Look-ups of files that were not.
    pub misses: u64,
    /// Requests that the worker was given.
    pub requests: u64,
    /// Requests that wait for the answer to an earlier one.
    pub joined: u64,
    /// Answers with a digest.
    pub digests: u64,
    /// Files that were read for digests; scripts that were known to the worker are not read again.
    pub files_read: u64,
    /// Bytes that were read, of files without a digest too.
    pub bytes_read: u64,
    /// Digests that were forgotten for want of room.
    pub evicted: u64,
    /// Digests that are missing, by [`Missing::index`].
    pub missing: [u64; Missing::COUNT],
}

impl Digests {
    /// With nothing known; `requests` leads to a worker.
    #[must_use]
    pub fn new(settings: &Settings, requests: SyncSender<Request>) -> Self {
        Self {
            file_bytes_max: settings.file_bytes_max,
            known: Cache::new(settings.remembered),
            requests,
            under_way: HashMap::new(),
            under_way_max: settings.queue.saturating_mul(2),
            granularity: file_time_granularity(),
            next: 0,
            counters: Counters::default(),
        }
    }

    /// What is known of an executable.
    pub fn look_up(&mut self, file: &FileKey) -> Option<&Identity> {
        let known = self.known.get(file);
        if known.is_some() {
            self.counters.hits += 1;
        } else {
            self.counters.misses += 1;
        }
        known
    }

    /// Asks for an executable that is not known. A second request for the same file, while the
    /// first is under way, gets the same ticket.
    ///
    /// # Errors
    ///
    /// If it is too large, or the queue is full (also when the worker has ended).
    pub fn request_executable(&mut self, request: ExecutableRequest) -> Result<Ticket, Missing> {
        let file = request.file;
        if file.size > self.file_bytes_max {
            return Err(self.missing(Missing::TooLarge));
        }
        // Two states of a file that was just written can have the same key.
        let joinable = is_settled(&file, request.reading.executed, self.granularity);
        if joinable && let Some(ticket) = self.under_way.get(&file) {
            self.counters.joined += 1;
            return Ok(*ticket);
        }
        let ticket = self.send(|ticket| Request::Executable(ticket, request))?;
        if joinable && self.under_way.len() < self.under_way_max {
            self.under_way.insert(file, ticket);
        }
        Ok(ticket)
    }

    /// Asks for a script.
    ///
    /// # Errors
    ///
    /// If the queue is full (also when the worker has ended).
    pub fn request_script(&mut self, request: ScriptRequest) -> Result<Ticket, Missing> {
        self.send(|ticket| Request::Script(ticket, request))
    }

    /// Takes the worker's answer.
    pub fn answer(&mut self, answer: &Answer) {
        self.counters.bytes_read += answer.bytes_read;
        if let Found::Executable(file) = answer.found
            && self.under_way.get(&file) == Some(&answer.ticket)
        {
            self.under_way.remove(&file);
        }
        match answer.outcome {
            Outcome::Sha256 {
                digest, settled, ..
            } => {
                self.counters.digests += 1;
                self.counters.files_read += u64::from(answer.bytes_read > 0);
                if let (true, Found::Executable(file)) = (settled, answer.found) {
                    let package = answer.package.clone();
                    self.known.insert(file, Identity { digest, package });
                }
            }
            Outcome::Missing(missing) => {
                self.missing(missing);
            }
        }
    }

    /// What became of the questions until now.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        Counters {
            evicted: self.known.evicted(),
            ..self.counters
        }
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    fn send(&mut self, request: impl FnOnce(Ticket) -> Request) -> Result<Ticket, Missing> {
        let ticket = Ticket(self.next);
        match self.requests.try_send(request(ticket)) {
            Ok(()) => {
                self.next += 1;
                self.counters.requests += 1;
                Ok(ticket)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(self.missing(Missing::QueueFull))
            }
        }
    }

    fn missing(&mut self, missing: Missing) -> Missing {
        if let Some(count) = self.counters.missing.get_mut(missing.index()) {
            *count += 1;
        }
        missing
    }
}

/// Whether a file was changed so long before a moment that a change after it has another time.
pub(super) fn is_settled(file: &FileKey, moment: WallTime, granularity: i64) -> bool {
    moment.0.saturating_sub(file.changed.wall_time().0) > granularity
}
