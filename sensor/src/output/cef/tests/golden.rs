//! One line of each kind.
//!
//! All are of the same process; what is the same in all is in the constants.

mod network;
mod privilege;

use std::sync::Arc;

use super::*;
use crate::{
    detect::alert::RuleDescription,
    event::{
        Exit, ExitStatus, Fork, Tgid,
        state::{Lost, Started, Stated, Totals},
    },
    output::{
        ecs::tests::golden::exec::plain_exec,
        samples::{OFFSET, SECOND, alerted, done, id},
    },
};

/// What all lines have.
const HOST: &[(&str, &str)] = &[
    ("rt", "1795491380000"),
    ("sensorSequence", "42"),
    ("dvchost", "web\"1"),
    ("deviceExternalId", "8f2e"),
    ("sensorHostId", "0b1c"),
    ("sensorCloudProvider", "aws"),
    ("sensorCloudAccount", "123456789012"),
    ("sensorCloudRegion", "eu-central-1"),
    ("sensorCloudInstance", "i-0abc"),
];

/// What all lines of the process have.
const PROCESS: &[(&str, &str)] = &[
    ("filePath", "/usr/bin/bash"),
    ("fname", "bash"),
    ("cs1", "bash -c 'echo \"hi\"'"),
    ("cs3", "0123456789abcdef-190-9c40"),
    ("cs4", "/root"),
    ("sensorArgsCount", "3"),
    ("sensorParentEntityId", "0123456789abcdef-12c-7530"),
    ("sensorParentCommandLine", "\"sshd: root\""),
    ("sensorSessionPid", "350"),
    ("sensorGid", "1003"),
    ("sensorLoginUid", "1000"),
];

/// The process as the destination, its parent as the source.
const MADE: &[(&str, &str)] = &[
    ("spid", "300"),
    ("sproc", "/usr/sbin/sshd"),
    ("dpid", "400"),
    ("dproc", "/usr/bin/bash"),
];

/// Its real and its effective user.
const USERS: &[(&str, &str)] = &[("suid", "1000"), ("duid", "1002")];

/// The process as the source, and its parent beside it.
const ACTS: &[(&str, &str)] = &[
    ("spid", "400"),
    ("sproc", "/usr/bin/bash"),
    ("suid", "1002"),
    ("sensorParentPid", "300"),
    ("sensorParentProcess", "/usr/sbin/sshd"),
];

/// The same as the destination.
const SERVES: &[(&str, &str)] = &[
    ("dpid", "400"),
    ("dproc", "/usr/bin/bash"),
    ("duid", "1002"),
    ("sensorParentPid", "300"),
    ("sensorParentProcess", "/usr/sbin/sshd"),
];

/// The labels are as they are by their keys; but for `cs6`'s.
const LABELS: &[(&str, &str)] = &[
    ("cs1", "Command line"),
    ("cs2", "Container id"),
    ("cs3", "Process entity id"),
    ("cs4", "Working directory"),
    ("cs5", "Container image"),
    ("cn1", "Exit code"),
    ("cn2", "Events"),
    ("c6a2", "Source IPv6 Address"),
    ("c6a3", "Destination IPv6 Address"),
];

type Values<'a> = &'a [(&'a str, &'a str)];

