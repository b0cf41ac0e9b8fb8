//! `sensor rules check`: which rules work here, and why others do not.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use super::Answer;
use crate::detect::sigma::{
    matcher::Use,
    problem::Problem,
    reading::Placeholders,
    rule::Status,
    ruleset::{Report, RuleReport, Ruleset, Skipped},
    taxonomy::LinuxTaxonomy,
};

/// How many rules are of which use.
#[derive(Debug, Default)]
struct Counts {
    full: usize,
    partial: usize,
    never: usize,
    refused: usize,
}

/// Says what is to be said of rules, in the order of their files: what the sensor would make of them.
///
/// # Errors
///
/// If a path cannot be read at all.
pub(super) fn check(paths: &[PathBuf]) -> Result<Answer, String> {
    let report = Ruleset::load(paths, Arc::new(LinuxTaxonomy), &Placeholders::default()).report;
    if let Some(unreadable) = report.unreadable.first() {
        return Err(unreadable.to_string());
    }
    let mut counts = Counts::default();
    let mut remarks = report.problems.clone();
    remarks.extend(report.skipped.iter().map(skipped));
    for rule in &report.rules {
        remarks.extend(counts.remark(rule));
    }
    remarks.sort_by(|one, other| {
        let key = |problem: &Problem| (problem.place.file.clone(), problem.place.line);
        key(one).cmp(&key(other))
    });
    let mut text = String::new();
    for remark in &remarks {
        // A file's own words may hold anything.
        let line = remark.to_string().replace(char::is_control, "?");
        let _ = writeln!(text, "{line}");
    }
    summary(&report, &counts, &mut text);
    Ok(Answer {
        text,
        is_good: report.problems.is_empty() && counts.refused == 0,
    })
}

fn skipped(skipped: &Skipped) -> Problem {
    let status = match skipped.status {
        Status::Unsupported => "unsupported",
        _ => "deprecated",
    };
    Problem {
        place: skipped.place.clone(),
        title: Some(skipped.title.clone()),
        what: format!("is left out: it calls itself {status}"),
    }
}

impl Counts {
    /// Counts a rule; says what is to be said of it.
    fn remark(&mut self, rule: &RuleReport) -> Option<Problem> {
        let what = match &rule.usage {
            Use::Full => {
                self.full += 1;
                return None;
            }
            Use::Partial(reason) => {
                self.partial += 1;
                format!("works in part: {reason}")
            }
            Use::NeverFires(reason) => {
                self.never += 1;
                format!("never fires: {reason}")
            }
            Use::Refused(reason) => {
                self.refused += 1;
                format!("is not used: {reason}")
            }
        };
        Some(Problem {
            place: rule.place.clone(),
            title: Some(rule.title.clone()),
            what,
        })
    }
}

fn summary(report: &Report, counts: &Counts, text: &mut String) {
    let Counts {
        full,
        partial,
        never,
        refused,
    } = counts;
    let _ = writeln!(
        text,
        "{}: {full} in full, {partial} in part, {never} never fire, {refused} refused",
        counted(report.rules.len(), "rule")
    );
    let others = [
        (report.skipped.len(), "rule left out", "rules left out"),
        (report.problems.len(), "problem", "problems"),
    ];
    for (count, one, several) in others {
        if count > 0 {
            let what = if count == 1 { one } else { several };
            let _ = writeln!(text, "{count} {what}");
        }
    }
}

/// How many there are of something.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
