//! Why the third engine differs: what it answers to questions of some sorts, by how it was seen to.

use std::net::IpAddr;

use rsigma_parser::{DetectionItem, FieldSpec, Modifier, SigmaValue};

use crate::{
    event::{Datum, Event},
    reason::{datum, is_comparison, is_strange},
    specification::{self, has, is_moment},
};

/// Why the third engine differs.
#[derive(Clone, Copy)]
pub struct Deviation {
    /// Its name.
    pub name: &'static str,
    /// Who is right by the specification, and why.
    pub who: &'static str,
    /// What it answers to a question with one value, if that is of this sort.
    pub answer: fn(&DetectionItem, &SigmaValue, &Event<'_>) -> Option<bool>,
}

/// All of them for Tenzir 6.20.
pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        name: "numbers, truths and texts are never the same",
        who: "open: the specification does not say how values of different sorts compare; ours \
              compares their texts, as rules are written with either. Tenzir takes a text in a rule \
              that looks like a number, an address or a duration for one, in quotation marks too",
        answer: |item, value, event| {
            let datum = datum(item, event)?;
            if !is_of_text(item) || *datum == Datum::Null {
                return None;
            }
            let placed = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith]
                .iter()
                .any(|modifier| has(item, *modifier));
            let is_text = matches!(datum, Datum::Text(_) | Datum::List { .. });
            let differ = (is_text && is_other_sort(value)) || (!is_text && placed);
            differ.then_some(false)
        },
    },
    Deviation {
        name: "only numbers, addresses and moments are asked as such",
        who: "open: ours takes a text that is one, as most sources write them; JSON has no addresses \
              and moments",
        answer: |item, _, event| {
            let datum = datum(item, event)?;
            let moment = item.field.modifiers.iter().any(is_moment);
            let number = is_comparison(item) && !matches!(datum, Datum::Number(_));
            (moment || number || has(item, Modifier::Cidr)).then_some(false)
        },
    },
    Deviation {
        name: "neq of a field that is absent",
        who: "ours, as with rsigma",
        answer: |item, _, event| {
            let absent = matches!(datum(item, event), None | Some(Datum::Null));
            (item.field.name.is_some() && has(item, Modifier::Neq) && absent).then_some(true)
        },
    },
    Deviation {
        name: "words with modifiers",
        who: "ours: words without a field may have `all`, `contains` and `re`; Tenzir finds none",
        answer: |item, _, _| {
            (item.field.name.is_none() && !item.field.modifiers.is_empty()).then_some(false)
        },
    },
    Deviation {
        name: "several texts",
        who: "neither, as with rsigma",
        answer: |item, value, event| {
            let Some(name) = &item.field.name else {
                return words_of_lists(item, event);
            };
            let Datum::List { parts, .. } = datum(item, event)? else {
                return None;
            };
            let with = |part: &String| {
                let mut event = event.clone();
                for (field, datum) in &mut event.values {
                    if field.names.contains(name) {
                        *datum = Datum::Text(part.clone());
                    }
                }
                let text = specification::answer(item, &event);
                let text = text.map(|answer| answer != has(item, Modifier::Neq));
                let other = folded(item, value, part).or_else(|| of_ascii(item, value, part));
                other.or(text)
            };
            let answers: Option<Vec<bool>> = parts.iter().map(with).collect();
            Some(answers?.contains(&true))
        },
    },
    Deviation {
        name: "classes of letters in expressions",
        who: "open: the specification takes a part of PCRE that has no such classes; to ours `\\s` and \
              the like are of all scripts, to Tenzir of ASCII",
        answer: |item, value, event| {
            let text = datum(item, event).and_then(Datum::text)?;
            of_ascii(item, value, &text)
        },
    },
    Deviation {
        name: "escapes before encoding",
        who: "ours, as pySigma does: what is encoded is the text that is meant; Tenzir encodes the backslash \
              of `\\*` too",
        answer: |item, value, event| {
            let SigmaValue::String(text) = value else {
                return None;
            };
            let encodings = [Modifier::Base64, Modifier::Base64Offset, Modifier::Wide];
            let encoded = encodings.iter().any(|modifier| has(item, *modifier));
            if !encoded || !text.original.contains('\\') {
                return None;
            }
            let raw = DetectionItem {
                field: item.field.clone(),
                values: vec![SigmaValue::from_raw_string(&text.original)],
            };
            let answer = specification::answer(&raw, event);
            answer.map(|answer| answer != has(item, Modifier::Neq))
        },
    },
    Deviation {
        name: "null that is there",
        who: "Tenzir, to the letter: `exists` asks for the field, whatever its value; to ours and rsigma null \
              is no value. No event of the sensor has a null",
        answer: |item, value, event| {
            let null = datum(item, event) == Some(&Datum::Null);
            (has(item, Modifier::Exists) && null).then(|| *value == SigmaValue::Bool(true))
        },
    },
    Deviation {
        name: "letters with more than one lower case",
        who: "open, as with rsigma; to Tenzir `ſ` is `s`, and `İ` only itself",
        answer: |item, value, event| {
            if item.field.name.is_some() {
                let text = datum(item, event).and_then(Datum::text)?;
                return folded(item, value, &text);
            }
            let item = DetectionItem {
                field: FieldSpec::new(Some(String::new()), vec![Modifier::Contains]),
                values: item.values.clone(),
            };
            let texts = event.values.iter().filter_map(|(_, datum)| match datum {
                Datum::Text(text) => Some(text),
                _ => None,
            });
            let answers: Vec<bool> = texts
                .filter_map(|text| folded(&item, value, text))
                .collect();
            (!answers.is_empty()).then(|| answers.contains(&true))
        },
    },
];

