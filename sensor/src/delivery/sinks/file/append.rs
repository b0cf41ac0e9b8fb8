//! Appending whole lines.

use std::{
    fs::File,
    io::{self, Write},
    ops::Range,
};

use super::super::lines::Lines;

/// What lines can be appended to, and cut off again.
pub(super) trait Storage: Write {
    /// Its bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts off what is beyond so many bytes.
    fn cut(&self, length: u64) -> io::Result<()>;
}

impl Storage for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// What became of lines.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All are there.
    Whole,
    /// So many are there, and nothing else.
    Cut { whole: usize, error: io::Error },
    /// So many are there, and behind them perhaps a part of the next.
    Torn { whole: usize, error: io::Error },
}

/// Appends these of the lines.
pub(super) fn append(storage: &mut impl Storage, lines: &Lines, which: Range<usize>) -> Outcome {
    let begin = lines.begin(which.start);
    let end = lines.begin(which.end);
    let before = match storage.length() {
        Ok(before) => before,
        Err(error) => return Outcome::Cut { whole: 0, error },
    };
    let mut written = begin;
    while let Some(rest) = lines
        .bytes
        .get(written..end)
        .filter(|rest| !rest.is_empty())
    {
        let error = match storage.write(rest) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(more) => {
                written += more;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let line = lines.whole(written);
        let whole = line.saturating_sub(which.start);
        let kept = lines.begin(line);
        if kept == written {
            return Outcome::Cut { whole, error };
        }
        return match cut_back(storage, before, written - begin, kept - begin) {
            Ok(()) => Outcome::Cut { whole, error },
            Err(_) => Outcome::Torn { whole, error },
        };
    }
    Outcome::Whole
}

/// Cuts off half a line, if nobody else has written meanwhile.
fn cut_back(storage: &impl Storage, before: u64, written: usize, kept: usize) -> io::Result<()> {
    let at = |bytes: usize| before.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    if storage.length()? != at(written) {
        return Err(io::Error::other("somebody else writes to it"));
    }
    storage.cut(at(kept))
}
