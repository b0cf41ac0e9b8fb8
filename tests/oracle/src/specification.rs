//! What a single question of a rule comes to by the specification of Sigma: slowly, word by word, and
//! of the rule as the second engine read it. Nothing of it is the sensor's.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rsigma_parser::{
    DetectionItem, Modifier, SigmaValue,
    value::{SpecialChar, StringPart},
};

use crate::event::{Datum, Event};

/// The characters that begin an option.
pub const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// A letter of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Letter {
    This(char),
    One,
    Any,
}

/// Whether a question is answered by yes; none if it is of a sort that is not answered here.
pub fn answer(item: &DetectionItem, event: &Event<'_>) -> Option<bool> {
    let Some(name) = &item.field.name else {
        return keywords(item, event);
    };
    let datum = event.get(name).filter(|datum| **datum != Datum::Null);
    if has(item, Modifier::Exists) {
        let [SigmaValue::Bool(wanted)] = item.values.as_slice() else {
            return None;
        };
        return Some(datum.is_some() == *wanted);
    }
    let mut answers = Vec::new();
    for value in &item.values {
        answers.push(value_answer(item, value, datum, event)?);
    }
    let answer = if has(item, Modifier::All) {
        answers.iter().all(|answer| *answer)
    } else {
        answers.iter().any(|answer| *answer)
    };
    Some(answer != has(item, Modifier::Neq))
}

/// Whether a question has a modifier.
pub fn has(item: &DetectionItem, modifier: Modifier) -> bool {
    item.field.modifiers.contains(&modifier)
}

/// Words may be in any text, and each in another.
fn keywords(item: &DetectionItem, event: &Event<'_>) -> Option<bool> {
    let texts: Vec<String> = event
        .values
        .iter()
        .filter(|(_, datum)| matches!(datum, Datum::Text(_) | Datum::List { .. }))
        .filter_map(|(_, datum)| datum.text())
        .collect();
    let mut answers = Vec::new();
    for value in &item.values {
        let answer = if has(item, Modifier::Re) {
            let regex = regex(item, value)?;
            texts.iter().any(|text| regex.is_match(text))
        } else {
            let letters = [vec![Letter::Any], letters(value)?, vec![Letter::Any]].concat();
            texts.iter().any(|text| fits(&letters, text, false))
        };
        answers.push(answer);
    }
    Some(if has(item, Modifier::All) {
        answers.iter().all(|answer| *answer)
    } else {
        answers.iter().any(|answer| *answer)
    })
}

fn value_answer(
    item: &DetectionItem,
    value: &SigmaValue,
    datum: Option<&Datum>,
    event: &Event<'_>,
) -> Option<bool> {
    if *value == SigmaValue::Null {
        return Some(datum.is_none());
    }
    let Some(datum) = datum else {
        return Some(false);
    };
    let text = datum.text().unwrap_or_default();
    if has(item, Modifier::Re) {
        return Some(regex(item, value)?.is_match(&text));
    }
    if has(item, Modifier::Cidr) {
        return Some(in_network(&plain(value)?, &text));
    }
    if has(item, Modifier::FieldRef) {
        let other = event.get(&plain(value)?).and_then(Datum::text);
        let cased = has(item, Modifier::Cased);
        return Some(other.is_some_and(|other| {
            let literal = other.chars().map(Letter::This).collect();
            fits(&placed(item, literal), &text, cased)
        }));
    }
    for (modifier, holds) in [
        (Modifier::Lt, f64::lt as fn(&f64, &f64) -> bool),
        (Modifier::Lte, f64::le),
        (Modifier::Gt, f64::gt),
        (Modifier::Gte, f64::ge),
    ] {
        if has(item, modifier) {
            let bound: f64 = plain(value)?.parse().ok()?;
            let number = match datum {
                Datum::Boolean(_) => None,
                _ => text.parse::<f64>().ok(),
            };
            let number = number.filter(|number| number.is_finite());
            return Some(number.is_some_and(|number| holds(&number, &bound)));
        }
    }
    if let Some(part) = item.field.modifiers.iter().find(|part| is_moment(part)) {
        return Some(moment_part(*part, &text).is_some_and(|part| plain(value) == Some(part)));
    }
    let cased = has(item, Modifier::Cased);
    let patterns = transformed(item, value)?;
    let mut patterns = patterns.into_iter();
    Some(patterns.any(|letters| fits(&placed(item, letters), &text, cased)))
}

