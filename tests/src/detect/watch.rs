//! A sensor that detects for several scenarios, one after the other: what it must find is what the
//! scenarios do that nobody else does.
//!
//! Its rules are the project's own where a scenario is about one of them, and the detectors; the others
//! are about what scenarios do at all times. No alert is held back as a repetition.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::event::{Event, Events};
use crate::scenario::{Context, Scenario};
use crate::sensor::Sensor;
use crate::tiny;

/// Where nobody connects to but who is to be found. It differs from `127.0.0.1` in one byte.
pub const FORBIDDEN_HOST: &str = "127.0.0.66";

/// The rule about programs by their paths.
pub const PROGRAM: &str = "forbidden program";
/// The rule about a program by its file.
pub const FILE: &str = "forbidden file";
/// The rule about scripts by their paths.
pub const SCRIPT: &str = "forbidden script";
/// The rule about arguments.
pub const ARGUMENT: &str = "forbidden argument";
/// The rule about connections by their other end.
pub const DESTINATION: &str = "forbidden destination";
/// The project's rule about programs that the dynamic linker is told to run.
pub const LOADER: &str = "c2c430f7-034f-5971-b7f3-f8d9e4ec93d7";
/// The project's rule about scripts in arguments that are longer than what is captured.
pub const CUT_OFF: &str = "e7130c25-f658-4541-88d3-7c2620fff117";

/// The rules of the project's own.
const OWN_RULES: [(&str, &str); 2] = [
    (
        "loader",
        include_str!("../../../rules/stealth/interpreter-loader.yml"),
    ),
    (
        "cut-off",
        include_str!("../../../rules/stealth/command-cut-off.yml"),
    ),
];

/// The sensor, once a scenario has asked for it.
pub struct Watch {
    folder: PathBuf,
    sensor: OnceCell<Sensor>,
}

/// Whether a scenario may be played while the sensor watches.
pub fn is_for(scenario: &Scenario) -> bool {
    scenario.name.starts_with("detect/t")
}

impl Watch {
    /// One that has not begun, with a folder for its files.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            sensor: OnceCell::new(),
        }
    }

    /// The sensor; starts it, by its configuration and its folder, if that was not done before.
    pub fn sensor(&self, start: impl FnOnce(&str, &Path) -> Result<Sensor>) -> Result<&Sensor> {
        if let Some(sensor) = self.sensor.get() {
            return Ok(sensor);
        }
        let started = start(&configuration(&self.folder)?, &self.folder)?;
        Ok(self.sensor.get_or_init(|| started))
    }

    /// The sensor that is to be ended, if it was started.
    pub fn end(&mut self) -> Option<Sensor> {
        self.sensor.take()
    }
}

/// A configuration with the rules, whose files it writes in this folder.
pub fn configuration(folder: &Path) -> Result<String> {
    let rules = folder.join("watch-rules");
    fs::create_dir_all(&rules)?;
    for (name, text) in OWN_RULES {
        fs::write(rules.join(format!("{name}.yml")), text)?;
    }
    let file = folder.join(FILE.replace(' ', "-"));
    tiny::write(&file, &tiny::exits(7))?;
    fs::write(rules.join("forbidden.yml"), forbidden(&file)?)?;
    Ok(format!(
        "[detect]\nbuiltin_rules = false\nminimum_severity = \"low\"\nrepeat_seconds = 0\n\
         rules = [{rules:?}]\n[capture]\nunix_sockets = true\n"
    ))
}

/// The program that a rule knows by its file.
pub fn forbidden_file(context: &Context<'_>) -> Result<PathBuf> {
    let folder = context
        .folder
        .parent()
        .context("a scenario's folder is in another")?;
    Ok(folder.join(FILE.replace(' ', "-")))
}

/// The rules about what is forbidden.
fn forbidden(file: &Path) -> Result<String> {
    let about = fs::metadata(file)?;
    let (inode, device) = (about.ino(), about.dev());
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let rule = |title: &str, category: &str, selection: &str| {
        format!(
            "title: {title}\nlogsource:\n    category: {category}\n    product: linux\ndetection:\n    \
             selection:\n        {selection}\n    condition: selection\nlevel: high\n"
        )
    };
    Ok([
        rule(
            PROGRAM,
            "process_creation",
            "Image|endswith: [/forbidden, /racer-b, /second/racer, /mounted/seven, /a/seven]",
        ),
        rule(
            FILE,
            "process_creation",
            &format!(
                "sensor.exec.file.inode: {inode}\n        sensor.exec.file.device.major: {major}\n        \
                 sensor.exec.file.device.minor: {minor}"
            ),
        ),
        rule(SCRIPT, "process_creation", "sensor.script.path|endswith: /forbidden"),
        rule(
            ARGUMENT,
            "process_creation",
            // A deed is told its arguments by some of its own.
            "Image|contains: /detect-t\n        CommandLine|contains: forbidden-argument",
        ),
        rule(
            DESTINATION,
            "network_connection",
            &format!("Initiated: true\n        DestinationIp: {FORBIDDEN_HOST}"),
        ),
    ]
    .join("---\n"))
}

/// What was found since the scenario began, by the rule and the process that it names.
pub struct Found {
    /// Everything that came.
    pub events: Events,
    /// The alerts, in their order.
    pub alerts: Vec<Arc<Event>>,
}

impl Found {
    /// Waits until everything was told that was done until now. Each alert must have the event that it
    /// was raised at as its last evidence.
    pub fn by(context: &Context<'_>, sensor: &Sensor) -> Result<Self> {
        let events = sensor.settle()?;
        let alerts = events.all("alert", |_| true);
        for alert in &alerts {
            sensor.expect_alert();
            claim_evidence(context, &events, alert);
        }
        Ok(Self { events, alerts })
    }

    /// Claims that these rules found these processes, each as often as it is named, and nothing else was
    /// found.
    pub fn claim(&self, context: &Context<'_>, what: &str, expected: &[(&str, u32)]) {
        let mut found: Vec<(&str, u32)> = self.alerts.iter().map(|alert| key(alert)).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        context.claim_eq(&format!("alerts of {what}"), &found, &expected);
    }

    /// The first alert of a rule.
    pub fn of(&self, rule: &str) -> Result<&Event> {
        let mut alerts = self.alerts.iter().map(Arc::as_ref);
        alerts
            .find(|alert| key(alert).0 == rule)
            .with_context(|| format!("no alert of {rule}"))
    }
}

/// The rule, by its id or else its name, and the process.
fn key(alert: &Event) -> (&str, u32) {
    let rule = alert.text("rule.id").or_else(|| alert.text("rule.name"));
    (rule.unwrap_or_default(), alert.pid().unwrap_or_default())
}

/// The alert's last evidence is an event of the same process, which is there.
fn claim_evidence(context: &Context<'_>, events: &Events, alert: &Event) {
    let evidence = alert.get("sensor.alert.evidence");
    let last = evidence
        .and_then(|evidence| evidence.as_array()?.last()?.as_str())
        .unwrap_or_default();
    let event = events
        .0
        .iter()
        .find(|event| event.text("event.id") == Some(last) && event.code() != "alert");
    context.claim(
        event.is_some_and(|event| {
            event.text("process.entity_id") == alert.text("process.entity_id")
        }),
        format!(
            "an alert's event is there and of its process: {}",
            alert.line()
        ),
    );
}
