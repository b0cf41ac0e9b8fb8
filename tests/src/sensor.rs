//! The sensor under test, as a process of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::event::{Event, Events, of};
use crate::place;
use crate::stage;
use crate::stream::Stream;
use crate::tiny;

/// How long to wait for an event that must come. The test machines are emulated.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a sensor is started with.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Its configuration, in TOML.
    pub configuration: &'a str,
    /// The cgroup whose processes it may look at; all processes where there is none.
    pub scope: Option<&'a Path>,
    /// A folder for its files.
    pub folder: &'a Path,
    /// Where it keeps a recording, if it is to make one.
    pub record: Option<&'a Path>,
}

impl Settings<'_> {
    /// The configuration, with what a test needs besides: a state directory of the sensor's own unless
    /// it names one, because two sensors that share one refuse to watch the same processes.
    fn completed(&self, number: u32) -> String {
        let mut text = self.configuration.to_owned();
        // An emulated CPU may stand still for longer than the usual window, while a program on it has a
        // place in a ring and has not filled it.
        if place::is_a_test_machine() && !text.contains("[limits]") {
            text.push_str("[limits]\nreorder_milliseconds = 10000\n");
        }
        // What most scenarios execute was written a moment before, and hashing it has its own.
        if !text.contains("[enrich]") {
            text.push_str("[enrich]\nhashes = false\n");
        }
        if !text.contains("[state]") {
            let state = self.folder.join(format!("state-{number}"));
            text.push_str(&format!(
                "[state]\ndirectory = {:?}\n",
                state.display().to_string()
            ));
        }
        text
    }
}

/// A running sensor.
pub struct Sensor {
    child: Child,
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
    diagnostics: Option<JoinHandle<String>>,
    marker: PathBuf,
    alerts: AtomicUsize,
    /// Its first event.
    pub start: Arc<Event>,
}

/// How a sensor ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote and nobody cleared.
    pub events: Events,
    /// Its output as a whole.
    pub stream: Stream,
    /// What it said on its standard error.
    pub diagnostics: String,
}

#[derive(Default)]
struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
    /// Held while nobody reads the output.
    ear: Mutex<()>,
}

/// A sensor that does not run, as long as this lives.
pub struct Suspended(Pid);

impl Drop for Suspended {
    fn drop(&mut self) {
        // Where it was killed, it does not go on.
        let _gone = kill_process(self.0, Signal::CONT);
    }
}

/// A sensor whose output nobody reads, as long as this lives.
pub struct Unheard<'a>(#[expect(dead_code, reason = "to be dropped")] MutexGuard<'a, ()>);

#[derive(Default)]
struct Output {
    events: Vec<Arc<Event>>,
    stream: Stream,
    over: bool,
}

