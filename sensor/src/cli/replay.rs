//! `sensor replay`: the events of a recording, by the same pipeline.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};

use super::{
    ReplayArguments,
    detection::Rules,
    fail, say,
    stdout::{self, Stdout},
};
use crate::{
    clock::BootTime,
    config::{
        self, Limits,
        detect::{Detect, RuleFiles},
    },
    detect::{detection::Detection, detectors::Settings},
    enrich::Enrichment,
    event::{Tgid, interpret::Interpreter},
    kernel::counters::Totals,
    pipeline::{Pipeline, Setup},
    recording::{Frame, Reader},
};

/// Writes the events of a recording.
pub(super) fn replay(arguments: &ReplayArguments) -> ExitCode {
    match play(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format_args!("{error:#}")),
    }
}

/// Detection as the arguments have it: a recording brings no configuration along.
fn detection(arguments: &ReplayArguments, own: Option<Tgid>) -> Result<Detection> {
    if arguments.events_only {
        return Ok(Detection::none());
    }
    let found = match &arguments.config {
        Some(file) => Some(config::find(Some(file))?),
        None => None,
    };
    if let Some(found) = &found {
        found.warnings.iter().for_each(say);
    }
    let mut detect = found
        .map(|found| found.config.detect)
        .unwrap_or_else(|| Detect {
            rules: RuleFiles::At(Vec::new()),
            ..Detect::default()
        });
    if !arguments.rules.is_empty() {
        let mut paths = detect.rules.paths();
        paths.extend(arguments.rules.iter().cloned());
        detect.rules = RuleFiles::At(paths);
    }
    let settings = Settings {
        own,
        ..Settings::default()
    };
    let file = || arguments.config.clone();
    let rules = Rules::new(file(), file(), settings);
    Ok(Detection::new(rules.load(&detect)))
}

fn play(arguments: &ReplayArguments) -> Result<()> {
    let output = Stdout::open().context("cannot write events to standard output")?;
    let mut frames = Reader::open(&arguments.file)?;
    let (host, premises) = match (frames.next().transpose()?, frames.next().transpose()?) {
        (Some(Frame::Host(host)), Some(Frame::Premises(premises))) => (host, premises),
        _ => {
            return Err(anyhow!(
                "{} does not begin as a recording does: it was not made by `sensor run --record`",
                arguments.file.display()
            ));
        }
    };
    // As on the host that was recorded, unless it was told otherwise.
    let limits = Limits::default();
    let setup = Setup {
        boot: host.boot(),
        processes: limits.processes as usize,
        cgroups: limits.cgroups as usize,
        interpreter: Interpreter::new(premises),
        own: premises.own,
        detection: detection(arguments, premises.own)?,
        sources: None,
        recorder: None,
        enrichment: Enrichment::new(None),
        patience: None,
    };
    let output = stdout::lines(output, arguments.output, &host);
    let mut pipeline = Pipeline::new(setup, output);
    let mut counted = (Totals::default(), BootTime::default());
    for frame in frames {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                // What was read before is whole, and is written.
                let (totals, time) = counted;
                pipeline.end(totals, time)?;
                return Err(error.into());
            }
        };
        match frame {
            Frame::Host(_) | Frame::Premises(_) => {
                return Err(anyhow!(
                    "{} is damaged: its beginning comes twice",
                    arguments.file.display()
                ));
            }
            Frame::Started { started, time } => pipeline.started(*started, time)?,
            Frame::Process(process) => pipeline.add_process(*process),
            Frame::Cgroup(found) => pipeline.add_cgroup(found),
            Frame::Fact(fact) => pipeline.learn(*fact),
            Frame::WallOffset(offset) => pipeline.set_wall_offset(offset),
            Frame::Record(record) => pipeline.push(record),
            Frame::CompleteUntil(moment) => pipeline.complete_until(moment)?,
            Frame::Counted { totals, time } => {
                counted = (totals.clone(), time);
                pipeline.counted(totals, time)?;
            }
            Frame::End { totals, time } => {
                pipeline.end(totals, time)?;
                return Ok(());
            }
        }
    }
    Ok(())
}
