//! Makes events and puts the verdicts on them side by side.

#[cfg(test)]
mod tests;

use anyhow::{Context as _, Result};
use fastrand::Rng;
use rsigma_parser::{Detection, DetectionItem, FieldSpec};
use sensor::detect::sigma::{
    field::Taxonomy,
    matcher::{Matcher, Scratch},
    rule::Rule,
};
use serde_json::Value as Json;

use crate::{
    deviation::{self, DEVIATIONS, Deviation},
    difference::{Differences, fewest},
    event::Event,
    generate::{self, vocabulary::Vocabulary},
    reason::{REASONS, Reason},
    rules::Pair,
    second::Second,
    specification,
    third::Said,
};

/// That the third engine takes no selection for one of `*` whose name begins with `_`. The specification
/// says so of `them` only.
const OWN: &str = "`of *` and names that begin with `_`";

/// An event and which of the rules about its class match it, by the sensor's engine.
pub struct Judged<'a> {
    /// The event.
    pub event: Event<'a>,
    /// The rules, by place, in ascending order.
    pub ours: Vec<usize>,
}

/// What became of the comparison with the second engine.
#[derive(Default)]
pub struct Comparison<'a> {
    /// The events.
    pub judged: Vec<Judged<'a>>,
    /// How many of them some rule matched.
    pub matched_events: usize,
    /// Whether each rule matched some event by both engines, in the order of rules.
    pub matched_rules: Vec<bool>,
    /// How the verdicts compare.
    pub differences: Differences,
}

/// Makes events, about each rule as many, and compares the verdicts on them.
///
/// # Errors
///
/// The second engine does not take a changed rule.
pub fn second<'a>(
    pairs: &[Pair],
    vocabulary: &'a Vocabulary,
    taxonomy: &dyn Taxonomy,
    count: usize,
    random: &mut Rng,
) -> Result<Comparison<'a>> {
    let rules: Vec<Rule> = pairs.iter().map(|pair| pair.rule.clone()).collect();
    let (matcher, _) = Matcher::compile(&rules, taxonomy);
    let mut scratch = Scratch::default();
    let mut comparison = Comparison::default();
    let mut matched = vec![false; pairs.len()];
    for aim in pairs.iter().cycle().take(count) {
        let Some(class) = random.choice(&aim.classes) else {
            continue;
        };
        let event = generate::event(vocabulary, *class, &aim.rule, random);
        let json = event.flat_json();
        let mut ours = Vec::new();
        matcher.matches(&[*class], &event, &mut scratch, &mut |_, rule| ours.push(rule));
        comparison.matched_events += usize::from(!ours.is_empty());
        for (place, (pair, matched)) in pairs.iter().zip(&mut matched).enumerate() {
            if !pair.classes.contains(class) {
                continue;
            }
            let one = ours.binary_search(&place).is_ok();
            let other = pair.second.matches(&json);
            *matched |= one && other;
            if comparison.differences.count(one, other) {
                let reasons = second_reasons(&pair.second, &event, &json, one)?;
                comparison
                    .differences
                    .explain(reasons, || shown(pair, one, &json));
            }
        }
        comparison.judged.push(Judged { event, ours });
    }
    comparison.matched_rules = matched;
    Ok(comparison)
}

/// Compares the verdicts with those of the third engine.
///
/// # Errors
///
/// The second engine does not take a changed rule.
pub fn third(pairs: &[Pair], judged: &[Judged<'_>], said: &Said) -> Result<Differences> {
    let mut differences = Differences {
        is_of_third: true,
        ..Differences::default()
    };
    for (number, Judged { event, ours }) in judged.iter().enumerate() {
        for place in &said.rules {
            let Some(pair) = pairs.get(*place) else {
                continue;
            };
            if !pair.classes.contains(&event.class) {
                continue;
            }
            let one = ours.binary_search(place).is_ok();
            let other = said.verdicts.contains(&(number, *place));
            if differences.count(one, other) {
                let json = event.flat_json();
                let reasons = third_reasons(&pair.second, event, &json, other)?;
                differences.explain(reasons, || shown(pair, one, &json));
            }
        }
    }
    Ok(differences)
}

fn shown(pair: &Pair, ours: bool, event: &Json) -> String {
    let ours = if ours { "matches" } else { "does not match" };
    let place = &pair.rule.place;
    let text = &pair.text;
    format!("{place} {ours}, but the other engine says otherwise\n{text}\n{event}\n")
}

/// The fewest reasons with which the second engine comes to the sensor's verdict.
fn second_reasons(
    second: &Second,
    event: &Event<'_>,
    json: &Json,
    ours: bool,
) -> Result<Option<String>> {
    let items = items(second);
    let concerns = |reason: &&Reason| items.iter().any(|item| (reason.concerns)(item, event));
    let active: Vec<&Reason> = REASONS.iter().filter(concerns).collect();
    fewest(
        active,
        |reason| reason.name,
        |reasons| {
            let changed = second.matches_if(json, &|item| {
                let concerned = reasons.iter().any(|reason| (reason.concerns)(item, event));
                concerned.then(|| specification::answer(item, event))?
            });
            Ok(changed.context("a difference cannot be looked into")? == Some(ours))
        },
    )
}

/// The fewest deviations with which the third engine's verdict is come to. Questions without one are
/// answered by the second engine, or by the specification where that one is known to differ.
fn third_reasons(
    second: &Second,
    event: &Event<'_>,
    json: &Json,
    theirs: bool,
) -> Result<Option<String>> {
    let reasons = with_deviations(second, event, json, theirs)?;
    let (None, Some(other)) = (&reasons, second.without_own_selections()?) else {
        return Ok(reasons);
    };
    if other.matches(json) == theirs {
        return Ok(Some(OWN.to_owned()));
    }
    let reasons = with_deviations(&other, event, json, theirs)?;
    Ok(reasons.map(|reasons| format!("{OWN} + {reasons}")))
}

fn with_deviations(
    second: &Second,
    event: &Event<'_>,
    json: &Json,
    theirs: bool,
) -> Result<Option<String>> {
    let items = items(second);
    let active: Vec<&Deviation> = DEVIATIONS
        .iter()
        .filter(|deviation| {
            let answer = |item| deviation::answer(&[*deviation], item, event);
            items.iter().any(|item| answer(item).is_some())
        })
        .collect();
    fewest(
        active,
        |deviation| deviation.name,
        |deviations| {
            let changed = second.matches_if(json, &|item| {
                deviation::answer(deviations, item, event).or_else(|| {
                    let differs = REASONS.iter().any(|reason| (reason.concerns)(item, event));
                    differs.then(|| specification::answer(item, event))?
                })
            });
            let changed = changed.context("a difference cannot be looked into")?;
            Ok(changed == Some(theirs))
        },
    )
}

/// The questions of a rule.
fn items(second: &Second) -> Vec<DetectionItem> {
    let mut items = Vec::new();
    for detection in second.rule().detection.named.values() {
        items_of(detection, &mut items);
    }
    items
}

fn items_of(detection: &Detection, items: &mut Vec<DetectionItem>) {
    match detection {
        Detection::AllOf(all) => items.extend(all.iter().cloned()),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            for part in parts {
                items_of(part, items);
            }
        }
        Detection::Keywords(values) => items.push(DetectionItem {
            field: FieldSpec::new(None, Vec::new()),
            values: values.clone(),
        }),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}
