//! Documents of any event, and one of each kind written out.

mod fields;
mod golden;

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    enrich::{
        Surroundings,
        accounts::{Accounts, IdMap, Limits, Names, NamespaceAccounts},
        cloud::{Cloud, Provider},
        execs::{About, Answered},
        hashing::Missing,
        runtimes::{Details, PodDetails, Runtime},
    },
    event::{Event, arbitrary},
    process::Process,
};

/// What a document is made of.
#[derive(Clone, Debug)]
struct Input {
    sequence: u64,
    wall_offset: WallOffset,
    event: Event,
    late: bool,
    processes: [Option<Process>; 3],
    known: Known,
}

/// What was found out beside what the kernel told.
#[derive(Clone, Debug, Default)]
struct Known {
    about: Option<About>,
    accounts: Option<NamespaceAccounts>,
    details: Option<Arc<Details>>,
}

fn input() -> impl Strategy<Value = Input> {
    input_of(arbitrary::event())
}

fn input_of(event: impl Strategy<Value = Event>) -> impl Strategy<Value = Input> {
    let process = || proptest::option::of(arbitrary::process());
    (
        1..u64::MAX,
        any::<i64>(),
        event,
        any::<bool>(),
        [process(), process(), process()],
        known(),
    )
        .prop_map(|(sequence, offset, event, late, processes, known)| Input {
            sequence,
            wall_offset: WallOffset(offset),
            event,
            late,
            processes,
            known,
        })
}

fn known() -> impl Strategy<Value = Known> {
    let text = || "\\PC{1,9}";
    let labels = || proptest::collection::vec((text(), text()), 0..3);
    let optional = || proptest::option::of(text());
    let pod = (optional(), optional(), optional(), labels()).prop_map(
        |(namespace, name, uid, labels)| PodDetails {
            namespace,
            name,
            uid,
            labels,
        },
    );
    let details = (
        (optional(), optional(), optional()),
        proptest::collection::vec(text(), 0..3),
        labels(),
        proptest::option::of(pod),
    );
    let details = details.prop_map(
        |((name, image_name, image_tag), image_hashes, labels, pod)| {
            Arc::new(Details {
                runtime: Runtime::Docker,
                name,
                image_name,
                image_tag,
                image_hashes,
                labels,
                pod,
                left_out: 0,
            })
        },
    );
    let answered = || {
        prop_oneof![
            Just(Answered::Unasked),
            Just(Answered::Pending),
            Just(Answered::With(Err(Missing::Gone))),
            arbitrary::fingerprint().prop_map(|found| Answered::With(Ok(Arc::new(found)))),
        ]
    };
    let about =
        (answered(), answered()).prop_map(|(executable, script)| About { executable, script });
    let accounts = proptest::bool::ANY.prop_map(|is_known| is_known.then(accounts));
    (
        proptest::option::of(about),
        accounts,
        proptest::option::of(details),
    )
        .prop_map(|(about, accounts, details)| Known {
            about,
            accounts,
            details,
        })
}

fn accounts() -> NamespaceAccounts {
    let names = |text: &str| Names::read(text.as_bytes(), Limits::default()).unwrap();
    let map = || IdMap::parse("0 0 100000\n").unwrap();
    NamespaceAccounts {
        accounts: Accounts {
            users: names("root:x:0:0::/:\nalice:x:1000:\nbob:x:1002:\n"),
            groups: names("root:x:0:\nstaff:x:1003:\n"),
        },
        user_map: map(),
        group_map: map(),
        ..NamespaceAccounts::default()
    }
}

fn host() -> Host {
    Host {
        cloud: Some(Cloud {
            provider: Provider::Aws,
            region: Some("eu-central-1".into()),
            availability_zone: Some("eu-central-1a".into()),
            instance_id: Some("i-0abc".into()),
            instance_name: None,
            machine_type: Some("m7i.large".into()),
            account_id: Some("123456789012".into()),
            project_id: None,
        }),
        machine_id: Some("0b1c".into()),
        name: "web\"1".into(),
        architecture: "x86_64".into(),
        boot_id: "01234567-89ab-cdef-0123-456789abcdef".into(),
        pid_namespace: Some(4_026_531_836),
        kernel: "6.12.1".into(),
        os_platform: Some("debian".into()),
        os_name: Some("Debian GNU/Linux".into()),
        os_version: None,
        agent_id: "8f2e".into(),
        agent_version: "0.1.0".into(),
    }
}

fn write(input: &Input) -> Vec<u8> {
    write_with(&mut Ecs::new(&host()), input)
}

fn write_with(format: &mut Ecs, input: &Input) -> Vec<u8> {
    let [process, parent, other] = input.processes.each_ref().map(Option::as_ref);
    let document = Document {
        sequence: input.sequence,
        wall_offset: input.wall_offset,
        content: Content::Event(Observed {
            event: &input.event,
            late: input.late,
            process,
            parent,
            other,
            about: input.known.about.as_ref(),
            surroundings: Surroundings {
                accounts: input.known.accounts.as_ref(),
                details: input.known.details.as_ref(),
            },
        }),
    };
    let mut out = Vec::new();
    format.write(&document, &mut out).unwrap();
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
