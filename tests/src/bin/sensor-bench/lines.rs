//! The sensor's output, read by a thread that does as little as possible with it.

use std::io::Read;
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What to do with each line, at once after it was read.
pub type OnLine = Box<dyn FnMut(&[u8]) + Send>;

/// The lines that a sensor writes.
pub struct Lines {
    count: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    started: Receiver<Vec<u8>>,
    reader: JoinHandle<Result<Vec<u8>>>,
}

/// What has come out until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Lines.
    pub lines: u64,
    /// Bytes of whole lines.
    pub bytes: u64,
}

/// Long enough for any backlog.
const LONGEST_NOISE: Duration = Duration::from_secs(600);
/// What the line that says that the sensor watches has in it.
const STARTED: &[u8] = b"\"sensor_started\"";

impl Lines {
    /// Begins to read.
    pub fn read(pipe: ChildStdout, on_line: OnLine) -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let bytes = Arc::new(AtomicU64::new(0));
        let (sender, started) = mpsc::channel();
        let follower = Follower {
            count: Arc::clone(&count),
            bytes: Arc::clone(&bytes),
            sender: Some(sender),
            on_line,
            last: Vec::new(),
        };
        let reader = thread::spawn(move || follower.follow(pipe));
        Self {
            count,
            bytes,
            started,
            reader,
        }
    }

    /// Waits until the sensor says that it watches, and returns what it says.
    pub fn wait_until_started(&self, longest: Duration) -> Result<Value> {
        let line = self
            .started
            .recv_timeout(longest)
            .context("the sensor did not say that it has started")?;
        serde_json::from_slice(&line).context("the sensor's first line is not JSON")
    }

    /// What has come out so far.
    pub fn count(&self) -> Count {
        Count {
            lines: self.count.load(Ordering::Acquire),
            bytes: self.bytes.load(Ordering::Acquire),
        }
    }

    /// Waits until nothing more has come out for a while; fails if that does not happen. Calls `seen` whenever something has.
    pub fn wait_until_quiet(
        &self,
        quiet: Duration,
        mut seen: impl FnMut(Count) -> Result<()>,
    ) -> Result<Count> {
        let mut last = self.count();
        let begun = Instant::now();
        let mut changed = begun;
        while changed.elapsed() < quiet {
            thread::sleep(Duration::from_millis(1));
            ensure!(
                begun.elapsed() < LONGEST_NOISE,
                "events keep coming out: something else happens on this machine"
            );
            let now = self.count();
            if now != last {
                last = now;
                changed = Instant::now();
                seen(now)?;
            }
        }
        Ok(last)
    }

    /// Reads to the end, and returns the last line: the sensor's totals.
    pub fn finish(self) -> Result<Value> {
        let last = self
            .reader
            .join()
            .map_err(|_| anyhow::anyhow!("the thread that reads the sensor's output died"))??;
        ensure!(!last.is_empty(), "the sensor wrote nothing");
        serde_json::from_slice(&last).context("the sensor's last line is not JSON")
    }
}

struct Follower {
    count: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    sender: Option<Sender<Vec<u8>>>,
    on_line: OnLine,
    last: Vec<u8>,
}

impl Follower {
    fn follow(mut self, mut pipe: impl Read) -> Result<Vec<u8>> {
        let mut buffer = vec![0; 1 << 16];
        let mut pending = Vec::new();
        loop {
            let length = pipe
                .read(&mut buffer)
                .context("cannot read the sensor's output")?;
            if length == 0 {
                return Ok(self.last);
            }
            pending.extend_from_slice(buffer.get(..length).unwrap_or_default());
            self.take_lines(&mut pending);
        }
    }

    /// Takes the lines that are complete.
    fn take_lines(&mut self, pending: &mut Vec<u8>) {
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = pending.split_off(end + 1);
        let complete = std::mem::replace(pending, rest);
        let mut lines = 0;
        for line in complete.split_inclusive(|byte| *byte == b'\n') {
            (self.on_line)(line);
            if let Some(sender) = self.sender.take_if(|_| contains(line, STARTED)) {
                let _nobody_waits = sender.send(line.to_vec());
            }
            lines += 1;
        }
        if let Some(line) = complete.split_inclusive(|byte| *byte == b'\n').next_back() {
            self.last.clear();
            self.last.extend_from_slice(line);
        }
        let bytes = u64::try_from(complete.len()).unwrap_or(u64::MAX);
        self.bytes.fetch_add(bytes, Ordering::Release);
        self.count.fetch_add(lines, Ordering::Release);
    }
}

/// Whether a text is in another.
pub fn contains(line: &[u8], text: &[u8]) -> bool {
    line.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn lines_are_counted_however_they_arrive() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sender, started) = mpsc::channel();
        let kept = Arc::clone(&seen);
        let follower = Follower {
            count: Arc::default(),
            bytes: Arc::default(),
            sender: Some(sender),
            on_line: Box::new(move |line| kept.lock().unwrap().push(line.to_vec())),
            last: Vec::new(),
        };
        let (count, bytes) = (Arc::clone(&follower.count), Arc::clone(&follower.bytes));
        let text = b"{\"a\":\"sensor_started\"}\n{}\n{\"end\":1}\nunfinished";
        // A reader that gives one byte at a time.
        struct Drip<'text>(&'text [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(&mut buffer[..1])
            }
        }
        let last = follower.follow(Drip(text)).unwrap();
        assert_eq!(last, b"{\"end\":1}\n");
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert_eq!(bytes.load(Ordering::Relaxed), 36);
        assert_eq!(started.recv().unwrap(), b"{\"a\":\"sensor_started\"}\n");
        assert_eq!(seen.lock().unwrap().len(), 3);
    }
}
