//! Documents of any event, and one of each kind written out.

mod fields;
pub(in crate::output) mod golden;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    event::arbitrary,
    output::arbitrary::{Input, host, input, input_of},
    process::Process,
};

fn write(input: &Input) -> Vec<u8> {
    write_with(&mut Ecs::new(&host()), input)
}

fn write_with(format: &mut Ecs, input: &Input) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(&input.document(), &mut out).unwrap();
    out
}

fn parse(line: &[u8]) -> Value {
    assert_eq!(line.last(), Some(&b'\n'));
    serde_json::from_slice(line).unwrap()
}

/// Objects, and strings that say nothing.
fn find_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty() || fields.values().any(find_empty),
        Value::Array(elements) => elements.iter().any(Value::is_null),
        Value::String(text) => text.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_event_is_one_line_of_json(input in input()) {
        let line = write(&input);
        prop_assert_eq!(line.iter().filter(|byte| **byte < 0x20).count(), 1);
        let document = parse(&line);
        for required in [
            "/@timestamp",
            "/ecs/version",
            "/event/id",
            "/event/sequence",
            "/event/kind",
            "/event/category/0",
            "/event/type/0",
            "/event/action",
            "/event/dataset",
            "/event/module",
            "/event/code",
            "/host/id",
            "/host/name",
            "/host/hostname",
            "/host/architecture",
            "/host/boot/id",
            "/host/pid_ns_ino",
            "/host/os/type",
            "/host/os/kernel",
            "/agent/type",
            "/agent/version",
            "/agent/id",
            "/sensor/record/cpu",
            "/sensor/record/ring",
            "/sensor/record/sequence",
            "/sensor/record/boot_time",
        ] {
            prop_assert!(document.pointer(required).is_some(), "{} is absent", required);
        }
        prop_assert_eq!(document.pointer("/process/pid").is_some(), input.event.subject().is_some());
        prop_assert_eq!(document.pointer("/process/entity_id").is_some(), input.event.subject().is_some());
        prop_assert!(!find_empty(&document), "{}", document);
    }

    #[test]
    fn no_argument_is_lost(input in input_of(arbitrary::event_of(arbitrary::exec()))) {
        let document = parse(&write(&input));
        let Body::Exec(exec) = &input.event.body else {
            unreachable!("only execs are made");
        };
        prop_assume!(input.event.actor.is_some());
        let bytes = &exec.arguments.bytes;
        let mut expected: Vec<_> = bytes.split(|byte| *byte == 0).collect();
        // After the last NUL comes nothing, or what is left of an argument that was cut.
        if expected.last().is_some_and(|last| last.is_empty()) {
            expected.pop();
        }
        let expected: Vec<_> = expected.into_iter().map(String::from_utf8_lossy).collect();
        let written: Vec<_> = document["process"]["args"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|argument| argument.as_str().unwrap())
            .collect();
        prop_assert_eq!(&written, &expected);
        prop_assert_eq!(&document["process"]["args_count"], exec.argc);
        let base64 = document["sensor"]["exec"]["args_base64"].as_str();
        prop_assert_eq!(base64.is_some(), std::str::from_utf8(bytes).is_err());
        if let Some(base64) = base64 {
            use base64::{Engine, engine::general_purpose::STANDARD};
            prop_assert_eq!(&STANDARD.decode(base64).unwrap(), bytes);
        }
    }

    /// What is kept of a document for the next ones must not show in them. These processes have
    /// their ids in common, and one or the other fact.
    #[test]
    fn documents_do_not_depend_on_those_before(
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
            input.wall_offset = WallOffset(offset);
        }
        let mut format = Ecs::new(&host());
        for input in &inputs {
            prop_assert_eq!(
                String::from_utf8(write_with(&mut format, input)).unwrap(),
                String::from_utf8(write(input)).unwrap()
            );
        }
    }
}
