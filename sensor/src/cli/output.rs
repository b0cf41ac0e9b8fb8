//! `sensor output test`: one event through each sink.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use tokio::{runtime, time::timeout};

use super::{delivery::patience, fail, refuse, say, sinks};
use crate::{
    clock::{WallOffset, boot_time},
    config::{self, Config, sink::Sink as Settings},
    delivery::{
        entry::{Entry, Facts},
        sink::{Failure, Receipt},
    },
    event::state::{Stated, Statement},
    host::Host,
    output::{Content, Document, Terminal, event_id::EventIds, format},
};

/// Sends an event through each sink, past spools and filters, and says what the receiver answered.
pub(super) fn test(file: Option<&Path>) -> ExitCode {
    let config = match config::find(file) {
        Ok(found) => found.config,
        Err(error) => return refuse(format_args!("{error:#}")),
    };
    if config.sinks.is_empty() {
        say("there are no sinks: events go to standard output; docs/sinks.md says how to add one");
        return ExitCode::SUCCESS;
    }
    match try_all(&config) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(format_args!("{error:#}")),
    }
}

fn try_all(config: &Config) -> Result<bool> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot set up input and output")?;
    let host = Host::here();
    let longest = config.sinks.iter().map(|sink| sink.name.len()).max();
    let mut all_took_it = true;
    for (number, sink) in (1..).zip(&config.sinks) {
        let begun = Instant::now();
        let result = runtime.block_on(try_one(sink, &host, number));
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let (word, answer) = match result {
            Ok(answer) => ("ok", answer),
            Err(error) => {
                all_took_it = false;
                ("FAILED", format!("{error:#}"))
            }
        };
        writeln!(
            io::stdout(),
            "{word:<6} {name:<width$} {sort:<13} {took:>6.0} ms  {answer}",
            name = sink.name,
            width = longest.unwrap_or(0),
            sort = sink.sort.name(),
        )
        .context("cannot write to standard output")?;
    }
    Ok(all_took_it)
}

/// The receiver's answer.
async fn try_one(settings: &Settings, host: &Host, sequence: u64) -> Result<String> {
    let entry = entry(settings, host, sequence)?;
    let mut sink = sinks::build(settings, host)?;
    let longest = patience(settings).timeout;
    let entries = [entry];
    let result = timeout(longest, sink.send(&entries)).await.map_err(|_| {
        anyhow!(
            "the receiver did not answer within {:.1} s",
            longest.as_secs_f64()
        )
    })?;
    match result {
        Ok(Receipt {
            refused,
            again,
            delay,
            answer,
        }) => match (refused.first(), again.is_empty()) {
            (None, true) => Ok(answer),
            (Some(refused), _) => Err(anyhow!("the receiver refuses it: {}", refused.why)),
            (None, false) => Err(anyhow!(
                "the receiver does not take it now: {}",
                delay.unwrap_or_default().why
            )),
        },
        Err(Failure::Again(again)) => Err(anyhow!("{}", again.why)),
        Err(Failure::TooLarge(why)) => Err(anyhow!("the receiver finds it too large: {why}")),
        Err(Failure::Malformed(why)) => Err(anyhow!("the receiver does not understand it: {why}")),
    }
}

/// An event that says that a sink is tried.
fn entry(settings: &Settings, host: &Host, sequence: u64) -> Result<Entry> {
    let stated = Stated {
        time: boot_time(),
        statement: Statement::Tested,
    };
    let document = Document {
        sequence,
        wall_offset: WallOffset::now(),
        content: Content::Statement(&stated),
    };
    let mut text = Vec::new();
    format(settings.format, host, Terminal::default())
        .write(&document, &mut text)
        .context("the event cannot be written down")?;
    if text.ends_with(b"\n") {
        text.pop();
    }
    let id = EventIds::new(host).of(&document).to_vec();
    Ok(Entry {
        place: sequence,
        facts: Arc::new(Facts {
            id: String::from_utf8_lossy(&id).into_owned(),
            time: document.time(),
            topic: document.topic(),
            severity: document.severity(),
        }),
        document: Bytes::from(text),
    })
}
