//! Documents of any event, and what they are made of, for tests.

use std::sync::Arc;

use proptest::{prelude::*, sample::select};

use super::{Alerted, Content, Document, Format};
use crate::observed::Observed;
use crate::{
    clock::{BootTime, WallOffset},
    detect::{
        alert::{Alert, AttackTag, RuleDescription, RuleKind},
        severity::Severity,
    },
    enrich::{
        Surroundings,
        accounts::{Accounts, IdMap, Limits, Names, NamespaceAccounts},
        cloud::{Cloud, Provider},
        execs::{About, Answered},
        hashing::Missing,
        runtimes::{Details, PodDetails, Runtime},
    },
    event::{Event, arbitrary},
    host::Host,
    process::Process,
};

/// What a document is made of.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) sequence: u64,
    pub(super) wall_offset: WallOffset,
    pub(super) event: Event,
    pub(super) late: bool,
    pub(super) processes: [Option<Process>; 3],
    pub(super) known: Known,
    /// What a rule found at the event, if one did.
    pub(super) alert: Option<Alert>,
}

/// What was found out beside what the kernel told.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) about: Option<About>,
    pub(super) accounts: Option<NamespaceAccounts>,
    pub(super) details: Option<Arc<Details>>,
}

pub(super) fn input() -> impl Strategy<Value = Input> {
    input_of(arbitrary::event())
}

pub(super) fn input_of(event: impl Strategy<Value = Event>) -> impl Strategy<Value = Input> {
    let process = || proptest::option::of(arbitrary::process());
    (
        1..u64::MAX,
        any::<i64>(),
        event,
        any::<bool>(),
        [process(), process(), process()],
        known(),
        proptest::option::weighted(0.4, alert()),
    )
        .prop_map(
            |(sequence, offset, event, late, processes, known, mut alert)| {
                if let Some(alert) = &mut alert {
                    alert.evidence.push(event.origin);
                }
                Input {
                    sequence,
                    wall_offset: WallOffset(offset),
                    event,
                    late,
                    processes,
                    known,
                    alert,
                }
            },
        )
}

/// What any rule finds, but for the event that it is raised at.
pub(super) fn alert() -> impl Strategy<Value = Alert> {
    let evidence =
        proptest::collection::vec(arbitrary::event().prop_map(|event| event.origin), 0..4);
    (
        rule(),
        "\\PC{0,40}",
        evidence,
        any::<u64>(),
        prop_oneof![Just(1), any::<u64>()],
        any::<u64>(),
        prop_oneof![Just(0), any::<u32>()],
    )
        .prop_map(
            |(rule, reason, evidence, evidence_count, count, first, ordinal)| Alert {
                rule: Arc::new(rule),
                reason,
                evidence,
                evidence_count,
                count,
                first: BootTime(first),
                ordinal,
                group: Vec::new(),
            },
        )
}

/// Any rule: also one that says nothing of itself.
fn rule() -> impl Strategy<Value = RuleDescription> {
    let text = || prop_oneof!["\\PC{0,20}", any::<String>()];
    let texts = || proptest::collection::vec(text(), 0..3);
    let id = prop_oneof![
        Just("01234567-89ab-cdef-0123-456789abcdef".to_owned()),
        Just("reverse_shell".to_owned()),
        text(),
    ];
    let kind = select(vec![
        RuleKind::Sigma,
        RuleKind::Correlation,
        RuleKind::Detector,
    ]);
    let severity = select(Severity::ALL.to_vec());
    let tactic = prop_oneof![
        select(vec!["execution", "stealth", "defense-evasion"]).prop_map(str::to_owned),
        text(),
    ];
    let technique = prop_oneof!["T[0-9]{4}", "T1059\\.[0-9]{3}", text()];
    let tag = prop_oneof![
        tactic.prop_map(AttackTag::Tactic),
        technique.prop_map(AttackTag::Technique),
    ];
    (
        (id, text(), kind, severity),
        (text(), text(), text()),
        (texts(), texts()),
        proptest::collection::vec(tag, 0..5),
    )
        .prop_map(
            |(
                (id, name, kind, severity),
                (description, author, license),
                (references, false_positives),
                attack,
            )| RuleDescription {
                id,
                name,
                kind,
                severity,
                description,
                author,
                license,
                references,
                false_positives,
                attack,
            },
        )
}

pub(super) fn known() -> impl Strategy<Value = Known> {
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

pub(super) fn accounts() -> NamespaceAccounts {
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

pub(super) fn host() -> Host {
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

impl Input {
    /// The document that is made of it.
    pub(super) fn document(&self) -> Document<'_> {
        let [process, parent, other] = self.processes.each_ref().map(Option::as_ref);
        let observed = Observed {
            event: &self.event,
            late: self.late,
            process,
            parent,
            other,
            about: self.known.about.as_ref(),
            surroundings: Surroundings {
                accounts: self.known.accounts.as_ref(),
                details: self.known.details.as_ref(),
            },
        };
        Document {
            sequence: self.sequence,
            wall_offset: self.wall_offset,
            content: match &self.alert {
                None => Content::Event(observed),
                Some(alert) => Content::Alert(Alerted { alert, observed }),
            },
        }
    }
}

/// The document in a format.
pub(super) fn write_with(format: &mut dyn Format, input: &Input) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(&input.document(), &mut out).unwrap();
    out
}
