//! The rules that SigmaHQ has published for Linux, on events that are made for each.

use std::{fs, path::Path, sync::Arc};

use super::{Values, events};
use crate::detect::sigma::{
    matcher::Use,
    reading::{self, Given, Placeholders},
    rule::Rule,
    taxonomy::LinuxTaxonomy,
    trial::Candidate,
};

/// The published rules of a directory; none where they are not there.
fn published(category: &str) -> Option<Vec<Rule>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/sigma/linux")
        .join(category);
    let Ok(entries) = fs::read_dir(&directory) else {
        println!("skipped: there are no published rules");
        return None;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let mut rules = Vec::new();
    paths.sort();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let reading = reading::read(&text, &Arc::from(&*path), &Placeholders::default());
        assert_eq!(reading.problems, [], "{}", path.display());
        rules.extend(reading.rules);
    }
    Some(rules)
}

fn given(event: &Values) -> Vec<(String, Given)> {
    let values = event.iter();
    values
        .map(|(name, text)| (name.clone(), Given::Text(text.clone())))
        .collect()
}

/// Tries each rule on its events; gives how many events there were, and the titles of those rules
/// that no event is made for.
fn try_all(rules: &[Rule]) -> (usize, Vec<&str>) {
    let mut tried = 0;
    let mut without = Vec::new();
    for rule in rules {
        let candidate = Candidate::new(rule, &LinuxTaxonomy);
        let Some(events) = events(rule) else {
            without.push(&*rule.header.title);
            continue;
        };
        let matches = |event: &Values| candidate.matches(&given(event));
        let place = &rule.place;
        let positive = &events.positive;
        assert_eq!(matches(positive), Ok(true), "{place}: {positive:?}");
        assert!(!events.negatives.is_empty(), "{place}");
        for negative in &events.negatives {
            assert_eq!(matches(negative), Ok(false), "{place}: {negative:?}");
        }
        tried += 1 + events.negatives.len();
    }
    (tried, without)
}

#[test]
fn every_published_rule_matches_what_it_is_about_and_nothing_else() {
    for (category, least) in [("process_creation", 122), ("network_connection", 5)] {
        let Some(rules) = published(category) else {
            return;
        };
        assert!(rules.len() >= least, "{} rules", rules.len());
        let (tried, without) = try_all(&rules);
        println!("{category}: {} rules, {tried} events", rules.len());
        assert_eq!(without, [""; 0]);
        assert!(tried > 3 * rules.len());
    }
}

#[test]
fn every_published_rule_about_execs_and_connections_can_be_used() {
    for category in ["process_creation", "network_connection"] {
        let Some(rules) = published(category) else {
            return;
        };
        for rule in &rules {
            match Candidate::new(rule, &LinuxTaxonomy).usable() {
                Use::Full => {}
                // Some are written with the separators of Windows.
                Use::NeverFires(reason) if reason.contains('\\') => {
                    println!("{}: {reason}", rule.place);
                }
                other => panic!("{}: {other:?}", rule.place),
            }
        }
    }
}

#[test]
fn rules_of_audit_that_need_other_records_never_fire() {
    let Some(rules) = published("auditd") else {
        return;
    };
    let (mut usable, mut never) = (0, 0);
    for rule in &rules {
        match Candidate::new(rule, &LinuxTaxonomy).usable() {
            Use::Full | Use::Partial(_) => usable += 1,
            Use::NeverFires(_) => never += 1,
            Use::Refused(reason) => panic!("{}: {reason}", rule.place),
        }
    }
    println!("auditd: {usable} of {} rules can fire", rules.len());
    assert!(usable >= 21 && never > 0);
}
