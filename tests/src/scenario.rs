//! A scenario: a deed, and what the sensor must tell of it.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::contract::{self, Window};
use crate::detect::watch::Watch;
use crate::event::{Event, Events};
use crate::expect::Expect;
use crate::host::Host;
use crate::rung::Rung;
use crate::sensor::{Sensor, Settings};
use crate::stage::{Played, Stage};

/// One scenario.
pub struct Scenario {
    /// Its name, with its family's before it: `exec/argv-empty`.
    pub name: &'static str,
    /// Does the deed and compares.
    pub play: fn(&Context<'_>) -> Result<Outcome>,
}

/// How a scenario ended that did not fail.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Everything was as expected.
    Passed,
    /// This host cannot do the deed, for this reason.
    Skipped(String),
}

/// What a scenario works with.
pub struct Context<'a> {
    /// The host.
    pub host: &'a Host,
    /// What the sensor may use.
    pub rung: Rung,
    /// The sensor that runs for all scenarios of this rung.
    pub sensor: &'a Sensor,
    /// An empty folder for this scenario alone; its path has no symbolic links.
    pub folder: PathBuf,
    watch: &'a Watch,
    scope: Option<&'a Path>,
    begun: u64,
    failures: RefCell<Vec<String>>,
    notes: RefCell<Vec<String>>,
    claims: Cell<usize>,
}

impl<'a> Context<'a> {
    /// A context whose window of time begins now.
    pub fn new(
        host: &'a Host,
        rung: Rung,
        sensor: &'a Sensor,
        watch: &'a Watch,
        folder: PathBuf,
        scope: Option<&'a Path>,
    ) -> Self {
        Self {
            host,
            rung,
            sensor,
            folder,
            watch,
            scope,
            begun: clock::boot_nanoseconds(),
            failures: RefCell::default(),
            notes: RefCell::default(),
            claims: Cell::new(0),
        }
    }

    /// Starts a process for a deed: tell it to [`Stage::go`].
    pub fn stage(&self, act: &str, arguments: &[impl AsRef<OsStr>]) -> Result<Stage> {
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        Stage::start(self.host, act, &arguments)
    }

    /// Has a deed done, from its beginning to its end.
    pub fn act(&self, act: &str, arguments: &[impl AsRef<OsStr>]) -> Result<Played> {
        let mut stage = self.stage(act, arguments)?;
        stage.go()?;
        stage.finish()
    }

    /// Everything that happened since the scenario began: see [`Sensor::settle`].
    pub fn settle(&self) -> Result<Events> {
        self.sensor.settle()
    }

    /// The sensor that detects, for all scenarios in a row that ask for it. Forgets what came before.
    pub fn watch(&self) -> Result<&'a Sensor> {
        let sensor = self.watch.sensor(|configuration, folder| {
            Sensor::start(&Settings {
                configuration: &format!("{}{configuration}", self.rung.hooks()),
                scope: self.scope,
                folder,
                record: None,
            })
        })?;
        sensor.clear();
        Ok(sensor)
    }

    /// Starts a sensor for this scenario alone, with more configuration than the rung's.
    pub fn own_sensor(&self, configuration: &str) -> Result<Sensor> {
        self.start_sensor(&self.rung.configuration(), configuration, None)
    }

    /// The same with detection, of which the configuration says how.
    pub fn detecting_sensor(&self, configuration: &str, record: Option<&Path>) -> Result<Sensor> {
        self.start_sensor(self.rung.hooks(), configuration, record)
    }

    /// The same, which also keeps a recording.
    pub fn recording_sensor(&self, configuration: &str, record: &Path) -> Result<Sensor> {
        self.start_sensor(&self.rung.configuration(), configuration, Some(record))
    }

    fn start_sensor(
        &self,
        of_rung: &str,
        configuration: &str,
        record: Option<&Path>,
    ) -> Result<Sensor> {
        Sensor::start(&Settings {
            configuration: &format!("{of_rung}{configuration}"),
            scope: self.scope,
            folder: &self.folder,
            record,
        })
    }

    /// The cgroup whose processes sensors may look at; all processes where there is none.
    pub fn scope(&self) -> Option<&Path> {
        self.scope
    }

    /// What is expected of every event with this code that happened in this scenario.
    pub fn expect(&self, code: &str) -> Expect {
        self.expect_from(self.sensor, code)
    }

    /// The same, of another sensor than the rung's.
    pub fn expect_from(&self, sensor: &Sensor, code: &str) -> Expect {
        let window = Window {
            from: self.begun,
            to: clock::boot_nanoseconds(),
        };
        contract::every_event(code, self.host, sensor.agent(), window)
    }

    /// Compares; a difference makes the scenario fail, but does not end it.
    pub fn check(&self, event: &Event, expect: &Expect) {
        self.claims.set(self.claims.get() + 1);
        if let Some(wrong) = expect.judge(event) {
            self.fail(format!("{}: {wrong}", event.code()));
        }
    }

    /// Must hold, or the scenario fails; does not end it.
    pub fn claim(&self, holds: bool, what: impl Into<String>) {
        self.claims.set(self.claims.get() + 1);
        if !holds {
            self.fail(format!("not so: {}", what.into()));
        }
    }

    /// Must be equal, or the scenario fails; does not end it.
    pub fn claim_eq<T: PartialEq + Debug>(&self, what: &str, got: &T, expected: &T) {
        self.claims.set(self.claims.get() + 1);
        if got != expected {
            self.fail(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }

    /// Counts an error as a failure that does not end the scenario.
    pub fn attempt<T>(&self, result: Result<T>) -> Option<T> {
        self.claims.set(self.claims.get() + 1);
        result.map_err(|error| self.fail(format!("{error:#}"))).ok()
    }

    /// Says that a part of the scenario is not possible here, and why.
    pub fn note(&self, reason: impl Into<String>) {
        self.notes.borrow_mut().push(reason.into());
    }

    /// What was said about parts that are not possible here.
    pub fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    fn fail(&self, how: String) {
        self.failures.borrow_mut().push(how);
    }
}

/// Plays a scenario. A failure is one text for people.
pub fn play(scenario: &Scenario, context: &Context<'_>) -> Result<Outcome, String> {
    let outcome = (scenario.play)(context);
    let mut failures = context.failures.take();
    match outcome {
        Ok(Outcome::Passed) if context.claims.get() == 0 => {
            failures.push("the scenario claims nothing".to_owned());
        }
        Ok(outcome) if failures.is_empty() => return Ok(outcome),
        Ok(_) => (),
        Err(error) => failures.push(format!("{error:#}")),
    }
    Err(failures.into_iter().fold(String::new(), |mut text, one| {
        let _infallible = writeln!(text, "{one}");
        text
    }))
}

/// How long to wait for an event that the kernel makes some time after the deed.
pub const PATIENCE: Duration = Duration::from_secs(30);
