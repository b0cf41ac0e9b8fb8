//! What can go wrong with a backlog.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a backlog cannot be had, or cannot be kept on disk.
#[derive(Debug, Error)]
pub enum BacklogError {
    /// Its directory cannot be had.
    #[error(
        "cannot keep a backlog in {}: {why}\n  name a directory that the sensor can write to, and that nobody else uses",
        .path.display()
    )]
    Directory {
        /// The directory, or the file in it that is in the way.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Another process has it, or another sink of this one.
    #[error(
        "another sensor, or another sink of this one, keeps its backlog in {}\n  stop it, or give each a directory of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// A file cannot be written.
    #[error("cannot write the backlog's {}: {why}{}", .path.display(), hint(.why))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read the backlog's {}: {why}; it is tried again", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
}

impl BacklogError {
    /// That of a full disk.
    #[cfg(test)]
    pub(in crate::delivery) fn full() -> Self {
        Self::write("spool".into(), io::Error::from(io::ErrorKind::StorageFull))
    }

    pub(super) fn directory(path: &Path, why: impl Into<io::Error>) -> Self {
        Self::Directory {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    pub(super) fn write(path: PathBuf, why: impl Into<io::Error>) -> Self {
        Self::Write {
            path,
            why: why.into(),
        }
    }

    pub(super) fn read(path: PathBuf, why: impl Into<io::Error>) -> Self {
        Self::Read {
            path,
            why: why.into(),
        }
    }

    /// Whether there is no room for more on the disk, or none for this user.
    pub(super) fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Write { why, .. }
                if matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }
}

/// What to do about a failure to write.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\n  make room on its file system, or keep the backlog on another one"
        }
        io::ErrorKind::FileTooLarge => "\n  raise the limit of a file's size (`ulimit -f`)",
        _ => "",
    }
}
