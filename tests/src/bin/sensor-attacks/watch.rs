//! The sensor, and its alerts.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::victim;

const CONFIGURATION: &str = "/run/attack/sensor.toml";
const OUTPUT: &str = "/var/lib/attack/events.json";
const DIAGNOSTICS: &str = "/var/lib/attack/sensor.err";

/// How long the sensor may take to say what has happened. An emulated CPU may stand still for long.
const PATIENCE: Duration = Duration::from_secs(90);

/// Events that are told of an attack that was not detected.
const SEEN_KEPT: usize = 100;

/// A sensor that watches the host.
pub struct Watch {
    read_until: u64,
    unfinished: Vec<u8>,
    marks: usize,
    alerts: Vec<Alert>,
    /// The last events since the last mark, in short.
    seen: VecDeque<String>,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The rule's name.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// Why it was raised.
    pub reason: String,
}

/// How grave an alert is, as `event.severity` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A moment in what the sensor says.
#[derive(Clone, Copy)]
pub struct Moment(usize);

impl Watch {
    /// Starts the sensor, as a service, and waits until it watches.
    pub fn begin() -> Result<Self> {
        fs::create_dir_all("/var/lib/attack")?;
        fs::write(
            CONFIGURATION,
            "[limits]\nreorder_milliseconds = 3000\n[enrich]\nwait_milliseconds = 1000\n",
        )?;
        let unit = format!(
            "[Service]\nExecStart=/bin/sensor run --output json --config {CONFIGURATION}\n\
             StandardOutput=file:{OUTPUT}\nStandardError=file:{DIAGNOSTICS}\n"
        );
        fs::write("/run/systemd/system/sensor.service", unit)?;
        victim::succeed("systemctl", &["daemon-reload"])?;
        victim::succeed("systemctl", &["start", "sensor.service"])?;
        let mut watch = Self {
            read_until: 0,
            unfinished: Vec::new(),
            marks: 0,
            alerts: Vec::new(),
            seen: VecDeque::new(),
        };
        watch.wait_for("sensor_start")?;
        Ok(watch)
    }

    /// Waits until the sensor has told of all that has happened by now.
    pub fn mark(&mut self) -> Result<Moment> {
        self.marks += 1;
        let word = format!("mark-{}-of-this-run", self.marks);
        let status = Command::new("/bin/true").arg(&word).status()?;
        ensure!(status.success(), "/bin/true fails");
        self.wait_for(&word)?;
        Ok(Moment(self.alerts.len()))
    }

    /// The alerts since a moment.
    pub fn alerts_since(&self, moment: Moment) -> Vec<Alert> {
        self.alerts.get(moment.0..).unwrap_or_default().to_vec()
    }

    /// The last events since this was asked before, in short: what there was to find.
    pub fn seen(&mut self) -> Vec<String> {
        self.seen.drain(..).collect()
    }

    /// Stops the sensor.
    pub fn end(mut self) -> Result<()> {
        victim::succeed("systemctl", &["stop", "sensor.service"])?;
        self.wait_for("sensor_stop")
    }

    fn wait_for(&mut self, word: &str) -> Result<()> {
        let started = Instant::now();
        while !self.read(word)? {
            if started.elapsed() > PATIENCE {
                bail!(
                    "the sensor did not tell of {word}; it says: {}",
                    fs::read_to_string(DIAGNOSTICS).unwrap_or_default()
                );
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Reads what is new; whether a word was in it.
    fn read(&mut self, word: &str) -> Result<bool> {
        if !Path::new(OUTPUT).exists() {
            return Ok(false);
        }
        let mut file = fs::File::open(OUTPUT).context("cannot read what the sensor says")?;
        file.seek(SeekFrom::Start(self.read_until))?;
        let mut new = Vec::new();
        self.read_until += u64::try_from(file.read_to_end(&mut new)?)?;
        self.unfinished.append(&mut new);
        let whole = self
            .unfinished
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let rest = self.unfinished.split_off(whole);
        let lines = std::mem::replace(&mut self.unfinished, rest);
        let mut was_there = false;
        for line in lines.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            was_there |= line.contains(word);
            if line.contains("\"code\":\"alert\"") {
                self.alerts.push(alert(&line)?);
            } else if let Some(short) = short(&line) {
                if self.seen.len() == SEEN_KEPT {
                    self.seen.pop_front();
                }
                self.seen.push_back(short);
            }
        }
        Ok(was_there)
    }
}

/// An event in one line; none for those that never raise an alert by themselves.
fn short(line: &str) -> Option<String> {
    let document: Value = serde_json::from_str(line).ok()?;
    let code = document.pointer("/event/code")?.as_str()?;
    if matches!(code, "fork" | "exit") {
        return None;
    }
    let mut short = code.to_owned();
    for path in [
        "/process/pid",
        "/process/executable",
        "/process/args",
        "/source/address",
        "/source/port",
        "/source/bytes",
        "/destination/address",
        "/destination/port",
        "/destination/bytes",
        "/event/duration",
    ] {
        if let Some(value) = document.pointer(path) {
            short.push(' ');
            short.push_str(&value.to_string());
        }
    }
    Some(short)
}

fn alert(line: &str) -> Result<Alert> {
    let document: Value = serde_json::from_str(line).context("an alert is not JSON")?;
    let text = |path: &str| {
        let value = document.pointer(path).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    let severity = document.pointer("/event/severity").and_then(Value::as_u64);
    let severity = severity
        .and_then(|number| usize::try_from(number).ok()?.checked_sub(1))
        .and_then(|number| Severity::ALL.get(number).copied());
    Ok(Alert {
        rule: text("/rule/name").context("an alert names no rule")?,
        severity: severity.context("an alert has no severity")?,
        reason: text("/event/reason").unwrap_or_default(),
    })
}
