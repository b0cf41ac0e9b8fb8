//! `sensor run`: watches, and writes what happens.
//!
//! ```text
//!                enriching threads
//!              answers │   ▲ questions
//!                      ▼   │
//! reader thread ──▶ pipeline thread ──▶ threads of sinks, or standard output
//!       ▲    readings     │
//!       └── stop ── main thread ◀── end
//! ```
//!
//! The reader is asked to stop by SIGTERM or SIGINT; what is in the rings still goes all the way.
//! A second signal ends the sensor at once, for when nobody takes its output any longer. SIGHUP makes
//! sinks open their files anew, and rules be read anew.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use sensor_common::record::Family;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::{
    RunArguments, delivery,
    detection::Rules,
    enrichment, fail,
    inputs::{Input, Inputs, inputs},
    instance::Instance,
    refuse, report, say,
    stdout::{self, Stdout},
};
use crate::{
    clock::{WallOffset, boot_time},
    config::{
        self, Config, OutputFormat,
        sink::{Sink, SinkType},
    },
    detect::{detection::Detection, detectors},
    enrich::{Enrichment, asking::Asking},
    event::{
        Tgid,
        interpret::{Commits, Interpreter, Premises},
        state::{KindTotal, Started, Totals},
    },
    host::Host,
    kernel::{
        hooks::Means,
        listeners::Listeners,
        load::{self, Loaded},
        preflight,
        reader::{Reader, Reading, Stop},
    },
    memory,
    output::{FormatChoice, Output},
    pipeline::{Pipeline, Setup},
    process::{Process, listeners, snapshot::Sources},
    recording::{Frame, Writer},
};

/// Watches until it is told to stop.
pub(super) fn run(arguments: &RunArguments) -> ExitCode {
    let (config, file) = match config(arguments) {
        Ok(found) => found,
        Err(error) => return refuse(format_args!("{error:#}")),
    };
    match watch(arguments, &config, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format_args!("{error:#}")),
    }
}

/// The configuration, with what the command line says on top, and its file.
fn config(arguments: &RunArguments) -> Result<(Config, Option<PathBuf>)> {
    let found = config::find(arguments.config.as_deref())?;
    for warning in &found.warnings {
        say(warning);
    }
    let mut config = found.config;
    if let Some(scope) = &arguments.scope_cgroup {
        config.capture.scope_cgroup = Some(scope.clone());
    }
    if let Some(format) = arguments.output {
        config.output.format = OutputFormat::This(format);
        add_stdout(&mut config.sinks, format);
    }
    Ok((config, found.file))
}

/// With sinks, standard output is one more of them, unless it is one already.
fn add_stdout(sinks: &mut Vec<Sink>, format: FormatChoice) {
    if let Some(stdout) = sinks.iter_mut().find(|sink| sink.sort == SinkType::Stdout) {
        stdout.format = format;
    } else if !sinks.is_empty() {
        // No configured sink can have a blank in its name.
        sinks.push(Sink {
            format,
            ..Sink::new("standard output", SinkType::Stdout)
        });
    }
}

fn watch(arguments: &RunArguments, config: &Config, file: Option<PathBuf>) -> Result<()> {
    let stdout = if config.sinks.is_empty() {
        Some(Stdout::open().context("cannot write events to standard output")?)
    } else {
        None
    };
    preflight::check()?;
    let options = config.options()?;
    let _instance = Instance::claim(&config.state.directory, options.scope.as_ref())?;
    let mut host = Host::here();
    if config.enrich.cloud {
        host.cloud = enrichment::cloud()?;
    }
    let recorder = arguments
        .record
        .as_deref()
        .map(Writer::create)
        .transpose()?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot set up signal handling")?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    let mut loaded = load::load(&options)?;
    if loaded.ladder.iter().all(|outcome| outcome.taken.is_none()) {
        return Err(anyhow!(
            "this kernel took none of the hooks\n  `sensor doctor` says why for each of them"
        ));
    }
    let started = report::started(&loaded, config);
    greet(&host, &started);
    let (output, delivery): (Box<dyn Output + Send>, _) = match stdout {
        Some(stdout) => {
            let choice = config.output.format.choice();
            (Box::new(stdout::lines(stdout, choice, &host)), None)
        }
        None => {
            let (delivery, router) = delivery::start(config, &host)?;
            (Box::new(router), Some(delivery))
        }
    };
    let settings = detectors::Settings {
        own: Some(Tgid(std::process::id())),
        files: own_files(config, file.as_deref()),
        // They were loaded before the hook that would tell of them.
        programs: loaded
            .ladder
            .iter()
            .flat_map(|outcome| &outcome.programs)
            .filter_map(|program| program.id)
            .collect(),
        ..detectors::Settings::default()
    };
    let rules = Rules::new(arguments.config.clone(), file, settings);
    let detection = Detection::new(rules.load(&config.detect));
    let first = First {
        premises: premises(&loaded, config),
        sources: Sources {
            proc: "/proc".into(),
            cgroups: loaded.tree.clone(),
            scope: options.scope.as_ref().map(|scope| scope.path.clone()),
            boot: host.boot(),
        },
        listeners: Listeners::take(&mut loaded.ebpf)
            .context("cannot set up the kernel map LISTENERS")?,
        started,
        host,
    };

    let (readings, answers, inputs) = inputs();
    let reloads = answers.clone();
    let asking = Asking::start(enrichment::settings(&config.enrich), move |answer| {
        answers.add(answer);
    })
    .context("cannot start a thread")?;
    let reader = Reader::start(loaded, move |reading| readings.add(reading))?;
    let stop = reader.stop();
    let (done, ended) = oneshot::channel();
    let work = Work {
        output,
        inputs,
        detection,
        enrichment: Enrichment::new(Some(asking)),
        recorder,
        config: config.clone(),
        stop: stop.clone(),
    };
    let pipeline = thread::Builder::new()
        .name("pipeline".into())
        .spawn(move || {
            let end = work.run(first);
            // The main thread waits for this, whatever the end is.
            let _ = done.send(());
            end
        })
        .context("cannot start a thread")?;
    let hung_up = || {
        if let Some(delivery) = &delivery {
            delivery.reopen();
        }
        if let Some(rules) = rules.reload() {
            reloads.put_in_force(rules);
        }
    };
    runtime.block_on(signals.until(ended, &stop, hung_up))?;
    stop.ask();
    let end = pipeline
        .join()
        .unwrap_or_else(|_| Err(anyhow!("the pipeline's thread died")));
    let read = reader.join();
    if let Some(delivery) = delivery {
        delivery::farewell(&delivery.end());
    }
    end?;
    Ok(read?)
}

