//! What becomes of what rules and detectors find.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use proptest::{collection::vec, prelude::*};

use super::{setup::Loaded, *};
use crate::{
    config::{self, detect::Detect},
    detect::alert::{RuleDescription, RuleKind},
    enrich::Surroundings,
    event::{Body, Exec, arbitrary},
};

const RULES: &str = "\
title: Shell
id: 00000000-0000-0000-0000-00000000000A
level: high
logsource:
    product: linux
    category: process_creation
detection:
    selection:
        CommandLine|contains: attack
    condition: selection
---
title: Noise
id: 00000000-0000-0000-0000-00000000000b
level: low
logsource:
    product: linux
    category: process_creation
detection:
    selection:
        CommandLine|contains: noise
    condition: selection
";

/// Finds every exec, under two severities.
struct Every([Arc<RuleDescription>; 2]);

impl Every {
    fn new() -> Self {
        let rule = |id: &str, severity| {
            Arc::new(RuleDescription {
                id: id.to_owned(),
                name: id.to_owned(),
                kind: RuleKind::Detector,
                severity,
                description: String::new(),
                author: String::new(),
                license: String::new(),
                references: Vec::new(),
                false_positives: Vec::new(),
                attack: Vec::new(),
            })
        };
        Self([rule("every", Severity::Medium), rule("low", Severity::Low)])
    }
}

impl Detector for Every {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.0
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let origin = observed.event.origin;
        let found = self.0.iter();
        alerts.extend(found.map(|rule| Alert::single(rule.clone(), String::new(), origin)));
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("every_full", 3);
    }
}

fn load(config: &str) -> Loaded {
    let reading = config::read(config);
    assert_eq!(reading.problems, []);
    let detect = Detect {
        rules: config::detect::RuleFiles::At(Vec::new()),
        ..reading.config.detect
    };
    let file = Arc::from(Path::new("sensor.toml"));
    let builtin = [("builtin.yml", RULES)];
    let loaded = Setup::load(&detect, &file, &builtin, vec![Box::new(Every::new())]);
    assert!(!loaded.report.is_fatal());
    assert_eq!(loaded.report.problems, []);
    loaded
}

fn detection(config: &str) -> Detection {
    Detection::new(load(config).setup)
}

/// An exec with this argument, a while after boot.
fn exec(argument: &str, seconds: u64) -> Event {
    let mut event = arbitrary_exec();
    event.origin.time = BootTime(seconds * 1_000_000_000);
    let Body::Exec(exec) = &mut event.body else {
        panic!("{event:?}");
    };
    let exec: &mut Exec = exec;
    exec.executable.bytes = "/bin/sh".into();
    exec.arguments.bytes = format!("sh\0{argument}\0").into_bytes().into();
    event
}

/// One exec, always the same.
fn arbitrary_exec() -> Event {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    arbitrary::event_of(arbitrary::exec())
        .new_tree(&mut runner)
        .unwrap()
        .current()
}

fn observed(event: &Event) -> Observed<'_> {
    Observed {
        event,
        late: false,
        process: None,
        parent: None,
        other: None,
        about: None,
        surroundings: Surroundings::default(),
    }
}

/// The names of rules whose alerts go out.
fn found(detection: &mut Detection, argument: &str, seconds: u64) -> Vec<String> {
    let event = exec(argument, seconds);
    let alerts = detection.inspect(&observed(&event), WallOffset(0));
    alerts.iter().map(|alert| alert.rule.name.clone()).collect()
}

fn limits(detection: &Detection) -> BTreeMap<String, u64> {
    let mut limits = BTreeMap::new();
    detection.limits(&mut |name, count| {
        limits.insert(name.to_owned(), count);
    });
    limits
}

#[test]
fn rules_and_detectors_find_and_severities_decide() {
    let mut detection = detection("");
    assert_eq!(found(&mut detection, "attack noise", 1), ["Shell", "every"]);
    assert_eq!(limits(&detection)["below_severity"], 2);
    assert_eq!(limits(&detection)["every_full"], 3);
    let event = exec("attack\u{1b}", 2);
    let mut all = self::detection("[detect]\nminimum_severity = \"informational\"\n");
    let alerts = all.inspect(&observed(&event), WallOffset(0));
    let [shell, _, _] = alerts else {
        panic!("{alerts:#?}");
    };
    assert_eq!(
        shell.reason,
        "Shell: /bin/sh, command line: sh attack\\u{1b}"
    );
    assert_eq!(shell.evidence, [event.origin]);
}

