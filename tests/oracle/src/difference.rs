//! Verdicts of two engines, counted, and why they differ.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;

use crate::{deviation::DEVIATIONS, reason::REASONS};

/// Most differences that are shown in full.
const SHOWN_MAX: usize = 10;

/// How the sensor's verdicts and another engine's compare.
#[derive(Debug, Default)]
pub struct Differences {
    /// Whether the other engine is the third one.
    pub is_of_third: bool,
    /// How many verdicts of both were compared.
    pub pairs: u64,
    /// How often both said that a rule matches.
    pub both: u64,
    /// How often only the sensor's engine did.
    pub ours_only: u64,
    /// How often only the other one did.
    pub theirs_only: u64,
    /// How many differences have which reasons.
    pub explained: BTreeMap<String, u64>,
    /// How many have none.
    pub unexplained: u64,
    /// Some of those, in full.
    pub shown: Vec<String>,
}

impl Differences {
    /// Counts two verdicts; whether they differ.
    pub fn count(&mut self, ours: bool, theirs: bool) -> bool {
        self.pairs += 1;
        match (ours, theirs) {
            (true, true) => self.both += 1,
            (false, false) => {}
            (true, false) => self.ours_only += 1,
            (false, true) => self.theirs_only += 1,
        }
        ours != theirs
    }

    /// Counts why two verdicts differ; `show` tells of one that has no reason.
    pub fn explain(&mut self, reasons: Option<String>, show: impl FnOnce() -> String) {
        if let Some(reasons) = reasons {
            *self.explained.entry(reasons).or_default() += 1;
            return;
        }
        self.unexplained += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(show());
        }
    }
}

/// The names of the fewest of some reasons that suffice; none if all of them together do not.
///
/// # Errors
///
/// As `suffice`.
pub fn fewest<T: Copy>(
    mut reasons: Vec<T>,
    name: impl Fn(&T) -> &'static str,
    suffice: impl Fn(&[T]) -> Result<bool>,
) -> Result<Option<String>> {
    if !suffice(&reasons)? {
        return Ok(None);
    }
    for reason in &reasons {
        if suffice(&[*reason])? {
            return Ok(Some(name(reason).to_owned()));
        }
    }
    let mut place = 0;
    while place < reasons.len() {
        let mut fewer = reasons.clone();
        fewer.remove(place);
        if suffice(&fewer)? {
            reasons = fewer;
        } else {
            place += 1;
        }
    }
    let names: Vec<&str> = reasons.iter().map(name).collect();
    Ok(Some(names.join(" + ")))
}

impl fmt::Display for Differences {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "| verdicts compared | {} |\n| both match | {} |\n| only ours matches | {} |\n\
             | only theirs matches | {} |\n| differences without a reason | {} |",
            self.pairs, self.both, self.ours_only, self.theirs_only, self.unexplained,
        )?;
        if !self.explained.is_empty() {
            writeln!(formatter, "\n| reason | differences |\n| --- | ---: |")?;
        }
        let mut explained: Vec<_> = self.explained.iter().collect();
        explained.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reasons, count) in explained {
            writeln!(formatter, "| {reasons} | {count} |")?;
        }
        let who = REASONS.iter().map(|reason| (reason.name, reason.who));
        let third = DEVIATIONS.iter().map(|reason| (reason.name, reason.who));
        let legend = if self.is_of_third {
            third.collect::<Vec<_>>()
        } else {
            who.collect()
        };
        writeln!(formatter, "\nWho is right:\n")?;
        for (name, who) in legend {
            if self.explained.keys().any(|reasons| reasons.contains(name)) {
                writeln!(formatter, "- {name}: {who}.")?;
            }
        }
        for shown in &self.shown {
            writeln!(formatter, "\nunexplained: {shown}")?;
        }
        Ok(())
    }
}