/// The signals that end the sensor.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch a signal");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    /// Waits for the pipeline's end, and asks for it at the first signal.
    async fn until(
        &mut self,
        mut ended: oneshot::Receiver<()>,
        stop: &Stop,
        hung_up: impl Fn(),
    ) -> Result<()> {
        loop {
            tokio::select! {
                _ = &mut ended => return Ok(()),
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                // A terminal that is gone is no reason to go on; a service is told so to read anew.
                _ = self.hang_up.recv() => {
                    if std::io::stdout().is_terminal() {
                        break;
                    }
                    hung_up();
                }
            }
        }
        stop.ask();
        tokio::select! {
            _ = &mut ended => Ok(()),
            _ = self.terminate.recv() => Err(impatient()),
            _ = self.interrupt.recv() => Err(impatient()),
        }
    }
}

fn impatient() -> anyhow::Error {
    anyhow!("stopped by a second signal before all events were written: the rest is lost")
}

/// What the pipeline begins with.
struct First {
    premises: Premises,
    sources: Sources,
    listeners: Listeners,
    started: Started,
    host: Host,
}

impl First {
    /// Tells the programs who listened before them: of how many they could not be told. Their
    /// connections are seen without it, where they are accepted; so that is no reason to stop.
    fn tell_listeners(&mut self, processes: &[Process]) -> u64 {
        let listeners = listeners::read(&self.sources.proc, processes);
        let failed = listeners
            .into_iter()
            .filter_map(|(key, owner)| self.listeners.add(key, owner).err());
        failed.count() as u64
    }
}

/// What the pipeline's thread works with.
struct Work {
    output: Box<dyn Output + Send>,
    inputs: Inputs,
    detection: Detection,
    enrichment: Enrichment,
    recorder: Option<Writer>,
    config: Config,
    stop: Stop,
}

impl Work {
    fn run(self, mut first: First) -> Result<()> {
        let setup = Setup {
            boot: first.host.boot(),
            processes: self.config.limits.processes as usize,
            cgroups: self.config.limits.cgroups as usize,
            interpreter: Interpreter::new(first.premises),
            sources: Some(first.sources.clone()),
            own: first.premises.own,
            detection: self.detection,
            recorder: self.recorder,
            enrichment: self.enrichment,
            patience: Some(enrichment::patience(&self.config.enrich)),
        };
        let patience = u64::from(self.config.limits.reorder_milliseconds) * 1_000_000;
        let mut pipeline = Pipeline::new(setup, self.output);
        let mut offset = WallOffset::now();
        pipeline.record(|| Frame::Host(Box::new(first.host.clone())));
        pipeline.record(|| Frame::Premises(first.premises));
        pipeline.set_wall_offset(offset);
        for found in first.sources.cgroups() {
            pipeline.add_cgroup(found);
        }
        let processes = first
            .sources
            .read()
            .context("cannot read the processes from /proc")?;
        pipeline.earlier_listeners_unknown(first.tell_listeners(&processes));
        if self.config.enrich.accounts {
            pipeline.learn(enrichment::accounts_of_host(&first.sources.proc));
        }
        for process in processes {
            pipeline.add_process(process);
        }
        memory::give_back();
        pipeline.started(first.started, boot_time())?;
        while let Some(input) = self.inputs.next(pipeline.patience_left()) {
            match input {
                Input::Nothing => pipeline.lose_patience()?,
                Input::Answer(answer) => pipeline.answer(answer)?,
                Input::Rules(rules) => pipeline.detect_by(*rules),
                Input::Reading(Reading::Batch(batch)) => {
                    let complete_until = batch.complete_until(patience);
                    for record in batch.records {
                        pipeline.push(record);
                    }
                    pipeline.complete_until(complete_until)?;
                }
                Input::Reading(Reading::Totals(totals)) => {
                    let now = WallOffset::now();
                    if now.differs_from(offset) {
                        offset = now;
                        pipeline.set_wall_offset(offset);
                    }
                    pipeline.counted(totals, boot_time())?;
                }
                Input::Reading(Reading::End(totals)) => {
                    let totals = pipeline.end(totals, boot_time())?;
                    farewell(&totals);
                    return match pipeline.take_recording_failure() {
                        None => Ok(()),
                        Some(error) => Err(error.into()),
                    };
                }
            }
            // Who asked for a recording wants a whole one. The events are not to suffer for it.
            if pipeline.recording_failure().is_some() {
                self.stop.ask();
            }
        }
        Err(anyhow!("the kernel's rings cannot be read any longer"))
    }
}

