//! The threads that open and read.
//!
//! A process may live for a millisecond, and reading a file may take a second: so one thread only
//! opens, as soon as it can, and another reads what is open, when nobody else wants the processor.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::{
    Answer, Evidence, ExecutableRequest, FileKey, Found, Missing, Outcome, Request, Settings,
    Sha256,
    open::{Opened, Opener, Proof},
    rate::Rate,
    read::{Reader, unreadable},
};
use crate::{
    clock::file_time_granularity,
    enrich::cache::Cache,
    enrich::packages::{self, Packages},
    memory,
};

/// Scripts that the worker remembers: by what was found, which only it knows.
const SCRIPTS_REMEMBERED: usize = 1_024;

/// Files that took too long and are not tried again for [`SLOW_REFUSED`].
const SLOW_REMEMBERED: usize = 64;
const SLOW_REFUSED: Duration = Duration::from_secs(60);

/// Files that are open and wait to be read. Each takes up to two file descriptors.
const OPEN_MAX: usize = 64;

/// The lowest priority for processor time.
const NICE: i32 = 19;

/// The worker's threads. Dropping this tells them to stop.
///
/// They stop at the next chunk of a file, or the next request if they wait for one; they also end
/// when the [`super::Digests`] are dropped. Nobody waits for them: they may hang in a read.
#[derive(Debug)]
pub struct Worker {
    stop: Arc<AtomicBool>,
    reader: Thread,
    packages: Arc<Mutex<packages::Counters>>,
}

impl Worker {
    /// Starts the threads, and gives where to send requests.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub(super) fn start(
        settings: &Settings,
        mut deliver: impl FnMut(Answer) + Send + 'static,
    ) -> io::Result<(Self, SyncSender<Request>)> {
        let (requests, asked) = sync_channel::<Request>(settings.queue);
        let (open, opened) = sync_channel::<(Request, Result<Opened, Missing>)>(OPEN_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let packages = Arc::new(Mutex::new(packages::Counters::default()));
        let opener = Arc::new(Opener::new(&settings.proc, file_time_granularity()));
        let reader = thread::Builder::new().name("hashing".to_owned()).spawn({
            let (settings, opener) = (settings.clone(), opener.clone());
            let (stop, packages) = (stop.clone(), packages.clone());
            move || {
                give_way();
                let mut hasher = Hasher::new(&settings, opener, stop.clone(), packages);
                for (request, opened) in opened {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let answer = hasher.answer(&request, opened);
                    if !stop.load(Ordering::Relaxed) {
                        deliver(answer);
                    }
                }
            }
        })?;
        thread::Builder::new()
            .name("hashing-open".to_owned())
            .spawn(move || {
                for request in asked {
                    let opened = opener.open(&request);
                    // Waits while too many files are open; without a reader there is nothing to do.
                    if open.send((request, opened)).is_err() {
                        break;
                    }
                }
            })?;
        let worker = Self {
            stop,
            reader: reader.thread().clone(),
            packages,
        };
        Ok((worker, requests))
    }

    /// What the worker read of packages.
    #[must_use]
    pub fn package_counters(&self) -> packages::Counters {
        *self.packages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.unpark();
    }
}

/// Lets all others go before the calling thread, as far as the kernel permits. Refused, it is only
/// less polite.
fn give_way() {
    // On Linux each thread has its own; none named is the calling one.
    let _ = rustix::process::setpriority_process(None, NICE);
    let _ = memory::idle_io_priority();
}

/// What the reading thread knows.
pub(super) struct Hasher {
    file_bytes_max: u64,
    opener: Arc<Opener>,
    rate: Rate,
    reader: Reader,
    scripts: Cache<FileKey, Sha256>,
    slow: Cache<FileKey, Instant>,
    packages: Option<Packages>,
    package_counters: Arc<Mutex<packages::Counters>>,
    stop: Arc<AtomicBool>,
}

impl Hasher {
    pub(super) fn new(
        settings: &Settings,
        opener: Arc<Opener>,
        stop: Arc<AtomicBool>,
        package_counters: Arc<Mutex<packages::Counters>>,
    ) -> Self {
        let now = Instant::now();
        let mut hasher = Self {
            file_bytes_max: settings.file_bytes_max,
            opener,
            rate: Rate::new(settings.bytes_per_second, settings.burst_bytes, now),
            reader: Reader::new(settings.time_out, stop.clone()),
            scripts: Cache::new(SCRIPTS_REMEMBERED),
            slow: Cache::new(SLOW_REMEMBERED),
            packages: settings.packages.as_deref().map(Packages::new),
            package_counters,
            stop,
        };
        // Before the first request, whose process may live for a moment only.
        hasher.refresh_packages();
        hasher
    }

