//! Why engines differ: each reason names exactly the questions that it is about, and is believed only
//! if the verdicts agree once those are answered otherwise.

use rsigma_parser::{DetectionItem, Modifier, SigmaValue};

use crate::{
    event::{Datum, Event},
    specification::{DASHES, has, is_moment, simple_lower},
};

/// Why the second engine differs.
#[derive(Clone, Copy)]
pub struct Reason {
    /// Its name.
    pub name: &'static str,
    /// Who is right by the specification, and why.
    pub who: &'static str,
    /// Whether it is about a question to an event.
    pub concerns: fn(&DetectionItem, &Event<'_>) -> bool,
}

/// All of them for `rsigma-eval` 0.23.
pub const REASONS: &[Reason] = &[
    Reason {
        name: "base64offset",
        who: "ours, as pySigma does: the last letter of an encoding that ends within a group of three bytes \
              depends on the byte after it, so it is left out; rsigma looks for it and misses",
        concerns: |item, _| has(item, Modifier::Base64Offset),
    },
    Reason {
        name: "windash",
        who: "ours, as pySigma does: only a dash that begins an option is changed, and each of the five is, \
              as the specification says; rsigma changes every `-`, also in `no-color`, and no other dash, \
              and takes wildcards for letters",
        concerns: |item, _| has(item, Modifier::WindAsh) && item.values.iter().any(is_other_option),
    },
    Reason {
        name: "UTF-16 as text",
        who: "ours: `wide` without `base64` is the text with a NUL in each letter; rsigma ignores it",
        concerns: |item, _| {
            let wide = [Modifier::Wide, Modifier::Utf16, Modifier::Utf16be];
            let encoded = has(item, Modifier::Base64) || has(item, Modifier::Base64Offset);
            !encoded && wide.iter().any(|modifier| has(item, *modifier))
        },
    },
    Reason {
        name: "neq of a field that is absent",
        who: "ours, as pySigma does: `neq` negates the question as `not` does a condition, and an absent field \
              does not equal the value; to rsigma neither matches",
        concerns: |item, event| has(item, Modifier::Neq) && datum(item, event).is_none(),
    },
    Reason {
        name: "null among other values",
        who: "ours: a list of values is any of them, also of `null` and an absent field; rsigma \
              takes only a `null` by itself for that",
        concerns: |item, event| {
            item.values.len() > 1
                && item.values.contains(&SigmaValue::Null)
                && datum(item, event).is_none()
        },
    },
    Reason {
        name: "numbers that are written otherwise",
        who: "open: the specification does not say how a number is compared with a text; to us its text \
              must be the same, to rsigma its value (`007` and `7.0` are 7)",
        concerns: |item, event| {
            is_text_of_field(item)
                && item
                    .values
                    .iter()
                    .any(|value| is_other_number(value, datum(item, event)))
        },
    },
    Reason {
        name: "words for true and false",
        who: "open: to rsigma `1`, `yes`, `0` and `no` are true or false too, and `contains` with one of \
              those is the same; to us their texts are `true` and `false`",
        concerns: |item, event| {
            item.values
                .iter()
                .any(|value| matches!(value, SigmaValue::Bool(_)))
                && !has(item, Modifier::Exists)
                && matches!(datum(item, event), Some(Datum::Text(_)))
        },
    },
    Reason {
        name: "wildcards and line breaks",
        who: "ours: `*` and `?` stand for any letter; to rsigma none of them is a line break",
        concerns: |item, event| {
            has_wildcards(item) && texts(item, event).iter().any(|text| text.contains('\n'))
        },
    },
    Reason {
        name: "wildcards with startswith or endswith",
        who: "ours: a value with a wildcard is still at the start, or at the end; rsigma anchors it at the other side",
        concerns: |item, _| {
            has_wildcards(item)
                && (has(item, Modifier::StartsWith) || has(item, Modifier::EndsWith))
        },
    },
    Reason {
        name: "letters with more than one lower case",
        who: "open: the specification does not say what case is outside of ASCII; to us each letter \
              has its simple lower case, to rsigma `İ` has two letters, the final sigma depends on its place, and with wildcards `ſ` is `s`",
        concerns: |item, event| {
            !has(item, Modifier::Cased) && texts(item, event).iter().any(|text| is_strange(text))
        },
    },
    Reason {
        name: "IPv4 written as IPv6",
        who: "ours: `::ffff:10.0.0.1` is 10.0.0.1, and the kernel writes it so for sockets of both",
        concerns: |item, event| {
            let mapped = |text: &str| text.to_ascii_lowercase().contains("::ffff:");
            let rule = |value: &SigmaValue| mapped(&value.to_string());
            has(item, Modifier::Cidr)
                && (item.values.iter().any(rule)
                    || datum(item, event)
                        .and_then(Datum::text)
                        .is_some_and(|text| mapped(&text)))
        },
    },
    Reason {
        name: "moments without a time zone",
        who: "open: the specification leaves formats to the source; the sensor's moments are its clock's, and a text is one \
              only with its zone; rsigma takes UTC",
        concerns: |item, event| {
            let text = datum(item, event).and_then(Datum::text);
            item.field.modifiers.iter().any(is_moment)
                && text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_err())
        },
    },
    Reason {
        name: "numbers without an end",
        who: "ours: the texts `inf` and `nan` are no numbers; to rsigma they are",
        concerns: |item, event| {
            let number = datum(item, event).and_then(Datum::text);
            let number = number.and_then(|text| text.parse::<f64>().ok());
            is_comparison(item) && number.is_some_and(|number| !number.is_finite())
        },
    },
    Reason {
        name: "fieldref of values of different sorts",
        who: "ours: what has the same text is the same; to rsigma with `cased` the number 5 and the text `5` are not, \
              and two nulls are",
        concerns: |item, event| {
            let other = item
                .values
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            let sort = |datum: &Datum| std::mem::discriminant(datum);
            let (one, other) = (datum(item, event), event.get(&other));
            has(item, Modifier::FieldRef)
                && (one.map(sort) != other.map(sort) || one == Some(&Datum::Null))
        },
    },
    Reason {
        name: "words in different texts",
        who: "ours: words without a field are looked for anywhere in the event, so with `all` each may be in another \
              text; rsigma wants all in one, and without `contains` wants it to be the whole text",
        concerns: |item, _| item.field.name.is_none() && has(item, Modifier::All),
    },
    Reason {
        name: "words that are numbers",
        who: "ours: a number without a field is a word like any other; rsigma never finds it",
        concerns: |item, _| {
            item.field.name.is_none()
                && item
                    .values
                    .iter()
                    .any(|value| !matches!(value, SigmaValue::String(_)))
        },
    },
    Reason {
        name: "several texts",
        who: "neither: Sigma knows no lists; to rsigma one text of several suffices, the sensor's events have them as one",
        concerns: |item, event| match &item.field.name {
            Some(_) => {
                let other = item
                    .values
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let is_list = |datum| matches!(datum, Some(&Datum::List { .. }));
                is_list(datum(item, event))
                    || (has(item, Modifier::FieldRef) && is_list(event.get(&other)))
            }
            None => event
                .values
                .iter()
                .any(|(_, datum)| matches!(datum, Datum::List { .. })),
        },
    },
];

