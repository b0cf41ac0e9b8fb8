//! A sensor that runs beside the bench.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::cgroup::Cgroup;
use crate::lines::{Count, Lines, OnLine};
use crate::process;
use crate::rung::Rung;

/// What every bench is told.
#[derive(clap::Args)]
pub struct Setting {
    /// The sensor
    #[arg(long, default_value = "sensor")]
    pub sensor: PathBuf,
    /// Watch a cgroup of the bench's own, not the whole host
    #[arg(long)]
    pub scoped: bool,
}

impl Setting {
    /// The cgroup to watch and to work in, if it is not the whole host.
    pub fn cgroup(&self) -> Result<Option<Cgroup>> {
        self.scoped.then(Cgroup::create).transpose()
    }
}

/// A running sensor; it is killed if it is dropped before its end.
pub struct Sensor {
    child: Child,
    lines: Option<Lines>,
    _configuration: Configuration,
    diagnostics: Diagnostics,
    /// From the start of its process to the line that says that it watches.
    pub started_in: Duration,
    /// The CPU time it had used by then.
    pub started_with: Duration,
    /// How much of that was in the kernel.
    pub started_in_kernel: f64,
}

/// Long enough for a slow guest.
const LONGEST_START: Duration = Duration::from_secs(120);
/// What is still to come out comes within that time.
pub const QUIET: Duration = Duration::from_millis(400);

/// Rings with room for everything that happens while the sensor is stopped.
pub const ROOMY: &str = "[rings]\ncritical_bytes = \"16MiB\"\nbulk_bytes = \"16MiB\"\n";

