//! Values that are as a rule asks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use regex_syntax::hir::{Class, Hir, HirKind};
use sensor::detect::sigma::rule::{MomentPart, Network, Part, Pattern, Position, Relation, Test};

use crate::event::Datum;

/// A value, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// There should be no value.
    Absent,
    /// There should be one.
    Present,
    /// All of it.
    Whole(Datum),
    /// How it begins.
    Start(String),
    /// How it ends.
    End(String),
    /// What is somewhere in it.
    Anywhere(String),
}

/// What a value should be.
pub fn shape(test: &Test, random: &mut Rng) -> Shape {
    match test {
        Test::Null | Test::Exists(false) => Shape::Absent,
        Test::Exists(true) | Test::Field { .. } => Shape::Present,
        Test::Text { pattern, .. } => {
            let text = of_pattern(pattern, random);
            match (pattern.0.first(), pattern.0.last()) {
                (Some(Part::Any), Some(Part::Any)) => Shape::Anywhere(text),
                (Some(Part::Any), _) => Shape::End(text),
                (_, Some(Part::Any)) => Shape::Start(text),
                _ => Shape::Whole(Datum::Text(text)),
            }
        }
        Test::Regex(regex) => Shape::Anywhere(of_regex(regex, random)),
        Test::Network(network) => Shape::Whole(Datum::Text(address_in(*network, random))),
        Test::Number(relation, bound) => Shape::Whole(number(*relation, *bound, random)),
        Test::Moment(part, number) => Shape::Whole(Datum::Text(moment(*part, *number, random))),
    }
}

/// The other field that a value should be like, and where that should be in it.
pub fn other_field(test: &Test) -> Option<(&str, Position)> {
    match test {
        Test::Field { name, position, .. } => Some((name, *position)),
        _ => None,
    }
}

/// A text that a pattern matches, but for wildcards at its ends.
pub fn of_pattern(pattern: &Pattern, random: &mut Rng) -> String {
    let mut text = String::new();
    let last = pattern.0.len().saturating_sub(1);
    for (place, part) in pattern.0.iter().enumerate() {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::One => text.push(letter(random)),
            Part::Any if place == 0 || place == last => {}
            Part::Any => text.extend((0..random.usize(0..3)).map(|_| letter(random))),
        }
    }
    text
}

/// A letter, seldom a strange one.
pub fn letter(random: &mut Rng) -> char {
    let letters = ['a', 'B', '0', ' ', '-', '/', '.', '*', '\\', '\n', 'ä'];
    random.choice(letters).unwrap_or('a')
}

/// A text that a regular expression matches, often.
fn of_regex(regex: &str, random: &mut Rng) -> String {
    let mut text = String::new();
    if let Ok(hir) = regex_syntax::parse(regex) {
        extend(&hir, random, &mut text);
    }
    text
}

fn extend(hir: &Hir, random: &mut Rng, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let range = random.choice(class.ranges());
            text.extend(range.map(|range| random.char(range.start()..=range.end())));
        }
        HirKind::Class(Class::Bytes(class)) => {
            let range = random.choice(class.ranges());
            text.extend(range.map(|range| char::from(random.u8(range.start()..=range.end()))));
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(3));
            let most = most.min(repetition.min.saturating_add(3));
            for _ in 0..random.u32(repetition.min..=most) {
                extend(&repetition.sub, random, text);
            }
        }
        HirKind::Capture(capture) => extend(&capture.sub, random, text),
        HirKind::Concat(parts) => {
            for part in parts {
                extend(part, random, text);
            }
        }
        HirKind::Alternation(parts) => {
            if let Some(part) = random.choice(parts) {
                extend(part, random, text);
            }
        }
    }
}

/// An address in a network or just beside it, written in one of several ways.
fn address_in(network: Network, random: &mut Rng) -> String {
    let beside = random.u8(0..8) == 0;
    match network.address {
        IpAddr::V4(address) => {
            let free = 32_u32.saturating_sub(network.prefix.into());
            let mask = u32::MAX.checked_shl(free).unwrap_or(0);
            let bits = (address.to_bits() & mask) | (random.u32(..) & !mask);
            let flip = 1_u32.checked_shl(free).filter(|_| beside).unwrap_or(0);
            let address = Ipv4Addr::from_bits(bits ^ flip);
            if random.u8(0..6) == 0 {
                address.to_ipv6_mapped().to_string()
            } else {
                address.to_string()
            }
        }
        IpAddr::V6(address) => {
            let free = 128_u32.saturating_sub(network.prefix.into());
            let mask = u128::MAX.checked_shl(free).unwrap_or(0);
            let bits = (address.to_bits() & mask) | (random.u128(..) & !mask);
            let flip = 1_u128.checked_shl(free).filter(|_| beside).unwrap_or(0);
            let address = Ipv6Addr::from_bits(bits ^ flip);
            match address.to_ipv4_mapped() {
                Some(mapped) if random.bool() => mapped.to_string(),
                _ => address.to_string(),
            }
        }
    }
}

/// A number near a bound, as a number or as text.
fn number(relation: Relation, bound: f64, random: &mut Rng) -> Datum {
    let toward = match relation {
        Relation::Less | Relation::LessOrEqual => -1,
        Relation::Greater | Relation::GreaterOrEqual => 1,
    };
    let step = toward * random.i64(0..3);
    let text = format!("{}", bound.trunc());
    let near = text.parse::<i64>().unwrap_or(0).saturating_add(step);
    match random.u8(0..8) {
        0 => Datum::Text(near.to_string()),
        1 => Datum::Text(format!("{near}.5")),
        2 => {
            let texts = ["inf", "nan", "1e3", "0x1", " 1", "+7", "-"];
            Datum::Text(random.choice(texts).unwrap_or_default().to_owned())
        }
        _ => Datum::Number(near),
    }
}

/// A moment of which a part is this.
fn moment(part: MomentPart, number: i64, random: &mut Rng) -> String {
    let mut random_part = |wanted, range: std::ops::RangeInclusive<i64>| {
        if part == wanted {
            number
        } else {
            random.i64(range)
        }
    };
    let year = random_part(MomentPart::Year, 2001..=2030);
    let month = random_part(MomentPart::Month, 1..=12);
    let day = random_part(MomentPart::Day, 1..=28);
    let hour = random_part(MomentPart::Hour, 0..=23);
    let minute = random_part(MomentPart::Minute, 0..=59);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:30Z")
}
