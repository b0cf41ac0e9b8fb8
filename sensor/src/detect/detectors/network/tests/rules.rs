//! What holds for every detector.

use std::collections::HashSet;

use crate::detect::{
    alert::{AttackTag, RuleKind},
    detectors::{
        network::{
            Settings, all, beaconing::Beaconing, dns_tunnelling::DnsTunnelling,
            elevation_guessing::ElevationGuessing, exfiltration::Exfiltration,
            inbound_scan::InboundScan, network_sweep::NetworkSweep, port_scan::PortScan,
            ssh_guessing::SshGuessing,
        },
        scene::withstands,
    },
};

#[test]
fn each_rule_says_what_people_need() {
    let detectors = all(&Settings::default());
    let rules: Vec<_> = detectors
        .iter()
        .flat_map(|detector| detector.rules())
        .collect();
    let ids: HashSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        assert_eq!(rule.kind, RuleKind::Detector);
        assert!(
            !rule.name.is_empty() && !rule.description.is_empty(),
            "{}",
            rule.id
        );
        assert!(!rule.false_positives.is_empty(), "{}", rule.id);
        assert!(!rule.references.is_empty(), "{}", rule.id);
        let is_technique = |tag: &&AttackTag| matches!(tag, AttackTag::Technique(_));
        let techniques = rule.attack.iter().filter(is_technique).count();
        assert!((1..rule.attack.len()).contains(&techniques), "{}", rule.id);
    }
}

#[test]
fn whatever_happens_is_withstood() {
    withstands(|| PortScan::new(Default::default()));
    withstands(|| InboundScan::new(Default::default()));
    withstands(|| NetworkSweep::new(Default::default()));
    withstands(|| Beaconing::new(Default::default()));
    withstands(|| SshGuessing::new(Default::default()));
    withstands(|| ElevationGuessing::new(Default::default()));
    withstands(|| DnsTunnelling::new(Default::default()));
    withstands(|| Exfiltration::new(Default::default()));
}
