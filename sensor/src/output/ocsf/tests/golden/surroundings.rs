//! Names of users, digests, ancestors, containers.

use std::sync::{Arc, OnceLock};

use super::{process::activity, *};
use crate::{
    enrich::runtimes::{Details, PodDetails, Runtime},
    event::{Exit, ExitStatus},
    output::{
        arbitrary::{Known, accounts},
        ocsf::ancestry::TOLD,
    },
    process::{
        Image,
        fingerprint::{Evidence, Fingerprint, Package, Sha256},
        lineage::Population,
        placement,
    },
};

const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn details() -> Details {
    Details {
        runtime: Runtime::Containerd,
        name: Some("web".into()),
        image_name: Some("docker.io/library/nginx".into()),
        image_tag: Some("1.27".into()),
        image_hashes: vec!["sha256:12".into(), "sha256:34".into()],
        labels: vec![
            ("a.b/c".into(), "d\"e".into()),
            ("empty".into(), String::new()),
        ],
        pod: Some(PodDetails {
            namespace: Some("shop".into()),
            name: Some("web-0".into()),
            uid: None,
            labels: vec![("app".into(), "web".into())],
        }),
        left_out: 0,
    }
}

/// The end of the process, with more known of it.
fn exit(change: impl FnOnce(&mut Process), known: Known) -> Input {
    let status = ExitStatus::Code(0);
    let mut input = done(Body::Exit(Exit { status }));
    let mut process = bash();
    change(&mut process);
    input.processes[0] = Some(process);
    input.known = known;
    input
}

fn expected(fields: Value) -> Value {
    let mut process = whole();
    lay(
        &mut process,
        json!({"terminated_time": 1_795_491_380_000_i64}),
    );
    let mut expected = activity(
        2,
        "Terminate",
        json!({
            "actor": {"process": brief(), "user": {"uid": "1002"}},
            "process": process,
            "exit_code": 0,
            "metadata": {"event_code": "exit"},
        }),
    );
    lay(&mut expected, fields);
    expected
}

fn in_pod(pod: &str) -> impl FnOnce(&mut Process) {
    let path = format!("/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{CONTAINER}.scope");
    move |process| process.placement = Some(Arc::new(placement::placement(&path)))
}

#[test]
fn a_container_of_a_pod() {
    let known = Known {
        details: Some(Arc::new(details())),
        ..Known::default()
    };
    assert_event(
        &exit(in_pod("6d2f7e2a_0f5b_4c6e_9f61_0c9a4d1e2f3a"), known),
        expected(json!({
            "process": {
                "container": {
                    "uid": CONTAINER,
                    "name": "web",
                    "runtime": "containerd",
                    "orchestrator": "Kubernetes",
                    "pod_uuid": "6d2f7e2a-0f5b-4c6e-9f61-0c9a4d1e2f3a",
                    "image": {
                        "uid": "sha256:12",
                        "name": "docker.io/library/nginx",
                        "labels": ["1.27"],
                    },
                    "tags": [
                        {"name": "a.b/c", "value": "d\"e"},
                        {"name": "empty", "value": ""},
                    ],
                },
            },
            "unmapped": {
                "pod": {
                    "namespace": "shop",
                    "name": "web-0",
                    "labels": {"app": "web"},
                },
                "systemd": {"unit": format!("cri-containerd-{CONTAINER}.scope")},
            },
        })),
    );
}

/// A static pod has an id that is no UUID; and this image has no digest.
#[test]
fn what_a_container_object_has_no_place_for() {
    let known = Known {
        details: Some(Arc::new(Details {
            image_hashes: Vec::new(),
            labels: Vec::new(),
            pod: None,
            ..details()
        })),
        ..Known::default()
    };
    assert_event(
        &exit(in_pod("0123456789abcdef0123456789abcdef"), known),
        expected(json!({
            "process": {
                "container": {
                    "uid": CONTAINER,
                    "name": "web",
                    "runtime": "containerd",
                    "orchestrator": "Kubernetes",
                },
            },
            "unmapped": {
                "container": {
                    "image_name": "docker.io/library/nginx",
                    "image_tag": "1.27",
                },
                "pod": {"uid": "0123456789abcdef0123456789abcdef"},
                "systemd": {"unit": format!("cri-containerd-{CONTAINER}.scope")},
            },
        })),
    );
}

#[test]
fn a_digest_and_a_package() {
    let fingerprint = Fingerprint {
        digest: Sha256([0xab; 32]),
        evidence: Evidence::Unchanged,
        package: Some(Arc::new(Package {
            name: "bash".into(),
            version: "5.2".into(),
            architecture: "amd64".into(),
        })),
    };
    let change = |process: &mut Process| {
        let image = process.image.as_deref().unwrap();
        process.image = Some(Arc::new(Image {
            fingerprint: OnceLock::from(Arc::new(fingerprint)),
            ..image.clone()
        }));
    };
    let file = json!({
        "file": {
            "hashes": [{"algorithm_id": 3, "algorithm": "SHA-256", "value": "ab".repeat(32)}],
            "product": {"name": "bash", "version": "5.2"},
        },
    });
    assert_event(
        &exit(change, Known::default()),
        expected(json!({"actor": {"process": file}, "process": file})),
    );
}

#[test]
fn names_of_users() {
    let known = Known {
        accounts: Some(accounts()),
        ..Known::default()
    };
    assert_event(
        &exit(|_| {}, known),
        expected(json!({
            "actor": {"user": {"name": "bob"}},
            "process": {"user": {"name": "bob"}, "group": {"name": "staff"}},
        })),
    );
}

#[test]
fn ancestors_nearest_first() {
    let mut population = Population::new(100);
    let mut first = Process {
        parent: None,
        ..Process::unknown(arbitrary::boot(), id(1))
    };
    let mut second = Process {
        lineage: first.offspring(&mut population),
        ..parent()
    };
    let lineage = second.offspring(&mut population);
    assert_event(
        &exit(move |process| process.lineage = lineage, Known::default()),
        expected(json!({
            "process": {
                "ancestry": [
                    {
                        "pid": 300,
                        "uid": "0123456789abcdef-12c-7530",
                        "created_time": 1_795_490_680_000_i64,
                        "name": "sshd",
                        "path": "/usr/sbin/sshd",
                    },
                    {
                        "pid": 1,
                        "uid": "0123456789abcdef-1-64",
                        "created_time": 1_795_490_381_000_i64,
                    },
                ],
            },
        })),
    );
}

#[test]
fn what_is_left_out_of_a_process_is_said() {
    let mut population = Population::new(100);
    let mut line = Process::unknown(arbitrary::boot(), id(1));
    let mut descend = |generations: usize| {
        for _ in 0..generations {
            let lineage = line.offspring(&mut population);
            line = Process {
                lineage,
                ..Process::unknown(arbitrary::boot(), id(2))
            };
        }
        line.lineage.clone()
    };
    let told = |lineage| {
        let input = exit(move |process| process.lineage = lineage, Known::default());
        let event = parse(&write(&input));
        let ancestry = event["process"]["ancestry"].as_array().unwrap().len();
        (ancestry, event["metadata"]["is_truncated"].clone())
    };
    assert_eq!(told(descend(TOLD)), (TOLD, Value::Null));
    assert_eq!(told(descend(1)), (TOLD, true.into()));
    let cut = |process: &mut Process| {
        let image = process.image.as_deref().unwrap();
        process.image = Some(Arc::new(Image {
            argument_count: 4,
            ..image.clone()
        }));
    };
    assert_event(
        &exit(cut, Known::default()),
        expected(json!({"metadata": {"is_truncated": true}})),
    );
}
