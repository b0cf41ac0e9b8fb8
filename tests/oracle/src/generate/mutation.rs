//! Small changes of events.

use fastrand::Rng;

use super::{sample, vocabulary::Vocabulary};
use crate::event::{Datum, Event};

/// Most changes of one event.
const CHANGES_MAX: usize = 3;

/// Changes an event a little.
pub fn change(event: &mut Event<'_>, vocabulary: &Vocabulary, random: &mut Rng) {
    for _ in 0..random.usize(1..=CHANGES_MAX) {
        if event.values.is_empty() {
            return;
        }
        let place = random.usize(0..event.values.len());
        let Some((field, datum)) = event.values.get_mut(place) else {
            return;
        };
        if vocabulary.constant(field.id).is_some() {
            continue;
        }
        match random.u8(0..24) {
            0 | 1 => {
                event.values.remove(place);
            }
            2 => *datum = Datum::Null,
            3 => *datum = Datum::Text(String::new()),
            4 => *datum = Datum::Boolean(random.bool()),
            5 => {
                if let Some(other) = vocabulary.any_value(field.id, random) {
                    *datum = other;
                }
            }
            _ => {
                if let Some(text) = datum.text() {
                    *datum = changed(&text, datum, random);
                }
            }
        }
    }
}

/// Another value for one that has this text.
fn changed(text: &str, datum: &Datum, random: &mut Rng) -> Datum {
    let letters: Vec<char> = text.chars().collect();
    let place = random.usize(0..=letters.len().saturating_sub(1));
    let without = |place: usize| {
        let kept = letters.iter().enumerate();
        kept.filter(|(at, _)| *at != place)
            .map(|(_, letter)| *letter)
            .collect::<String>()
    };
    let replaced = |from: char, to: &str| text.replacen(from, to, 1);
    Datum::Text(match random.u8(0..20) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => flipped(text, random),
        3 => letters.iter().skip(1).collect(),
        4 => without(letters.len().saturating_sub(1)),
        5 => without(place),
        6 => format!("{}{text}", sample::letter(random)),
        7 => format!("{text}{}", sample::letter(random)),
        8 => {
            let mut letters = letters.clone();
            letters.insert(place, sample::letter(random));
            letters.into_iter().collect()
        }
        9 => format!("{text} {text}"),
        10 => replaced('k', "\u{212a}"),
        11 => replaced('s', "\u{17f}"),
        12 => replaced('i', "\u{130}"),
        13 => replaced('/', "\\"),
        14 => {
            let dashes = ["/", "\u{2013}", "\u{2014}", "\u{2015}"];
            replaced('-', random.choice(dashes).unwrap_or("/"))
        }
        15 => replaced(' ', random.choice(["  ", "\t", "\n"]).unwrap_or_default()),
        16 => format!("0{text}"),
        17 => format!("{text}.0"),
        18 => return of_other_sort(text, datum),
        _ => return Datum::list(text.split(' ').map(str::to_owned).collect()),
    })
}

fn flipped(text: &str, random: &mut Rng) -> String {
    let flip = |letter: char| match random.u8(0..3) {
        0 => letter.to_ascii_uppercase(),
        1 => letter.to_ascii_lowercase(),
        _ => letter,
    };
    text.chars().map(flip).collect()
}

/// A number as text, or text as the number or the truth that it is.
fn of_other_sort(text: &str, datum: &Datum) -> Datum {
    match datum {
        Datum::Text(_) => {
            if let Ok(number) = text.parse() {
                Datum::Number(number)
            } else if let Ok(boolean) = text.parse() {
                Datum::Boolean(boolean)
            } else {
                Datum::Number(0)
            }
        }
        _ => Datum::Text(text.to_owned()),
    }
}
