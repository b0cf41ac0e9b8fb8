//! The guard against a second sensor that watches the same processes: it would write every event
//! twice.
//!
//! A sensor holds a lock on a file as long as it lives; the kernel drops the lock with it, however
//! it ends. Before it drops the lock it removes the file, so whoever has locked a file looks whether
//! it is still there under its name. There is one for the whole host, and one for each scope.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    process,
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};
use thiserror::Error;

use super::say;
use crate::kernel::scope::Scope;

/// The only sensor that watches its scope, as long as this is held.
#[derive(Debug)]
pub(super) struct Instance {
    lock: PathBuf,
    file: File,
}

/// Why this sensor may not watch.
#[derive(Debug, Error)]
pub(super) enum InstanceError {
    /// Another one does.
    #[error(
        "another sensor watches {what} already{owner}: every event would come twice\n  stop that one, or give this one \
         another scope (`--scope-cgroup`); its lock is {}",
        .lock.display()
    )]
    Second {
        /// What is watched.
        what: String,
        /// Its process, in parentheses, if it is known.
        owner: String,
        /// The lock.
        lock: PathBuf,
    },
    /// The directory cannot be had.
    #[error(
        "cannot make the directory {}, where the lock against a second sensor belongs: {why}\n  name one that the \
         sensor can write to in the configuration: `directory` in [state]",
        .directory.display()
    )]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The lock cannot be had.
    #[error(
        "cannot lock {} against a second sensor: {why}\n  move away what is there, or name another directory in the \
         configuration: `directory` in [state]",
        .lock.display()
    )]
    Lock {
        /// The lock.
        lock: PathBuf,
        /// Why.
        why: io::Error,
    },
}

/// More than a lock's content can have.
const CONTENT_BYTES_MAX: u64 = 64;

impl Instance {
    /// Becomes the only sensor that watches a scope, or the whole host. If the last one did not
    /// stop in order, says so.
    ///
    /// # Errors
    ///
    /// If there is another one, or it cannot be known whether there is.
    pub(super) fn claim(directory: &Path, scope: Option<&Scope>) -> Result<Self, InstanceError> {
        let lock = directory.join(name(scope));
        make(directory)?;
        let failed = |why| InstanceError::Lock {
            lock: lock.clone(),
            why,
        };
        let mut file = loop {
            let mut file = open_lock(&lock).map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_at(&file, &lock) => break file,
                // Its owner removed it since it was opened.
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    return Err(InstanceError::Second {
                        what: scope.map_or_else(
                            || "the whole host".to_owned(),
                            |scope| scope.path.display().to_string(),
                        ),
                        owner: owner(&mut file),
                        lock,
                    });
                }
                Err(error) => return Err(failed(error.into())),
            }
        };
        let before = content(&mut file).map_err(failed)?;
        if !before.is_empty() {
            let why = parse(&before).map_or_else(
                || "what was in it is not from a sensor".to_owned(),
                |pid| format!("the sensor that held it (process {pid}) did not stop in order"),
            );
            say(format_args!("took over {}: {why}", lock.display()));
        }
        write(&mut file, &format!("{}\n", process::id())).map_err(failed)?;
        Ok(Self { lock, file })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Under its name there may be another file by now, which is not ours.
        if is_at(&self.file, &self.lock) {
            // One that cannot be removed is taken over by the next sensor.
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Whether a file is the one at this path.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(this), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (this.dev(), this.ino()) == (there.dev(), there.ino())
}

/// Replaces a file's content.
fn write(file: &mut File, content: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(content.as_bytes())
}

/// The file's name: by the cgroup's id, because one directory has many names.
fn name(scope: Option<&Scope>) -> String {
    match scope {
        Some(scope) => format!("sensor-{}.lock", scope.id),
        None => "sensor.lock".to_owned(),
    }
}

fn make(directory: &Path) -> Result<(), InstanceError> {
    let failed = |why| InstanceError::Directory {
        directory: directory.to_owned(),
        why,
    };
    match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(failed(io::ErrorKind::NotADirectory.into())),
        Err(_) => DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(failed),
    }
}

