//! What detection costs an event, and that what it remembers is bounded.
//!
//! Detection sees the events of a made-up busy host ([`busy`], [`programs`]) as the pipeline shows them to
//! it, without the rest of the pipeline. It runs as detectors alone, rules alone and both, with the rules
//! as they are and with ten times as many ([`rules`]). All of these see the same events, a few thousand
//! at a time in turn, so that what else the machine does falls on all of them. [`keys`] shows it a million
//! different keys of each kind.

mod busy;
mod keys;
mod programs;
mod rules;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use sensor::clock::WallOffset;
use sensor::config::detect::{Detect, RuleFiles};
use sensor::detect::detection::{Detection, setup::Setup};
use sensor::detect::detectors;
use sensor::detect::sigma::matcher::Use;
use sensor::event::Tgid;
use serde_json::{Value, json};

use self::busy::Busy;
use self::told::{HOST_NAMESPACES, Told};
use crate::say;

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Rules beside those that the sensor brings along: files `*.yml` below this directory
    #[arg(long)]
    rules: Option<PathBuf>,
    /// How often each is measured
    #[arg(long, default_value_t = 300)]
    rounds: u32,
    /// Events of a round
    #[arg(long, default_value_t = 1_000)]
    events: u32,
    /// Different keys of each kind that detection may remember
    #[arg(long, default_value_t = 1_000_000)]
    keys: u32,
    /// Measure nothing but this, as `rules-10`: for a profiler
    #[arg(long)]
    only: Option<String>,
}

/// Rounds before those that count: processes and connections are as many as they stay after that.
const WARM_UP: u32 = 20;
/// How many rules there are for each, where there are many.
const TIMES: u32 = 10;
/// Distance from boot time to wall time.
const WALL_OFFSET: WallOffset = WallOffset(1_700_000_000_000_000_000);
/// The sensor itself.
const OWN: Tgid = Tgid(400);

/// Detection as it is measured.
struct Candidate {
    name: &'static str,
    times: u32,
    rules: usize,
    detection: Detection,
    alerts: u64,
    /// Nanoseconds of each round.
    rounds: Vec<f64>,
}

/// Measures.
pub fn run(arguments: &Arguments) -> Result<Value> {
    let one = rules::pack(arguments.rules.as_deref(), 1)?;
    let many = rules::pack(arguments.rules.as_deref(), TIMES)?;
    let mut candidates = vec![
        Candidate::new("detectors", 0, &[], true)?,
        Candidate::new("rules", 1, &one, false)?,
        Candidate::new("rules", TIMES, &many, false)?,
        Candidate::new("both", 1, &one, true)?,
        Candidate::new("both", TIMES, &many, true)?,
    ];
    let count = |name, times| {
        let mut candidates = candidates.iter();
        let found = candidates.find(|one: &&Candidate| one.name == name && one.times == times);
        found.map_or(0, |found| found.rules)
    };
    let (few, varied) = (count("rules", 1), count("rules", TIMES));
    // Of what audit says of execs some is always the same, and no rule may ask for something else.
    ensure!(
        varied * 10 >= few * usize::try_from(TIMES)? * 9,
        "of {TIMES} times {few} rules only {varied} can be used"
    );
    if let Some(only) = &arguments.only {
        candidates.retain(|one| format!("{}-{}", one.name, one.times) == *only);
        ensure!(!candidates.is_empty(), "there is nothing called {only}");
    }
    let mut busy = Busy::new();
    for round in 0..WARM_UP + arguments.rounds {
        if round.is_multiple_of(100) {
            say(format_args!(
                "round {round} of {}",
                WARM_UP + arguments.rounds
            ));
        }
        let events: Vec<Told> = (0..arguments.events).map(|_| busy.next()).collect();
        // Each is the first in turn.
        let first = usize::try_from(round)? % candidates.len();
        candidates.rotate_left(first);
        for candidate in &mut candidates {
            let used = candidate.see(&events);
            if round >= WARM_UP {
                candidate.rounds.push(used.as_secs_f64() * 1e9);
            }
        }
        candidates.rotate_right(first);
    }
    let rows: Vec<Value> = candidates
        .iter()
        .map(|candidate| {
            json!({
                "what": candidate.name,
                "times": candidate.times,
                "rules": candidate.rules,
                "alerts": candidate.alerts,
                "rounds": candidate.rounds,
            })
        })
        .collect();
    drop(candidates);
    Ok(json!({
        "events": arguments.events,
        "mix": busy.mix(),
        "rows": rows,
        "keys": keys::run(arguments.keys)?,
    }))
}

impl Candidate {
    fn new(
        name: &'static str,
        times: u32,
        texts: &[(String, String)],
        detects: bool,
    ) -> Result<Self> {
        let (detection, rules) = detection(texts, detects)?;
        Ok(Self {
            name,
            times,
            rules,
            detection,
            alerts: 0,
            rounds: Vec::new(),
        })
    }

    /// Shows it events; the time that it took.
    fn see(&mut self, events: &[Told]) -> Duration {
        let begin = cpu_time();
        for told in events {
            let alerts = self.detection.inspect(&told.observed(), WALL_OFFSET);
            self.alerts += u64::try_from(alerts.len()).unwrap_or(u64::MAX);
        }
        if let Some(last) = events.last() {
            self.alerts +=
                u64::try_from(self.detection.due(last.event.origin.time).len()).unwrap_or(u64::MAX);
        }
        cpu_time().saturating_sub(begin)
    }
}

/// Detection as it is unless configured otherwise, with these rules; how many there are in use.
fn detection(texts: &[(String, String)], detects: bool) -> Result<(Detection, usize)> {
    let detect = Detect {
        rules: RuleFiles::At(Vec::new()),
        ..Detect::default()
    };
    let detectors = if detects {
        detectors::all(&detectors::Settings {
            own: Some(OWN),
            host: Some(HOST_NAMESPACES),
            ..detectors::Settings::default()
        })
    } else {
        Vec::new()
    };
    let file = Arc::from(Path::new("sensor.toml"));
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let loaded = Setup::load(&detect, &file, &texts, detectors);
    if let Some(problem) = loaded.report.problems.first() {
        bail!("a rule cannot be read: {problem:?}");
    }
    let usable = loaded.report.rules.iter();
    let usable = usable.filter(|rule| matches!(rule.usage, Use::Full | Use::Partial(_)));
    let count = usable.count();
    Ok((Detection::new(loaded.setup), count))
}

/// The CPU time of this thread, which is the only one.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
