//! What the tests share, and in the files below the tests themselves.

mod executables;
mod limits;
mod scripts;

use std::{
    fs::{self, File, FileTimes},
    io::Write,
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::symlink},
    },
    path::Path,
    process::{Child, Command},
    sync::{
        Arc,
        mpsc::{channel, sync_channel},
    },
    thread,
    time::Instant,
};

use rustix::fs::{MemfdFlags, memfd_create};
use sha2::Digest as _;

use super::{open::Opener, worker::Hasher, *};
use crate::{
    clock::{BootTime, file_time_granularity, wall_time},
    event::{ProcessId, Tgid},
    process::{START_TICK_NANOSECONDS, snapshot::Stat},
};

/// A directory that is removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hashing-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A program that sleeps.
    fn program(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy("/bin/sleep", &path).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process, killed at its end.
struct Sleeper(Child);

impl Sleeper {
    fn new(program: &Path) -> Self {
        // Until its next exec, a new process of another test may have the program open for writing.
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match Command::new(program).arg("1000").spawn() {
                Ok(child) => return Self(child),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy);
                    assert!(Instant::now() < deadline);
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    fn id(&self) -> ProcessId {
        process(self.0.id())
    }

    /// Ends it, and gives its id.
    fn end(self) -> ProcessId {
        let id = self.id();
        drop(self);
        id
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn process(id: u32) -> ProcessId {
    let stat = Stat::parse(&fs::read(format!("/proc/{id}/stat")).unwrap()).unwrap();
    ProcessId {
        tgid: Tgid(id),
        start: BootTime(stat.start_ticks * START_TICK_NANOSECONDS),
    }
}

/// Waits until a change has another time than those before.
fn settle() {
    thread::sleep(Duration::from_nanos(
        file_time_granularity().unsigned_abs() * 2,
    ));
}

fn key(path: &Path) -> FileKey {
    FileKey::of(&fs::metadata(path).unwrap())
}

fn bytes(path: &Path) -> Arc<[u8]> {
    path.as_os_str().as_bytes().into()
}

fn digest(content: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(content).into())
}

fn own_namespace() -> MountNamespace {
    let inode = fs::metadata("/proc/self/ns/mnt").unwrap().ino();
    MountNamespace(u32::try_from(inode).unwrap())
}

fn reading(process: ProcessId) -> Reading {
    Reading {
        process,
        mount_namespace: own_namespace(),
        others: vec![Tgid(std::process::id())],
        executed: wall_time(),
    }
}

fn executable(file: FileKey, path: &Path, process: ProcessId) -> ExecutableRequest {
    ExecutableRequest {
        file,
        path: Some(bytes(path)),
        reading: reading(process),
    }
}

fn script(path: &Path) -> ScriptRequest {
    ScriptRequest {
        path: bytes(path),
        reading: reading(process(std::process::id())),
    }
}

/// The worker without its threads.
struct Alone {
    opener: Arc<Opener>,
    hasher: Hasher,
}

impl Alone {
    fn new(settings: &Settings) -> Self {
        let opener = Arc::new(Opener::new(&settings.proc, file_time_granularity()));
        let hasher = Hasher::new(settings, opener.clone(), Arc::default(), Arc::default());
        Self { opener, hasher }
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let opened = self.opener.open(request);
        self.hasher.answer(request, opened)
    }

    fn executable(&mut self, request: ExecutableRequest) -> Answer {
        self.answer(&Request::Executable(Ticket(7), request))
    }

    fn script(&mut self, request: ScriptRequest) -> Answer {
        self.answer(&Request::Script(Ticket(7), request))
    }
}

fn ask(request: ExecutableRequest) -> Answer {
    Alone::new(&Settings::default()).executable(request)
}

fn told(digest: Sha256, evidence: Evidence) -> Outcome {
    Outcome::Sha256 {
        digest,
        evidence,
        settled: true,
    }
}

/// A process that has ended.
fn ended() -> ProcessId {
    Sleeper::new(Path::new("/bin/sleep")).end()
}
