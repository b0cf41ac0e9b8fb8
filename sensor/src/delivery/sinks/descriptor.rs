//! Lines to something that may make its writers wait: a pipe, a terminal, a device.
//!
//! It may be shared with other programs, so it is not made non-blocking: it is asked whether it takes
//! more, and then given what it takes without waiting.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::FileType,
    io::Errno,
};

use super::{handover::Pauses, lines::Lines};

/// Bytes that a pipe which takes any takes without waiting (`PIPE_BUF`).
const PIECE: usize = 4096;

/// Something that lines are written to.
#[derive(Debug)]
pub(super) struct Descriptor<F> {
    to: F,
    /// Most bytes that are written at once.
    piece: usize,
    /// What is to be written, of which so much is out. A call that is dropped half-way, or fails,
    /// leaves half a line out: its rest goes before what is written next.
    bytes: Vec<u8>,
    written: usize,
}

impl<F: AsFd> Descriptor<F> {
    pub(super) fn new(to: F) -> Self {
        let is_file = rustix::fs::fstat(&to)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self {
            to,
            piece: if is_file { usize::MAX } else { PIECE },
            bytes: Vec::new(),
            written: 0,
        }
    }

    /// Writes lines, and waits while there is no room for them. To be called in a runtime.
    ///
    /// # Errors
    ///
    /// With how many lines are out in any case.
    pub(super) async fn write(&mut self, lines: &Lines) -> Result<(), (usize, io::Error)> {
        let mut bytes = self.torn().to_vec();
        let torn = bytes.len();
        bytes.extend(&lines.bytes);
        self.bytes = bytes;
        self.written = 0;
        self.write_all()
            .await
            .map_err(|error| (lines.whole(self.written.saturating_sub(torn)), error))
    }

    /// The rest of a line whose beginning is out.
    fn torn(&self) -> &[u8] {
        let (out, rest) = self
            .bytes
            .split_at_checked(self.written)
            .unwrap_or_default();
        if matches!(out.last(), None | Some(b'\n')) {
            return &[];
        }
        let end = rest.iter().position(|byte| *byte == b'\n');
        end.and_then(|end| rest.get(..=end)).unwrap_or(rest)
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while let Some(rest) = self
            .bytes
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            takes_more(self.to.as_fd()).await?;
            let piece = rest.get(..self.piece).unwrap_or(rest);
            self.written += write(self.to.as_fd(), piece)?;
        }
        Ok(())
    }
}

/// Waits until something takes more. The kernel is asked again and again: what would have it call
/// back does not work for files, nor for what others may have registered.
async fn takes_more(to: BorrowedFd<'_>) -> io::Result<()> {
    let mut pauses = Pauses::new();
    while !poll_now(to)? {
        pauses.pause().await;
    }
    Ok(())
}

fn poll_now(to: BorrowedFd<'_>) -> io::Result<bool> {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut [PollFd::new(&to, PollFlags::OUT)], Some(&now)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes what can be written now; nothing, if somebody made the descriptor non-blocking and there
/// is no room.
pub(super) fn write(to: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    match rustix::io::write(to, bytes) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(written) => Ok(written),
        Err(Errno::INTR | Errno::AGAIN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Waits until there is room.
pub(super) fn wait(to: BorrowedFd<'_>) -> io::Result<()> {
    match poll(&mut [PollFd::new(&to, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
