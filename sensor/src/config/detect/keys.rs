//! The table of the section's keys.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{ALERTS_MAX, REPEAT_SECONDS_MAX, RuleFiles, SECTION};
use crate::{
    config::{
        keys::{Key, Shown, path_text, plain, put, quoted},
        value::{Flaws, Value},
    },
    detect::severity::Severity,
};

/// The key whose values' lines are noted, for warnings.
pub(in crate::config) const DISABLED_RULES: &str = "disabled_rules";

/// The keys, in the order in which they are shown.
pub(in crate::config) const KEYS: &[Key] = &[
    Key {
        section: SECTION,
        name: "enabled",
        meaning: &["Whether rules and detectors look at the events and raise alerts."],
        read: |config, value| put(&mut config.detect.enabled, value.boolean()),
        show: |config| plain(&config.detect.enabled),
    },
    Key {
        section: SECTION,
        name: "rules",
        meaning: &[
            "Sigma rules: an array of files and of directories, whose .yml and .yaml files are read,",
            "or \"auto\" for /etc/sensor/rules if it is there. `sensor rules check` says what each is",
            "used for.",
        ],
        read: |config, value| {
            config.detect.rules = rule_files(value)?;
            Ok(())
        },
        show: |config| match &config.detect.rules {
            RuleFiles::Auto => Shown::Set(quoted("auto")),
            RuleFiles::At(paths) => array(paths.iter().map(|path| path_text(path))),
        },
    },
    Key {
        section: SECTION,
        name: "builtin_rules",
        meaning: &["Whether the rules that the sensor brings along are used."],
        read: |config, value| put(&mut config.detect.builtin_rules, value.boolean()),
        show: |config| plain(&config.detect.builtin_rules),
    },
    Key {
        section: SECTION,
        name: "minimum_severity",
        meaning: &[
            "The least grave finding that is an alert: \"informational\", \"low\", \"medium\", \"high\" or",
            "\"critical\". Others are counted (`below_severity`).",
        ],
        read: |config, value| {
            let words = Severity::ALL.map(|severity| (severity.name(), severity));
            put(&mut config.detect.minimum_severity, value.word(&words))
        },
        show: |config| Shown::Set(quoted(config.detect.minimum_severity.name())),
    },
    Key {
        section: SECTION,
        name: "repeat_seconds",
        meaning: &[
            "Seconds within which the same alert is counted instead of raised again, 0 to 604800:",
            "same rule, program, parent's program, user, container or unit, and peer. 0 raises each.",
        ],
        read: |config, value| {
            put(
                &mut config.detect.repeat_seconds,
                value.integer(0..=REPEAT_SECONDS_MAX),
            )
        },
        show: |config| plain(&config.detect.repeat_seconds),
    },
    Key {
        section: SECTION,
        name: "alerts",
        meaning: &[
            "Most alerts that are remembered for that; at the limit the one that was not seen for the",
            "longest time is forgotten, its count told (`repetition_full`).",
        ],
        read: |config, value| put(&mut config.detect.alerts, value.integer(1..=ALERTS_MAX)),
        show: |config| plain(&config.detect.alerts),
    },
    Key {
        section: SECTION,
        name: DISABLED_RULES,
        meaning: &["Rules and detectors that are not used, by their ids."],
        read: |config, value| {
            let ids = texts(value)?.into_iter();
            config.detect.disabled_rules = ids.map(|id| (id, None)).collect();
            Ok(())
        },
        show: |config| array(config.detect.disabled_rules.keys().map(|id| quoted(id))),
    },
    Key {
        section: SECTION,
        name: "placeholders",
        meaning: &[
            "What %name% stands for in rules (`expand`): a table of arrays, as",
            "{ administrators = [\"root\", \"backup\"] }.",
        ],
        read: |config, value| {
            config.detect.placeholders = placeholders(value)?;
            Ok(())
        },
        show: |config| {
            let tables = config.detect.placeholders.iter();
            Shown::Set(inline_table(
                tables.map(|(name, values)| (name.as_str(), values.as_slice())),
            ))
        },
    },
];

fn array(texts: impl Iterator<Item = String>) -> Shown {
    Shown::Set(format!("[{}]", texts.collect::<Vec<_>>().join(", ")))
}

/// Names and texts as a table in one line.
pub(super) fn inline_table<'a>(entries: impl Iterator<Item = (&'a str, &'a [String])>) -> String {
    let entries: Vec<String> = entries
        .map(|(name, values)| {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{} = [{}]", key(name), values.join(", "))
        })
        .collect();
    match entries.as_slice() {
        [] => "{}".to_owned(),
        entries => format!("{{ {} }}", entries.join(", ")),
    }
}

/// As a key of TOML. A key may be a string, but not one of several lines.
fn key(name: &str) -> String {
    let mut text = String::from("\"");
    for character in name.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control.is_control() => {
                text.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

fn rule_files(value: Value<'_>) -> Result<RuleFiles, Flaws> {
    if value.string() == Ok("auto") {
        return Ok(RuleFiles::Auto);
    }
    collect(value, |path| path.absolute_path().map_err(Flaws::from)).map(RuleFiles::At)
}

/// An array of texts that are not empty.
fn texts(value: Value<'_>) -> Result<Vec<String>, Flaws> {
    collect(value, |text| match text.string() {
        Ok("") => Err(text
            .flaw("has an empty string among its values: remove it")
            .into()),
        Ok(string) => Ok(string.to_owned()),
        Err(_) => Err(text
            .flaw(format!(
                "must be an array of strings, and {} is among them",
                text.sort()
            ))
            .into()),
    })
}

fn placeholders(value: Value<'_>) -> Result<BTreeMap<String, Vec<String>>, Flaws> {
    let DeValue::Table(table) = value.0.get_ref() else {
        return Err(value
            .flaw("must be a table: write [detect.placeholders], and lines as name = [\"value\"] below")
            .into());
    };
    let mut found = BTreeMap::new();
    let mut flaws = Flaws::default();
    for (name, values) in table {
        let name = name.get_ref().as_ref();
        let values = Value(values);
        if name.is_empty() || name.contains('%') {
            flaws.0.push(values.flaw(format!(
                "names a placeholder {name:?}, but a name is not empty and has no % in it"
            )));
            continue;
        }
        match texts(values) {
            Ok(texts) => {
                found.insert(name.to_owned(), texts);
            }
            Err(of_one) => flaws.0.extend(of_one.0.into_iter().map(|mut flaw| {
                flaw.what = format!("has `{name}`, which {}", flaw.what);
                flaw
            })),
        }
    }
    if flaws.0.is_empty() {
        Ok(found)
    } else {
        Err(flaws)
    }
}

/// Every value of an array, or all that is wrong with any.
fn collect<'a, T>(
    value: Value<'a>,
    read: impl Fn(Value<'a>) -> Result<T, Flaws>,
) -> Result<Vec<T>, Flaws> {
    let mut found = Vec::new();
    let mut flaws = Flaws::default();
    for one in value.array()? {
        match read(one) {
            Ok(one) => found.push(one),
            Err(of_one) => flaws.0.extend(of_one.0),
        }
    }
    if flaws.0.is_empty() {
        Ok(found)
    } else {
        Err(flaws)
    }
}