#[test]
fn the_same_is_said_once_and_counted() {
    let mut detection = detection("");
    assert_eq!(found(&mut detection, "attack", 1).len(), 2);
    assert!(found(&mut detection, "attack 2", 2).is_empty());
    assert_eq!(limits(&detection)["repeated"], 2);
    let now = BootTime(3_601_000_000_000);
    let due = detection.due(now);
    assert_eq!(due.len(), 2);
    assert!(due.iter().all(|(_, alert)| alert.count == 1));
    assert!(found(&mut detection, "attack 3", 3602).is_empty());
    assert_eq!(detection.drain().len(), 2);
    assert!(detection.drain().is_empty());
}

#[test]
fn what_is_switched_off_finds_nothing() {
    let mut off = detection("[detect]\nenabled = false\n");
    assert!(off.active.is_none());
    assert!(found(&mut off, "attack", 1).is_empty());
    assert!(limits(&off).is_empty());
    let mut none = Detection::none();
    assert!(found(&mut none, "attack", 1).is_empty());
    assert!(none.due(BootTime(5)).is_empty());
    let mut some = detection(
        "[detect]\ndisabled_rules = [\"EVERY\", \"00000000-0000-0000-0000-00000000000a\"]\n",
    );
    assert!(found(&mut some, "attack", 1).is_empty());
    // What is disabled is not counted as if it had been found.
    assert_eq!(limits(&some)["below_severity"], 1);
    let mut without = detection("[detect]\nbuiltin_rules = false\n");
    assert_eq!(found(&mut without, "attack", 1), ["every"]);
}

/// Finds every exec as often as it has arguments, under one id.
struct Several(Arc<RuleDescription>);

