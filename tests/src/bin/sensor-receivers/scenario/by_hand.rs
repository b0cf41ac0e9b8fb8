//! The receivers themselves, by messages that are made by hand: what fails in another scenario is then
//! known not to be the receiver.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Stage, cast, settle};
use crate::judge::{Arrivals, Witness};
use crate::receiver::{Materials, Receiver};
use crate::sink::Format;
use crate::verdict::Verdicts;

const DOCUMENTS: u32 = 300;
const QUIET: Duration = Duration::from_secs(20);

/// Tries it.
pub fn play(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    let materials = stage.materials("by-hand")?;
    for format in [Format::Ecs, Format::Cef] {
        let names: &[&str] = match format {
            Format::Cef => &["tenzir-cef"],
            _ => &[],
        };
        for receiver in cast::start(stage, &materials, format, names, verdicts) {
            let name = format!("by-hand {}", receiver.name);
            verdicts.note(&name, try_one(&materials, receiver));
        }
    }
    Ok(())
}

/// Sends to it, kills it if what it has outlives that, and sends again.
fn try_one(materials: &Materials, receiver: Receiver) -> Result<String> {
    let mut arrivals = [Arrivals::new(&receiver)];
    let documents: Vec<String> = (0..DOCUMENTS)
        .map(|number| document(receiver.sink.format(), number))
        .collect();
    let (first, second) = documents.split_at(documents.len() / 2);
    receiver.send(&materials.scripts, first)?;
    let mut receivers = [receiver];
    wait_for(first.len(), &mut receivers, &mut arrivals)?;
    let [receiver] = &mut receivers;
    if receiver.can_be_killed() {
        receiver.kill();
        receiver.start()?;
    }
    receiver.send(&materials.scripts, second)?;
    wait_for(documents.len(), &mut receivers, &mut arrivals)?;
    let [arrivals] = arrivals;
    for (number, id) in arrivals.ids().enumerate() {
        ensure!(
            id == format!("hand-{number}"),
            "{id} came as number {number}"
        );
    }
    Ok(format!("{} documents in order", arrivals.count()))
}

fn wait_for(count: usize, receivers: &mut [Receiver], arrivals: &mut [Arrivals; 1]) -> Result<()> {
    let mut nobody = Witness::new(Path::new("/nonexistent"));
    let begun = std::time::Instant::now();
    while arrivals.iter().any(|arrivals| arrivals.count() < count) && begun.elapsed() < QUIET {
        settle(&mut nobody, receivers, arrivals, Duration::ZERO)?;
    }
    for arrivals in arrivals {
        arrivals.ensure_none_odd()?;
        let seen = arrivals.count();
        ensure!(seen == count, "{seen} of {count} documents arrived");
    }
    Ok(())
}

fn document(format: Format, number: u32) -> String {
    let filling = "x".repeat(2_000);
    match format {
        Format::Cef => format!(
            "CEF:0|sensor|sensor|0.1|exec|Process|3|externalId=hand-{number} msg=a\\=b \\\\ {filling}"
        ),
        _ => serde_json::json!({
            "event": {"id": format!("hand-{number}"), "sequence": number},
            "message": format!("line\nseparator\u{2028} quote\" {filling}"),
        })
        .to_string(),
    }
}
