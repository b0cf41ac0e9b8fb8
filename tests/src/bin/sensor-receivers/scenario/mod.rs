//! What is tried.
//!
//! - [`by_hand`]: the receivers themselves, without the sensor.
//! - [`smoke`]: every receiver gets what it should, in every format that fits it.
//! - [`injection`]: what an attacker writes stays what it is.
//! - [`bad`]: receivers that misbehave, and a full disk.
//! - [`chaos`]: receivers and the sensor are killed under load.
//! - [`cast`]: which receivers there are.

mod bad;
mod by_hand;
mod cast;
mod chaos;
mod injection;
mod smoke;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::cgroup::Cgroup;
use crate::judge::{Arrivals, Witness};
use crate::place::Place;
use crate::receiver::{Materials, Receiver};
use crate::sensor;
use crate::verdict::{Verdicts, skip};
use crate::{Trying, say};

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// The receivers themselves, by messages that are made by hand
    ByHand,
    /// Every receiver gets a thousand processes' events, in every format that fits it
    Smoke,
    /// Arguments that would be something else to whoever does not escape them
    Injection,
    /// Receivers that misbehave, and a full disk
    Bad,
    /// Receivers and the sensor are killed under load
    Chaos,
}

/// What a scenario has.
pub struct Stage<'a> {
    /// Where its files go.
    pub place: &'a Place,
    /// What is tried, and with what.
    pub trying: &'a Trying,
}

impl Scenario {
    /// Those that were chosen; all if none was.
    pub fn chosen(chosen: &[Self]) -> Vec<Self> {
        use clap::ValueEnum as _;

        if chosen.is_empty() {
            Self::value_variants().to_vec()
        } else {
            chosen.to_vec()
        }
    }

    /// Tries it.
    pub fn play(self, stage: &Stage<'_>, verdicts: &mut Verdicts) {
        let name = self.name();
        say(format_args!("== {name}"));
        let played = self.ensure_possible(stage).and_then(|()| match self {
            Self::ByHand => by_hand::play(stage, verdicts),
            Self::Smoke => smoke::play(stage, verdicts),
            Self::Injection => injection::play(stage, verdicts),
            Self::Bad => bad::play(stage, verdicts),
            Self::Chaos => chaos::play(stage, verdicts),
        });
        if let Err(error) = played {
            verdicts.note(name, Err(error));
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by-hand",
            Self::Smoke => "smoke",
            Self::Injection => "injection",
            Self::Bad => "bad",
            Self::Chaos => "chaos",
        }
    }

    fn ensure_possible(self, stage: &Stage<'_>) -> Result<()> {
        if self == Self::ByHand {
            return Ok(());
        }
        match sensor::obstacle(&stage.trying.sensor) {
            Some(obstacle) => skip(obstacle),
            None => Ok(()),
        }
    }
}

impl Stage<'_> {
    /// What receivers are made of, in a folder of this name.
    fn materials(&self, name: &str) -> Result<Materials> {
        let trying = self.trying;
        let folder = self.place.folder(name)?;
        Materials::make(folder, &trying.python, trying.syslog_ng.as_deref())
    }

    /// A cgroup to watch.
    fn cgroup(&self) -> Result<Cgroup> {
        Cgroup::create()
    }

    /// Whether a receiver of that name was asked for.
    fn wants(&self, name: &str) -> bool {
        self.trying
            .receiver
            .as_ref()
            .is_none_or(|wanted| name.contains(wanted.as_str()))
    }
}

/// Reads until every receiver has as many documents as the witness, or nothing comes any more.
fn settle(
    witness: &mut Witness,
    receivers: &mut [Receiver],
    arrivals: &mut [Arrivals],
    quiet: Duration,
) -> Result<()> {
    let mut changed = Instant::now();
    let mut last = 0;
    loop {
        witness.read()?;
        let mut sum = witness.count();
        let mut is_complete = true;
        for (receiver, arrivals) in receivers.iter_mut().zip(arrivals.iter_mut()) {
            arrivals.read(receiver)?;
            sum += arrivals.count();
            is_complete &= arrivals.count() >= witness.count();
        }
        if sum != last {
            last = sum;
            changed = Instant::now();
        } else if is_complete || changed.elapsed() > quiet {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(300));
    }
}

/// Bytes of all files in a folder; none if it is not there.
fn bytes_in(folder: &Path) -> Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Files come and go while the sensor works.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot list {}", folder.display()));
        }
    };
    let mut sum = 0;
    for entry in entries {
        let path = entry?.path();
        sum += match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => bytes_in(&path)?,
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        };
    }
    Ok(sum)
}
