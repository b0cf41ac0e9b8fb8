mod aside;
mod lines;
mod model;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{super::testing::*, *};

/// A clock that is set by hand, and a file that goes by it.
struct Bench {
    directory: Directory,
    clock: Arc<AtomicI64>,
    settings: LogFileSettings,
}

impl Bench {
    fn new() -> Self {
        let directory = Directory::new("file");
        let settings = LogFileSettings::at(directory.0.join("events.log"));
        Self {
            directory,
            clock: Arc::new(AtomicI64::new(1_795_837_692_123_000_000)),
            settings,
        }
    }

    fn open(&self) -> io::Result<LogFile> {
        let clock = Arc::clone(&self.clock);
        LogFile::with_clock(
            self.settings.clone(),
            Box::new(move || WallTime(clock.load(Ordering::Relaxed))),
        )
    }

    fn pass(&self, time: Duration) {
        let time = i64::try_from(time.as_nanos()).unwrap();
        self.clock.fetch_add(time, Ordering::Relaxed);
    }

    fn path(&self) -> &Path {
        &self.settings.path
    }

    fn live(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Names in the folder, in their order.
    fn names(&self) -> Vec<String> {
        let found = fs::read_dir(&self.directory.0).unwrap();
        let mut names: Vec<_> = found
            .map(|found| found.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What is in all files, the oldest first.
    fn all(&self) -> String {
        let mut all = String::new();
        let names = self.names();
        let aside = names.iter().filter(|name| *name != "events.log");
        let live = names.iter().filter(|name| *name == "events.log");
        for name in aside.chain(live) {
            all.push_str(&read(&self.directory.0.join(name)));
        }
        all
    }
}

/// What is in a file, compressed or not.
fn read(path: &Path) -> String {
    use std::io::Read as _;
    let mut content = String::new();
    let mut file = File::open(path).unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut content)
            .unwrap();
    } else {
        file.read_to_string(&mut content).unwrap();
    }
    content
}

fn send(file: &mut LogFile, documents: &[&str]) -> Receipt {
    block_on(file.send(&entries(documents))).unwrap()
}

fn sent(path: &Path) -> Receipt {
    Receipt::all(format!("written to {}", path.display()))
}
