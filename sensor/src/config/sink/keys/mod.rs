//! The table of a sink's keys.
//!
//! - `choice`: what a sink gets, and how. `place`: where it is. `access`: what lets the sensor in.
//! - `keeping`: files, batches, and what waits.
//! - `values`: how values are read and shown.

mod access;
mod choice;
mod keeping;
mod place;
mod values;

use super::{Sink, SinkType};
use crate::config::{
    keys::{Key, Shown, quoted},
    value::{Flaws, Value},
};

/// A sink's key, and which sinks have it.
pub(super) struct SinkKey {
    pub(super) key: Key<Sink>,
    pub(super) types: &'static [SinkType],
    /// Whether a sink of these types cannot do without.
    pub(super) is_needed: bool,
}

/// Every key of a sink but `name` and `type`, in the order in which they are shown.
pub(super) fn sink_keys() -> impl Iterator<Item = &'static SinkKey> + Clone {
    [choice::KEYS, place::KEYS, access::KEYS, keeping::KEYS]
        .into_iter()
        .flatten()
}

/// A sink as TOML.
pub(in crate::config) fn show(sink: &Sink) -> Vec<String> {
    let default = Sink::new(&sink.name, sink.sort);
    let mut lines = vec![
        "[[sink]]".to_owned(),
        format!("name = {}", quoted(&sink.name)),
        format!("type = {}", quoted(sink.sort.name())),
    ];
    for SinkKey { key, types, .. } in sink_keys() {
        if !types.contains(&sink.sort) {
            continue;
        }
        lines.push(String::new());
        lines.extend(key.meaning.iter().map(|line| format!("# {line}")));
        lines.push(match (key.show)(&default) {
            Shown::Set(value) => format!("# Default: {value}"),
            Shown::Unset { meaning, .. } => format!("# Default: {meaning}"),
        });
        lines.push(match (key.show)(sink) {
            Shown::Set(value) => format!("{} = {value}", key.name),
            Shown::Unset { example, .. } if example.starts_with(['"', '[']) => {
                format!("# {} = {example}", key.name)
            }
            Shown::Unset { example, .. } => format!("# {} = {}", key.name, quoted(example)),
        });
    }
    lines
}

const EVERY: &[SinkType] = &SinkType::ALL;

const fn key(
    types: &'static [SinkType],
    name: &'static str,
    meaning: &'static [&'static str],
    read: fn(&mut Sink, Value<'_>) -> Result<(), Flaws>,
    show: fn(&Sink) -> Shown,
) -> SinkKey {
    SinkKey {
        key: Key {
            section: "sink",
            name,
            meaning,
            read,
            show,
        },
        types,
        is_needed: false,
    }
}

const fn needed(key: SinkKey) -> SinkKey {
    SinkKey {
        is_needed: true,
        ..key
    }
}
