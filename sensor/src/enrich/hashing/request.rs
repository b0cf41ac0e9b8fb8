//! What is asked of the worker, and what it answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileKey, Sha256};
use crate::{
    clock::WallTime,
    event::{ProcessId, Tgid},
    process::fingerprint::Package,
};

pub use crate::process::fingerprint::Evidence;

/// A mount namespace: its inode number in the kernel's file system of namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MountNamespace(pub u32);

/// Where a file can be reached from.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The process that executed it.
    pub process: ProcessId,
    /// The mount namespace that the process was in.
    pub mount_namespace: MountNamespace,
    /// Processes that may be in the same, to look through when the process has ended: its parent,
    /// say. Whether they are is checked; only the first [`Reading::OTHERS_MAX`] are tried.
    pub others: Vec<Tgid>,
    /// When it was executed.
    pub executed: WallTime,
}

impl Reading {
    /// Other processes that are tried.
    pub const OTHERS_MAX: usize = 4;
}

/// Asks for the digest of an executable.
#[derive(Clone, Debug)]
pub struct ExecutableRequest {
    /// The file, as the kernel knew it at the exec.
    pub file: FileKey,
    /// Its path from the root of the process; none if it had none (deleted, or a memfd), so that
    /// only the process itself leads to it.
    pub path: Option<Arc<[u8]>>,
    /// Where from.
    pub reading: Reading,
}

/// Asks for the digest of a script. The kernel does not tell which file it was.
#[derive(Clone, Debug)]
pub struct ScriptRequest {
    /// Its absolute path from the root of the process.
    pub path: Arc<[u8]>,
    /// Where from.
    pub reading: Reading,
}

/// What the worker is given.
#[derive(Clone, Debug)]
pub enum Request {
    /// An executable.
    Executable(Ticket, ExecutableRequest),
    /// A script.
    Script(Ticket, ScriptRequest),
}

/// Names a request that is under way; its answer has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What the worker found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it answers.
    pub ticket: Ticket,
    /// Of which file.
    pub found: Found,
    /// The digest, or why there is none.
    pub outcome: Outcome,
    /// The package that the executable at this path belongs to, if the path leads to the very file.
    pub package: Option<Arc<Package>>,
    /// Bytes that were read for it.
    pub bytes_read: u64,
}

/// The file that an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The executable that was asked for.
    Executable(FileKey),
    /// The script that was at the path, if one was.
    Script(Option<FileKey>),
}

/// A digest, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The digest.
    Sha256 {
        /// It.
        digest: Sha256,
        /// What ties it to what was executed.
        evidence: Evidence,
        /// Whether it is the digest of every file with the same key. It is not, if the content was
        /// changed so shortly before it was read that another change could have had the same time.
        settled: bool,
    },
    /// There is none.
    Missing(Missing),
}
/// What is remembered of an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its digest.
    pub digest: Sha256,
    /// Its package, by the path that it was first executed at.
    pub package: Option<Arc<Package>>,
}

/// Why there is no digest.
///
/// None is remembered, and the next exec asks again: each is of the moment but for
/// [`Missing::TooLarge`], which costs nothing to find out again. The worker itself refuses for a
/// while what was [`Missing::TimedOut`], so that a slow file does not keep it from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It has more bytes than are read of one file.
    TooLarge,
    /// It would have had to wait for longer than a second for its share of bytes.
    RateLimited,
    /// Too many requests were waiting.
    QueueFull,
    /// The process has ended, and nothing is at the path or nobody is left to reach it through.
    Gone,
    /// Another file is there now, or the same with another content.
    Replaced,
    /// It was changed while it was read.
    Modified,
    /// What is there now is no file with content, or one that the kernel makes up (`/proc`).
    NotRegular,
    /// The kernel refused to open or to read it: the error number.
    Unreadable(i32),
    /// It took too long to read.
    TimedOut,
}

impl Missing {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All names, in the order of [`Missing::index`].
    pub const NAMES: [&'static str; Self::COUNT] = [
        "too_large",
        "rate_limited",
        "queue_full",
        "gone",
        "replaced",
        "modified",
        "not_regular",
        "unreadable",
        "timed_out",
    ];

    /// Its name in events and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::QueueFull => "queue_full",
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::Modified => "modified",
            Self::NotRegular => "not_regular",
            Self::Unreadable(_) => "unreadable",
            Self::TimedOut => "timed_out",
        }
    }

    /// Its place among the counters.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::TooLarge => 0,
            Self::RateLimited => 1,
            Self::QueueFull => 2,
            Self::Gone => 3,
            Self::Replaced => 4,
            Self::Modified => 5,
            Self::NotRegular => 6,
            Self::Unreadable(_) => 7,
            Self::TimedOut => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_name_of_its_place() {
        let all = [
            Missing::TooLarge,
            Missing::RateLimited,
            Missing::QueueFull,
            Missing::Gone,
            Missing::Replaced,
            Missing::Modified,
            Missing::NotRegular,
            Missing::Unreadable(5),
            Missing::TimedOut,
        ];
        for (place, missing) in all.into_iter().enumerate() {
            assert_eq!(missing.index(), place);
            assert_eq!(Missing::NAMES[place], missing.name());
        }
    }
}
