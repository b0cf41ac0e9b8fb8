//! Which package a file belongs to, by dpkg's own database.
//!
//! That a package lists a path does not mean that what is there is what it brought: whoever may
//! write there can have changed it. The digest tells.
//!
//! What is left out:
//!
//! - Other roots than the one given, so the packages in containers.
//! - Diversions (`dpkg-divert`): a diverted path belongs to any of the packages that list it.
//! - Paths that nobody executes: documentation, translations, headers ([`index`] has the list).
//! - Files that no package lists: made at installation, links of `update-alternatives`. The kernel
//!   tells of executables by the path without links, so what a link leads to is found.
//! - rpm: its database is SQLite, Berkeley DB or a format of its own, and no reader of all of them
//!   in Rust is kept well and small enough to run in a sensor.
//!
//! - [`status`]: what is installed.
//! - [`index`]: paths and their packages, compactly.

pub mod index;
mod lines;
pub mod status;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::fs::{Dir, Mode, OFlags, openat};

use self::index::{Builder, Index};
use super::root::Root;

use crate::clock::{WallTime, file_time_granularity, wall_time};
pub use crate::process::fingerprint::Package;

const DATABASE: &str = "/var/lib/dpkg";

/// Least time between two looks at whether the database changed.
const CHECKED_EVERY: Duration = Duration::from_secs(5);

/// While packages are installed the database changes all the time: reading it takes at most one in
/// so many parts of the time.
const READING_SHARE: u32 = 20;

/// How reading the database went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packages that are known.
    pub packages: u64,
    /// Paths that are known.
    pub paths: u64,
    /// Packages and paths that were left out because there were too many, or they were too long.
    pub left_out: u64,
    /// How often the database was read.
    pub readings: u64,
    /// Files of it that could not be read, or not all of them.
    pub unreadable: u64,
}

/// The packages of a root directory.
#[derive(Debug)]
pub struct Packages {
    path: PathBuf,
    read: Option<(Root, Index)>,
    /// The state of the database that was read.
    stamp: Option<Stamp>,
    next_check: Option<Instant>,
    counters: Counters,
}

/// What changes when dpkg changes its database. It replaces files, and never writes into them.
#[derive(Debug, PartialEq, Eq)]
struct Stamp([Option<(u64, u64, WallTime)>; 3]);

impl Packages {
    /// The packages of a root directory, of which nothing is read yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            path: root.to_owned(),
            read: None,
            stamp: None,
            next_check: None,
            counters: Counters::default(),
        }
    }

    /// The package that lists a path, if one does.
    #[must_use]
    pub fn owner(&self, path: &[u8]) -> Option<&Arc<Package>> {
        self.read.as_ref()?.1.owner(path)
    }

    /// The directory that paths start from, if it could be opened.
    pub(crate) fn root(&self) -> Option<&Root> {
        self.read.as_ref().map(|(root, _)| root)
    }

    /// How reading went.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Reads the database if it changed and the last look was long enough ago; whether it did.
    pub fn refresh(&mut self, now: Instant) -> bool {
        if self.next_check.is_some_and(|next| now < next) {
            return false;
        }
        self.next_check = Some(now + CHECKED_EVERY);
        let Ok(root) = Root::open(&self.path) else {
            self.counters.unreadable += 1;
            return true;
        };
        // Taken before reading: what changes meanwhile is seen as a change the next time.
        let stamp = Some(Stamp::of(&root));
        if stamp == self.stamp {
            return false;
        }
        let index = self.read_database(&root);
        self.read = Some((root, index));
        // What changes in the moment of a change has the same time: such a state is read again.
        self.stamp = stamp.filter(Stamp::is_settled);
        let took = now.elapsed();
        self.next_check = Some(now + CHECKED_EVERY.max(took * READING_SHARE));
        true
    }

    fn read_database(&mut self, root: &Root) -> Index {
        let mut unreadable = 0;
        let mut note = |result: io::Result<()>| unreadable += u64::from(result.is_err());
        let mut installed = status::Installed::default();
        // What changed since `status` was written is in files beside it, numbered.
        match open(root, "status") {
            // No dpkg here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            status => note(status.and_then(|file| installed.read(BufReader::new(file)))),
        }
        for name in names(root, "updates", |name| name.iter().all(u8::is_ascii_digit)) {
            let update = open(root, format!("updates/{name}"));
            note(update.and_then(|file| installed.read(BufReader::new(file))));
        }
        let mut builder = Builder::new(installed, index::aliases(root));
        for name in names(root, "info", |name| name.ends_with(b".list")) {
            let package = name.strip_suffix(".list").unwrap_or(&name);
            let Some(number) = builder.number(package) else {
                continue;
            };
            let list = open(root, format!("info/{name}"));
            note(list.and_then(|file| builder.read(number, BufReader::new(file))));
        }
        let (index, left_out) = builder.finish();
        self.counters = Counters {
            packages: index.packages() as u64,
            paths: index.paths() as u64,
            left_out,
            readings: self.counters.readings + 1,
            unreadable: self.counters.unreadable + unreadable,
        };
        index
    }
}

impl Stamp {
    fn of(root: &Root) -> Self {
        Self(["info", "status", "updates"].map(|name| {
            let found = root.find(format!("{DATABASE}/{name}")).ok()?;
            let metadata = File::from(found).metadata().ok()?;
            let seconds = metadata.mtime().saturating_mul(1_000_000_000);
            let modified = WallTime(seconds.saturating_add(metadata.mtime_nsec()));
            Some((metadata.dev(), metadata.ino(), modified))
        }))
    }

    /// Whether a change from now on has another time.
    fn is_settled(&self) -> bool {
        let latest = wall_time().0.saturating_sub(file_time_granularity());
        let mut times = self.0.iter().flatten().map(|(_, _, modified)| modified.0);
        times.all(|modified| modified < latest)
    }
}

fn open(root: &Root, name: impl AsRef<str>) -> io::Result<File> {
    root.read(format!("{DATABASE}/{}", name.as_ref()))
}

/// The wanted names in a directory of the database, in their order. dpkg's names are text.
fn names(root: &Root, directory: &str, wanted: fn(&[u8]) -> bool) -> Vec<String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let entries = root
        .find(format!("{DATABASE}/{directory}"))
        .and_then(|found| openat(found, ".", flags, Mode::empty()))
        .and_then(Dir::new);
    let Ok(entries) = entries else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map_while(Result::ok)
        .filter(|entry| wanted(entry.file_name().to_bytes()))
        .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
        .take(index::PACKAGES_MAX)
        .collect();
    names.sort_unstable();
    names
}

/// Packages by their list's name.
type Numbers = HashMap<Box<str>, u16>;

#[cfg(test)]
mod tests;
