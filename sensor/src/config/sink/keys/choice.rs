//! What a sink gets, and how it is written down.

use sensor_common::record::{Family, Kind};

use super::{
    super::Chosen,
    EVERY, SinkKey, key,
    values::{names, set, word},
};
use crate::{
    config::keys::{Shown, no_kind, put, quoted},
    detect::severity::Severity,
    output::{FormatChoice, subject::Topic},
};

/// The keys, in the order in which they are shown.
pub(super) const KEYS: &[SinkKey] = &[
    key(
        EVERY,
        "format",
        &[
            "\"ecs\": Elastic Common Schema; \"ocsf\": OCSF 1.8.0; \"cef\": Common Event Format;",
            "\"flat\": ECS fields in one flat JSON object; \"pretty\": columns for people.",
        ],
        |sink, value| put(&mut sink.format, value.word(FORMATS)),
        |sink| word(FORMATS, sink.format),
    ),
    key(
        EVERY,
        "kinds",
        &["Kinds of event that it gets, by their `event.code`; `alert` for alerts."],
        |sink, value| {
            sink.kinds = Some(names(value, |text| {
                chosen(text, Kind::events(), Kind::name).ok_or_else(|| {
                    let alerts = [Topic::Alert.code()];
                    no_kind(text, Kind::events().map(Kind::name).chain(alerts))
                })
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.kinds,
                |kind| name(kind, Kind::name),
                "it gets all",
                "[\"exec\", \"alert\"]",
            )
        },
    ),
    key(
        EVERY,
        "families",
        &["Families of events that it gets: exec, network, privilege, and alert for alerts."],
        |sink, value| {
            sink.families = Some(names(value, |text| {
                chosen(text, FAMILIES.into_iter(), Family::name).ok_or_else(|| {
                    format!(
                        "names no family of events with {text:?}; there are exec, network, privilege and alert"
                    )
                })
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.families,
                |family| name(family, Family::name),
                "it gets all",
                "[\"privilege\", \"alert\"]",
            )
        },
    ),
    key(
        EVERY,
        "minimum_severity",
        &[
            "The least grave that it gets: \"informational\", \"low\", \"medium\", \"high\" or \"critical\".",
        ],
        |sink, value| put(&mut sink.minimum_severity, value.word(&severities())),
        |sink| Shown::Set(quoted(sink.minimum_severity.name())),
    ),
];

/// What a word chooses.
fn chosen<T: Copy>(
    word: &str,
    mut all: impl Iterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Option<Chosen<T>> {
    if word == Topic::Alert.code() {
        return Some(Chosen::Alerts);
    }
    all.find(|one| name(*one) == word).map(Chosen::Events)
}

/// The word for what is chosen.
fn name<T: Copy>(chosen: &Chosen<T>, name: impl Fn(T) -> &'static str) -> &'static str {
    match chosen {
        Chosen::Events(one) => name(*one),
        Chosen::Alerts => Topic::Alert.code(),
    }
}

const FAMILIES: [Family; 3] = [Family::Exec, Family::Network, Family::Privilege];

const FORMATS: &[(&str, FormatChoice)] = &[
    ("ecs", FormatChoice::Json),
    ("ocsf", FormatChoice::Ocsf),
    ("cef", FormatChoice::Cef),
    ("flat", FormatChoice::Flat),
    ("pretty", FormatChoice::Pretty),
];

fn severities() -> [(&'static str, Severity); 5] {
    Severity::ALL.map(|severity| (severity.name(), severity))
}
