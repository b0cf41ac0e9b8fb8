//! Arguments that would be something else to whoever does not escape them: they arrive as what they
//! are, once, in the one event that is theirs.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Stage, cast, settle};
use crate::judge::{Allowance, Arrivals};
use crate::receiver::Materials;
use crate::sensor::Sensor;
use crate::sink::{Format, Sink};
use crate::verdict::{Verdicts, skip};
use crate::workload::{Workload, hostile};

const QUIET: Duration = Duration::from_secs(15);

/// Ways that differ in how documents are told from each other.
const NAMES: &[&str] = &[
    "rsyslog-tcp",
    "nats",
    "journald",
    "tenzir-cef",
    "tenzir-elasticsearch",
];

/// Tries it.
pub fn play(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    let materials = stage.materials("injection")?;
    let mut receivers = Vec::new();
    for format in cast::EVERY {
        receivers.extend(cast::start(stage, &materials, *format, NAMES, verdicts));
    }
    if receivers.is_empty() {
        return skip("there is no receiver");
    }
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    let cgroup = stage.cgroup()?;
    let workload = Workload::new(cgroup.path(), &materials.folder, "mark")?;
    let cef = materials.folder.join("cef");
    let file = Sink::new("file", Format::Cef).file("path", &cef);
    let sinks = receivers
        .iter()
        .map(|receiver| (&*receiver.name, &receiver.sink))
        .chain([("cef-file", &file)]);
    let mut sensor = Sensor::new(
        &stage.trying.sensor,
        materials.folder.clone(),
        cgroup.path(),
        sinks,
    )?;
    sensor.start()?;
    workload.make_hostile()?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    sensor.end()?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    for (receiver, arrivals) in receivers.iter().zip(&arrivals) {
        let allowance = Allowance {
            no_pipes: receiver.name.contains("tenzir-cef"),
            ..Allowance::default()
        };
        let came = arrivals.judge(&sensor.witness, allowance);
        verdicts.note(&format!("injection {}", receiver.name), came);
    }
    let witness = materials.folder.join("witness");
    verdicts.note("injection json", read_by_python(&materials, &witness));
    verdicts.note("injection cef", lines_of_cef(&cef, sensor.witness.count()));
    let execs = sensor.witness.execs(workload.name());
    let made = hostile().len() as u64;
    let all_seen = || {
        ensure!(execs == made, "{execs} of {made} processes were seen");
        Ok(format!("{made} processes"))
    };
    verdicts.note("injection witness", all_seen());
    Ok(())
}

/// Another reader of JSON finds in it what was executed.
fn read_by_python(materials: &Materials, file: &std::path::Path) -> Result<String> {
    const CODE: &str = "import json, sys\n\
        for line in open(sys.argv[1], 'rb').read().split(b'\\n')[:-1]:\n \
          event = json.loads(line.decode('utf-8', 'strict'))\n \
          if event['event']['code'] == 'exec' and event['process']['name'] == 'mark':\n  \
            print(json.dumps(event['process']['args']))\n";
    let output = materials
        .scripts
        .code(CODE)
        .arg(file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start Python")?;
    ensure!(output.status.success(), "Python finds it malformed");
    let printed = String::from_utf8(output.stdout).context("Python printed no UTF-8")?;
    let seen: Vec<Value> = printed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let made = hostile();
    ensure!(
        seen.len() == made.len(),
        "{} of {} processes",
        seen.len(),
        made.len()
    );
    for (seen, made) in seen.iter().zip(&made) {
        let last = seen.as_array().and_then(|arguments| arguments.last());
        let last = last.and_then(Value::as_str).unwrap_or_default();
        // What is no UTF-8 is replaced, and what is too long cut; how, is the sensor's to say.
        let Ok(made) = std::str::from_utf8(made) else {
            ensure!(last.contains(" invalid "), "{last:?} for invalid UTF-8");
            continue;
        };
        ensure!(
            last == made || (made.len() > 10_000 && last.len() > 1_000),
            "{last:?} for {made:?}"
        );
    }
    Ok(format!("{} arguments as they were given", seen.len()))
}

/// Each event is a line, and each line an event's.
fn lines_of_cef(file: &std::path::Path, count: usize) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = String::from_utf8(bytes).context("the lines of CEF are no UTF-8")?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(
        lines.len() == count,
        "{} lines for {count} events",
        lines.len()
    );
    for line in &lines {
        let start: String = line.chars().take(100).collect();
        ensure!(
            line.starts_with("CEF:0|"),
            "a line begins otherwise: {start}"
        );
        ensure!(
            !line.chars().any(char::is_control),
            "a control character: {start}"
        );
    }
    Ok(format!("{count} lines"))
}