/// A line has this header and these values, the last of several with one key.
fn assert_line(read: &Read, header: [&str; 3], values: &[Values<'_>]) {
    assert_eq!(&read.header[3..], header);
    let mut expected = BTreeMap::new();
    for (key, value) in HOST.iter().chain(values.iter().copied().flatten()) {
        expected.insert((*key).to_owned(), (*value).to_owned());
    }
    for (key, label) in LABELS {
        if expected.contains_key(*key) {
            expected.insert(format!("{key}Label"), (*label).to_owned());
        }
    }
    let mut found = read.values.clone();
    // Its end differs by kind only; it is held against ECS's below.
    assert!(found.remove("externalId").is_some());
    assert!(
        found == expected,
        "\n     got {found:#?}\nexpected {expected:#?}"
    );
}

fn assert_event(body: Body, header: [&str; 3], values: &[Values<'_>]) {
    let mut all = vec![PROCESS];
    all.extend(values);
    assert_line(&write(&done(body)), header, &all);
}

#[test]
fn a_line_as_it_is() {
    let line = documents::write_with(
        &mut Cef::new(&documents::host()),
        &done(Body::Exec(Box::new(plain_exec()))),
    );
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "CEF:0|sensor|sensor|0.1.0|exec|Program executed|1|rt=1795491380000 \
         externalId=0123456789abcdef-11-0-ff-e8d4a51000 sensorSequence=42 act=exec cat=process \
         deviceFacility=sensor.exec dpid=400 dproc=/usr/bin/env filePath=/usr/bin/env fname=env \
         cs1=env \"\" cs1Label=Command line sensorArgsCount=2 cs4=/tmp cs4Label=Working directory \
         cs3=0123456789abcdef-190-9c40 cs3Label=Process entity id spid=300 sproc=/usr/sbin/sshd \
         sensorParentEntityId=0123456789abcdef-12c-7530 sensorParentCommandLine=\"sshd: root\" \
         sensorSessionPid=350 suid=1000 duid=1002 sensorGid=1003 sensorLoginUid=1000 fileId=5 \
         filePermission=4755 fsize=0 sensorFilename=./run sensorCapEff=0000000000000000 \
         outcome=success dvchost=web\"1 deviceExternalId=8f2e sensorHostId=0b1c \
         sensorCloudProvider=aws sensorCloudAccount=123456789012 sensorCloudRegion=eu-central-1 \
         sensorCloudInstance=i-0abc\n"
    );
}

#[test]
fn an_alert_as_it_is() {
    let mut input = alerted();
    let alert = input.alert.as_mut().unwrap();
    alert.reason = "input=socket".into();
    let rule = RuleDescription {
        name: "Shell | socket".into(),
        ..(*alert.rule).clone()
    };
    alert.rule = Arc::new(rule);
    let line = documents::write_with(&mut Cef::new(&documents::host()), &input);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "CEF:0|sensor|sensor|0.1.0|alert|Shell \\| socket|8|rt=1795491380000 \
         externalId=0123456789abcdef-11-0-ff-e8d4a51000-6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11-2 \
         sensorSequence=42 act=rule_detection cat=process,intrusion_detection \
         deviceFacility=sensor.alert msg=input\\=socket cnt=2 sensorRiskScore=73 \
         sensorRuleId=6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11 sensorRuleKind=detector \
         sensorRuleDescription=A shell that somebody drives over the network \
         sensorRuleAuthor=A. Author sensorRuleLicense=MIT \
         sensorRuleReference=https://rules.example/1 sensorAttackTactics=Execution \
         sensorAttackTechniques=T1059.004 sensorFirst=1795491378000 \
         sensorEvidence=0123456789abcdef-1-0-7-e8990a4600,0123456789abcdef-11-0-ff-e8d4a51000 \
         sensorEvidenceCount=3 sensorEventCode=exec sensorEventAction=exec \
         sensorAncestors=/usr/sbin/sshd[300] dpid=400 dproc=/usr/bin/env filePath=/usr/bin/env \
         fname=env cs1=env \"\" cs1Label=Command line sensorArgsCount=2 cs4=/tmp \
         cs4Label=Working directory cs3=0123456789abcdef-190-9c40 cs3Label=Process entity id \
         spid=300 sproc=/usr/sbin/sshd sensorParentEntityId=0123456789abcdef-12c-7530 \
         sensorParentCommandLine=\"sshd: root\" sensorSessionPid=350 suid=1000 duid=1002 \
         sensorGid=1003 sensorLoginUid=1000 fileId=5 filePermission=4755 fsize=0 \
         sensorFilename=./run sensorCapEff=0000000000000000 outcome=success dvchost=web\"1 \
         deviceExternalId=8f2e sensorHostId=0b1c sensorCloudProvider=aws \
         sensorCloudAccount=123456789012 sensorCloudRegion=eu-central-1 \
         sensorCloudInstance=i-0abc\n"
    );
}

#[test]
fn fork_and_exit() {
    let fork = Fork {
        child: id(400),
        parent: id(300),
        namespace_pid: Tgid(10),
    };
    assert_event(
        Body::Fork(fork),
        ["fork", "Process created", "1"],
        &[
            MADE,
            USERS,
            &[
                ("act", "fork"),
                ("cat", "process"),
                ("deviceFacility", "sensor.exec"),
                ("sensorCallerPid", "400"),
                ("outcome", "success"),
            ],
        ],
    );
    let status = ExitStatus::Signal {
        number: 9,
        core_dumped: true,
    };
    assert_event(
        Body::Exit(Exit { status }),
        ["exit", "Process ended", "1"],
        &[
            MADE,
            USERS,
            &[
                ("act", "end"),
                ("cat", "process"),
                ("deviceFacility", "sensor.exec"),
                ("cn1", "137"),
                ("sensorSignal", "9"),
                ("sensorCoreDumped", "true"),
            ],
        ],
    );
}

fn state(statement: Statement) -> Read {
    let stated = Stated {
        time: BootTime(1000 * SECOND),
        statement,
    };
    let document = Document {
        sequence: 42,
        wall_offset: OFFSET,
        content: Content::Statement(&stated),
    };
    let mut out = Vec::new();
    Cef::new(&documents::host())
        .write(&document, &mut out)
        .unwrap();
    read_line(&out)
}

#[test]
fn statements() {
    let common = &[("cat", "host"), ("deviceFacility", "sensor.state")];
    let lost = Lost {
        code: "connect".into(),
        family: "network".into(),
        reason: "ring_full".into(),
        count: 5,
    };
    assert_line(
        &state(Statement::Lost(vec![lost.clone(), lost])),
        ["events_lost", "Events lost", "5"],
        &[
            common,
            &[
                ("act", "events_lost"),
                ("cn2", "10"),
                (
                    "sensorDetail",
                    r#"[{"code":"connect","family":"network","reason":"ring_full","count":5},{"code":"connect","family":"network","reason":"ring_full","count":5}]"#,
                ),
            ],
        ],
    );
    assert_line(
        &state(Statement::Tested),
        ["sink_test", "Sink tested", "1"],
        &[common, &[("act", "sink_tested")]],
    );
    let started = Started {
        scope: Some("/a b=\"c\"\n".into()),
        ..Started::default()
    };
    let read = state(Statement::Started(Box::new(started.clone())));
    assert_eq!(read.header[4], "Sensor started");
    let detail: Started = serde_json::from_str(&read.values["sensorDetail"]).unwrap();
    assert_eq!(detail, started);
    let read = state(Statement::Stopped(Totals::default()));
    let detail: Totals = serde_json::from_str(&read.values["sensorDetail"]).unwrap();
    assert_eq!(detail, Totals::default());
    assert_eq!(read.values["externalId"], "0123456789abcdef-8f2e-42");
}
