//! The way of an event through userspace: decode, order, interpret, say who it was, write.
//!
//! What takes time to find out is asked as soon as an exec is read, and the exec waits for it in its
//! place, but never longer than it may.
//!
//! The same for a running kernel and for a recording: both hand in what the kernel said, in the
//! order in which it was read.
//!
//! - [`account`]: what became of every event.
//! - `inquiry`: what the kernel does not tell.

pub mod account;
mod inquiry;

#[cfg(test)]
mod tests;

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sensor_common::record::{Family, Kind};
use thiserror::Error;

use account::{Account, Loss};

use crate::{
    clock::{BootTime, WallOffset, boot_time},
    detect::{
        alert::Alert,
        detection::{Detection, setup::Setup as Rules},
    },
    enrich::{Enrichment, fact::Fact},
    event::{
        Body, Event, ProcessId, Tgid,
        decode::{Decoded, decode, origin},
        interpret::Interpreter,
        order::{Order, Ordered},
        state::{Started, Stated, Statement, Totals},
    },
    kernel::counters::Totals as Counted,
    observed::Observed,
    output::{Alerted, Content, Document, Output},
    process::{
        BootId, Process, cgroups::Found, fingerprint::ExecId, snapshot::Sources, table::Table,
    },
    recording::{Frame, RecordingError, Writer},
};

/// How a pipeline is set up.
pub struct Setup {
    /// The boot that the events belong to.
    pub boot: BootId,
    /// Most processes that are remembered.
    pub processes: usize,
    /// Most cgroups that are remembered.
    pub cgroups: usize,
    /// What earlier events and the ladder tell.
    pub interpreter: Interpreter,
    /// Where a process that acts and is not known can be looked up; none for a recording.
    pub sources: Option<Sources>,
    /// The sensor itself, if its connections are not to be told.
    pub own: Option<Tgid>,
    /// What raises alerts.
    pub detection: Detection,
    /// What keeps what the kernel said.
    pub recorder: Option<Writer>,
    /// What finds out what the kernel does not tell.
    pub enrichment: Enrichment,
    /// How long an event waits at most for that; none for a recording, which has it in its place.
    pub patience: Option<Duration>,
}

/// The output failed: a pipeline cannot go on.
#[derive(Debug, Error)]
#[error("cannot write events to standard output ({undelivered} were read and are not out)")]
pub struct OutputError {
    /// Why.
    source: io::Error,
    /// Events that were written down and are not out.
    undelivered: u64,
}

/// Most events that wait to be put in order. Some 300 bytes each.
const WAITING_LIMIT: usize = 65_536;

/// Events, from what the kernel said to what is written.
pub struct Pipeline<O> {
    order: Order<Item>,
    /// The next to be written, if it waits for an answer.
    held: Option<Held>,
    interpreter: Interpreter,
    table: Table,
    output: O,
    sequence: u64,
    wall_offset: WallOffset,
    account: Account,
    sources: Option<Sources>,
    own: Option<Tgid>,
    detection: Detection,
    alerts_unwritable: u64,
    earlier_listeners_unknown: u64,
    recorder: Option<Writer>,
    recording_failure: Option<RecordingError>,
    enrichment: Enrichment,
    patience: Option<Duration>,
}

/// What is put in order.
enum Item {
    /// A record as it was read.
    Record(Bytes),
    /// One of an exec, which was decoded at once to ask about it.
    Exec(Box<Event>),
}

/// An exec that waits for an answer.
struct Held {
    next: Ordered<Item>,
    since: Instant,
}

impl<O: Output> Pipeline<O> {
    /// An empty pipeline.
    pub fn new(setup: Setup, output: O) -> Self {
        Self {
            order: Order::new(WAITING_LIMIT),
            held: None,
            interpreter: setup.interpreter,
            table: Table::new(setup.boot, setup.processes, setup.cgroups),
            output,
            sequence: 0,
            wall_offset: WallOffset::default(),
            account: Account::default(),
            sources: setup.sources,
            own: setup.own,
            detection: setup.detection,
            alerts_unwritable: 0,
            earlier_listeners_unknown: 0,
            recorder: setup.recorder,
            recording_failure: None,
            enrichment: setup.enrichment,
            patience: setup.patience,
        }
    }

