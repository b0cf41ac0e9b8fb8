//! What can be wrong with a recording.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::FORMAT_VERSION;

/// Why a recording cannot be made, or not be read any further.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// There is a file of that name, and none is overwritten.
    #[error("cannot record to {}: it exists already\n  name another file, or move this one away", .0.display())]
    Exists(PathBuf),
    /// The file cannot be made.
    #[error("cannot make the recording {}: {why}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the recording {}: {why}{}", .path.display(), hint(.why))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The file cannot be opened or read.
    #[error("cannot read the recording {}: {why}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The file is something else.
    #[error(
        "{} is no recording of the sensor\n  name a file that `sensor run --record` has made",
        .0.display()
    )]
    Foreign(PathBuf),
    /// A newer sensor made it.
    #[error(
        "{} is in version {version} of the recording format, and this sensor knows version {known}\n  replay it with a \
         sensor as new as the one that made it",
        .path.display(),
        known = FORMAT_VERSION
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
    /// It was written by an older sensor, whose records have another layout.
    #[error(
        "{} is in version {version} of the recording format, and this sensor knows version {known}\n  replay it with \
         the sensor that made it",
        .path.display(),
        known = FORMAT_VERSION
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
    /// Its records are those of another architecture.
    #[error(
        "{} was recorded on {architecture}, and this sensor is for {}\n  replay it with a sensor for that architecture",
        .path.display(),
        super::header::Machine::HERE
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// The architecture and its byte order.
        architecture: String,
    },
    /// The file ends within a frame, or within its header.
    #[error(
        "{} is cut off: what begins at byte {at} is not whole; everything before was read\n  the sensor was killed while \
         it wrote, or the disk was full, or the file was not copied to its end",
        .path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        at: u64,
    },
    /// The file ends after a frame, but not after the last one.
    #[error(
        "{} has no end: everything up to byte {at} was read\n  the sensor was killed before it could stop in order, or \
         the file was not copied to its end",
        .path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        at: u64,
    },
    /// A frame, or the header, is not what was written.
    #[error("{} is damaged at byte {at}: {reason}; everything before was read", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        at: u64,
        /// What is wrong.
        reason: String,
    },
}

impl RecordingError {
    pub(super) fn corrupt(path: &Path, at: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            at,
            reason: reason.into(),
        }
    }
}

/// What to do about a failure to write.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\n  make room on its file system, or record to another one"
        }
        io::ErrorKind::FileTooLarge => "\n  raise the limit of the file's size (`ulimit -f`)",
        _ => "",
    }
}
