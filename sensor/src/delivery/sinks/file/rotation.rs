//! Setting files aside.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::{
    fs::{CWD, RenameFlags, renameat, renameat_with},
    io::Errno,
};

use super::{super::lines::Lines, Rotation};
use crate::clock::WallTime;

/// Nanoseconds in the unit of names.
const MILLISECOND: i64 = 1_000_000;

/// How many names are tried when others are taken.
const ATTEMPTS: usize = 1000;

impl Rotation {
    /// How many of the lines, from this one on, fit into a file of this length.
    pub(super) fn fitting(&self, length: u64, lines: &Lines, first: usize) -> usize {
        let Some(bytes_max) = self.bytes_max else {
            return lines.ends.len() - first;
        };
        let room = usize::try_from(bytes_max.saturating_sub(length)).unwrap_or(usize::MAX);
        let end = lines.begin(first).saturating_add(room);
        lines.whole(end).saturating_sub(first)
    }

    /// Whether the period of a moment is over.
    pub(super) fn is_over(&self, written: WallTime, now: WallTime) -> bool {
        let Some(period) = self.period else {
            return false;
        };
        let seconds = i64::try_from(period.as_secs()).unwrap_or(i64::MAX).max(1);
        let number = |time: WallTime| time.0.div_euclid(1_000_000_000).div_euclid(seconds);
        number(now) != number(written)
    }
}

/// What a file in the folder is to the file with this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// It was set aside.
    Plain,
    /// It was set aside and compressed.
    Compressed,
    /// It is being compressed.
    Partial,
}

/// The ends of names after compression, and while it lasts.
pub(super) const COMPRESSED: &str = ".gz";
pub(super) const PARTIAL: &str = ".gz.part";

/// Takes a name apart: the part that says when, and what it is. None if it was not set aside by this
/// module.
pub(super) fn aside<'a>(live: &OsStr, name: &'a OsStr) -> Option<(&'a [u8], Aside)> {
    let rest = name
        .as_bytes()
        .strip_prefix(live.as_bytes())?
        .strip_prefix(b"-")?;
    let (time, end) = rest.split_at_checked(TIME_PATTERN.len())?;
    let fits = |(byte, pattern): (&u8, &u8)| match pattern {
        b'0' => byte.is_ascii_digit(),
        _ => byte == pattern,
    };
    if !time.iter().zip(TIME_PATTERN).all(fits) {
        return None;
    }
    let what = match end {
        b"" => Aside::Plain,
        end if end == COMPRESSED.as_bytes() => Aside::Compressed,
        end if end == PARTIAL.as_bytes() => Aside::Partial,
        _ => return None,
    };
    Some((time, what))
}

const TIME_PATTERN: &[u8] = b"00000000T000000.000Z";

/// Gives a file the name of a moment, or of the first after it that is free.
pub(super) fn set_aside(path: &Path, now: WallTime) -> io::Result<()> {
    let mut moment = now;
    for _ in 0..ATTEMPTS {
        let aside = at(path, moment);
        // In this order: what is compressed meanwhile is there as it was until it is there compressed.
        let taken = ["", PARTIAL, COMPRESSED]
            .iter()
            .any(|end| with(&aside, end).exists());
        if !taken {
            match rename(path, &aside) {
                Err(Errno::EXIST) => {}
                renamed => return Ok(renamed?),
            }
        }
        moment = WallTime(moment.0.saturating_add(MILLISECOND));
    }
    Err(io::Error::other("all names for it are taken"))
}

fn at(path: &Path, moment: WallTime) -> PathBuf {
    let moment = Timestamp::from_nanosecond(moment.0.into()).unwrap_or_default();
    with(path, &moment.strftime("-%Y%m%dT%H%M%S%.3fZ").to_string())
}

/// A path with more at its end.
pub(super) fn with(path: &Path, end: &str) -> PathBuf {
    let mut longer = OsString::from(path);
    longer.push(end);
    longer.into()
}

/// Renames, and replaces nothing.
fn rename(from: &Path, to: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that cannot; nobody else makes such names.
        Err(Errno::INVAL | Errno::NOSYS) if to.exists() => Err(Errno::EXIST),
        Err(Errno::INVAL | Errno::NOSYS) => renameat(CWD, from, CWD, to),
        renamed => renamed,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Barrier, thread};

    use super::*;
    use crate::delivery::sinks::testing::Directory;

    #[test]
    fn the_name_of_a_file_that_is_just_compressed_is_taken() {
        let directory = Directory::new("file-names");
        let path = directory.0.join("events.log");
        let now = WallTime(1_795_837_692_123_000_000);
        let aside = at(&path, now);
        for _ in 0..2000 {
            fs::write(&aside, "1\n").unwrap();
            fs::write(&path, "2\n").unwrap();
            let begin = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    begin.wait();
                    fs::write(with(&aside, PARTIAL), "1").unwrap();
                    fs::rename(with(&aside, PARTIAL), with(&aside, COMPRESSED)).unwrap();
                    fs::remove_file(&aside).unwrap();
                });
                begin.wait();
                set_aside(&path, now).unwrap();
            });
            assert!(!aside.exists(), "it would be taken for done, and removed");
            for found in fs::read_dir(&directory.0).unwrap() {
                fs::remove_file(found.unwrap().path()).unwrap();
            }
        }
    }
}
