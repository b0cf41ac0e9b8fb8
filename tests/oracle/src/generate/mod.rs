//! Random events that rules match, or nearly.
//!
//! For a rule, a random way through its condition says what an event should have ([`demand`]); values
//! are made for that ([`sample`]), and some of them are then changed a little ([`mutation`]).
//! [`vocabulary`] knows which fields there are.

pub mod demand;
pub mod mutation;
pub mod sample;
pub mod vocabulary;

use std::collections::BTreeMap;

use fastrand::Rng;
use sensor::detect::sigma::{
    field::{Class, FieldId},
    rule::{Position, Rule},
};

use self::{demand::Demand, sample::Shape, vocabulary::Vocabulary};
use crate::event::{Datum, Event};

/// How likely a field that no demand is about has a value all the same.
const BACKGROUND: f64 = 0.3;
/// How likely an event is changed after it was made.
const CHANGED: f64 = 0.6;

/// An event of a class, made for a rule.
pub fn event<'a>(
    vocabulary: &'a Vocabulary,
    class: Class,
    rule: &Rule,
    random: &mut Rng,
) -> Event<'a> {
    let fields = vocabulary.fields(class);
    let mut demands: BTreeMap<FieldId, Vec<Demand<'_>>> = BTreeMap::new();
    for demand in demand::of(rule, random) {
        let field = if demand.field.is_empty() {
            random.choice(fields).map(|field| field.id)
        } else {
            vocabulary.find(class, demand.field)
        };
        if let Some(field) = field {
            demands.entry(field).or_default().push(demand);
        }
    }
    let mut event = Event {
        class,
        values: Vec::new(),
    };
    for field in fields {
        let datum = match (vocabulary.constant(field.id), demands.get(&field.id)) {
            (Some(constant), _) => Some(Datum::Text(constant.to_owned())),
            (None, Some(demands)) => value(demands, random),
            (None, None) if random.f64() < BACKGROUND => vocabulary.any_value(field.id, random),
            (None, None) => None,
        };
        event.values.extend(datum.map(|datum| (field, datum)));
    }
    refer(&mut event, &demands, random);
    if random.f64() < CHANGED {
        mutation::change(&mut event, vocabulary, random);
    }
    event
}

/// A value that is as many demands want it as can be; none if none should be there.
fn value(demands: &[Demand<'_>], random: &mut Rng) -> Option<Datum> {
    let (mut whole, mut start, mut end) = (None, String::new(), String::new());
    let mut middle = Vec::new();
    for demand in demands {
        match sample::shape(demand.test, random) {
            Shape::Absent => return None,
            Shape::Present => {}
            Shape::Whole(datum) => whole = Some(datum),
            Shape::Start(text) => start = text,
            Shape::End(text) => end = text,
            Shape::Anywhere(text) => middle.push(text),
        }
    }
    if let Some(datum) = whole {
        return Some(datum);
    }
    random.shuffle(&mut middle);
    let between = if random.bool() { " " } else { "" };
    let middle = middle.join(between);
    Some(Datum::Text([start, middle, end].join(between)))
}

/// Gives fields what they should have of other fields.
fn refer(event: &mut Event<'_>, demands: &BTreeMap<FieldId, Vec<Demand<'_>>>, random: &mut Rng) {
    for demand in demands.values().flatten() {
        let Some((other, position)) = sample::other_field(demand.test) else {
            continue;
        };
        let Some(datum) = event.get(other).cloned() else {
            continue;
        };
        let text = datum.text().unwrap_or_default();
        let new = match position {
            Position::Whole => datum,
            Position::Start => Datum::Text(format!("{text}x")),
            Position::End => Datum::Text(format!("x{text}")),
            Position::Anywhere => Datum::Text(format!("x{text}{}", random.alphabetic())),
        };
        let field = demand.field;
        let value = event
            .values
            .iter_mut()
            .find(|(known, _)| known.names.iter().any(|name| name == field));
        if let Some((_, old)) = value {
            *old = new;
        }
    }
}
