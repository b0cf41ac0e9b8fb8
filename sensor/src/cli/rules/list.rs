//! `sensor rules list`: rules, with what they are about.

use serde::Serialize;

use super::{
    Answer,
    columns::columns,
    loading::{self, Files},
};
use crate::cli::say;
use crate::detect::sigma::{
    correlation::Correlation,
    matcher::{Matcher, Use},
    reading::{Placeholders, Unresolved},
    rule::{Header, Level, LogSource, Place, Rule, Status},
    taxonomy::LinuxTaxonomy,
};

/// A rule, as programs are told of it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    log_source: String,
    /// ATT&CK's techniques, or its tactics where there are none.
    attack: Vec<String>,
    #[serde(rename = "use")]
    usable: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    file: String,
    line: usize,
}

/// Lists rules; what could not be read is said on standard error.
pub(super) fn list(files: &Files, placeholders: &Placeholders, json: bool) -> Answer {
    let contents = loading::read_all(files, placeholders);
    let (_, uses) = Matcher::compile(&contents.rules, &LinuxTaxonomy);
    let rules = contents.rules.iter().zip(&uses);
    let rows: Vec<Row<'_>> = rules
        .map(|(rule, usable)| of_rule(rule, usable))
        .chain(contents.correlations.iter().map(of_correlation))
        .chain(contents.unresolved.iter().map(of_unresolved))
        .collect();
    let text = if json { lines(&rows) } else { table(&rows) };
    for problem in &contents.problems {
        say(problem.to_string().replace(char::is_control, "?"));
    }
    Answer {
        text,
        is_good: contents.problems.is_empty(),
    }
}

fn of_rule<'a>(rule: &'a Rule, usable: &'a Use) -> Row<'a> {
    let (usable, reason) = match usable {
        Use::Full => ("full", None),
        Use::Partial(reason) => ("partial", Some(&**reason)),
        Use::NeverFires(reason) => ("never", Some(&**reason)),
        Use::Refused(reason) => ("refused", Some(&**reason)),
    };
    Row {
        usable,
        reason,
        ..row(&rule.header, &rule.place, source(&rule.log_source))
    }
}

fn of_correlation(correlation: &Correlation) -> Row<'_> {
    row(
        &correlation.header,
        &correlation.place,
        "correlation".to_owned(),
    )
}

fn of_unresolved(unresolved: &Unresolved) -> Row<'_> {
    Row {
        usable: "unresolved",
        ..row(&unresolved.header, &unresolved.place, String::new())
    }
}

fn row<'a>(header: &'a Header, place: &Place, log_source: String) -> Row<'a> {
    Row {
        id: header.id.as_deref(),
        title: &header.title,
        level: header.level.map(level),
        status: header.status.map(status),
        log_source,
        attack: attack(&header.tags),
        usable: "full",
        reason: None,
        file: place.file.display().to_string(),
        line: place.line,
    }
}

fn table(rows: &[Row<'_>]) -> String {
    let heading = ["ID", "LEVEL", "USE", "LOG SOURCE", "ATT&CK", "TITLE"].map(str::to_owned);
    let body = rows.iter().map(|row| {
        [
            row.id.unwrap_or_default().to_owned(),
            row.level.unwrap_or_default().to_owned(),
            row.usable.to_owned(),
            row.log_source.clone(),
            row.attack.join(" "),
            row.title.to_owned(),
        ]
    });
    columns(&std::iter::once(heading).chain(body).collect::<Vec<_>>())
}

fn lines(rows: &[Row<'_>]) -> String {
    let lines = rows
        .iter()
        .filter_map(|row| serde_json::to_string(row).ok());
    lines.map(|line| line + "\n").collect()
}

/// The parts of a log source that say something.
pub(super) fn source(source: &LogSource) -> String {
    let parts = [&source.product, &source.category, &source.service];
    let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
    parts.join("/")
}

fn attack(tags: &[String]) -> Vec<String> {
    let tags = tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
    let (techniques, tactics): (Vec<&str>, Vec<&str>) = tags.partition(|tag| {
        let digits = tag.strip_prefix(['t', 'T']).unwrap_or_default();
        digits.starts_with(|first: char| first.is_ascii_digit())
    });
    if techniques.is_empty() {
        tactics.into_iter().map(str::to_owned).collect()
    } else {
        techniques.into_iter().map(str::to_uppercase).collect()
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Informational => "informational",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Stable => "stable",
        Status::Test => "test",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
        Status::Unsupported => "unsupported",
    }
}
