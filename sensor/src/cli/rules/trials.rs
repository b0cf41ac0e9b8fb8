//! `sensor rules test`: the tests beside files of rules.

use std::{fmt::Write as _, path::Path, sync::Arc};

use super::{
    Answer,
    check::{counted, unresolved},
    loading::{self, Files},
};
use crate::detect::sigma::{
    matcher::Use,
    problem::Problem,
    reading::{self, Placeholders, Reading, Trial, Unresolved},
    rule::{Header, Rule},
    taxonomy::LinuxTaxonomy,
    trial::Candidate,
};

/// What came of all tests.
#[derive(Debug, Default)]
struct Outcome {
    remarks: Vec<Problem>,
    rules: usize,
    passed: usize,
    failed: usize,
    problems: usize,
    /// Rules without a test that matches, or without one that does not.
    untested: usize,
    correlations: usize,
    /// Rules whose placeholders have no values; their tests are not run.
    unresolved: usize,
}

/// Runs the tests of rules.
pub(super) fn test(files: &Files, placeholders: &Placeholders, require_tests: bool) -> Answer {
    let mut outcome = Outcome {
        remarks: files.problems.clone(),
        problems: files.problems.len(),
        ..Outcome::default()
    };
    for path in &files.files {
        outcome.file(path, placeholders);
    }
    let mut text = String::new();
    for remark in &outcome.remarks {
        let line = remark.to_string().replace(char::is_control, "?");
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "{}, {}: {} passed, {} failed; {} not tested both ways",
        counted(outcome.rules, "rule"),
        counted(outcome.passed + outcome.failed, "test"),
        outcome.passed,
        outcome.failed,
        counted(outcome.untested, "rule"),
    );
    if outcome.correlations > 0 {
        let correlations = counted(outcome.correlations, "correlation");
        let _ = writeln!(
            text,
            "{correlations}, which no such test can try: use `sensor replay`"
        );
    }
    if outcome.unresolved > 0 {
        let _ = writeln!(text, "{}", unresolved(outcome.unresolved));
    }
    if outcome.problems > 0 {
        let _ = writeln!(text, "{}", counted(outcome.problems, "problem"));
    }
    let is_tested = !require_tests || outcome.untested == 0;
    Answer {
        text,
        is_good: outcome.failed == 0 && outcome.problems == 0 && is_tested,
    }
}

impl Outcome {
    fn file(&mut self, path: &Path, placeholders: &Placeholders) {
        let Reading {
            rules,
            correlations,
            unresolved,
            problems,
            ..
        } = loading::read(path, placeholders);
        self.refuse(problems);
        self.rules += rules.len();
        self.correlations += correlations.len();
        self.unresolved += unresolved.len();
        self.remarks
            .extend(unresolved.iter().map(Unresolved::problem));
        let mut trials = self.trials(path);
        let in_all = rules.len() + unresolved.len();
        trials.retain(|trial| !is_unresolved(trial, &unresolved, in_all));
        let meant: Vec<Option<usize>> = trials.iter().map(|trial| meant(trial, &rules)).collect();
        for (trial, meant) in trials.iter().zip(&meant) {
            if meant.is_none() {
                self.refuse(vec![no_rule(trial, rules.len())]);
            }
        }
        for (index, rule) in rules.iter().enumerate() {
            let its = trials.iter().zip(&meant);
            let its = its.filter(|(_, meant)| **meant == Some(index));
            self.rule(rule, &its.map(|(trial, _)| trial).collect::<Vec<_>>());
        }
    }

    /// The tests beside a file.
    fn trials(&mut self, path: &Path) -> Vec<Trial> {
        let Some(tests) = loading::tests_of(path) else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        let text = loading::text(&tests, &mut problems);
        let (trials, unusable) = text
            .map(|text| reading::read_trials(&text, &Arc::from(&*tests)))
            .unwrap_or_default();
        self.refuse(problems);
        self.refuse(unusable);
        trials
    }

    fn rule(&mut self, rule: &Rule, trials: &[&Trial]) {
        let candidate = Candidate::new(rule, &LinuxTaxonomy);
        for trial in trials {
            let found = match candidate.usable() {
                Use::Refused(reason) => Err(format!("the rule is not used: {reason}")),
                Use::NeverFires(reason) if trial.matches => {
                    Err(format!("the rule never fires: {reason}"))
                }
                _ => candidate.matches(&trial.event),
            };
            let what = match found {
                Ok(found) if found == trial.matches => {
                    self.passed += 1;
                    continue;
                }
                Ok(true) => "the rule should not match, and does".to_owned(),
                Ok(false) => "the rule should match, and does not".to_owned(),
                Err(reason) => reason,
            };
            self.failed += 1;
            self.remarks.push(Problem {
                place: trial.place.clone(),
                title: Some(trial.name.clone()),
                what,
            });
        }
        let has = |matches: bool| trials.iter().any(|trial| trial.matches == matches);
        let what = match (has(true), has(false)) {
            (true, true) => return,
            (true, false) => "has no test that does not match",
            (false, true) => "has no test that matches",
            (false, false) => "has no tests",
        };
        self.untested += 1;
        self.remarks.push(Problem {
            place: rule.place.clone(),
            title: Some(rule.header.title.clone()),
            what: what.to_owned(),
        });
    }

    fn refuse(&mut self, problems: Vec<Problem>) {
        self.problems += problems.len();
        self.remarks.extend(problems);
    }
}

/// Which rule of a file a test is about.
fn meant(trial: &Trial, rules: &[Rule]) -> Option<usize> {
    let Some(called) = &trial.rule else {
        return (rules.len() == 1).then_some(0);
    };
    rules
        .iter()
        .position(|rule| is_called(&rule.header, called))
}

/// Whether a test is about a rule that cannot be tried; `in_all` are the rules of the file.
fn is_unresolved(trial: &Trial, unresolved: &[Unresolved], in_all: usize) -> bool {
    match &trial.rule {
        Some(called) => unresolved
            .iter()
            .any(|rule| is_called(&rule.header, called)),
        None => in_all == 1 && unresolved.len() == 1,
    }
}

fn is_called(header: &Header, called: &String) -> bool {
    let names = [
        Some(&header.title),
        header.id.as_ref(),
        header.name.as_ref(),
    ];
    names.contains(&Some(called))
}

fn no_rule(trial: &Trial, rules: usize) -> Problem {
    let what = match &trial.rule {
        Some(called) => format!("the file has no rule `{called}`"),
        None => format!(
            "the file has {}: name the one that is meant with `rule`",
            counted(rules, "rule")
        ),
    };
    Problem {
        place: trial.place.clone(),
        title: Some(trial.name.clone()),
        what,
    }
}
