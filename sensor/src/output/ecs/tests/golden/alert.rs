//! What a rule found.

use super::*;
use crate::{
    detect::alert::{Alert, RuleDescription},
    output::samples::alerted,
};

/// The document of the event that it was raised at.
fn event(input: &Input) -> Value {
    let event = Input {
        alert: None,
        ..input.clone()
    };
    parse(&write(&event))
}

#[test]
fn an_alert_is_its_event_with_what_was_found() {
    let mut input = alerted();
    input.known.accounts = Some(accounts());
    let mut expected = event(&input);
    lay(
        &mut expected,
        json!({
            "message": "bash[400] took its input from a socket",
            "event": {
                "id": "0123456789abcdef-11-0-ff-e8d4a51000-6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11-2",
                "kind": "alert",
                "code": "alert",
                "category": ["process", "intrusion_detection"],
                "type": ["info"],
                "action": "rule_detection",
                "dataset": "sensor.alert",
                "severity": 4,
                "risk_score": 73,
                "reason": "bash[400] took its input from a socket",
            },
            "rule": {
                "id": "6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11",
                "uuid": "6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11",
                "name": "Shell on a socket",
                "description": "A shell that somebody drives over the network",
                "author": ["A. Author"],
                "license": "MIT",
                "reference": "https://rules.example/1",
                "category": "detector",
                "ruleset": "sensor",
            },
            "threat": {
                "framework": "MITRE ATT&CK",
                "tactic": {
                    "id": ["TA0002"],
                    "name": ["Execution"],
                    "reference": ["https://attack.mitre.org/tactics/TA0002/"],
                },
                "technique": {
                    "id": ["T1059"],
                    "reference": ["https://attack.mitre.org/techniques/T1059/"],
                    "subtechnique": {
                        "id": ["T1059.004"],
                        "reference": ["https://attack.mitre.org/techniques/T1059/004/"],
                    },
                },
            },
            "sensor": {
                "alert": {
                    "severity": "high",
                    "event_code": "exec",
                    "event_action": "exec",
                    "count": 2,
                    "first": "2026-11-24T03:36:18.000000000Z",
                    "evidence": [
                        "0123456789abcdef-1-0-7-e8990a4600",
                        "0123456789abcdef-11-0-ff-e8d4a51000",
                    ],
                    "evidence_count": 3,
                    "references": ["https://rules.example/1", "RFC 1"],
                    "false_positives": ["Administrators"],
                    "attack_version": "19",
                    "ancestors": [{
                        "pid": 300,
                        "entity_id": "0123456789abcdef-12c-7530",
                        "name": "sshd",
                        "executable": "/usr/sbin/sshd",
                        "command_line": "\"sshd: root\"",
                    }],
                },
            },
        }),
    );
    assert_is(&input, expected);
}

/// Of a rule that says nothing of itself there is nothing to tell but what was seen.
#[test]
fn an_alert_of_a_rule_without_a_word() {
    let mut input = alerted();
    let alert = input.alert.take().unwrap();
    let rule = RuleDescription {
        id: String::new(),
        name: String::new(),
        description: String::new(),
        author: String::new(),
        license: String::new(),
        references: vec![],
        false_positives: vec![String::new()],
        attack: vec![],
        ..(*alert.rule).clone()
    };
    input.alert = Some(Alert::single(
        Arc::new(rule),
        String::new(),
        input.event.origin,
    ));
    let document = parse(&write(&input));
    assert_eq!(document["message"], "rule without a name");
    assert_eq!(
        document["rule"],
        json!({"name": "rule without a name", "category": "detector", "ruleset": "sensor"})
    );
    assert_eq!(document["threat"], Value::Null);
    let alert = document["sensor"]["alert"].as_object().unwrap();
    assert!(!alert.contains_key("false_positives") && !alert.contains_key("attack_version"));
    assert_eq!(alert["evidence"].as_array().map(Vec::len), Some(1));
}
