//! `sensor rules check`: which rules work here, and why others do not.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc};

use super::{Answer, columns::columns, list::source};
use crate::detect::sigma::{
    matcher::Use,
    problem::Problem,
    reading::{Placeholders, Unresolved},
    rule::Status,
    ruleset::{Report, RuleReport, Ruleset, Skipped},
    taxonomy::LinuxTaxonomy,
};

/// How many rules are of which use.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    full: usize,
    partial: usize,
    never: usize,
    refused: usize,
}

/// Says what is to be said of rules, in the order of their files: what the sensor would make of them.
/// If it is strict, rules that can never fire are a failure, and those whose placeholders have no
/// values.
///
/// # Errors
///
/// If a path cannot be read at all.
pub(super) fn check(
    paths: &[PathBuf],
    placeholders: &Placeholders,
    strict: bool,
) -> Result<Answer, String> {
    let report = Ruleset::load(paths, Arc::new(LinuxTaxonomy), placeholders).report;
    if let Some(unreadable) = report.unreadable.first() {
        return Err(unreadable.to_string());
    }
    let mut sources: BTreeMap<String, Counts> = BTreeMap::new();
    let mut remarks = report.problems.clone();
    remarks.extend(report.skipped.iter().map(skipped));
    remarks.extend(report.unresolved.iter().map(Unresolved::problem));
    for rule in &report.rules {
        let named = rule.log_source.as_ref().map(source);
        let counts = sources.entry(named.unwrap_or_else(|| "correlation".to_owned()));
        remarks.extend(counts.or_default().remark(rule));
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
    let counts = sources.values().fold(Counts::default(), Counts::with);
    text.push_str(&by_source(&sources));
    summary(&report, counts, &mut text);
    let is_usable = counts.never == 0 && report.unresolved.is_empty();
    Ok(Answer {
        text,
        is_good: report.problems.is_empty() && counts.refused == 0 && (is_usable || !strict),
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

    /// Both together.
    const fn with(self, other: &Self) -> Self {
        Self {
            full: self.full + other.full,
            partial: self.partial + other.partial,
            never: self.never + other.never,
            refused: self.refused + other.refused,
        }
    }

    const fn all(self) -> usize {
        self.full + self.partial + self.never + self.refused
    }
}

/// A table of the log sources, if there are several.
fn by_source(sources: &BTreeMap<String, Counts>) -> String {
    if sources.len() < 2 {
        return String::new();
    }
    let heading = [
        "LOG SOURCE",
        "RULES",
        "IN FULL",
        "IN PART",
        "NEVER",
        "REFUSED",
    ]
    .map(str::to_owned);
    let body = sources.iter().map(|(source, counts)| {
        [
            source.clone(),
            counts.all().to_string(),
            counts.full.to_string(),
            counts.partial.to_string(),
            counts.never.to_string(),
            counts.refused.to_string(),
        ]
    });
    columns(&std::iter::once(heading).chain(body).collect::<Vec<_>>())
}

fn summary(report: &Report, counts: Counts, text: &mut String) {
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
    if !report.unresolved.is_empty() {
        let _ = writeln!(text, "{}", unresolved(report.unresolved.len()));
    }
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

/// That so many rules have placeholders without values.
pub(super) fn unresolved(count: usize) -> String {
    format!(
        "{} with placeholders that have no values: name the configuration that has them with `--config`",
        counted(count, "rule")
    )
}

/// How many there are of something.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
