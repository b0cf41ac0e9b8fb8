//! Events of any kind against the schema, and one of each kind written out.

mod golden;
mod schema;
mod statements;

use proptest::prelude::*;
use serde_json::Value;

use self::schema::Schema;
use super::*;
use crate::{
    enrich::cloud::{Cloud, Provider},
    event::{Exit, ExitStatus, arbitrary},
    output::{
        arbitrary::{Input, host, input, input_of},
        arguments::{Arguments, CommandLine},
        samples::done,
    },
    process::Process,
};

fn write(input: &Input) -> Vec<u8> {
    write_with(&mut Ocsf::new(&host()), input)
}

fn write_with(format: &mut Ocsf, input: &Input) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(&input.document(), &mut out).unwrap();
    out
}

fn parse(line: &[u8]) -> Value {
    assert_eq!(line.last(), Some(&b'\n'));
    serde_json::from_slice(line).unwrap()
}

/// The event is as the schema demands, if the schema is there.
fn assert_valid(event: &Value) {
    if let Some(schema) = Schema::shared() {
        let violations = schema.violations(event);
        assert!(violations.is_empty(), "{violations:#?}\nof {event:#}");
    }
}

/// Whether there is an object that says nothing, or nothing at all.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty() || fields.values().any(is_hollow),
        Value::Array(elements) => elements.iter().any(is_hollow),
        Value::Null => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_event_is_one_line_of_json_as_the_schema_demands(input in input()) {
        let line = write(&input);
        prop_assert_eq!(line.iter().filter(|byte| **byte < 0x20).count(), 1);
        let event = parse(&line);
        assert_valid(&event);
        prop_assert!(!is_hollow(&event), "{}", event);
        let document = input.document();
        prop_assert_eq!(&event["metadata"]["event_code"], document.topic().code());
        prop_assert_eq!(&event["severity_id"], document.severity().number());
        // Classes that must name who acted are left only where nobody knows.
        let is_base = event["class_uid"] == 0;
        prop_assert!(!is_base || input.event.actor.is_none());
    }

    #[test]
    fn the_command_line_has_every_argument(input in input_of(arbitrary::event_of(arbitrary::exec()))) {
        prop_assume!(input.event.actor.is_some());
        // A finding has it among its evidence.
        let event = parse(&write(&input));
        let Body::Exec(exec) = &input.event.body else {
            unreachable!("only execs are made");
        };
        let bytes = &exec.arguments.bytes;
        let arguments = Arguments::Captured(bytes);
        let process = match &input.alert {
            None => &event["process"],
            Some(_) => &event["evidences"][0]["process"],
        };
        let line = process["cmd_line"].as_str().unwrap();
        prop_assert_eq!(line, CommandLine(arguments).to_string());
        // Where no argument had to be quoted, the line can be taken apart again.
        let is_plain = |argument: &str| {
            !argument.is_empty() && !argument.contains(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}')
        };
        if arguments.iter().all(|argument| is_plain(&argument)) && !bytes.is_empty() {
            let apart: Vec<_> = line.split(' ').collect();
            let whole: Vec<_> = arguments.iter().collect();
            prop_assert_eq!(apart, whole);
        }
        let base64 = event["unmapped"]["exec"]["args_base64"].as_str();
        prop_assert_eq!(base64.is_some(), std::str::from_utf8(bytes).is_err());
        if let Some(base64) = base64 {
            use base64::{Engine, engine::general_purpose::STANDARD};
            prop_assert_eq!(&STANDARD.decode(base64).unwrap(), bytes);
        }
        prop_assert_eq!(&event["unmapped"]["exec"]["args_count"], exec.argc);
    }

    /// What is kept of an event for the next ones must not show in them. These processes have their
    /// ids in common, and one or the other fact.
    #[test]
    fn events_do_not_depend_on_those_before(
        facts in prop::collection::vec(arbitrary::process(), 3),
        mut inputs in prop::collection::vec(input(), 1..12),
        picks in prop::collection::vec((0..3_usize, 0..3_usize, 0..3_usize, 0..2_i64), 12),
    ) {
        for (input, (image, names, others, offset)) in inputs.iter_mut().zip(picks) {
            let process = Process {
                id: facts[others % 2].id,
                entity_id: facts[names].entity_id.clone(),
                namespace_pid: facts[others].namespace_pid,
                image: facts[image].image.clone(),
                parent: Some(facts[0].id),
                ..facts[others].clone()
            };
            if let Some(actor) = &mut input.event.actor {
                actor.id = process.id;
            }
            input.processes = [Some(process.clone()), Some(process.clone()), Some(process)];
            input.wall_offset = WallOffset(offset * 10_000_000);
        }
        let mut format = Ocsf::new(&host());
        for input in &inputs {
            prop_assert_eq!(
                String::from_utf8(write_with(&mut format, input)).unwrap(),
                String::from_utf8(write(input)).unwrap()
            );
        }
    }
}
/// Of a host that tells nothing of itself, and of hosts in each cloud.
#[test]
fn any_host_is_as_the_schema_demands() {
    let with = |provider, project_id: Option<&str>| Host {
        cloud: Some(Cloud {
            provider,
            account_id: Some("1".into()),
            project_id: project_id.map(str::to_owned),
            ..host().cloud.unwrap()
        }),
        ..host()
    };
    let exit = Exit {
        status: ExitStatus::Code(0),
    };
    let write = |host: &Host| {
        let event = parse(&write_with(&mut Ocsf::new(host), &done(Body::Exit(exit))));
        assert_valid(&event);
        event
    };
    let event = write(&Host::default());
    assert_eq!(event["device"]["name"], "localhost");
    assert_eq!(event["device"]["os"]["name"], "Linux");
    assert_eq!(event["cloud"], Value::Null);
    let account = |host: &Host| {
        let account = &write(host)["cloud"]["account"];
        (account["uid"].clone(), account["type"].clone())
    };
    assert_eq!(
        account(&with(Provider::Google, Some("shop"))),
        ("shop".into(), "GCP Project".into())
    );
    assert_eq!(
        account(&with(Provider::Azure, None)),
        ("1".into(), "Azure Subscription".into())
    );
}
