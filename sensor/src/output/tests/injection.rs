//! Whoever is watched chooses names, paths, arguments and what he asks a name server. None of it may
//! begin a line, end one, or become a field of its own: each format writes one line without anything
//! that a terminal or a reader of lines obeys, and a reader gets back what was written.
//!
//! A new format is one more entry in [`FORMATS`].

mod hostile;
mod rule;

use proptest::{prelude::*, test_runner::Config};
use sensor_common::record::Ring;
use serde_json::{Value, json};

use self::{
    hostile::{Hostile, PIECES, World, bodies, hostile, process_id, world},
    rule::alert,
};
use super::cef;
use crate::{
    clock::{BootTime, WallOffset},
    detect::alert::Alert,
    enrich::Surroundings,
    event::{Actor, Body, CgroupId, Event, Origin, Tid},
    host::Host,
    observed::Observed,
    output::{Alerted, Content, Document, Format, cef::Cef, ecs::Ecs, flat::Flat, ocsf::Ocsf},
};

/// A format, and where it has what.
struct Checked {
    name: &'static str,
    format: fn(&Host) -> Box<dyn Format>,
    /// Reads a line.
    read: fn(line: &str) -> Result<Value, String>,
    /// A field of what was read.
    field: fn(document: &Value, name: &str) -> Value,
    fields: &'static [(Place, &'static str)],
    /// Where a field of an event is in an alert that is raised at it.
    in_alert: fn(field: &str) -> String,
}

/// Where hostile text can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not hostile: the document's own.
    Action,
    Arguments,
    CommandLine,
    Name,
    Executable,
    /// What was asked for, where nothing tells the executable.
    Path,
    WorkingDirectory,
    Filename,
    ParentExecutable,
    ParentCommandLine,
    UserName,
    ContainerName,
    ContainerImage,
    ContainerLabels,
    HostName,
    DnsQuestion,
    SocketPath,
    Module,
    BpfProgram,
    Rule,
    RuleDescription,
    RuleAuthor,
    RuleLicense,
    RuleReferences,
    Reason,
}

