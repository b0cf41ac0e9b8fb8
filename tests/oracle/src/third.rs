//! The third engine: Tenzir's operator `sigma`, a program of its own that is written in C++.
//!
//! It is given each rule in a file and all events in one, and says which rule matched which event.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value as Json;

use crate::{compare::Judged, rules::Pair};

/// What an event's number is called in it.
const NUMBER: &str = "oracle_number";

/// Which rules match which events, both by place.
pub type Verdicts = BTreeSet<(usize, usize)>;

/// What the third engine said.
pub struct Said {
    /// Which rules match which events.
    pub verdicts: Verdicts,
    /// The rules that it took.
    pub rules: BTreeSet<usize>,
    /// How many rules it did not take, by what it says.
    pub refused: BTreeMap<String, usize>,
}

/// Asks the third engine.
///
/// # Errors
///
/// A file cannot be written, or the program cannot be run or fails.
pub fn ask(program: &Path, pairs: &[Pair], judged: &[Judged<'_>]) -> Result<Said> {
    let folder = std::env::temp_dir().join(format!("sensor-oracle-{}", std::process::id()));
    let said = ask_in(&folder, program, pairs, judged);
    // What is left of it can do no harm.
    let _ = fs::remove_dir_all(&folder);
    said
}

fn ask_in(folder: &Path, program: &Path, pairs: &[Pair], judged: &[Judged<'_>]) -> Result<Said> {
    let rule_files = folder.join("rules");
    let events = folder.join("events.ndjson");
    let context = || format!("cannot write below {}", folder.display());
    fs::create_dir_all(&rule_files).with_context(context)?;
    let mut ids = HashMap::new();
    for (place, pair) in pairs.iter().enumerate() {
        // By its id the engine says which rule matched, and a file is for one rule.
        let Some(id) = &pair.rule.header.id else {
            continue;
        };
        if ids.contains_key(id) || pair.text.lines().any(|line| line == "---") {
            continue;
        }
        ids.insert(id.clone(), place);
        fs::write(rule_files.join(format!("{place}.yml")), &*pair.text).with_context(context)?;
    }
    let mut file = BufWriter::new(File::create(&events).with_context(context)?);
    for (number, judged) in judged.iter().enumerate() {
        let mut json = judged.event.nested_json();
        json.insert(NUMBER.to_owned(), number.into());
        serde_json::to_writer(&mut file, &json).with_context(context)?;
        writeln!(file).with_context(context)?;
    }
    file.flush().with_context(context)?;
    let pipeline = format!(
        "from_file {} {{ read_ndjson raw=true }} | sigma path={} | select rule=policy.uid, \
         event=evidences[0].data.{NUMBER} | write_ndjson",
        Json::from(events.to_string_lossy()),
        Json::from(rule_files.to_string_lossy()),
    );
    let output = Command::new(program)
        .arg(&pipeline)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} failed: {told}",
        program.display()
    );
    let mut rules: BTreeSet<usize> = ids.values().copied().collect();
    let mut refused = BTreeMap::new();
    for (rule, why) in ignored(&told) {
        if rules.remove(&rule) {
            *refused.entry(why).or_default() += 1;
        }
    }
    let mut verdicts = Verdicts::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let match_: Json = serde_json::from_str(line)
            .with_context(|| format!("{} printed a line that is not JSON", program.display()))?;
        let rule = match_.get("rule").and_then(Json::as_str);
        let event = match_.get("event").and_then(Json::as_u64);
        if let (Some(rule), Some(event)) = (rule, event)
            && let (Some(rule), Ok(event)) = (ids.get(rule), usize::try_from(event))
        {
            verdicts.insert((event, *rule));
        }
    }
    Ok(Said {
        verdicts,
        rules,
        refused,
    })
}

/// The rules that the engine says it ignores, and why.
fn ignored(told: &str) -> Vec<(usize, String)> {
    let mut ignored = Vec::new();
    let mut rule = None;
    for line in told.lines() {
        if let Some(path) = line.strip_prefix("warning: sigma operator ignores ") {
            let file = path.rsplit('/').next().unwrap_or_default();
            rule = file.split('.').next().and_then(|name| name.parse().ok());
        } else if let (Some(note), Some(place)) = (line.trim().strip_prefix("= note: "), rule) {
            let why = note.split(" (").next().unwrap_or_default();
            ignored.push((place, why.to_owned()));
            rule = None;
        }
    }
    ignored
}