    /// Keeps a frame, if a recording is made. Whether it could is said by
    /// [`Self::recording_failure`]: events go on without it.
    pub fn record(&mut self, frame: impl FnOnce() -> Frame) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(&frame())
        {
            self.recorder = None;
            self.recording_failure = Some(error);
        }
    }

    /// Why the recording ended early, if it did.
    #[must_use]
    pub const fn recording_failure(&self) -> Option<&RecordingError> {
        self.recording_failure.as_ref()
    }

    /// The same, to pass it on.
    pub const fn take_recording_failure(&mut self) -> Option<RecordingError> {
        self.recording_failure.take()
    }

    /// Says how the sensor watches.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn started(&mut self, started: Started, time: BootTime) -> Result<(), OutputError> {
        self.record(|| Frame::Started {
            started: Box::new(started.clone()),
            time,
        });
        self.state(Statement::Started(Box::new(started)), time);
        self.flush()
    }

    /// Adds a process that was there before the sensor, or that was not known when it acted.
    pub fn add_process(&mut self, process: Process) {
        self.record(|| Frame::Process(Box::new(process.clone())));
        let id = process.id;
        self.table.add(process);
        if let Some(process) = self.table.get(id) {
            self.enrichment.meet_process(process, boot_time());
        }
    }

    /// Adds a cgroup that was there before the sensor, or that was not known when a process in it
    /// acted.
    pub fn add_cgroup(&mut self, found: Found) {
        self.table.add_cgroup(&found);
        self.meet_container(found.id);
        self.record(|| Frame::Cgroup(found));
    }

    /// The distance from boot time to wall time from now on.
    pub fn set_wall_offset(&mut self, offset: WallOffset) {
        self.wall_offset = offset;
        self.record(|| Frame::WallOffset(offset));
    }

    /// Takes a record in.
    pub fn push(&mut self, record: Bytes) {
        self.record(|| Frame::Record(record.clone()));
        match origin(&record) {
            Ok((origin, Kind::Exec)) => match decode(&record) {
                Ok(Decoded::Event(event)) => {
                    self.ask_about(&event);
                    self.order.push(origin, Item::Exec(Box::new(event)));
                }
                _ => self.undecodable(&record),
            },
            // Cgroups are known before the processes in them are asked about; an id is never given to
            // another one.
            Ok((_, Kind::Cgroup)) => match decode(&record) {
                Ok(Decoded::Cgroup(change)) => {
                    self.table.observe_cgroup(&change);
                    self.meet_container(change.id);
                    self.account.understood(Kind::Cgroup);
                }
                _ => self.undecodable(&record),
            },
            Ok((origin, _)) => self.order.push(origin, Item::Record(record)),
            Err(_) => self.undecodable(&record),
        }
    }

    /// Everything that was made before a moment has been taken in, or is not waited for: writes what
    /// is certain of its place, up to an exec of which something is still asked.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn complete_until(&mut self, moment: BootTime) -> Result<(), OutputError> {
        let reached = self.write_until(moment)?;
        for (event, alert) in self.detection.due(reached) {
            self.alert_of_earlier(&event, &alert);
        }
        // After the processes that were looked up on the way, so that a replay knows them before.
        self.record(|| Frame::CompleteUntil(reached));
        self.flush()
    }

    /// The moment up to which everything is written.
    fn write_until(&mut self, moment: BootTime) -> Result<BootTime, OutputError> {
        loop {
            let next = if let Some(held) = self.held.take() {
                if self.must_wait(&held) {
                    let reached = held.next.time.min(moment);
                    self.held = Some(held);
                    return Ok(reached);
                }
                held.next
            } else {
                let Some(next) = self.order.pop(moment) else {
                    return Ok(moment);
                };
                if let Item::Exec(_) = next.record {
                    let since = Instant::now();
                    self.held = Some(Held { next, since });
                    continue;
                }
                next
            };
            self.write(next)?;
        }
    }

    /// What the kernel side has counted by now; states what was lost since.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn counted(&mut self, totals: Counted, time: BootTime) -> Result<(), OutputError> {
        self.record(|| Frame::Counted {
            totals: totals.clone(),
            time,
        });
        self.account.counted(totals);
        if self.account.skipped("credentials") {
            self.interpreter.doubt_commits();
        }
        self.state_losses(time);
        self.flush()
    }

    /// Where documents went, when nothing more will come.
    #[must_use]
    pub fn into_output(self) -> O {
        self.output
    }

    /// Nothing more will come: writes what still waits, and the account.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn end(&mut self, totals: Counted, time: BootTime) -> Result<Totals, OutputError> {
        while let Some(next) = self
            .held
            .take()
            .map(|held| held.next)
            .or_else(|| self.order.take())
        {
            self.write(next)?;
        }
        for (event, alert) in self.detection.drain() {
            self.alert_of_earlier(&event, &alert);
        }
        // Kept, so that a replay counts the same.
        if let Some(fact) = self.enrichment.unanswered() {
            self.learn(fact);
        }
        self.record(|| Frame::End {
            totals: totals.clone(),
            time,
        });
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            self.recording_failure = Some(error);
        }
        self.account.counted(totals);
        self.account.set_late(self.order.late());
        self.account.set_limits(self.limits());
        let totals = self.account.close();
        self.state_losses(time);
        self.state(Statement::Stopped(totals.clone()), time);
        self.flush()?;
        Ok(totals)
    }

    /// What there was no room for, and what could not be found out.
    fn limits(&self) -> Vec<(String, u64)> {
        let cgroups = self.table.cgroups().counters();
        let mut limits: Vec<(String, u64)> = [
            ("processes_full", self.table.evicted()),
            ("ancestors_full", self.table.ancestors_cut()),
            ("cgroups_full", cgroups.evicted),
            ("cgroup_path_unreadable", cgroups.unreadable),
            ("cgroup_path_unknown", cgroups.unknown),
            ("alerts_unwritable", self.alerts_unwritable),
            ("earlier_listeners_unknown", self.earlier_listeners_unknown),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into();
        self.enrichment
            .counters(|name, count| limits.push((name, count)));
        self.detection
            .limits(&mut |name, count| limits.push((name.to_owned(), count)));
        limits
    }

    fn state_losses(&mut self, time: BootTime) {
        let news = self.account.news();
        if !news.is_empty() {
            self.state(Statement::Lost(news), time);
        }
        let undelivered = self.output.undelivered();
        if !undelivered.is_empty() {
            self.state(Statement::Undelivered(undelivered), time);
        }
    }

    fn write(&mut self, next: Ordered<Item>) -> Result<(), OutputError> {
        match next.record {
            Item::Exec(event) => self.event(*event, next.late),
            Item::Record(record) => match decode(&record) {
                Ok(Decoded::Event(event)) => self.event(event, next.late),
                _ => {
                    self.undecodable(&record);
                    Ok(())
                }
            },
        }
    }

    fn event(&mut self, mut event: Event, late: bool) -> Result<(), OutputError> {
        self.interpreter.interpret(&mut event);
        self.look_up_actor(&event);
        self.look_up_cgroup(&event);
        self.table.observe(&event);
        if self.is_own(&event) {
            self.account.own(event.kind());
            return Ok(());
        }
        let about = self.enrichment.about(&event);
        if let Some(about) = &about
            && let Some(exec) = ExecId::of(&event)
        {
            if let Some(fingerprint) = about.executable.fingerprint() {
                self.table.identify(exec, fingerprint);
            }
            // In a replay nobody asks.
            for part in about.pending() {
                self.record(|| Frame::Fact(Box::new(Fact::Pending(exec, part))));
            }
        }
        let process = event.subject().and_then(|id| self.table.get(id));
        let parent = parent_of(&event, process).and_then(|id| self.table.get(id));
        let other = other_of(&event).and_then(|id| self.table.get(id));
        let observed = Observed {
            event: &event,
            late,
            process,
            parent,
            other,
            about: about.as_ref(),
            surroundings: self.enrichment.surroundings(&event, process),
        };
        let document = Document {
            sequence: self.sequence + 1,
            wall_offset: self.wall_offset,
            content: Content::Event(observed),
        };
        match self.output.take(&document) {
            Ok(()) => {
                self.sequence += 1;
                self.account.written(event.kind());
            }
            Err(_) => self.account.lost(event.kind(), Loss::Unwritable),
        }
        // Whatever rules make of it, the event itself is written.
        for alert in self.detection.inspect(&observed, self.wall_offset) {
            let document = Document {
                sequence: self.sequence + 1,
                wall_offset: self.wall_offset,
                content: Content::Alert(Alerted { alert, observed }),
            };
            match self.output.take(&document) {
                Ok(()) => self.sequence += 1,
                Err(_) => self.alerts_unwritable += 1,
            }
        }
        if self.output.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes an alert that was held back, of an event that was written before.
    fn alert_of_earlier(&mut self, event: &Event, alert: &Alert) {
        let process = event.subject().and_then(|id| self.table.get(id));
        let parent = parent_of(event, process).and_then(|id| self.table.get(id));
        let observed = Observed {
            event,
            late: true,
            process,
            parent,
            other: other_of(event).and_then(|id| self.table.get(id)),
            about: None,
            surroundings: self.enrichment.surroundings(event, process),
        };
        let document = Document {
            sequence: self.sequence + 1,
            wall_offset: self.wall_offset,
            content: Content::Alert(Alerted { alert, observed }),
        };
        match self.output.take(&document) {
            Ok(()) => self.sequence += 1,
            Err(_) => self.alerts_unwritable += 1,
        }
    }

    /// Of so many ports that were listened on before the programs could not be told by whom.
    pub fn earlier_listeners_unknown(&mut self, count: u64) {
        self.earlier_listeners_unknown = count;
    }

    /// Puts other rules in force, from the next event on.
    pub fn detect_by(&mut self, rules: Rules) {
        self.detection.reload(rules);
    }

    /// Whether an event is one of the sensor's own connections, which nobody wants to know of.
    fn is_own(&self, event: &Event) -> bool {
        self.own.is_some()
            && event.kind().family() == Family::Network
            && event.actor.map(|actor| actor.id.tgid) == self.own
    }

    fn undecodable(&mut self, record: &Bytes) {
        // A record whose kind cannot be told is counted as what is most often sent.
        let kind = record.get(4).and_then(|kind| Kind::from_wire(*kind));
        self.account
            .lost(kind.unwrap_or(Kind::Exec), Loss::Undecodable);
    }

    fn state(&mut self, statement: Statement, time: BootTime) {
        let stated = Stated { time, statement };
        let document = Document {
            sequence: self.sequence + 1,
            wall_offset: self.wall_offset,
            content: Content::Statement(&stated),
        };
        // What cannot be written down is not numbered either.
        if self.output.take(&document).is_ok() {
            self.sequence += 1;
        }
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        if let Err(source) = self.output.flush() {
            return Err(OutputError {
                source,
                undelivered: self.account.failed(),
            });
        }
        self.account.flushed();
        Ok(())
    }
}

/// The parent of the process that an event is about: the event itself knows it best.
fn parent_of(event: &Event, process: Option<&Process>) -> Option<ProcessId> {
    match &event.body {
        Body::Fork(fork) => Some(fork.parent),
        Body::Exec(exec) => Some(exec.parent),
        _ => process.and_then(|process| process.parent),
    }
}

/// The other process in an event.
fn other_of(event: &Event) -> Option<ProcessId> {
    match &event.body {
        Body::Fork(_) => event.actor.map(|actor| actor.id),
        Body::Ptrace(ptrace) => Some(ptrace.target),
        _ => None,
    }
}
