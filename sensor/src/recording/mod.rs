//! What the kernel said, kept in a file: `sensor run --record FILE` writes it, `sensor replay FILE`
//! goes through the pipeline with it again.
//!
//! A file is a header and frames, numbers in little-endian order:
//!
//! | bytes | header |
//! | --- | --- |
//! | 8 | magic |
//! | 2 | version of the format |
//! | 1 | byte order of the records within: `l` or `b` |
//! | 1 | reserved, 0 |
//! | 16 | architecture, filled up with NUL |
//! | 4 | CRC-32 of the bytes before |
//!
//! | bytes | frame |
//! | --- | --- |
//! | 1 | type |
//! | 4 | length of the payload |
//! | length | payload: JSON, a number, or a record as it was in its ring |
//! | 4 | CRC-32 of the bytes before |
//!
//! The last frame is [`Frame::End`]: a file without it tells of a sensor that was killed.

mod error;
mod fact;
mod frame;
mod header;
mod process;
mod reader;
mod totals;
mod writer;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use error::RecordingError;
pub use reader::Reader;
pub use writer::Writer;

use crate::{
    clock::{BootTime, WallOffset},
    enrich::fact::Fact,
    event::{interpret::Premises, state::Started},
    host::Host,
    kernel::counters::Totals,
    process::{Process, cgroups::Found},
};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u16 = 2;

/// The longest payload of a frame. A record is at most 48 KiB; the rest is for JSON.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Something that the pipeline is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The host that was watched, and the sensor that did.
    Host(Box<Host>),
    /// How it watched, and since when.
    Started {
        /// How.
        started: Box<Started>,
        /// Since when.
        time: BootTime,
    },
    /// A process that was read from `/proc`.
    Process(Box<Process>),
    /// A cgroup that was read from its file system.
    Cgroup(Found),
    /// Something that was found out beside what the kernel told.
    Fact(Box<Fact>),
    /// What interpreting events needs to know of the kernel side.
    Premises(Premises),
    /// The distance from boot time to wall time from here on.
    WallOffset(WallOffset),
    /// A record, as it was in its ring.
    Record(Bytes),
    /// Every record that was made before this moment is in an earlier frame.
    CompleteUntil(BootTime),
    /// What the programs had counted.
    Counted {
        /// The counts.
        totals: Totals,
        /// When they were read.
        time: BootTime,
    },
    /// The sensor stopped in order, and this is what the programs counted in the end.
    End {
        /// The counts.
        totals: Totals,
        /// When it stopped.
        time: BootTime,
    },
}