    /// Answers a request with what was opened for it.
    pub(super) fn answer(&mut self, request: &Request, opened: Result<Opened, Missing>) -> Answer {
        self.reader.bytes_read = 0;
        let (ticket, found, outcome, package) = match request {
            Request::Executable(ticket, request) => {
                let outcome = self.executable(request, opened);
                let package = self.package(request);
                (*ticket, Found::Executable(request.file), outcome, package)
            }
            Request::Script(ticket, _) => {
                let found = opened.as_ref().map(|opened| opened.found).ok();
                let outcome = self.script(opened);
                (*ticket, Found::Script(found), outcome, None)
            }
        };
        Answer {
            ticket,
            found,
            outcome,
            package,
            bytes_read: self.reader.bytes_read,
        }
    }

    fn executable(
        &mut self,
        request: &ExecutableRequest,
        opened: Result<Opened, Missing>,
    ) -> Outcome {
        let outcome = self.read(opened);
        if outcome == Outcome::Missing(Missing::Modified) {
            // Once more: perhaps the process has just deleted its own executable.
            let opened = self.opener.executable(request);
            return self.read(opened);
        }
        outcome
    }

    fn package(&mut self, request: &ExecutableRequest) -> Option<Arc<packages::Package>> {
        let path = request.path.as_ref()?;
        self.refresh_packages();
        let packages = self.packages.as_ref()?;
        let package = packages.owner(path)?;
        let root = packages.root()?;
        let same = self.opener.leads_to(root, path, &request.file);
        same.then(|| package.clone())
    }

    fn script(&mut self, opened: Result<Opened, Missing>) -> Outcome {
        if let Some(known) = opened.as_ref().ok().and_then(|opened| self.known(opened)) {
            return known;
        }
        let found = opened.as_ref().map(|opened| opened.found);
        let found = found.ok();
        let outcome = self.read(opened);
        if let (
            Some(found),
            Outcome::Sha256 {
                digest, settled, ..
            },
        ) = (found, outcome)
            && settled
        {
            self.scripts.insert(found, digest);
        }
        outcome
    }

    fn known(&mut self, opened: &Opened) -> Option<Outcome> {
        let digest = *self.scripts.get(&opened.found)?;
        Some(Outcome::Sha256 {
            digest,
            evidence: opened.proof.evidence(),
            settled: opened.settled,
        })
    }

    fn read(&mut self, opened: Result<Opened, Missing>) -> Outcome {
        let read = opened.and_then(|opened| {
            let digest = self.digest(&opened)?;
            Ok(Outcome::Sha256 {
                digest,
                evidence: opened.proof.evidence(),
                settled: opened.settled,
            })
        });
        read.unwrap_or_else(Outcome::Missing)
    }

    fn digest(&mut self, opened: &Opened) -> Result<Sha256, Missing> {
        let Opened { file, found, .. } = opened;
        if found.size > self.file_bytes_max {
            return Err(Missing::TooLarge);
        }
        let slow = self.slow.get(found);
        if slow.is_some_and(|since| since.elapsed() < SLOW_REFUSED) {
            return Err(Missing::TimedOut);
        }
        let wait = self.rate.grant(found.size, Instant::now())?;
        self.sleep(wait);
        let digest = self.reader.digest(file, found.size);
        if digest == Err(Missing::TimedOut) {
            self.slow.insert(*found, Instant::now());
        }
        let digest = digest?;
        let after = file.metadata().map_err(|error| unreadable(&error))?;
        if FileKey::of(&after) == *found {
            Ok(digest)
        } else {
            Err(Missing::Modified)
        }
    }

    /// Waits for a share of bytes, or to be told to stop.
    fn sleep(&self, wait: Duration) {
        let end = Instant::now() + wait;
        while !self.stop.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
    }

    fn refresh_packages(&mut self) {
        if let Some(packages) = &mut self.packages
            && packages.refresh(Instant::now())
        {
            let mut counters = self
                .package_counters
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *counters = packages.counters();
        }
    }
}

impl Proof {
    /// What is proven once the file was read.
    fn evidence(&self) -> Evidence {
        match self {
            Self::Unchanged => Evidence::Unchanged,
            Self::Running => Evidence::Running,
            Self::YoungRunning(running) if running.is_still() => Evidence::Unchanged,
            Self::YoungRunning(_) | Self::Young => Evidence::Young,
            Self::LookedUp => Evidence::LookedUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_gives_way_goes_last() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        let after = thread::spawn(move || {
            give_way();
            priority()
        });
        assert_eq!(after.join().unwrap(), NICE);
        assert_eq!(priority(), before);
    }
}