impl Sensor {
    /// Starts a sensor, and waits until it watches.
    pub fn start(settings: &Settings<'_>) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let configuration = settings.folder.join(format!("sensor-{number}.toml"));
        fs::write(&configuration, settings.completed(number))
            .with_context(|| format!("cannot write {}", configuration.display()))?;
        let marker = settings.folder.join("settle");
        if !marker.exists() {
            tiny::write(&marker, &tiny::exits(0))?;
        }

        let program = program();
        let mut command = Command::new(&program);
        command
            .args(["run", "--output", "json", "--config"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(scope) = settings.scope {
            command.arg("--scope-cgroup").arg(scope);
        }
        if let Some(record) = settings.record {
            command.arg("--record").arg(record);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if let Some(scope) = settings.scope {
            leave_scope(child.id(), scope)?;
        }
        let shared = Arc::new(Shared::default());
        let reader = child.stdout.take().map(|stdout| read(stdout, &shared));
        let diagnostics = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _until_it_breaks = stderr.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        let started = wait_in(&shared, |event| event.code() == "sensor_start", PATIENCE);
        let mut sensor = Self {
            child,
            shared,
            reader,
            diagnostics,
            marker,
            alerts: AtomicUsize::new(0),
            start: Arc::new(Event::parse(b"{}")?),
        };
        match started {
            Ok(event) => {
                sensor.start = event;
                Ok(sensor)
            }
            Err(error) => {
                let ended = sensor.stop(Signal::KILL)?;
                bail!(
                    "the sensor did not start: {error:#}; it said:\n{}",
                    ended.diagnostics
                )
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `agent.id` of its events.
    pub fn agent(&self) -> &str {
        self.start.text("agent.id").unwrap_or_default()
    }

    /// By what means it sees a kind of event: `sensor.hooks[].means` of its first event.
    pub fn means(&self, code: &str) -> Option<&str> {
        self.start
            .get("sensor.hooks")?
            .as_array()?
            .iter()
            .find(|hook| hook.get("event").and_then(|event| event.as_str()) == Some(code))?
            .get("means")?
            .as_str()
    }

    /// Waits for the first event for which the predicate holds; also one that came before.
    pub fn wait_for(
        &self,
        holds: impl Fn(&Event) -> bool,
        patience: Duration,
    ) -> Result<Arc<Event>> {
        wait_in(&self.shared, holds, patience)
    }

    /// Everything that came since the last [`Sensor::clear`].
    pub fn events(&self) -> Events {
        Events(self.shared.output().events.clone())
    }

    /// Everything that happened until now, and since the last [`Sensor::clear`]: runs a program and
    /// waits until the sensor has told of its end, for events come in the order of time.
    pub fn settle(&self) -> Result<Events> {
        let begun = crate::clock::boot_nanoseconds();
        let mut child = Command::new(&self.marker)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", self.marker.display()))?;
        let pid = child.id();
        child.wait().context("cannot wait for the marker")?;
        self.wait_for(
            |event| {
                event.code() == "exit"
                    && of(pid)(event)
                    && event.number("sensor.record.boot_time") >= Some(begun)
            },
            PATIENCE,
        )
        .context("the sensor did not tell of the marker's end")?;
        Ok(self.events())
    }

    /// Says that a scenario has done something that this sensor must raise an alert for. There may be
    /// no others in its whole output.
    pub fn expect_alert(&self) {
        self.alerts.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what came.
    pub fn clear(&self) {
        self.keep(|_| false);
    }

    /// Forgets what came, but for what the predicate holds for: there may be more than there is
    /// memory for.
    pub fn keep(&self, holds: impl Fn(&Event) -> bool) {
        self.shared.output().events.retain(|event| holds(event));
    }

    /// Stops its process, as a host does that has no time for it.
    pub fn suspend(&self) -> Result<Suspended> {
        let pid = self.process().context("no process id")?;
        kill_process(pid, Signal::STOP).context("cannot stop the sensor")?;
        let suspended = Suspended(pid);
        waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED).context("the sensor does not stop")?;
        Ok(suspended)
    }

    /// Reads no more of its output than is being read now.
    pub fn unheard(&self) -> Unheard<'_> {
        Unheard(self.shared.ear())
    }

    fn process(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Sends it a signal and waits for its end.
    pub fn stop(mut self, signal: Signal) -> Result<Ended> {
        if let Some(pid) = self.process()
            && self.child.try_wait()?.is_none()
        {
            kill_process(pid, signal).context("cannot signal the sensor")?;
        }
        let status = stage::wait_at_most(&mut self.child, PATIENCE).context("the sensor hangs")?;
        if let Some(thread) = self.reader.take() {
            let _came_to_its_end = thread.join();
        }
        let diagnostics = self
            .diagnostics
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let mut output = self.shared.output();
        let events = Events(std::mem::take(&mut output.events));
        let mut stream = std::mem::take(&mut output.stream);
        drop(output);
        stream.end_diagnostics(&diagnostics);
        if signal != Signal::KILL {
            let stop = events
                .0
                .last()
                .filter(|event| event.code() == "sensor_stop");
            stream.end(stop.map(Arc::as_ref));
            stream.end_alerts(self.alerts.load(Ordering::Relaxed));
        }
        Ok(Ended {
            status,
            events,
            stream,
            diagnostics,
        })
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // Where it was stopped, there is nobody to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Shared {
    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ear(&self) -> MutexGuard<'_, ()> {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sensor's program.
pub fn program() -> OsString {
    env::var_os("SENSOR_BIN").unwrap_or_else(|| OsString::from("/bin/sensor"))
}

/// The sensor must not look at itself where it may look at a cgroup only.
fn leave_scope(pid: u32, scope: &Path) -> Result<()> {
    let above = scope.parent().context("a scope is below the root")?;
    fs::write(above.join("cgroup.procs"), pid.to_string())
        .context("cannot move the sensor out of its scope")
}

fn read(stdout: ChildStdout, shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while let Ok(1..) = lines.read_until(b'\n', &mut line) {
            let event = Event::parse(&line);
            let mut output = shared.output();
            match event {
                Ok(event) => {
                    output.stream.follow(&event);
                    output.events.push(Arc::new(event));
                }
                Err(error) => output.stream.reject(&line, &format!("{error:#}")),
            }
            drop(output);
            shared.changed.notify_all();
            line.clear();
            drop(shared.ear());
        }
        shared.output().over = true;
        shared.changed.notify_all();
    })
}

fn wait_in(
    shared: &Shared,
    holds: impl Fn(&Event) -> bool,
    patience: Duration,
) -> Result<Arc<Event>> {
    let deadline = Instant::now() + patience;
    let mut seen = 0;
    let mut output = shared.output();
    loop {
        let new = output.events.get(seen..).unwrap_or_default();
        if let Some(event) = new.iter().find(|event| holds(event)) {
            return Ok(Arc::clone(event));
        }
        seen = output.events.len();
        if output.over {
            bail!("the sensor's output ended");
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("no such event in {} s", patience.as_secs());
        }
        (output, _) = shared
            .changed
            .wait_timeout(output, left)
            .unwrap_or_else(PoisonError::into_inner);
    }
}
