//! The directory of a backlog.

use std::{
    ffi::OsString,
    fmt,
    fs::{DirBuilder, File},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{
            ffi::OsStringExt as _,
            fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _},
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, openat, unlinkat},
    io::Errno,
    process::geteuid,
};

use super::{class::Class, error::BacklogError};

/// What writes to files. In tests there is one whose disk is full.
pub(super) trait Medium: Send + fmt::Debug {
    /// Writes at a place; perhaps less than all.
    fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize>;
    /// Cuts a file off.
    fn cut(&mut self, file: &File, length: u64) -> io::Result<()>;
}

/// The file system.
#[derive(Debug)]
pub(super) struct Disk;

impl Medium for Disk {
    fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        file.write_at(bytes, at)
    }

    fn cut(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

/// A backlog's directory, which nobody else has as long as this lives.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    directory: OwnedFd,
    medium: Box<dyn Medium>,
    /// The kernel drops the lock with it.
    _lock: File,
    next_number: u64,
    /// Bytes that a segment may have.
    pub(super) segment_bytes: u64,
}

/// A file's name in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// One that is always there.
    Own,
    /// A segment, by its class and number.
    Segment(Class, u64),
    /// Something else.
    Foreign(OsString),
}

/// The lock's name.
const LOCK: &str = "lock";

/// The name of the file that says how far entries were acknowledged.
pub(super) const ACKNOWLEDGED: &str = "acknowledged";

const SUFFIX: &str = ".segment";

/// Numbers of segments are below.
const NUMBER_MAX: u64 = u64::MAX >> 1;

/// How many names that are taken are passed over.
const ATTEMPTS: u32 = 16;

const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

impl Store {
    /// Opens a directory, made if it is not there.
    pub(super) fn open(
        path: &Path,
        medium: Box<dyn Medium>,
        segment_bytes: u64,
    ) -> Result<Self, BacklogError> {
        let failed = |why| BacklogError::directory(path, why);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            openat(CWD, path, flags, Mode::empty()).map_err(|why| failed(why.into()))?;
        let lock = own(&directory, LOCK, OFlags::RDWR | OFlags::CREATE)
            .map_err(|why| BacklogError::directory(&path.join(LOCK), why))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(BacklogError::InUse(path.to_owned())),
            Err(why) => return Err(BacklogError::directory(&path.join(LOCK), why)),
        }
        Ok(Self {
            path: path.to_owned(),
            directory,
            medium,
            _lock: lock,
            next_number: 1,
            segment_bytes,
        })
    }

    /// What is in the directory.
    pub(super) fn names(&mut self) -> Result<Vec<Name>, BacklogError> {
        let failed = |why: Errno| BacklogError::directory(&self.path, why);
        let mut names = Vec::new();
        for file in Dir::read_from(&self.directory).map_err(failed)? {
            let name = file.map_err(failed)?.file_name().to_bytes().to_vec();
            match Name::parse(name) {
                Some(Name::Segment(class, number)) => {
                    self.next_number = self.next_number.max(number.saturating_add(1));
                    names.push(Name::Segment(class, number));
                }
                Some(name) => names.push(name),
                None => {}
            }
        }
        Ok(names)
    }

    /// Where a segment is.
    pub(super) fn segment_path(&self, class: Class, number: u64) -> PathBuf {
        self.path.join(segment_name(class, number))
    }

    /// Where a file is.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a segment.
    pub(super) fn create(&mut self, class: Class) -> Result<(u64, File), BacklogError> {
        let mut attempts = ATTEMPTS;
        loop {
            let number = self.next_number;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            attempts -= 1;
            match own(&self.directory, &segment_name(class, number), flags) {
                Ok(file) => {
                    self.next_number = number.saturating_add(1);
                    return Ok((number, file));
                }
                // Somebody else's; it is left alone.
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists && attempts > 0 => {
                    self.next_number = number.saturating_add(1);
                }
                Err(why) => return Err(BacklogError::write(self.segment_path(class, number), why)),
            }
        }
    }

    /// Opens a segment, to read it.
    pub(super) fn read(&self, class: Class, number: u64) -> io::Result<File> {
        own(
            &self.directory,
            &segment_name(class, number),
            OFlags::RDONLY,
        )
    }

    /// Opens a segment, to append to it.
    pub(super) fn append(&self, class: Class, number: u64) -> io::Result<File> {
        own(&self.directory, &segment_name(class, number), OFlags::RDWR)
    }

    /// Opens the file that says how far entries were acknowledged, made if it is not there.
    pub(super) fn acknowledged(&self) -> Result<File, BacklogError> {
        own(&self.directory, ACKNOWLEDGED, OFlags::RDWR | OFlags::CREATE)
            .map_err(|why| BacklogError::directory(&self.path(ACKNOWLEDGED), why))
    }

    /// Removes a segment. What cannot be removed is found again, and sent again, by the next run.
    pub(super) fn remove(&self, class: Class, number: u64) {
        let name = segment_name(class, number);
        let _ = unlinkat(&self.directory, name, AtFlags::empty());
    }

    /// Writes all of this at a place, or nothing.
    ///
    /// # Errors
    ///
    /// If that fails; the flag says whether the file is as it was, and may be written on.
    pub(super) fn write(
        &mut self,
        file: &File,
        mut bytes: &[u8],
        at: u64,
    ) -> Result<(), (io::Error, bool)> {
        let mut next = at;
        let why = loop {
            if bytes.is_empty() {
                return Ok(());
            }
            match self.medium.write(file, bytes, next) {
                Ok(0) => break io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    next = next.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => break why,
            }
        };
        let is_cut = self.medium.cut(file, at).is_ok();
        Err((why, is_cut))
    }

    /// Cuts a file off.
    pub(super) fn cut(&mut self, file: &File, length: u64) -> io::Result<()> {
        self.medium.cut(file, length)
    }

    /// Waits until the directory itself is on the disk.
    pub(super) fn sync(&self) -> Result<(), BacklogError> {
        rustix::fs::fsync(self.directory.as_fd())
            .map_err(|why| BacklogError::write(self.path.clone(), why))
    }
}

