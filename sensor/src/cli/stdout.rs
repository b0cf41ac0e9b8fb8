//! Standard output, as the place where events go.

use std::{
    io::{self, IsTerminal},
    os::fd::BorrowedFd,
};

use rustix::fs::{FileType, OFlags};

use crate::{
    host::Host,
    output::{self, Format, FormatChoice, Terminal},
    pipeline::Output,
};

/// Standard output.
#[derive(Debug)]
pub(super) struct Stdout(BorrowedFd<'static>);

/// The device number of `/dev/null`, `makedev(1, 3)`.
const NULL_DEVICE: (u32, u32) = (1, 3);

impl Stdout {
    /// Standard output, if somebody opened it.
    ///
    /// A program that is started with it closed gets `/dev/null` in its place, open for reading and
    /// writing; one that is told to write there has it open for writing only.
    ///
    /// # Errors
    ///
    /// If nobody opened it.
    pub(super) fn open() -> io::Result<Self> {
        let stdout = rustix::stdio::stdout();
        let stat = rustix::fs::fstat(stdout)?;
        let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && (
                rustix::fs::major(stat.st_rdev),
                rustix::fs::minor(stat.st_rdev),
            ) == NULL_DEVICE;
        if is_null && rustix::fs::fcntl_getfl(stdout)?.contains(OFlags::RDWR) {
            return Err(io::Error::other(
                "it is closed\n  redirect it to a file, a pipe or /dev/null",
            ));
        }
        Ok(Self(stdout))
    }
}

impl Output for Stdout {
    fn write(&mut self, documents: &[u8]) -> io::Result<()> {
        let mut rest = documents;
        while !rest.is_empty() {
            match rustix::io::write(self.0, rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => wait(self.0)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Waits until a descriptor that somebody made non-blocking takes more.
fn wait(stdout: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The format that was asked for, or the one that fits standard output.
pub(super) fn format(choice: Option<FormatChoice>, host: &Host) -> Box<dyn Format> {
    let choice = choice.unwrap_or(if io::stdout().is_terminal() {
        FormatChoice::Pretty
    } else {
        FormatChoice::Json
    });
    output::format(choice, host, Terminal::standard_output())
}
