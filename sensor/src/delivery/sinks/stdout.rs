//! Lines on standard output.
//!
//! An entry counts as sent when the kernel has it: in the pipe, in the file, on the terminal.

use std::{io, os::fd::BorrowedFd};

use rustix::{
    fs::{FileType, OFlags},
    io::Errno,
};

use super::{
    descriptor::{self, Descriptor},
    lines::{Lines, some_are_out},
};
use crate::delivery::{
    entry::Entry,
    sink::{Receipt, Sending, Sink},
};

/// How standard output is written to: there is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StdoutSettings {}

/// Standard output.
#[derive(Debug)]
pub struct Stdout {
    stdout: BorrowedFd<'static>,
    lines: Descriptor<BorrowedFd<'static>>,
}

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
    pub fn new(_: StdoutSettings) -> io::Result<Self> {
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
        Ok(Self::to(stdout))
    }

    fn to(stdout: BorrowedFd<'static>) -> Self {
        Self {
            stdout,
            lines: Descriptor::new(stdout),
        }
    }

    /// Writes bytes, outside of a runtime, however long that takes.
    ///
    /// # Errors
    ///
    /// If they are not out, or not all of them.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match descriptor::write(self.stdout, rest)? {
                0 => descriptor::wait(self.stdout)?,
                written => rest = rest.get(written..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

impl Sink for Stdout {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(async move {
            let answer = "written to standard output";
            let (out, error) = match self.lines.write(&Lines::of(entries)).await {
                Ok(()) => return Ok(Receipt::all(answer)),
                Err(failed) => failed,
            };
            let why = match Errno::from_io_error(&error) {
                Some(Errno::PIPE) => "cannot write to standard output: whoever read it is gone\n  \
                                      start the sensor again with a reader, or write to a file"
                    .into(),
                _ => format!("cannot write to standard output: {error}"),
            };
            some_are_out(out, entries.len(), why, answer.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{BufRead, BufReader, Read},
        os::fd::{AsFd, OwnedFd},
        time::Duration,
    };

    use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

    use super::{super::testing::*, *};
    use crate::delivery::sink::Failure;

    /// A descriptor that lives as long as the test's process.
    fn leaked(descriptor: OwnedFd) -> BorrowedFd<'static> {
        let descriptor: &'static OwnedFd = Box::leak(Box::new(descriptor));
        descriptor.as_fd()
    }

    fn small_pipe(flags: PipeFlags) -> (File, OwnedFd) {
        let (reader, writer) = pipe_with(flags).unwrap();
        fcntl_setpipe_size(&writer, 4096).unwrap();
        rustix::io::ioctl_fionbio(&reader, false).unwrap();
        (File::from(reader), writer)
    }

    #[test]
    fn lines_of_any_length_pass_a_small_pipe() {
        for flags in [PipeFlags::CLOEXEC, PipeFlags::CLOEXEC | PipeFlags::NONBLOCK] {
            let (reader, writer) = small_pipe(flags);
            let entries = entries(&["a", &"b".repeat(100_000), "", &"c".repeat(4095)]);
            let expected = Lines::of(&entries).bytes;
            let length = expected.len();
            let reading = std::thread::spawn(move || {
                let mut read = vec![0; length];
                (&reader).read_exact(&mut read).unwrap();
                read
            });
            let mut stdout = Stdout::to(leaked(writer));
            let receipt = block_on(stdout.send(&entries)).unwrap();
            assert_eq!(receipt, Receipt::all("written to standard output"));
            assert_eq!(reading.join().unwrap(), expected);
        }
    }

    #[test]
    fn a_line_that_was_given_up_is_completed_first() {
        let (reader, writer) = small_pipe(PipeFlags::CLOEXEC);
        let mut lines = Descriptor::new(writer);
        let long = Lines::of(&entries(&["first", &"x".repeat(9000), "never begun"]));
        block_on(async {
            let writing = lines.write(&long);
            tokio::time::timeout(Duration::from_millis(20), writing)
                .await
                .unwrap_err();
        });
        let reading = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines();
            lines.collect::<Result<Vec<_>, _>>().unwrap()
        });
        block_on(lines.write(&Lines::of(&entries(&["next"])))).unwrap();
        // Closes the pipe.
        drop(lines);
        assert_eq!(
            reading.join().unwrap(),
            ["first", &"x".repeat(9000), "next"]
        );
    }

    #[test]
    fn a_reader_that_is_gone_is_told() {
        let (reader, writer) = small_pipe(PipeFlags::CLOEXEC);
        drop(reader);
        let failure = block_on(Stdout::to(leaked(writer)).send(&entries(&["a"]))).unwrap_err();
        let Failure::Again(again) = failure else {
            panic!("{failure:?}");
        };
        assert!(again.why.contains("whoever read it is gone"), "{again:?}");
    }

    #[test]
    fn a_full_device_takes_nothing_and_a_file_takes_all() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let failure = block_on(Stdout::to(leaked(full.into())).send(&entries(&["a"])));
        failure.unwrap_err();

        let directory = Directory::new("stdout");
        let path = directory.0.join("out");
        let file = File::create(&path).unwrap();
        let batch = entries(&["a", "b"]);
        block_on(Stdout::to(leaked(file.into())).send(&batch)).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a\nb\n");
    }
}
