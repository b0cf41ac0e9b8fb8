//! SHA-256 of executables and scripts, off the hot path.
//!
//! [`Digests`] lives on the pipeline's thread: it remembers digests by [`FileKey`], hands what it
//! does not know to the [`Worker`], and never waits. The worker opens, reads and answers, on
//! threads of its own.
//!
//! A digest is told only of the content that was executed, as far as the kernel lets anybody tell:
//! see [`Evidence`] for how far that is in each case. What cannot be told has a reason, [`Missing`].
//!
//! What limits this:
//!
//! - A read from a file system that hangs (a network's) cannot be interrupted: the worker hangs with
//!   it, its queue fills, and all else is [`Missing::QueueFull`] until it comes back. Whoever waits
//!   for an answer needs a limit of its own.
//! - A file system in userspace (FUSE) can show each reader another content. So can whoever writes
//!   to a disk beneath its file system.
//! - Files that wait to be read are open meanwhile, at most 64: their file systems cannot be
//!   unmounted, and what is deleted keeps its room.
//! - Whoever has a writable mapping of a script since before its exec can change the script without
//!   a change of its times. Of an executable the kernel allows no such mapping.
//!
//! - [`request`]: what is asked and answered.
//! - `open`: from a request to the very file.
//! - `read`: from an open file to its digest.
//! - `rate`: how many bytes per second.
//! - [`worker`]: the threads.

pub mod digests;
mod open;
mod rate;
mod read;
pub mod request;
#[cfg(test)]
mod tests;
pub mod worker;

use std::{fs::Metadata, io, os::unix::fs::MetadataExt, path::PathBuf, time::Duration};

pub use digests::{Counters, Digests};
pub use request::{
    Answer, Evidence, ExecutableRequest, Found, Identity, Missing, MountNamespace, Outcome,
    Reading, Request, ScriptRequest, Ticket,
};
pub use worker::Worker;

pub use crate::process::fingerprint::Sha256;

use crate::{clock::WallTime, event::Device};

/// How hashing is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// Digests that are remembered; the one not asked for longest is forgotten first.
    pub remembered: usize,
    /// Requests that wait for the worker; more are [`Missing::QueueFull`].
    pub queue: usize,
    /// Bytes of the largest file that is read; larger ones are [`Missing::TooLarge`].
    pub file_bytes_max: u64,
    /// Bytes that are read per second, on average.
    pub bytes_per_second: u64,
    /// Bytes that may be read at once after a quiet time.
    pub burst_bytes: u64,
    /// How long a file may take; one that takes longer is [`Missing::TimedOut`].
    pub time_out: Duration,
    /// The root directory whose packages are looked up; none for no packages.
    pub packages: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            remembered: 4_096,
            queue: 1_024,
            file_bytes_max: 64 << 20,
            bytes_per_second: 64 << 20,
            burst_bytes: 64 << 20,
            time_out: Duration::from_secs(10),
            packages: None,
        }
    }
}

/// Starts the worker. It gives each answer to `deliver`, which may block: the worker waits then.
///
/// # Errors
///
/// If a thread cannot be started.
pub fn start(
    settings: &Settings,
    deliver: impl FnMut(Answer) + Send + 'static,
) -> io::Result<(Digests, Worker)> {
    let (worker, requests) = Worker::start(settings, deliver)?;
    Ok((Digests::new(settings, requests), worker))
}

/// A moment that a file system noted, as long after 1970 as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: i64,
    /// And nanoseconds, below 1,000,000,000. File systems that keep flags in the same field of the
    /// inode (since Linux 6.13) have them taken out.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// The moment by the wall clock.
    #[must_use]
    pub fn wall_time(self) -> WallTime {
        let seconds = self.seconds.saturating_mul(1_000_000_000);
        WallTime(seconds.saturating_add(i64::from(self.nanoseconds)))
    }
}

/// A file and a state of its content.
///
/// The time of the last change (ctime) is part of it, because no call sets it: that of the last
/// modification (mtime) can be set back by anybody who owns the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileKey {
    /// The file system's device.
    pub device: Device,
    /// Its number there.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content was last modified.
    pub modified: Timestamp,
    /// When its content or its inode was last changed.
    pub changed: Timestamp,
}

impl FileKey {
    /// Of a file that is open or was looked up.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let timestamp = |seconds, nanoseconds| Timestamp {
            seconds,
            nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
        };
        Self {
            device: Device {
                major: rustix::fs::major(metadata.dev()),
                minor: rustix::fs::minor(metadata.dev()),
            },
            inode: metadata.ino(),
            size: metadata.size(),
            modified: timestamp(metadata.mtime(), metadata.mtime_nsec()),
            changed: timestamp(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