const FORMATS: &[Checked] = &[
    Checked {
        name: "ecs",
        format: |host| Box::new(Ecs::new(host)),
        read: json_object,
        field: pointed_at,
        fields: &[
            (Place::Action, "/event/action"),
            (Place::Arguments, "/process/args"),
            (Place::CommandLine, "/process/command_line"),
            (Place::Name, "/process/name"),
            (Place::Executable, "/process/executable"),
            (Place::WorkingDirectory, "/process/working_directory"),
            (Place::Filename, "/sensor/exec/filename"),
            (Place::ParentExecutable, "/process/parent/executable"),
            (Place::ParentCommandLine, "/process/parent/command_line"),
            (Place::UserName, "/user/name"),
            (Place::ContainerName, "/container/name"),
            (Place::ContainerImage, "/container/image/name"),
            (Place::ContainerLabels, "/container/labels"),
            (Place::HostName, "/host/name"),
            (Place::DnsQuestion, "/dns/question/name"),
            (Place::SocketPath, "/sensor/network/unix_path"),
            (Place::Module, "/sensor/module/name"),
            (Place::BpfProgram, "/sensor/bpf/name"),
            (Place::Rule, "/rule/name"),
            (Place::RuleDescription, "/rule/description"),
            (Place::RuleAuthor, "/rule/author/0"),
            (Place::RuleLicense, "/rule/license"),
            (Place::RuleReferences, "/sensor/alert/references"),
            (Place::Reason, "/message"),
            (Place::Reason, "/event/reason"),
        ],
        in_alert: str::to_owned,
    },
    Checked {
        name: "ocsf",
        format: |host| Box::new(Ocsf::new(host)),
        read: json_object,
        field: pointed_at,
        fields: &[
            (Place::CommandLine, "/process/cmd_line"),
            (Place::Executable, "/process/file/path"),
            (Place::WorkingDirectory, "/process/working_directory"),
            (Place::Rule, "/finding_info/title"),
            (Place::RuleDescription, "/finding_info/desc"),
            (Place::RuleAuthor, "/unmapped/alert/author"),
            (Place::RuleLicense, "/unmapped/alert/license"),
            (Place::RuleReferences, "/unmapped/alert/references"),
            (Place::Reason, "/message"),
        ],
        in_alert: |field| match field.strip_prefix("/process/") {
            Some(field) => format!("/evidences/0/process/{field}"),
            None => field.to_owned(),
        },
    },
    Checked {
        name: "flat",
        format: |host| Box::new(Flat::new(host)),
        read: json_object,
        field: member,
        fields: &[
            (Place::Action, "event.action"),
            (Place::Arguments, "process.args"),
            (Place::CommandLine, "process.command_line"),
            (Place::Name, "process.name"),
            (Place::Executable, "process.executable"),
            (Place::WorkingDirectory, "process.working_directory"),
            (Place::Filename, "sensor.exec.filename"),
            (Place::ParentExecutable, "process.parent.executable"),
            (Place::ParentCommandLine, "process.parent.command_line"),
            (Place::UserName, "user.name"),
            (Place::ContainerName, "container.name"),
            (Place::ContainerImage, "container.image.name"),
            (Place::ContainerLabels, "container.labels."),
            (Place::HostName, "host.name"),
            (Place::DnsQuestion, "dns.question.name"),
            (Place::SocketPath, "sensor.network.unix_path"),
            (Place::Module, "sensor.module.name"),
            (Place::BpfProgram, "sensor.bpf.name"),
            (Place::Rule, "rule.name"),
            (Place::RuleDescription, "rule.description"),
            (Place::RuleLicense, "rule.license"),
            (Place::RuleReferences, "sensor.alert.references"),
            (Place::Reason, "event.reason"),
        ],
        in_alert: str::to_owned,
    },
    Checked {
        name: "cef",
        format: |host| Box::new(Cef::new(host)),
        read: cef_object,
        field: member,
        fields: &[
            (Place::Action, "act"),
            (Place::CommandLine, "cs1"),
            (Place::Name, "fname"),
            (Place::Executable, "filePath"),
            (Place::Path, "dproc"),
            (Place::WorkingDirectory, "cs4"),
            (Place::Filename, "sensorFilename"),
            (Place::ParentExecutable, "sproc"),
            (Place::ParentCommandLine, "sensorParentCommandLine"),
            (Place::UserName, "duser"),
            (Place::ContainerName, "sensorContainerName"),
            (Place::ContainerImage, "cs5"),
            (Place::HostName, "dvchost"),
            (Place::DnsQuestion, "cs6"),
            (Place::SocketPath, "cs6"),
            (Place::Module, "cs6"),
            (Place::BpfProgram, "cs6"),
            (Place::RuleDescription, "sensorRuleDescription"),
            (Place::RuleAuthor, "sensorRuleAuthor"),
            (Place::RuleLicense, "sensorRuleLicense"),
            (Place::Reason, "msg"),
        ],
        in_alert: str::to_owned,
    },
];

fn json_object(line: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    document
        .is_object()
        .then_some(document)
        .ok_or("no object".into())
}

fn cef_object(line: &str) -> Result<Value, String> {
    let event = cef::read(line)?;
    if event.header.len() != 6 || event.header[..2] != ["sensor", "sensor"] {
        return Err(format!("{:?} is not our header", event.header));
    }
    Ok(json!(event.values))
}

fn pointed_at(document: &Value, pointer: &str) -> Value {
    document.pointer(pointer).cloned().unwrap_or_default()
}

/// A member by its name; those that begin with it, if it ends with a dot.
fn member(document: &Value, name: &str) -> Value {
    if !name.ends_with('.') {
        return document.get(name).cloned().unwrap_or_default();
    }
    let members = document.as_object().into_iter().flatten();
    let below = members
        .filter_map(|(full, value)| Some((full.strip_prefix(name)?.to_owned(), value.clone())));
    Value::Object(below.collect())
}

