//! What a rule is good for here, by what its questions come to in each class of events.

use std::collections::{BTreeMap, BTreeSet};

use crate::detect::sigma::field::Taxonomy;

/// Most lines that are named of a field.
const LINES_MAX: usize = 8;

/// What a rule is good for here; the texts are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// It can find all that it is about.
    Full,
    /// It can match, but not in every case that it is about, or in more: why.
    Partial(String),
    /// It cannot match: why. Where only the way that paths are written stands against it, it is still
    /// tried, as a file may have any name.
    NeverFires(String),
    /// It is not used: why.
    Refused(String),
}

/// What comes of a rule in a class of events.
#[derive(Debug)]
pub(super) struct InClass<'a> {
    pub(super) outcome: Outcome,
    /// Questions that are answered without an event, by their number, which is the same in every class.
    pub(super) settled: BTreeMap<usize, Settled<'a>>,
}

/// Whether a rule can match in a class.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It matches all events.
    Always,
    /// It matches none.
    Never,
    /// It matches none on Linux, as a rule: why.
    Unlikely(String),
    /// It matches some.
    Possible,
}

/// A question that is answered without an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled<'a> {
    /// The field that is asked for.
    pub(super) field: &'a str,
    /// Where it is asked for.
    pub(super) line: usize,
    /// What the field always is; none where there is no such field.
    pub(super) constant: Option<&'static str>,
    pub(super) effect: Effect,
}

/// What the answer does to the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// What needs it is not met.
    Blocks,
    /// What needs it is met without it: a filter that excludes nothing.
    Frees,
}

impl Use {
    /// What a rule is good for that is about these classes. It lacks only what none of them has: each
    /// is a record of its own, as audit's are, and a rule need not match in all.
    pub(super) fn of_classes(classes: &[InClass<'_>], taxonomy: &dyn Taxonomy) -> Self {
        let has = |wanted: fn(&Outcome) -> bool| classes.iter().any(|class| wanted(&class.outcome));
        let everywhere = Lack::everywhere(classes);
        if has(|outcome| matches!(outcome, Outcome::Possible)) {
            let mut reasons = Vec::new();
            reasons.extend(
                everywhere
                    .reason(Effect::Blocks, taxonomy)
                    .map(|lack| format!("{lack}, so what asks for that is never met")),
            );
            reasons.extend(
                everywhere
                    .absent(Effect::Frees)
                    .reason(Effect::Frees, taxonomy)
                    .map(|lack| format!("{lack}, so a condition on that excludes nothing")),
            );
            if has(|outcome| matches!(outcome, Outcome::Always)) {
                reasons
                    .push("it matches every event of some kind, and is not tried on those".into());
            }
            return if reasons.is_empty() {
                Self::Full
            } else {
                Self::Partial(reasons.join("; "))
            };
        }
        if has(|outcome| matches!(outcome, Outcome::Always)) {
            return Self::Refused(match everywhere.reason(Effect::Frees, taxonomy) {
                Some(lack) => format!("it matches every event, as {lack}"),
                None => "it matches every event".to_owned(),
            });
        }
        let unlikely = classes.iter().find_map(|class| match &class.outcome {
            Outcome::Unlikely(reason) => Some(reason.clone()),
            _ => None,
        });
        Self::NeverFires(
            unlikely
                .or_else(|| everywhere.reason(Effect::Blocks, taxonomy))
                .or_else(|| at_once(classes))
                .unwrap_or_else(|| match classes {
                    [] => "there are no such events".to_owned(),
                    _ => "its condition can never be met".to_owned(),
                }),
        )
    }
}

/// What a rule asks for that no class has: fields by name, with what each always is where it is there,
/// and the lines that ask.
#[derive(Debug, Default)]
struct Lack<'a>(BTreeMap<(Effect, &'a str, BTreeSet<&'static str>), BTreeSet<usize>>);

impl<'a> Lack<'a> {
    fn everywhere(classes: &[InClass<'a>]) -> Self {
        let mut lack = Self::default();
        let Some((first, others)) = classes.split_first() else {
            return lack;
        };
        for (question, settled) in &first.settled {
            let elsewhere: Option<Vec<&Settled<'a>>> = others
                .iter()
                .map(|class| class.settled.get(question))
                .map(|other| other.filter(|other| other.effect == settled.effect))
                .collect();
            let Some(elsewhere) = elsewhere else {
                continue;
            };
            let all = || elsewhere.iter().copied().chain([settled]);
            let constants: BTreeSet<_> = all().filter_map(|settled| settled.constant).collect();
            let key = (settled.effect, settled.field, constants);
            lack.0.entry(key).or_default().insert(settled.line);
        }
        lack
    }

    /// That with an effect of which there is no field at all.
    fn absent(&self, effect: Effect) -> Self {
        let absent = self
            .0
            .iter()
            .filter(|((of, _, constants), _)| *of == effect && constants.is_empty());
        Self(
            absent
                .map(|(key, lines)| (key.clone(), lines.clone()))
                .collect(),
        )
    }

    /// In words; none if nothing with this effect is lacking.
    fn reason(&self, effect: Effect, taxonomy: &dyn Taxonomy) -> Option<String> {
        let mut absent = Vec::new();
        let mut fixed = Vec::new();
        for ((of, field, constants), lines) in &self.0 {
            if *of != effect {
                continue;
            }
            let lines = in_words(lines);
            if constants.is_empty() {
                let needs = taxonomy.absent(field);
                let needs = needs.map_or_else(String::new, |what| format!(": {what}"));
                absent.push(format!("`{field}` ({lines}{needs})"));
            } else {
                let constants: Vec<_> = constants.iter().map(|one| format!("`{one}`")).collect();
                fixed.push(format!(
                    "`{field}` is always {} ({lines})",
                    constants.join(" or ")
                ));
            }
        }
        if !absent.is_empty() {
            fixed.insert(0, format!("the events have no {}", absent.join(", ")));
        }
        (!fixed.is_empty()).then(|| fixed.join(", and "))
    }
}

/// That no event has all that is asked for, although each has some.
fn at_once(classes: &[InClass<'_>]) -> Option<String> {
    let blocking = classes
        .iter()
        .flat_map(|class| class.settled.values())
        .filter(|settled| settled.effect == Effect::Blocks);
    let mut fields: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for settled in blocking {
        fields
            .entry(settled.field)
            .or_default()
            .insert(settled.line);
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(field, lines)| format!("`{field}` ({})", in_words(lines)))
        .collect();
    (!fields.is_empty()).then(|| {
        format!(
            "no event has at once what is asked for in {}",
            fields.join(", ")
        )
    })
}

fn in_words(lines: &BTreeSet<usize>) -> String {
    let told: Vec<String> = lines.iter().take(LINES_MAX).map(usize::to_string).collect();
    let more = if lines.len() > LINES_MAX { ", ..." } else { "" };
    let plural = if lines.len() == 1 { "" } else { "s" };
    format!("line{plural} {}{more}", told.join(", "))
}
