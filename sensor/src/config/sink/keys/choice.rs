//! What a sink gets, and how it is written down.

use sensor_common::record::{Family, Kind};

use super::{
    EVERY, SinkKey, key,
    values::{names, set, word},
};
use crate::{
    config::keys::{Shown, no_kind, put, quoted},
    output::{FormatChoice, subject::Severity},
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
        &["Kinds of event that it gets, by their `event.code`."],
        |sink, value| {
            sink.kinds = Some(names(value, |text| {
                Kind::events()
                    .find(|kind| kind.name() == text)
                    .ok_or_else(|| no_kind(text))
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.kinds,
                |kind| kind.name(),
                "it gets all",
                "[\"exec\", \"connect\"]",
            )
        },
    ),
    key(
        EVERY,
        "families",
        &["Families of events that it gets: exec, network, privilege."],
        |sink, value| {
            sink.families = Some(names(value, |text| {
                FAMILIES
                    .into_iter()
                    .find(|family| family.name() == text)
                    .ok_or_else(|| {
                        format!(
                            "names no family of events with {text:?}; there are exec, network and privilege"
                        )
                    })
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.families,
                |family| family.name(),
                "it gets all",
                "[\"privilege\"]",
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