/// The files by which the sensor could be led astray.
fn own_files(config: &Config, file: Option<&Path>) -> Vec<String> {
    let paths = [file, Some(config.state.directory.as_path())];
    let rules = config.detect.rules.paths();
    let named = paths.into_iter().flatten().map(Path::to_path_buf);
    named
        .chain(rules)
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

fn premises(loaded: &Loaded, config: &Config) -> Premises {
    let commits = loaded
        .ladder
        .iter()
        .filter(|outcome| outcome.hook.name == "credentials")
        .filter_map(|outcome| outcome.taken)
        .any(|rung| matches!(rung.means, Means::Tracing | Means::Kprobe));
    Premises {
        commits: if commits {
            Commits::Seen
        } else {
            Commits::Unseen
        },
        newest_program: newest_program(loaded),
        own: (!config.capture.own_connections).then(|| Tgid(std::process::id())),
    }
}

/// The highest id of the sensor's own BPF programs: what is older was there before.
fn newest_program(loaded: &Loaded) -> u32 {
    loaded
        .ebpf
        .programs()
        .filter_map(|(_, program)| program.info().ok())
        .map(|info| info.id())
        .max()
        .unwrap_or(0)
}

/// Tells a person who watches that the sensor does.
fn greet(host: &Host, started: &Started) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let hooked = started.hooks.iter().filter(|hook| hook.means.is_some());
    let lesser = started
        .hooks
        .iter()
        .filter(|hook| hook.means.is_some() && !hook.misses.is_empty());
    let scope = started
        .scope
        .as_deref()
        .map_or_else(|| "the whole host".to_owned(), |scope| scope.to_owned());
    say(format_args!(
        "watching {scope} on kernel {}: {} of {} hooks, {} of them with limits (`sensor doctor` says which)",
        host.kernel,
        hooked.count(),
        started.hooks.len(),
        lesser.count(),
    ));
}

/// Says what became of everything.
fn farewell(totals: &Totals) {
    let is_event = |kind: &&KindTotal| kind.family != Family::Control.name();
    let events = totals.kinds.iter().filter(is_event);
    let delivered: u64 = events.map(|kind| kind.delivered).sum();
    let lost: u64 = totals
        .kinds
        .iter()
        .flat_map(|kind| kind.lost.values())
        .sum();
    say(format_args!(
        "stopped: {delivered} events written, {lost} lost"
    ));
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_command_line_goes_before_the_configuration() {
        let arguments = RunArguments {
            config: None,
            output: Some(FormatChoice::Pretty),
            scope_cgroup: Some(PathBuf::from("/sys/fs/cgroup/a")),
            record: None,
        };
        let (config, _) = config(&arguments).unwrap();
        assert_eq!(
            config.output.format,
            OutputFormat::This(FormatChoice::Pretty)
        );
        assert_eq!(
            config.capture.scope_cgroup.as_deref(),
            Some(Path::new("/sys/fs/cgroup/a"))
        );
    }

    #[test]
    fn standard_output_is_added_to_sinks_once() {
        let mut sinks = Vec::new();
        add_stdout(&mut sinks, FormatChoice::Pretty);
        assert!(sinks.is_empty(), "it is the only place then, and no sink");
        sinks.push(Sink::new("stdout", SinkType::File));
        for format in [FormatChoice::Pretty, FormatChoice::Cef] {
            add_stdout(&mut sinks, format);
            let [_, stdout] = sinks.as_slice() else {
                panic!("{sinks:?}");
            };
            assert_eq!((stdout.sort, stdout.format), (SinkType::Stdout, format));
        }
        assert_ne!(sinks[0].name, sinks[1].name);
    }
}