/// Whether a modifier takes a part of a moment.
pub fn is_moment(modifier: &Modifier) -> bool {
    use Modifier::{Day, Hour, Minute, Month, Week, Year};
    matches!(modifier, Minute | Hour | Day | Week | Month | Year)
}

/// A part of a moment, in UTC.
fn moment_part(part: Modifier, text: &str) -> Option<String> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    let moment = jiff::tz::Offset::UTC.to_datetime(moment);
    Some(match part {
        Modifier::Minute => moment.minute().to_string(),
        Modifier::Hour => moment.hour().to_string(),
        Modifier::Day => moment.day().to_string(),
        Modifier::Week => moment.date().iso_week_date().week().to_string(),
        Modifier::Month => moment.month().to_string(),
        Modifier::Year => moment.year().to_string(),
        _ => return None,
    })
}

fn regex(item: &DetectionItem, value: &SigmaValue) -> Option<regex::Regex> {
    let SigmaValue::String(text) = value else {
        return None;
    };
    let mut builder = regex::RegexBuilder::new(&text.original);
    builder.case_insensitive(has(item, Modifier::IgnoreCase));
    builder.multi_line(has(item, Modifier::Multiline));
    builder.dot_matches_new_line(has(item, Modifier::DotAll));
    builder.build().ok()
}

/// The value as text without wildcards.
fn plain(value: &SigmaValue) -> Option<String> {
    match value {
        SigmaValue::String(text) => text.as_plain(),
        SigmaValue::Null => None,
        _ => Some(value.to_string()),
    }
}

fn letters(value: &SigmaValue) -> Option<Vec<Letter>> {
    let SigmaValue::String(text) = value else {
        return Some(plain(value)?.chars().map(Letter::This).collect());
    };
    let mut letters = Vec::new();
    for part in &text.parts {
        match part {
            StringPart::Plain(text) => letters.extend(text.chars().map(Letter::This)),
            StringPart::Special(SpecialChar::WildcardMulti) => letters.push(Letter::Any),
            StringPart::Special(SpecialChar::WildcardSingle) => letters.push(Letter::One),
        }
    }
    Some(letters)
}

/// `contains` and its kin put a wildcard at the ends.
fn placed(item: &DetectionItem, mut letters: Vec<Letter>) -> Vec<Letter> {
    let contains = has(item, Modifier::Contains);
    if contains || has(item, Modifier::StartsWith) {
        letters.push(Letter::Any);
    }
    if contains || has(item, Modifier::EndsWith) {
        letters.insert(0, Letter::Any);
    }
    letters
}

/// What `windash`, `wide` and its kin, and `base64` and its kin make of a value.
fn transformed(item: &DetectionItem, value: &SigmaValue) -> Option<Vec<Vec<Letter>>> {
    let letters = letters(value)?;
    if has(item, Modifier::WindAsh) {
        return Some(windash(&letters));
    }
    let wide: Option<fn(u16) -> [u8; 2]> = if has(item, Modifier::Utf16be) {
        Some(u16::to_be_bytes)
    } else if has(item, Modifier::Wide) || has(item, Modifier::Utf16) {
        Some(u16::to_le_bytes)
    } else {
        None
    };
    let encoded = has(item, Modifier::Base64) || has(item, Modifier::Base64Offset);
    if wide.is_none() && !encoded {
        return Some(vec![letters]);
    }
    let text = plain(value)?;
    let mut bytes = if has(item, Modifier::Utf16) {
        vec![0xff, 0xfe]
    } else {
        Vec::new()
    };
    match wide {
        Some(of) => bytes.extend(text.encode_utf16().flat_map(of)),
        None => bytes.extend(text.bytes()),
    }
    let texts = if has(item, Modifier::Base64Offset) {
        (0..3).map(|before| certain(&bytes, before)).collect()
    } else if encoded {
        vec![STANDARD.encode(&bytes)]
    } else {
        vec![String::from_utf8(bytes).ok()?]
    };
    let letters = |text: String| text.chars().map(Letter::This).collect();
    Some(texts.into_iter().map(letters).collect())
}

/// The letters of Base64 that are the same whatever stands around the bytes, of which so many stand
/// before them.
fn certain(bytes: &[u8], before: usize) -> String {
    let encode = |filler: u8| {
        let whole = [&vec![filler; before], bytes, &[filler; 3]].concat();
        STANDARD.encode(whole)
    };
    // What depends on what stands around is another letter where all of that is ones.
    let (zeros, ones) = (encode(0), encode(0xff));
    let first = (before * 8).div_ceil(6);
    let last = (before + bytes.len()) * 8 / 6;
    let same = |(zero, one): (char, char)| (zero == one).then_some(zero);
    let letters = zeros.chars().zip(ones.chars()).take(last).skip(first);
    letters.map_while(same).collect()
}

