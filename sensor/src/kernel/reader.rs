//! The thread that reads the rings and the counters.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use aya::{Ebpf, maps::MapError};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use thiserror::Error;

use super::{
    counters::{CounterMap, Totals, skipped_runs},
    load::{Loaded, Outcome},
    rings::{Batch, Rings},
};

/// What the thread hands on.
#[derive(Debug)]
pub enum Reading {
    /// Records.
    Batch(Batch),
    /// What the programs have counted so far.
    Totals(Totals),
    /// The programs are gone and the rings are empty: the last reading.
    End(Totals),
}

/// Why the kernel side cannot be read any longer.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A ring refuses.
    #[error("cannot read the kernel's ring buffer: {0}")]
    Ring(#[from] io::Error),
    /// A map refuses.
    #[error("cannot read the kernel's counters: {0}")]
    Map(#[from] MapError),
}

/// How long records gather before they are read: half of the latency that is promised, so that a
/// round and the writing have the other half.
const INTERVAL: Duration = Duration::from_millis(20);

/// Rounds without a record before the programs are asked to wake the reader.
const IDLE_ROUNDS: u32 = 5;

/// The longest sleep: counters are read when it ends.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long, after they were detached, programs that still run are waited for.
const LAST_PROGRAMS: Duration = Duration::from_secs(1);

/// The thread, from outside.
#[derive(Debug)]
pub struct Reader {
    stop: Stop,
    thread: JoinHandle<Result<(), ReadError>>,
}

/// Ends the reading.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    bell: Arc<OwnedFd>,
}

impl Stop {
    /// Asks the thread to detach the programs, hand on what is in the rings, and end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        // A bell that cannot be rung is heard at the end of the sleep.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

impl Reader {
    /// Starts the thread. It ends when it is asked to, or when nobody takes its readings: it hands each
    /// on as soon as it has it, and waits for that.
    ///
    /// # Errors
    ///
    /// If the system has no thread or descriptor left, or the counters are not there.
    pub fn start(
        loaded: Loaded,
        hand_on: impl FnMut(Reading) -> Result<(), Gone> + Send + 'static,
    ) -> Result<Self, ReadError> {
        let Loaded {
            mut ebpf,
            rings,
            ladder,
            ..
        } = loaded;
        let stop = Stop {
            asked: Arc::default(),
            bell: Arc::new(eventfd(0, EventfdFlags::CLOEXEC).map_err(io::Error::from)?),
        };
        let counters = CounterMap::take(&mut ebpf)?;
        let reading = Loop {
            ebpf: Some(ebpf),
            rings,
            ladder,
            counters,
            hand_on: Box::new(hand_on),
            stop: stop.clone(),
            received: 0,
        };
        let thread = thread::Builder::new()
            .name("reader".into())
            .spawn(move || reading.run())?;
        Ok(Self { stop, thread })
    }

    /// What ends it.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// What ended it, if nobody asked for it.
    pub fn join(self) -> Result<(), ReadError> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the reader's thread died").into()))
    }
}

struct Loop {
    /// Keeps the programs attached.
    ebpf: Option<Ebpf>,
    rings: Rings,
    ladder: Vec<Outcome>,
    counters: CounterMap,
    hand_on: Box<dyn FnMut(Reading) -> Result<(), Gone> + Send>,
    stop: Stop,
    received: u64,
}

/// Nobody takes the readings any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Loop {
    fn run(mut self) -> Result<(), ReadError> {
        let mut idle = 0;
        let mut counted = Instant::now();
        while !self.stop.is_asked() {
            let Ok(any) = self.round()? else {
                return Ok(());
            };
            idle = if any { 0 } else { idle + 1 };
            if counted.elapsed() >= LONGEST_SLEEP {
                counted = Instant::now();
                let totals = self.totals()?;
                if (self.hand_on)(Reading::Totals(totals)).is_err() {
                    return Ok(());
                }
            }
            if idle < IDLE_ROUNDS {
                self.sleep(INTERVAL)?;
            } else {
                self.rings.arm(true)?;
                let woken = self.rings.wait(LONGEST_SLEEP, self.stop.bell.as_fd())?;
                self.rings.arm(false)?;
                if woken {
                    idle = 0;
                }
            }
        }
        self.end()
    }

    /// Reads once; whether there was anything.
    fn round(&mut self) -> Result<Result<bool, Gone>, ReadError> {
        let mut batch = Batch::default();
        self.rings.drain(&mut batch)?;
        self.received += batch.records.len() as u64;
        let any = !batch.records.is_empty();
        // An empty batch moves time on for what waits to be put in order.
        let taken = (self.hand_on)(Reading::Batch(batch));
        Ok(taken.map(|()| any))
    }

    fn sleep(&self, time: Duration) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: time.subsec_nanos().into(),
        };
        let mut bell = [PollFd::new(&self.stop.bell, PollFlags::IN)];
        match poll(&mut bell, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn totals(&self) -> Result<Totals, ReadError> {
        let mut totals = self.counters.read()?;
        totals.skipped_runs = self.skipped_runs()?;
        Ok(totals)
    }

    fn skipped_runs(&self) -> Result<BTreeMap<&'static str, u64>, MapError> {
        match &self.ebpf {
            Some(ebpf) => skipped_runs(ebpf, &self.ladder, &self.counters),
            None => Ok(BTreeMap::new()),
        }
    }

    /// Detaches the programs, and reads on until all that they sent is here.
    fn end(mut self) -> Result<(), ReadError> {
        let skipped_runs = self.skipped_runs()?;
        // The rings and the counters have descriptors of their own.
        self.ebpf = None;
        let detached = Instant::now();
        loop {
            let before = self.counters.read()?;
            let Ok(any) = self.round()? else {
                return Ok(());
            };
            // A program that was running on another CPU ends within this time.
            thread::sleep(INTERVAL);
            let totals = self.counters.read()?;
            let settled = !any && before == totals && totals.sent() == self.received;
            if settled || (!any && detached.elapsed() > LAST_PROGRAMS) {
                // If nobody takes it, nobody waits for it.
                let _ = (self.hand_on)(Reading::End(Totals {
                    skipped_runs,
                    ..totals
                }));
                return Ok(());
            }
        }
    }
}