/// What an expression comes to if its classes are of ASCII alone; none where that is nothing special.
fn of_ascii(item: &DetectionItem, value: &SigmaValue, text: &str) -> Option<bool> {
    let SigmaValue::String(expression) = value else {
        return None;
    };
    if !has(item, Modifier::Re) || (text.is_ascii() && !text.contains('\u{b}')) {
        return None;
    }
    // White space is what C's isspace says, but for the vertical tab.
    let expression = expression.original.replace("\\s", "[\\t\\n\\f\\r ]");
    let expression = expression.replace("\\S", "[^\\t\\n\\f\\r ]");
    let regex = regex::bytes::RegexBuilder::new(&expression)
        .unicode(false)
        .case_insensitive(has(item, Modifier::IgnoreCase))
        .multi_line(has(item, Modifier::Multiline))
        .dot_matches_new_line(has(item, Modifier::DotAll))
        .build();
    Some(regex.ok()?.is_match(text.as_bytes()))
}

/// What words come to if each part of a list is a text of its own; none where there is no list.
fn words_of_lists(item: &DetectionItem, event: &Event<'_>) -> Option<bool> {
    let is_list = |datum: &Datum| matches!(datum, Datum::List { .. });
    if !event.values.iter().any(|(_, datum)| is_list(datum)) {
        return None;
    }
    let mut apart = event.clone();
    apart.values = Vec::new();
    for (field, datum) in &event.values {
        match datum {
            Datum::List { parts, .. } => {
                let parts = parts.iter().map(|part| (*field, Datum::Text(part.clone())));
                apart.values.extend(parts);
            }
            other => apart.values.push((field, other.clone())),
        }
    }
    specification::answer(item, &apart)
}

/// What a question of text comes to if letters with the same folding of case are the same; none where
/// that is nothing special.
fn folded(item: &DetectionItem, value: &SigmaValue, text: &str) -> Option<bool> {
    let SigmaValue::String(wanted) = value else {
        return None;
    };
    let strange = is_strange(text) || is_strange(&wanted.original);
    if !strange || !is_of_text(item) || has(item, Modifier::Cased) {
        return None;
    }
    specification::fits_by_folding(item, value, text)
}

/// Whether a question is about text, or equality.
fn is_of_text(item: &DetectionItem) -> bool {
    let others = [
        Modifier::Re,
        Modifier::FieldRef,
        Modifier::Exists,
        Modifier::Cidr,
    ];
    item.field.name.is_some()
        && !is_comparison(item)
        && !others.iter().any(|modifier| has(item, *modifier))
        && !item.field.modifiers.iter().any(is_moment)
}

/// Whether a value of a rule is no text to Tenzir.
fn is_other_sort(value: &SigmaValue) -> bool {
    let text = match value {
        SigmaValue::String(text) => &text.original,
        SigmaValue::Null => return false,
        _ => return true,
    };
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    let is_network = address.parse::<IpAddr>().is_ok() && prefix.parse::<u8>().is_ok();
    text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() || is_network
}

/// What the third engine answers to a question; none if as the specification says.
pub fn answer(deviations: &[&Deviation], item: &DetectionItem, event: &Event<'_>) -> Option<bool> {
    let mut deviates = false;
    let mut answers = Vec::new();
    for value in &item.values {
        let single = DetectionItem {
            field: item.field.clone(),
            values: vec![value.clone()],
        };
        let other = deviations
            .iter()
            .find_map(|deviation| (deviation.answer)(&single, value, event));
        deviates |= other.is_some();
        let plain =
            specification::answer(&single, event).map(|answer| answer != has(item, Modifier::Neq));
        answers.push(other.or(plain)?);
    }
    if !deviates {
        return None;
    }
    let answer = if has(item, Modifier::All) {
        answers.iter().all(|answer| *answer)
    } else {
        answers.iter().any(|answer| *answer)
    };
    Some(answer != has(item, Modifier::Neq))
}