impl Name {
    /// None for what is in every directory.
    fn parse(name: Vec<u8>) -> Option<Self> {
        if matches!(&name[..], b"." | b"..") {
            return None;
        }
        let name = OsString::from_vec(name);
        let text = name.to_str().unwrap_or_default();
        if text == LOCK || text == ACKNOWLEDGED {
            return Some(Self::Own);
        }
        let segment = text
            .strip_suffix(SUFFIX)
            .and_then(|text| text.rsplit_once('-'))
            .and_then(|(class, number)| {
                let class = Class::ALL.into_iter().find(|each| each.name() == class)?;
                let number = u64::from_str_radix(number, 16).ok()?;
                // Only as it is written: each segment has one name.
                (segment_name(class, number) == text && number < NUMBER_MAX)
                    .then_some(Self::Segment(class, number))
            });
        Some(segment.unwrap_or(Self::Foreign(name)))
    }
}

fn segment_name(class: Class, number: u64) -> String {
    format!("{}-{number:016x}{SUFFIX}", class.name())
}

/// Opens a file that only this user has, under this name only; never what a link leads to.
fn own(directory: &OwnedFd, name: &str, flags: OFlags) -> io::Result<File> {
    // What is there may be a pipe, which nobody waits for here.
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = openat(directory, name, flags, MODE).map_err(|error| match error {
        Errno::LOOP => io::Error::other("it is a symbolic link"),
        error => error.into(),
    })?;
    let file = File::from(file);
    let metadata = file.metadata()?;
    let why = if !metadata.is_file() {
        "it is not a regular file"
    } else if metadata.nlink() > 1 {
        "it has a second name (a hard link)"
    } else if metadata.uid() != geteuid().as_raw() {
        "it belongs to another user"
    } else {
        return Ok(file);
    };
    Err(io::Error::other(why))
}
