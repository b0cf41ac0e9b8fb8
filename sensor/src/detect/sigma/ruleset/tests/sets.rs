//! What is in force together.

use super::*;
use crate::detect::{
    alert::RuleKind,
    severity::Severity,
    sigma::{matcher::Use, rule::Status},
};

const A: &str = "11111111-1111-4111-8111-111111111111";
const B: &str = "22222222-2222-4222-8222-222222222222";

#[test]
fn rules_find_events_and_correlations_find_those() {
    let text = [rule("a", A, "/sh"), rule("b", B, "/ls"), twice("two", "a")].join("---\n");
    let Loaded {
        mut ruleset,
        report,
    } = of_text(&text);
    assert_eq!(whats(&report), [""; 0]);
    assert!(!report.is_fatal());
    assert!(
        report.rules.iter().all(|rule| rule.usage == Use::Full),
        "{:?}",
        report.rules
    );
    assert!(found(&mut ruleset, 1, "/bin/cat", "x").is_empty());
    assert_eq!(found(&mut ruleset, 1, "/bin/ls", "x"), ["b"]);
    // `a` is only correlated.
    assert!(found(&mut ruleset, 1, "/bin/sh", "x").is_empty());
    assert!(found(&mut ruleset, 2, "/bin/sh", "y").is_empty());
    assert_eq!(found(&mut ruleset, 3, "/bin/sh", "x"), ["two*"]);
    let kinds: Vec<RuleKind> = ruleset.descriptions().map(|rule| rule.kind).collect();
    assert_eq!(
        kinds,
        [RuleKind::Sigma, RuleKind::Sigma, RuleKind::Correlation]
    );
    let severities = ruleset.descriptions().map(|rule| rule.severity);
    assert!(
        severities
            .into_iter()
            .all(|severity| severity == Severity::Medium)
    );
}

#[test]
fn a_rule_of_two_classes_finds_an_event_of_both_once() {
    let text = rule("a", A, "/sh").replace("category: process_creation", "product: linux");
    let mut ruleset = of_text(&text).ruleset;
    assert_eq!(
        found_as(&mut ruleset, &[PROCESS, CONNECTION], 1, "/bin/sh", "x"),
        ["a"]
    );
    assert_eq!(
        found_as(&mut ruleset, &[CONNECTION], 1, "/bin/sh", "x"),
        ["a"]
    );
    assert!(found_as(&mut ruleset, &[], 1, "/bin/sh", "x").is_empty());
}

#[test]
fn the_first_of_an_id_stays() {
    let upper = rule("b", &A.to_ascii_uppercase(), "/ls");
    let texts = Sources::default()
        .text("one.yml", &rule("a", A, "/sh"))
        .text("two.yml", &upper);
    let Loaded {
        mut ruleset,
        report,
    } = load(&texts);
    assert_eq!(report.problems.len(), 1);
    let problem = &report.problems[0].to_string();
    assert!(
        problem.starts_with("two.yml:1: b: ") && problem.contains("one.yml:1"),
        "{problem}"
    );
    assert_eq!(found(&mut ruleset, 1, "/bin/sh", "x"), ["a"]);
    assert!(found(&mut ruleset, 1, "/bin/ls", "x").is_empty());
}

#[test]
fn two_with_a_name_are_told_and_stay() {
    let text = [rule("a", A, "/sh"), rule("a", B, "/ls")].join("---\n");
    let Loaded {
        mut ruleset,
        report,
    } = of_text(&text);
    assert!(
        report.problems[0].what.contains("its name `a`"),
        "{:?}",
        report.problems
    );
    assert_eq!(found(&mut ruleset, 1, "/bin/ls", "x"), ["a"]);
}

#[test]
fn what_is_deprecated_is_skipped_and_no_problem() {
    let old = format!("status: deprecated\n{}", rule("a", A, "/sh"));
    let not_for_use = format!("status: unsupported\n{}", rule("b", B, "/ls"));
    let text = [old, not_for_use, twice("two", "a")].join("---\n");
    let Loaded {
        mut ruleset,
        report,
    } = of_text(&text);
    let skipped: Vec<(&str, Status)> = report
        .skipped
        .iter()
        .map(|skipped| (&*skipped.title, skipped.status))
        .collect();
    assert_eq!(
        skipped,
        [("a", Status::Deprecated), ("b", Status::Unsupported)]
    );
    assert_eq!(whats(&report), [""; 0]);
    assert!(found(&mut ruleset, 1, "/bin/sh", "x").is_empty());
    assert!(matches!(&report.rules[0].usage, Use::Refused(reason) if reason.contains("`a`")));
    assert_eq!(ruleset.descriptions().count(), 0);
}

#[test]
fn what_is_wrong_leaves_the_rest_alone() {
    let unknown = rule("b", B, "/ls").replace("process_creation", "registry_event");
    let text = [
        "title: [broken\n".to_owned(),
        rule("a", A, "/sh"),
        unknown,
        twice("cycle", "cycle").replacen("correlation:", "name: cycle\ncorrelation:", 1),
    ];
    let texts = text.iter().enumerate();
    let sources = texts.fold(Sources::default(), |sources, (number, text)| {
        sources.text(&format!("{number}.yml"), text)
    });
    let Loaded {
        mut ruleset,
        report,
    } = load(&sources);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(found(&mut ruleset, 1, "/bin/sh", "x"), ["a"]);
    assert_eq!(report.rules.len(), 3);
    let unusable = |usage: &Use| matches!(usage, Use::Refused(_) | Use::NeverFires(_));
    assert!(
        report.rules[1..].iter().all(|rule| unusable(&rule.usage)),
        "{:?}",
        report.rules
    );
    assert!(!report.is_fatal());
}

#[test]
fn filters_change_rules_and_one_for_none_is_told() {
    let filter = |rules: &str| {
        format!(
            "title: not root\nlogsource:\n  category: process_creation\nfilter:\n  rules: {rules}\n\
             \x20 selection:\n    User: root\n  condition: not selection\n"
        )
    };
    let text = [filter(&format!("[{A}]")), rule("a", A, "/sh")].join("---\n");
    let Loaded {
        mut ruleset,
        report,
    } = of_text(&text);
    assert_eq!(whats(&report), [""; 0]);
    assert!(found(&mut ruleset, 1, "/bin/sh", "root").is_empty());
    assert_eq!(found(&mut ruleset, 1, "/bin/sh", "x"), ["a"]);
    let text = [filter(&format!("[{B}]")), rule("a", A, "/sh")].join("---\n");
    let report = of_text(&text).report;
    assert!(
        report.problems[0].what.contains("filter"),
        "{:?}",
        report.problems
    );
}

#[test]
fn a_new_set_goes_on_with_what_the_old_one_remembers() {
    let old = [rule("a", A, "/sh"), twice("two", "a")].join("---\n");
    let mut before = of_text(&old).ruleset;
    assert!(found(&mut before, 1, "/bin/sh", "x").is_empty());
    let new = [rule("b", B, "/ls"), rule("a", A, "/sh"), twice("two", "a")].join("---\n");
    let mut after = of_text(&new).ruleset;
    after.take_over(before);
    assert_eq!(found(&mut after, 2, "/bin/sh", "x"), ["two*"]);
    assert_eq!(found(&mut after, 2, "/bin/ls", "x"), ["b"]);
    let mut names = Vec::new();
    after.limits(&mut |name, count| names.push((name, count)));
    assert!(names.contains(&("correlation_groups_full", 0)));
}

#[test]
fn a_set_can_be_given_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&of_text("").ruleset);
}
