//! Everything that can be known of who did it.

use std::sync::OnceLock;

use super::*;
use crate::{
    enrich::execs::Answered,
    process::{
        fingerprint::{Evidence, ExecId, Fingerprint, Package, Sha256},
        placement,
        table::Table,
    },
};

const CONTAINER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn fingerprint() -> Arc<Fingerprint> {
    Arc::new(Fingerprint {
        digest: Sha256([0xab; 32]),
        evidence: Evidence::Young,
        package: Some(Arc::new(Package {
            name: "bash".into(),
            version: "5.2-1".into(),
            architecture: "amd64".into(),
        })),
    })
}

fn details() -> Details {
    Details {
        runtime: Runtime::Containerd,
        name: Some("web".into()),
        image_name: Some("docker.io/library/nginx".into()),
        image_tag: Some("1.27".into()),
        image_hashes: vec!["sha256:12".into()],
        labels: vec![("a.b/c".into(), "d\"e".into())],
        pod: Some(PodDetails {
            namespace: Some("shop".into()),
            name: Some("web-0".into()),
            uid: None,
            labels: vec![("app".into(), "web".into())],
        }),
        left_out: 0,
    }
}

/// A process whose line of ancestors is sshd (300), a shell (350), and that leads its group itself.
fn process_of(table: &mut Table) -> Process {
    let first = Process {
        image: Some(Arc::new(Image {
            name: "systemd".into(),
            executable: "/usr/lib/systemd/systemd".into(),
            ..Image::default()
        })),
        ..Process::unknown(arbitrary::boot(), id(1))
    };
    let shell = Process {
        parent: Some(id(300)),
        session_id: Some(Tgid(350)),
        image: Some(Arc::new(Image {
            name: "bash".into(),
            executable: "/usr/bin/bash".into(),
            ..Image::default()
        })),
        ..Process::unknown(arbitrary::boot(), id(350))
    };
    let daemon = Process {
        parent: Some(id(1)),
        ..parent()
    };
    let last = Process {
        parent: Some(id(350)),
        process_group: Some(Tgid(400)),
        ..process()
    };
    for process in [first, daemon, shell, last] {
        table.add(process);
    }
    table.get(id(400)).unwrap().clone()
}

#[test]
fn of_a_login() {
    let mut table = Table::new(arbitrary::boot(), 10, 10);
    let mut input = done(Body::Exit(crate::event::Exit {
        status: crate::event::ExitStatus::Code(0),
    }));
    input.processes = [Some(process_of(&mut table)), Some(parent()), None];
    let document = parse(&write(&input));
    let shell = json!({
        "pid": 350,
        "entity_id": "0123456789abcdef-15e-88b8",
        "start": "2026-11-24T03:25:30.000000000Z",
        "name": "bash",
        "executable": "/usr/bin/bash",
    });
    let mut entry = shell.clone();
    entry["entry_meta"] = json!({"type": "sshd"});
    assert_eq!(document["process"]["session_leader"], shell);
    assert_eq!(document["process"]["entry_leader"], entry);
    assert_eq!(
        document["process"]["group_leader"],
        json!({
            "pid": 400,
            "entity_id": "0123456789abcdef-190-9c40",
            "start": "2026-11-24T03:26:20.000000000Z",
            "vpid": 9,
            "name": "bash",
            "executable": "/usr/bin/bash",
        })
    );
    assert_eq!(
        document["sensor"]["process"]["ancestors"],
        json!({
            "entity_id": [
                "0123456789abcdef-15e-88b8",
                "0123456789abcdef-12c-7530",
                "0123456789abcdef-1-64",
            ],
            "name": ["bash", "sshd", "systemd"],
            "executable": ["/usr/bin/bash", "/usr/sbin/sshd", "/usr/lib/systemd/systemd"],
        })
    );
}

#[test]
fn of_a_script_in_a_pod() {
    let mut input = done(Body::Exec(Box::new(exec::plain_exec())));
    let Body::Exec(exec) = &mut input.event.body else {
        panic!("an exec is an exec");
    };
    exec.interpreter = text(b"/bin/sh");
    exec.filename = text(b"./job.sh");
    let path = format!(
        "/kubepods.slice/kubepods-pod6d2f7e2a_0f5b_4c6e_9f61_0c9a4d1e2f3a.slice/cri-containerd-{CONTAINER}.scope"
    );
    let known = fingerprint();
    input.processes[0] = Some(Process {
        image: Some(Arc::new(Image {
            fingerprint: OnceLock::from(known.clone()),
            ..Image::default()
        })),
        placement: Some(Arc::new(placement::placement(&path))),
        ..process()
    });
    input.known = Known {
        about: Some(About {
            executable: Answered::With(Ok(known)),
            script: Answered::With(Err(Missing::Replaced)),
        }),
        accounts: Some(accounts()),
        details: Some(Arc::new(details())),
    };
    let id = ExecId::of(&input.event).unwrap();
    assert_eq!(ExecId::from_numbers(id.to_numbers()), id);
    let document = parse(&write(&input));
    assert_eq!(
        document["container"],
        json!({
            "id": CONTAINER,
            "runtime": "containerd",
            "name": "web",
            "image": {
                "name": "docker.io/library/nginx",
                "tag": ["1.27"],
                "hash": {"all": ["sha256:12"]},
            },
            "labels": {"a.b/c": "d\"e"},
        })
    );
    assert_eq!(
        document["orchestrator"],
        json!({
            "type": "kubernetes",
            "namespace": "shop",
            "resource": {
                "type": "pod",
                "id": "6d2f7e2a-0f5b-4c6e-9f61-0c9a4d1e2f3a",
                "name": "web-0",
                "label": ["app:web"],
            },
        })
    );
    assert_eq!(
        document["process"]["hash"],
        json!({"sha256": "ab".repeat(32)})
    );
    assert_eq!(document["sensor"]["process"]["hash_evidence"], "young");
    assert_eq!(
        document["package"],
        json!({"name": "bash", "version": "5.2-1", "architecture": "amd64", "type": "deb"})
    );
    assert_eq!(
        document["sensor"]["script"],
        json!({"kind": "file", "path": "/tmp/job.sh", "hash_missing": "replaced"})
    );
    assert_eq!(document["user"], json!({"id": "1002", "name": "bob"}));
    assert_eq!(document["group"], json!({"id": "1003", "name": "staff"}));
    assert_eq!(
        document["process"]["real_user"],
        json!({"id": "1000", "name": "alice"})
    );
    assert_eq!(document["sensor"]["process"]["login_user"], "alice");
}
