//! Reading a recording.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use bytes::BytesMut;

use super::{
    Frame, PAYLOAD_BYTES_MAX, RecordingError,
    frame::{self, CHECKSUM_BYTES, PREFIX_BYTES},
    header::{self, HEADER_BYTES},
};

/// What is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Payloads are read into blocks of this size.
const ARENA_BYTES: usize = 64 << 10;

/// The frames of a recording, in order: each whole one that there is, and at last the error, if the
/// recording does not end as it should. Memory is bounded, whatever the file says.
#[derive(Debug)]
pub struct Reader<R = BufReader<File>> {
    path: PathBuf,
    source: R,
    /// Where the next frame begins.
    at: u64,
    progress: Progress,
    arena: BytesMut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Among the frames.
    Within,
    /// After the last one.
    AtEnd,
    /// Nothing more is given.
    Over,
}

impl Reader {
    /// Opens a recording.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no recording, or is one that this sensor cannot read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path).map_err(|why| RecordingError::Read {
            path: path.to_owned(),
            why,
        })?;
        Self::new(path, BufReader::with_capacity(BUFFER_BYTES, file))
    }
}

impl<R: Read> Reader<R> {
    /// Reads a recording from somewhere; the path is for what is said of it.
    ///
    /// # Errors
    ///
    /// As of [`Reader::open`].
    pub fn new(path: &Path, mut source: R) -> Result<Self, RecordingError> {
        header::check(&mut source, path)?;
        Ok(Self {
            path: path.to_owned(),
            source,
            at: HEADER_BYTES as u64,
            progress: Progress::Within,
            arena: BytesMut::new(),
        })
    }

    /// The next frame; none where the file ends after one.
    fn frame(&mut self) -> Result<Option<Frame>, RecordingError> {
        let mut prefix = [0; PREFIX_BYTES];
        match self.fill(&mut prefix)? {
            0 => return Ok(None),
            PREFIX_BYTES => {}
            _ => return Err(self.truncated()),
        }
        let [number, length @ ..] = prefix;
        let length = u32::from_le_bytes(length) as usize;
        if length > PAYLOAD_BYTES_MAX {
            return Err(self.corrupt(format!("the frame claims to have {length} bytes")));
        }
        let whole = length + CHECKSUM_BYTES;
        if self.arena.capacity() < whole {
            self.arena = BytesMut::with_capacity(ARENA_BYTES.max(whole));
        }
        self.arena.resize(whole, 0);
        let mut block = self.arena.split();
        if self.fill(&mut block)? < whole {
            return Err(self.truncated());
        }
        let checksum = block.split_off(length);
        let payload = block.freeze();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&prefix);
        hasher.update(&payload);
        if hasher.finalize().to_le_bytes() != *checksum {
            return Err(self.corrupt("the checksum is wrong"));
        }
        let frame = frame::decode(number, payload).map_err(|reason| self.corrupt(reason))?;
        self.at += (PREFIX_BYTES + whole) as u64;
        Ok(Some(frame))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, RecordingError> {
        read_up_to(&mut self.source, buffer).map_err(|why| RecordingError::Read {
            path: self.path.clone(),
            why,
        })
    }

    fn truncated(&self) -> RecordingError {
        RecordingError::Truncated {
            path: self.path.clone(),
            at: self.at,
        }
    }

    fn corrupt(&self, reason: impl Into<String>) -> RecordingError {
        RecordingError::corrupt(&self.path, self.at, reason)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Frame, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.progress == Progress::Over {
            return None;
        }
        let after_end = self.progress == Progress::AtEnd;
        self.progress = Progress::Over;
        match self.frame() {
            Ok(None) if after_end => None,
            Ok(None) => Some(Err(RecordingError::Unfinished {
                path: self.path.clone(),
                at: self.at,
            })),
            _ if after_end => Some(Err(self.corrupt("there is more after the end"))),
            Ok(Some(frame)) => {
                self.progress = match frame {
                    Frame::End { .. } => Progress::AtEnd,
                    _ => Progress::Within,
                };
                Some(Ok(frame))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reads until a buffer is full or there is no more; how much that was.
pub(super) fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = buffer.get_mut(filled..) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