impl Sensor {
    /// Starts one and waits until it watches.
    pub fn start(
        setting: &Setting,
        rung: Rung,
        configuration: &str,
        cgroup: Option<&Cgroup>,
        on_line: OnLine,
    ) -> Result<Self> {
        let configuration = Configuration::write(rung, configuration)?;
        let mut command = Command::new(&setting.sensor);
        command
            .args(["run", "--output", "json", "--config"])
            .arg(configuration.path());
        if let Some(cgroup) = cgroup {
            command.arg("--scope-cgroup").arg(cgroup.path());
        }
        let diagnostics = Diagnostics::create()?;
        let to = diagnostics.file()?;
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(to)
            .spawn()
            .with_context(|| format!("cannot start {}", setting.sensor.display()))?;
        let pipe = child.stdout.take().context("the sensor has no output")?;
        let mut sensor = Self {
            lines: Some(Lines::read(pipe, on_line)),
            child,
            _configuration: configuration,
            diagnostics,
            started_in: Duration::ZERO,
            started_with: Duration::ZERO,
            started_in_kernel: 0.0,
        };
        sensor
            .lines()?
            .wait_until_started(LONGEST_START)
            .with_context(|| sensor.diagnostics.read())?;
        sensor.started_in = started.elapsed();
        sensor.started_with = process::cpu_time(sensor.pid())?;
        sensor.started_in_kernel = process::kernel_part(sensor.pid())?;
        Ok(sensor)
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Stops it, every thread of it.
    pub fn pause(&self) -> Result<()> {
        kill_process(self.pid(), Signal::STOP).context("cannot stop the sensor")?;
        process::wait_until_stopped(self.pid())
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<()> {
        kill_process(self.pid(), Signal::CONT).context("cannot let the sensor go on")
    }

    /// What has come out so far.
    pub fn count(&self) -> Result<Count> {
        Ok(self.lines()?.count())
    }

    /// Waits until everything has come out; the CPU time that the sensor had used when it had.
    pub fn wait_until_quiet(&self) -> Result<(Count, Duration)> {
        let pid = self.pid();
        let mut used = process::cpu_time(pid)?;
        let count = self.lines()?.wait_until_quiet(QUIET, |_| {
            used = process::cpu_time(pid)?;
            Ok(())
        })?;
        Ok((count, used))
    }

    /// Ends it and returns what it says it has seen, delivered and lost.
    pub fn finish(mut self) -> Result<Totals> {
        kill_process(self.pid(), Signal::TERM).context("cannot end the sensor")?;
        let lines = self.lines.take().context("the sensor has ended before")?;
        let last = lines.finish().with_context(|| self.diagnostics.read())?;
        let status = self.child.wait().context("cannot wait for the sensor")?;
        ensure!(
            status.success(),
            "the sensor ended with {status}: {}",
            self.diagnostics.read()
        );
        Totals::read(&last)
    }

    fn lines(&self) -> Result<&Lines> {
        self.lines.as_ref().context("the sensor has ended")
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _waited_for_already = self.child.wait();
    }
}

/// A configuration in a file that is there as long as this value.
pub struct Configuration(PathBuf);

impl Configuration {
    /// One that keeps the sensor to a rung of the ladder, and says more.
    pub fn write(rung: Rung, more: &str) -> Result<Self> {
        let name = format!("sensor-bench-{}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, format!("{}{more}", rung.configuration()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _gone_with_the_machine = fs::remove_file(&self.0);
    }
}

/// Where a sensor says what is wrong: on a rung below the first that is much, and the same each time.
struct Diagnostics(PathBuf);

impl Diagnostics {
    fn create() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("sensor-bench-{}.log", std::process::id()));
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    fn file(&self) -> Result<File> {
        let opened = File::options().append(true).open(&self.0);
        opened.with_context(|| format!("cannot open {}", self.0.display()))
    }

    fn read(&self) -> String {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        format!("the sensor said: {}", text.trim_end())
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        let _gone_with_the_machine = fs::remove_file(&self.0);
    }
}

/// What a sensor says at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records that the programs made or wanted to make.
    pub seen: u64,
    /// Events that came out.
    pub delivered: u64,
    /// Events that did not, by kind and reason.
    pub lost: Vec<(String, u64)>,
}

impl Totals {
    fn read(line: &Value) -> Result<Self> {
        let kinds = line
            .pointer("/sensor/totals/kinds")
            .and_then(Value::as_array)
            .with_context(|| format!("the sensor's last line has no totals: {line}"))?;
        let mut totals = Self::default();
        for kind in kinds {
            let number = |field| kind.get(field).and_then(Value::as_u64).unwrap_or_default();
            totals.seen += number("seen");
            totals.delivered += number("delivered");
            let code = kind.get("code").and_then(Value::as_str).unwrap_or("?");
            let none = Map::new();
            let lost = kind.get("lost").and_then(Value::as_object).unwrap_or(&none);
            for (reason, count) in lost {
                match count.as_u64() {
                    Some(0) => (),
                    Some(count) => totals.lost.push((format!("{code}: {reason}"), count)),
                    None => bail!("a count of lost events is no number: {count}"),
                }
            }
        }
        Ok(totals)
    }

    /// As it is printed.
    pub fn to_json(&self) -> Value {
        let lost: Map<String, Value> = self
            .lost
            .iter()
            .map(|(reason, count)| (reason.clone(), (*count).into()))
            .collect();
        json!({"seen": self.seen, "delivered": self.delivered, "lost": lost})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_and_summed() {
        let line = json!({"sensor": {"totals": {"kinds": [
            {"code": "exec", "family": "exec", "seen": 12, "delivered": 9,
             "lost": {"ring_full": 3, "shed": 0}},
            {"code": "connect", "family": "network", "seen": 5, "delivered": 5, "lost": {}},
        ]}}});
        let totals = Totals::read(&line).unwrap();
        assert_eq!((totals.seen, totals.delivered), (17, 14));
        assert_eq!(totals.lost, [("exec: ring_full".to_owned(), 3)]);
        assert_eq!(totals.to_json()["lost"]["exec: ring_full"], 3);
        assert!(Totals::read(&json!({})).is_err());
    }
}