/// What a question's field has.
pub fn datum<'a>(item: &DetectionItem, event: &'a Event<'_>) -> Option<&'a Datum> {
    event.get(item.field.name.as_ref()?)
}

/// The texts that are compared: the rule's, and the event's in the field, or all for words.
fn texts(item: &DetectionItem, event: &Event<'_>) -> Vec<String> {
    let rule = item.values.iter().map(ToString::to_string);
    let mut texts: Vec<String> = rule.collect();
    if has(item, Modifier::FieldRef)
        && let Some(other) = texts.first().and_then(|name| event.get(name))
    {
        texts.extend(other.text());
    }
    match &item.field.name {
        Some(_) => texts.extend(datum(item, event).and_then(Datum::text)),
        None => texts.extend(event.values.iter().filter_map(|(_, datum)| datum.text())),
    }
    texts
}

/// Whether a value has wildcards that mean something.
pub fn has_wildcards(item: &DetectionItem) -> bool {
    let wild = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if !text.is_plain());
    !has(item, Modifier::Re) && item.values.iter().any(wild)
}

/// Whether it is one of `lt` and its kin.
pub fn is_comparison(item: &DetectionItem) -> bool {
    [Modifier::Lt, Modifier::Lte, Modifier::Gt, Modifier::Gte]
        .iter()
        .any(|modifier| has(item, *modifier))
}

/// Whether a field is asked for a text, or all of a number.
fn is_text_of_field(item: &DetectionItem) -> bool {
    item.field.name.is_some()
        && item
            .field
            .modifiers
            .iter()
            .all(|modifier| matches!(modifier, Modifier::All | Modifier::Neq | Modifier::Cased))
}

/// Whether a number of a rule has the value of a text but not the text.
fn is_other_number(value: &SigmaValue, datum: Option<&Datum>) -> bool {
    let bound = match value {
        SigmaValue::Integer(_) | SigmaValue::Float(_) => value.to_string(),
        _ => return false,
    };
    let Some(Datum::Text(text)) = datum else {
        return false;
    };
    let (number, bound_number) = (text.parse::<f64>(), bound.parse::<f64>());
    *text != bound
        && matches!((number, bound_number), (Ok(one), Ok(other)) if (one - other).abs() < f64::EPSILON)
}

/// Whether `windash` to rsigma is something else: a wildcard, a `-` that begins no option, or another
/// dash that does.
fn is_other_option(value: &SigmaValue) -> bool {
    let SigmaValue::String(text) = value else {
        return false;
    };
    let letters: Vec<char> = text.original.chars().collect();
    let is_word = |letter: Option<&char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || *letter == '_')
    };
    !text.is_plain()
        || letters.iter().enumerate().any(|(place, letter)| {
            let before = place.checked_sub(1).and_then(|place| letters.get(place));
            let begins = !is_word(before) && is_word(letters.get(place + 1));
            DASHES.contains(letter) && (*letter == '-') != begins
        })
}

/// Whether a text has a letter for which ways to take its case away differ.
pub fn is_strange(text: &str) -> bool {
    let simple: String = text.chars().map(simple_lower).collect();
    text.to_lowercase() != simple
        || text
            .chars()
            .any(|letter| matches!(letter, 'ſ' | 'ς' | 'σ' | 'µ' | 'ẞ' | 'ß' | 'ı' | 'İ'))
}