/// Each dash that begins an option as each of five.
fn windash(letters: &[Letter]) -> Vec<Vec<Letter>> {
    let mut all = vec![Vec::new()];
    for (place, letter) in letters.iter().enumerate() {
        let choices = if begins_option(letters, place) {
            DASHES.map(Letter::This).to_vec()
        } else {
            vec![*letter]
        };
        all = all
            .iter()
            .flat_map(|before: &Vec<Letter>| {
                let with = |choice: &Letter| [before.as_slice(), &[*choice]].concat();
                choices.iter().map(with).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

fn begins_option(letters: &[Letter], place: usize) -> bool {
    let is_word = |letter: Option<&Letter>| matches!(letter, Some(Letter::This(letter)) if letter.is_alphanumeric() || *letter == '_');
    let dash = matches!(letters.get(place), Some(Letter::This(letter)) if DASHES.contains(letter));
    let before = place.checked_sub(1).and_then(|place| letters.get(place));
    dash && !is_word(before) && is_word(letters.get(place + 1))
}

/// Whether all of a text is as a pattern says.
fn fits(letters: &[Letter], text: &str, cased: bool) -> bool {
    let lower = |letter: char| {
        if cased { letter } else { simple_lower(letter) }
    };
    // Which beginnings of the pattern fit the text so far.
    let mut reached = vec![false; letters.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    skip_any(letters, &mut reached);
    for letter in text.chars() {
        let mut next = vec![false; letters.len() + 1];
        for (place, wanted) in letters.iter().enumerate() {
            if reached.get(place) != Some(&true) {
                continue;
            }
            let target = match wanted {
                Letter::Any => place,
                Letter::One => place + 1,
                Letter::This(wanted) if lower(*wanted) == lower(letter) => place + 1,
                Letter::This(_) => continue,
            };
            if let Some(target) = next.get_mut(target) {
                *target = true;
            }
        }
        skip_any(letters, &mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Whether a text is as a value says if letters with the same simple folding of case are the same, as
/// they are in regular expressions. That is not what the specification says, but what some engines do.
pub fn fits_by_folding(item: &DetectionItem, value: &SigmaValue, text: &str) -> Option<bool> {
    let mut found = false;
    for letters in transformed(item, value)? {
        let parts = placed(item, letters)
            .into_iter()
            .map(|letter| match letter {
                Letter::This(letter) => regex::escape(&letter.to_string()),
                Letter::One => ".".to_owned(),
                Letter::Any => ".*".to_owned(),
            });
        let expression = format!("(?is)^{}$", parts.collect::<String>());
        found |= regex::Regex::new(&expression).ok()?.is_match(text);
    }
    Some(found)
}

fn skip_any(letters: &[Letter], reached: &mut [bool]) {
    for (place, letter) in letters.iter().enumerate() {
        if *letter == Letter::Any
            && reached.get(place) == Some(&true)
            && let Some(next) = reached.get_mut(place + 1)
        {
            *next = true;
        }
    }
}

/// A letter's simple lower case.
pub fn simple_lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// Whether a text is an address in a network. An IPv4 address may be written as one of IPv6.
fn in_network(network: &str, text: &str) -> bool {
    let Ok(address) = text.parse::<IpAddr>() else {
        return false;
    };
    let (base, prefix) = network.split_once('/').unwrap_or((network, ""));
    let Ok(base) = base.parse::<IpAddr>() else {
        return false;
    };
    let all = if base.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = prefix.parse().unwrap_or(all);
    // As IPv6, an IPv4 network is 96 bits longer.
    let longer = if base.is_ipv4() { 96 } else { 0 };
    let covers = |base: IpAddr, prefix: u32, address: IpAddr| {
        let free = 128_u32.saturating_sub(prefix);
        let differ = bits(base) ^ bits(address);
        differ.checked_shr(free).unwrap_or(0) == 0
    };
    // `::/0` is about IPv6: an address that was written as IPv4 is in it only if the network is one
    // of mapped addresses.
    if base.is_ipv6() && address.is_ipv4() && prefix < 96 {
        return false;
    }
    covers(base, prefix + longer, address)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}