impl Detector for Several {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        std::slice::from_ref(&self.0)
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        for number in 0..3 {
            let alert = Alert::single(self.0.clone(), String::new(), observed.event.origin);
            let group = vec![("number".to_owned(), number.to_string())];
            alerts.push(Alert { group, ..alert });
        }
    }

    fn limits(&self, _: &mut dyn FnMut(&'static str, u64)) {}
}

#[test]
fn alerts_of_one_rule_at_one_event_are_told_apart_and_none_repeats_another() {
    let file = Arc::from(Path::new("sensor.toml"));
    let play = || {
        let [rule, _] = Every::new().0;
        let detectors: Vec<Box<dyn Detector>> = vec![Box::new(Several(rule))];
        let loaded = Setup::load(
            &Detect::default(),
            &file,
            &[("builtin.yml", RULES)],
            detectors,
        );
        let mut detection = Detection::new(loaded.setup);
        let event = exec("attack", 1);
        let alerts = detection.inspect(&observed(&event), WallOffset(0));
        let named = alerts
            .iter()
            .map(|alert| (alert.rule.name.clone(), alert.ordinal));
        let named: Vec<_> = named.collect();
        assert_eq!(limits(&detection)["repeated"], 0);
        named
    };
    let expected = [("Shell", 0), ("every", 0), ("every", 1), ("every", 2)];
    assert_eq!(
        play(),
        expected.map(|(name, ordinal)| (name.to_owned(), ordinal))
    );
    assert_eq!(play(), play());
}

#[test]
fn a_disabled_rule_that_nobody_knows_is_told_with_its_line() {
    let loaded = load("[detect]\ndisabled_rules = [\n  \"evry\",\n  \"EVERY\",\n  \"Shel\",\n]\n");
    let told: Vec<String> = loaded
        .warnings
        .iter()
        .map(|warning| warning.warning(Path::new("sensor.toml")))
        .collect();
    let [every, shell] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(every.starts_with("sensor.toml:3: warning: "), "{every}");
    assert!(every.ends_with("did you mean `every` (every)?"), "{every}");
    assert!(shell.starts_with("sensor.toml:5: warning: "), "{shell}");
    assert!(shell.ends_with("-00000000000A` (Shell)?"), "{shell}");
    // Nothing is expected of what is switched off.
    let off = load("[detect]\nenabled = false\ndisabled_rules = [\"evry\"]\n");
    assert_eq!(off.warnings, []);
}

const EXCEPTION: &str = "
[[detect.exception]]
rule = \"00000000-0000-0000-0000-00000000000a\"
fields = { \"process.executable\" = \"/bin/*\" }
reason = \"known\"
owner = \"team\"
expires = 2999-12-31
";

#[test]
fn exceptions_keep_alerts_back_and_are_counted() {
    let loaded = load(EXCEPTION);
    assert_eq!(loaded.warnings, []);
    let mut detection = Detection::new(loaded.setup);
    assert_eq!(found(&mut detection, "attack", 1), ["every"]);
    let counted = limits(&detection);
    assert_eq!((counted["suppressed"], counted["exception_1"]), (1, 1));

    let mut expired = self::detection(&EXCEPTION.replace("2999", "1969"));
    assert_eq!(found(&mut expired, "attack", 1).len(), 2);

    let unknown = load(&EXCEPTION.replace("0000a", "0000c"));
    let [warning] = unknown.warnings.as_slice() else {
        panic!("{:#?}", unknown.warnings);
    };
    let line = warning.warning(Path::new("sensor.toml"));
    assert!(line.starts_with("sensor.toml:2: warning: "), "{line}");
}

#[test]
fn what_was_seen_and_counted_outlives_a_reload() {
    let mut detection = detection(EXCEPTION);
    assert_eq!(found(&mut detection, "attack noise", 1), ["every"]);
    detection.reload(
        load(&format!(
            "[detect]\nminimum_severity = \"high\"\n{EXCEPTION}"
        ))
        .setup,
    );
    assert!(found(&mut detection, "attack noise", 2).is_empty());
    let counted = limits(&detection);
    assert_eq!((counted["suppressed"], counted["exception_1"]), (2, 2));
    assert_eq!(counted["below_severity"], 2 + 3);
    detection.reload(load("").setup);
    // `every` was said before.
    assert_eq!(found(&mut detection, "attack", 3), ["Shell"]);
    assert_eq!(limits(&detection)["suppressed"], 2);

    // Switched off, what is held back goes out; switched on, all is as before.
    detection.reload(load("[detect]\nenabled = false\n").setup);
    assert!(found(&mut detection, "attack", 4).is_empty());
    assert_eq!(detection.due(BootTime(0)).len(), 1);
    detection.reload(load("").setup);
    assert_eq!(found(&mut detection, "attack", 5).len(), 2);
}

#[test]
fn a_path_that_cannot_be_read_is_fatal_to_what_is_loaded_only() {
    let detect = Detect {
        rules: config::detect::RuleFiles::At(vec!["/no/such/rules".into()]),
        ..Detect::default()
    };
    let file = Arc::from(Path::new("sensor.toml"));
    let loaded = Setup::load(&detect, &file, &[("builtin.yml", RULES)], Vec::new());
    assert!(loaded.report.is_fatal());
    let mut detection = Detection::new(loaded.setup);
    assert_eq!(found(&mut detection, "attack", 1), ["Shell"]);
}

proptest! {
    #[test]
    fn all_that_is_found_is_said_or_counted(events in vec(arbitrary::event(), 0..20)) {
        let mut detection = detection("[detect]\nalerts = 3\nrepeat_seconds = 60\n");
        let mut said = 0;
        for event in &events {
            let alerts = detection.inspect(&observed(event), WallOffset(0));
            said += alerts.iter().map(|alert| alert.count).sum::<u64>();
            let due = detection.due(event.origin.time);
            said += due.iter().map(|(_, alert)| alert.count).sum::<u64>();
        }
        said += detection.drain().iter().map(|(_, alert)| alert.count).sum::<u64>();
        let below = limits(&detection)["below_severity"];
        // `every` finds each event; the rules look for words that no event has by chance.
        prop_assert_eq!(said, u64::try_from(events.len()).unwrap());
        prop_assert_eq!(below, said);
    }
}