/// Opens a lock, made if it is not there; never what a link leads to.
fn open_lock(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOFOLLOW
        // What is there may be a pipe, which nobody waits for here.
        | OFlags::NONBLOCK;
    let file: OwnedFd =
        open(path, flags, Mode::from_raw_mode(0o644)).map_err(|error| match error {
            Errno::LOOP => io::Error::other("it is a symbolic link"),
            error => error.into(),
        })?;
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.nlink() > 1 {
        // It would be emptied under its other name too.
        return Err(io::Error::other("it has a second name (a hard link)"));
    }
    Ok(file)
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(CONTENT_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// The process that a lock's content names.
fn parse(content: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(content).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}

/// The process that holds a lock, for a sentence: nothing if it has not said yet.
fn owner(file: &mut File) -> String {
    let pid = content(file).ok().and_then(|content| parse(&content));
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::{PermissionsExt as _, symlink},
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use proptest::prelude::*;

    use super::*;

    /// A directory of its own for each test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("sensor-instance-{}-{name}", process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn lock(&self) -> PathBuf {
            self.0.join("sensor.lock")
        }

        /// With this in the lock's place.
        fn with(name: &str, content: &[u8]) -> Self {
            let place = Self::new(name);
            fs::create_dir(&place.0).unwrap();
            fs::write(place.lock(), content).unwrap();
            place
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn scope(id: u64) -> Scope {
        Scope {
            path: format!("/sys/fs/cgroup/{id}").into(),
            id,
            level: 1,
        }
    }

    #[test]
    fn the_second_is_told_who_is_the_first() {
        let place = Place::new("second");
        let directory = place.0.join("a/b");
        let first = Instance::claim(&directory, None).unwrap();
        let mode = fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o755, 0);
        let told = Instance::claim(&directory, None).unwrap_err().to_string();
        let pid = process::id();
        assert!(
            told.starts_with(&format!(
                "another sensor watches the whole host already (process {pid})"
            )),
            "{told}"
        );
        assert_eq!(
            fs::read_to_string(directory.join("sensor.lock")).unwrap(),
            format!("{pid}\n")
        );
        drop(first);
        assert!(!directory.join("sensor.lock").exists());
        Instance::claim(&directory, None).unwrap();
    }

    #[test]
    fn of_many_at_once_only_one_watches() {
        let place = Place::new("many");
        let watching = AtomicUsize::new(0);
        let claims = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        match Instance::claim(&place.0, None) {
                            Ok(_instance) => {
                                assert_eq!(watching.fetch_add(1, Ordering::SeqCst), 0);
                                claims.fetch_add(1, Ordering::SeqCst);
                                watching.fetch_sub(1, Ordering::SeqCst);
                            }
                            Err(InstanceError::Second { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                });
            }
        });
        assert!(claims.into_inner() > 0);
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
    }

    #[test]
    fn what_another_one_put_in_its_place_is_left_alone() {
        let place = Place::new("replaced");
        let first = Instance::claim(&place.0, None).unwrap();
        fs::remove_file(place.lock()).unwrap();
        fs::write(place.lock(), "not mine").unwrap();
        drop(first);
        assert_eq!(fs::read(place.lock()).unwrap(), b"not mine");
    }

    #[test]
    fn each_scope_has_its_own() {
        let place = Place::new("scopes");
        let _host = Instance::claim(&place.0, None).unwrap();
        let _one = Instance::claim(&place.0, Some(&scope(1))).unwrap();
        let _two = Instance::claim(&place.0, Some(&scope(2))).unwrap();
        let told = Instance::claim(&place.0, Some(&scope(2)))
            .unwrap_err()
            .to_string();
        assert!(told.contains("/sys/fs/cgroup/2 already"), "{told}");
    }

    #[test]
    fn what_a_dead_sensor_left_is_taken_over() {
        for (name, content) in [
            ("stale", &b"4194304\n"[..]),
            ("garbage", b"\xff\0garbage"),
            ("long", &[b'9'; 100_000]),
        ] {
            let place = Place::with(name, content);
            let _first = Instance::claim(&place.0, None).unwrap();
            assert_eq!(
                fs::read_to_string(place.lock()).unwrap(),
                format!("{}\n", process::id())
            );
        }
    }

    #[test]
    fn what_is_no_lock_is_left_alone_and_named() {
        let place = Place::with("other", b"");
        let precious = place.0.join("precious");
        fs::write(&precious, "precious").unwrap();
        let refused = |why: &str| {
            let told = Instance::claim(&place.0, None).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("sensor.lock"), "{told}");
        };
        fs::remove_file(place.lock()).unwrap();
        fs::create_dir(place.lock()).unwrap();
        refused("Is a directory");
        fs::remove_dir(place.lock()).unwrap();
        symlink(&precious, place.lock()).unwrap();
        refused("symbolic link");
        fs::remove_file(place.lock()).unwrap();
        fs::hard_link(&precious, place.lock()).unwrap();
        refused("hard link");
        fs::remove_file(place.lock()).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place.lock(),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        refused("not a regular file");
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let place = Place::with("file", b"");
        for directory in [
            place.lock(),
            place.lock().join("below"),
            "/proc/sensor".into(),
        ] {
            let told = Instance::claim(&directory, None).unwrap_err().to_string();
            let start = format!("cannot make the directory {}", directory.display());
            assert!(told.starts_with(&start), "{told}");
            assert!(told.contains("[state]"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn any_content_is_a_process_or_not(content: Vec<u8>) {
            let _ = parse(&content);
        }

        #[test]
        fn a_process_is_read_as_it_is_written(pid: u32) {
            prop_assert_eq!(parse(format!("{pid}\n").as_bytes()), Some(pid));
        }
    }
}
