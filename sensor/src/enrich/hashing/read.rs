//! From an open file to its digest.

use std::{
    fs::File,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::fs::{Advice, fadvise};
use sha2::Digest;

use super::{Missing, Sha256};

/// Bytes that are read at once: enough for a disk, little beside the processor's cache.
const CHUNK: usize = 256 * 1_024;

/// Reads files.
pub(super) struct Reader {
    chunk: Box<[u8]>,
    time_out: Duration,
    stop: Arc<AtomicBool>,
    /// Bytes that were read.
    pub(super) bytes_read: u64,
}

impl Reader {
    /// Gives up a file after `time_out`, and at once when it is told to stop.
    pub(super) fn new(time_out: Duration, stop: Arc<AtomicBool>) -> Self {
        Self {
            chunk: vec![0; CHUNK].into(),
            time_out,
            stop,
            bytes_read: 0,
        }
    }

    /// The digest of a file's first `size` bytes, from where it stands. Whether the content stayed
    /// the same meanwhile is the caller's to find out; growing, it is not followed.
    pub(super) fn digest(&mut self, mut file: &File, size: u64) -> Result<Sha256, Missing> {
        let start = Instant::now();
        // The pages are left where they are: the program that runs from them needs them. And no
        // answer to the hint changes what is read.
        let _ = fadvise(file, 0, None, Advice::Sequential);
        let mut state = sha2::Sha256::new();
        let mut left = size;
        while left > 0 {
            if self.stop.load(Ordering::Relaxed) || start.elapsed() > self.time_out {
                return Err(Missing::TimedOut);
            }
            let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let chunk = self.chunk.get_mut(..length).unwrap_or_default();
            match file.read(chunk) {
                Ok(0) => return Err(Missing::Modified),
                Ok(count) => {
                    state.update(chunk.get(..count).unwrap_or_default());
                    left = left.saturating_sub(count as u64);
                    self.bytes_read += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Ok(Sha256(state.finalize().into()))
    }
}

/// The reason that an error is.
pub(super) fn unreadable(error: &io::Error) -> Missing {
    Missing::Unreadable(error.raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executable() -> (File, Vec<u8>) {
        let path = std::env::current_exe().unwrap();
        // More than two chunks, and not a whole number of them.
        let content = std::fs::read(&path).unwrap()[..2 * CHUNK + 17].to_vec();
        (File::open(path).unwrap(), content)
    }

    #[test]
    fn chunks_make_the_digest_of_the_whole() {
        let (file, content) = executable();
        let mut reader = Reader::new(Duration::from_secs(10), Arc::default());
        let digest = reader.digest(&file, content.len() as u64).unwrap();
        assert_eq!(digest.0, <[u8; 32]>::from(sha2::Sha256::digest(&content)));
        assert_eq!(reader.bytes_read, content.len() as u64);
    }

    #[test]
    fn knows_the_digest_of_a_text() {
        let digest = Sha256(sha2::Sha256::digest(b"abc").into());
        assert_eq!(
            String::from_utf8(digest.digits().to_vec()).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn gives_up_after_its_time_and_when_told() {
        let (file, _) = executable();
        let mut reader = Reader::new(Duration::ZERO, Arc::default());
        assert_eq!(reader.digest(&file, 100), Err(Missing::TimedOut));
        let stopped = Arc::new(AtomicBool::new(true));
        let mut reader = Reader::new(Duration::from_secs(10), stopped);
        assert_eq!(reader.digest(&file, 100), Err(Missing::TimedOut));
        assert_eq!(reader.bytes_read, 0);
    }

    #[test]
    fn a_file_that_ends_early_was_modified() {
        let (file, _) = executable();
        let size = file.metadata().unwrap().len();
        let mut reader = Reader::new(Duration::from_secs(60), Arc::default());
        // From near its end: there is no need to read all of it.
        io::Seek::seek(&mut &file, io::SeekFrom::End(-10)).unwrap();
        assert_eq!(reader.digest(&file, size), Err(Missing::Modified));
        assert_eq!(reader.bytes_read, 10);
    }
}