fn write(format: &mut dyn Format, event: &Event, alert: Option<&Alert>, world: &World) -> String {
    let observed = Observed {
        event,
        late: false,
        process: Some(&world.process),
        parent: Some(&world.parent),
        other: None,
        about: None,
        surroundings: Surroundings {
            accounts: Some(&world.accounts),
            details: Some(&world.details),
        },
    };
    let document = Document {
        sequence: 7,
        wall_offset: WallOffset(1_795_490_380_000_000_000),
        content: match alert {
            None => Content::Event(observed),
            Some(alert) => Content::Alert(Alerted { alert, observed }),
        },
    };
    let mut out = Vec::new();
    format.write(&document, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Whether a terminal obeys it, or a reader ends a line at it.
fn is_obeyed(character: char) -> bool {
    matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}

/// Whether one of the hostile texts became a field.
fn has_forged(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key("forged") || fields.values().any(has_forged),
        Value::Array(elements) => elements.iter().any(has_forged),
        _ => false,
    }
}

/// What was written, if it is one line with nothing in it that is obeyed, or forged.
fn read(checked: &Checked, whole: &str) -> Result<Value, TestCaseError> {
    let line = whole.strip_suffix('\n').unwrap_or_default();
    prop_assert!(!line.is_empty(), "{}: the line does not end", checked.name);
    prop_assert!(!line.contains(is_obeyed), "{}: {:?}", checked.name, line);
    let document = (checked.read)(line).map_err(TestCaseError::fail)?;
    prop_assert!(!has_forged(&document), "{}: {}", checked.name, document);
    Ok(document)
}

/// A value is wherever the format has such a one.
fn look_for(
    checked: &Checked,
    hostile: &Hostile,
    (place, value): (Place, &Value),
    document: &Value,
    at: fn(&str) -> String,
) -> Result<(), TestCaseError> {
    for (_, field) in checked.fields.iter().filter(|(known, _)| *known == place) {
        let found = (checked.field)(document, &at(field));
        let is_empty = *value == json!("") || *value == json!([]) || *value == json!({});
        if is_empty && found.is_null() {
            continue;
        }
        // CEF does not say it twice.
        if place == Place::Filename && found.is_null() && hostile.texts[0] == hostile.texts[2] {
            continue;
        }
        prop_assert_eq!(&found, value, "{:?} in {}", place, checked.name);
    }
    Ok(())
}

/// Networks and other events have the user and the parent under other keys in CEF: what all have is
/// looked for in the exec.
fn check(checked: &Checked, hostile: &Hostile) -> Result<(), TestCaseError> {
    let world = world(hostile);
    let mut format = (checked.format)(&world.host);
    for (body, mut expected) in bodies(hostile) {
        if matches!(body, Body::Exec(_)) {
            expected.extend(world.expected.iter().cloned());
        }
        let event = Event {
            origin: Origin {
                cpu: 0,
                ring: Ring::Critical,
                sequence: 1,
                time: BootTime(1_000_000_000_000),
            },
            actor: Some(Actor {
                id: process_id(400),
                tid: Tid(400),
                uid: 0,
                cgroup: CgroupId(1),
                credentials_digest: 0,
                io_worker: false,
            }),
            body,
        };
        let whole = write(&mut *format, &event, None, &world);
        let document = read(checked, &whole)?;
        for (place, value) in &expected {
            look_for(checked, hostile, (*place, value), &document, str::to_owned)?;
        }
        let (alert, found) = alert(hostile, event.origin);
        let whole = write(&mut *format, &event, Some(&alert), &world);
        let document = read(checked, &whole)?;
        let of_event = expected.iter().filter(|(place, _)| *place != Place::Action);
        for (place, value) in of_event.chain(&found) {
            look_for(
                checked,
                hostile,
                (*place, value),
                &document,
                checked.in_alert,
            )?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 64, ..Config::default() })]

    #[test]
    fn nobody_writes_into_a_line_but_his_own_values(hostile in hostile()) {
        for checked in FORMATS {
            check(checked, &hostile)?;
        }
    }
}

/// Each piece by itself and around something, wherever text can be.
#[test]
fn no_piece_by_itself_gets_through() {
    for piece in PIECES {
        for text in [
            piece.to_vec(),
            [b"a", *piece, b"b"].concat(),
            [*piece, b"a", piece].concat(),
        ] {
            let hostile = Hostile {
                arguments: vec![text.clone(), b"x".to_vec(), text.clone()],
                texts: std::array::from_fn(|_| text.clone()),
            };
            for checked in FORMATS {
                check(checked, &hostile).unwrap();
            }
        }
    }
}

/// The longest arguments that there are.
#[test]
fn long_arguments_are_written_whole() {
    let pattern = b" =|\\\"\n\x1b\xe2\x80\xa8\xff";
    let long: Vec<u8> = pattern.iter().copied().cycle().take(32 * 1024).collect();
    let hostile = Hostile {
        arguments: vec![b"sh".to_vec(), long.clone()],
        texts: std::array::from_fn(|_| long.clone()),
    };
    for checked in FORMATS {
        check(checked, &hostile).unwrap();
    }
}
