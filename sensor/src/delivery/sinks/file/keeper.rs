//! What becomes of files that were set aside: they are compressed and, at last, removed.
//!
//! That is done by a thread of its own, which looks at what is there and needs to be told nothing
//! else: what one run of the sensor left half done, the next one finishes.

use std::{
    fs::{self, File, FileTimes, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use rustix::{
    fs::{FlockOperation, Gid, Uid, fchown, flock},
    io::Errno,
};

use super::{
    Retention,
    rotation::{Aside, COMPRESSED, PARTIAL, aside, with},
};
use crate::memory;

/// Bytes that are compressed before it is looked whether to stop.
const CHUNK: usize = 64 << 10;

/// Time until it is looked again whether somebody else is done with the folder.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The thread that keeps what was set aside.
pub(super) struct Keeper {
    /// Taken when it is to end.
    orders: Option<SyncSender<PathBuf>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    complaint: Mutex<Option<String>>,
}

/// What the thread works by.
struct Work {
    compress: bool,
    retention: Retention,
    shared: Arc<Shared>,
}

impl Keeper {
    pub(super) fn start(compress: bool, retention: Retention) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Work {
            compress,
            retention,
            shared: Arc::clone(&shared),
        };
        let (orders, received) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("file-keeper".into())
            .spawn(move || work.run(&received))?;
        Ok(Self {
            orders: Some(orders),
            shared,
            thread: Some(thread),
        })
    }

    /// Lets it look after what was set aside of this file, soon.
    pub(super) fn tidy(&self, live: &Path) {
        if let Some(orders) = &self.orders {
            // One that is waiting does as well: it sees all that there is when it is carried out.
            let _ = orders.try_send(live.to_owned());
        }
    }

    /// What went wrong when it last looked.
    pub(super) fn complaint(&self) -> Option<String> {
        let complaint = self.shared.complaint.lock();
        complaint.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has done what it was told.
    #[cfg(test)]
    pub(super) fn finish(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Compressing is given up, and begun anew the next time.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Work {
    fn run(&self, orders: &Receiver<PathBuf>) {
        // It is never urgent. Not every kernel grants it.
        let _ = memory::idle_io_priority();
        while let Ok(live) = orders.recv() {
            let complaint = self
                .tidy(&live)
                .err()
                .map(|error| format!("what was set aside of it: {error}"));
            let mut shared = self
                .shared
                .complaint
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *shared = complaint;
        }
    }

    fn tidy(&self, live: &Path) -> io::Result<()> {
        let (Some(folder), Some(live)) = (live.parent(), live.file_name()) else {
            return Ok(());
        };
        let Some(_alone) = self.alone(folder)? else {
            return Ok(());
        };
        let mut kept = Vec::new();
        for found in fs::read_dir(folder)? {
            let found = found?;
            // Nothing else is opened or removed, whatever its name.
            if !found.file_type()?.is_file() {
                continue;
            }
            let (name, path) = (found.file_name(), found.path());
            match aside(live, &name) {
                // Nobody else is at work here.
                Some((_, Aside::Partial)) => remove(&path)?,
                // Compressed, and not removed before the end of the run.
                Some((_, Aside::Plain)) if with(&path, COMPRESSED).exists() => remove(&path)?,
                Some((time, what)) => kept.push((time.to_vec(), what, path)),
                None => {}
            }
        }
        // The newest first.
        kept.sort_unstable_by(|(a, ..), (b, ..)| b.cmp(a));
        for (_, _, path) in kept.split_off(self.many(&kept)) {
            remove(&path)?;
        }
        for (_, what, path) in kept {
            if self.is_old(&path) {
                remove(&path)?;
            } else if self.compress && what == Aside::Plain {
                if self.shared.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.compress(&path)?;
            }
        }
        Ok(())
    }

    /// Has the folder to itself as long as the file is open: two that compress the same would undo
    /// each other's work. None if the sensor stops first.
    fn alone(&self, folder: &Path) -> io::Result<Option<File>> {
        let open = File::open(folder)?;
        while !self.shared.stop.load(Ordering::Relaxed) {
            match flock(&open, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::AGAIN | Errno::INTR) => thread::sleep(LOCK_PAUSE),
                // File systems without locks.
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOLCK) => return Ok(Some(open)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn many<T>(&self, kept: &[T]) -> usize {
        self.retention.count.unwrap_or(usize::MAX).min(kept.len())
    }

    fn is_old(&self, path: &Path) -> bool {
        let written = fs::metadata(path).and_then(|metadata| metadata.modified());
        let age = written.map(|written| SystemTime::now().duration_since(written));
        match (self.retention.age, age) {
            (Some(limit), Ok(Ok(age))) => age > limit,
            _ => false,
        }
    }

    /// Compresses a file; gives up when the sensor stops.
    fn compress(&self, path: &Path) -> io::Result<()> {
        let partial = with(path, PARTIAL);
        let compressed = self.compress_to(path, &partial);
        if let Ok(true) = compressed {
            fs::rename(&partial, with(path, COMPRESSED))?;
            return remove(path);
        }
        remove(&partial)?;
        compressed.map(|_| ()).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot compress {}: {error}", path.display()),
            )
        })
    }

    /// Whether it got to the end.
    fn compress_to(&self, path: &Path, partial: &Path) -> io::Result<bool> {
        let mut from = File::open(path)?;
        let metadata = from.metadata()?;
        let to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(partial)?;
        // Those who might read it may still do so. Only root can give files away.
        let (owner, group) = (metadata.uid(), metadata.gid());
        let _ = fchown(&to, Some(Uid::from_raw(owner)), Some(Gid::from_raw(group)));
        to.set_permissions(metadata.permissions())?;
        let mut encoder = GzEncoder::new(to, Compression::default());
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            match from.read(&mut chunk)? {
                0 => break,
                length => encoder.write_all(chunk.get(..length).unwrap_or_default())?,
            }
        }
        let to = encoder.finish()?;
        // Its age is counted from the last line.
        to.set_times(FileTimes::new().set_modified(metadata.modified()?))?;
        to.sync_all()?;
        Ok(true)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io::Error::new(
            error.kind(),
            format!("cannot remove {}: {error}", path.display()),
        )),
        _ => Ok(()),
    }
}
