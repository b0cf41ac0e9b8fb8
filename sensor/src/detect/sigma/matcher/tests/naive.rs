//! A reference: takes a rule as it is written, and shares nothing with the matcher.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;

use super::{Names, TestEvent};
use crate::detect::sigma::{
    field::{Class, FieldId, Fields as _, Taxonomy as _, Value},
    rule::{
        Condition, Item, MomentPart, Network, Part, Position, Relation, Rule, Search, Test, Values,
    },
};

/// The regular expressions that rules have.
pub(super) const REGEXES: [&str; 14] = [
    "ab",
    "^a",
    "b$",
    "(?i)kA",
    "(?i)ä",
    "a|b1",
    "(a/|b)+k",
    "[ab]{2}/",
    "",
    ".",
    "k?",
    "\\\\",
    "(?i)(aa|bK)1?",
    "^(?:/a)",
];

static COMPILED: LazyLock<HashMap<&str, Regex>> = LazyLock::new(|| {
    REGEXES
        .into_iter()
        .map(|regex| (regex, Regex::new(regex).unwrap()))
        .collect()
});

/// Whether a rule matches an event of a class.
pub(super) fn matches(rule: &Rule, class: Class, event: &TestEvent) -> bool {
    condition(rule, &rule.condition, class, event)
}

fn condition(rule: &Rule, condition: &Condition, class: Class, event: &TestEvent) -> bool {
    let is_so = |part: &Condition| self::condition(rule, part, class, event);
    match condition {
        Condition::Selection(index) => search(&rule.selections[*index].search, class, event),
        Condition::Not(part) => !is_so(part),
        Condition::All(parts) => parts.iter().all(is_so),
        Condition::Any(parts) => parts.iter().any(is_so),
        Condition::AtLeast(count, parts) => {
            parts.iter().filter(|part| is_so(part)).count() >= *count
        }
    }
}

fn search(search: &Search, class: Class, event: &TestEvent) -> bool {
    match search {
        Search::All(items) => items.iter().all(|item| self::item(item, class, event)),
        Search::Any(searches) => searches
            .iter()
            .any(|search| self::search(search, class, event)),
        Search::Keywords(values) => self::values(values, &|test| word(test, event)),
    }
}

fn values(values: &Values, is_so: &dyn Fn(&Test) -> bool) -> bool {
    let mut each = values
        .tests
        .iter()
        .map(|alternatives| alternatives.iter().any(is_so));
    if values.all {
        each.all(|value| value)
    } else {
        each.any(|value| value)
    }
}

fn word(test: &Test, event: &TestEvent) -> bool {
    event.any_text(&mut |text| match test {
        Test::Text { pattern, cased } => {
            let mut parts = vec![Part::Any];
            parts.extend(pattern.0.clone());
            parts.push(Part::Any);
            wildcards(&parts, text, *cased)
        }
        Test::Regex(regex) => COMPILED[regex.as_str()].is_match(text),
        _ => panic!("no such words"),
    })
}

fn item(item: &Item, class: Class, event: &TestEvent) -> bool {
    let is_so = values(&item.values, &|test| {
        field_test(test, Names.field(class, &item.field), class, event)
    });
    is_so != item.negated
}

fn field_test(test: &Test, field: Option<FieldId>, class: Class, event: &TestEvent) -> bool {
    let value = field.and_then(|field| event.value(field));
    match test {
        Test::Null => return value.is_none(),
        Test::Exists(exists) => return value.is_some() == *exists,
        Test::Moment(part, number) => {
            return field.is_some() && event.moment.is_some_and(|at| moment(*part, at) == *number);
        }
        _ => {}
    }
    let Some(value) = value else {
        return false;
    };
    match test {
        Test::Text { pattern, cased } => wildcards(&pattern.0, &as_text(value), *cased),
        Test::Regex(regex) => COMPILED[regex.as_str()].is_match(&as_text(value)),
        Test::Network(network) => in_network(*network, value),
        Test::Number(relation, bound) => {
            let number = match value {
                Value::Number(number) => number as f64,
                Value::Text(text) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => number,
                    _ => return false,
                },
                _ => return false,
            };
            match relation {
                Relation::Less => number < *bound,
                Relation::LessOrEqual => number <= *bound,
                Relation::Greater => number > *bound,
                Relation::GreaterOrEqual => number >= *bound,
            }
        }
        Test::Field {
            name,
            position,
            cased,
        } => {
            let other = Names
                .field(class, name)
                .and_then(|field| event.value(field))
                .map(as_text);
            other.is_some_and(|other| {
                let part = letters(&other, *cased);
                let all = letters(&as_text(value), *cased);
                match position {
                    Position::Whole => all == part,
                    Position::Start => all.starts_with(&part),
                    Position::End => all.ends_with(&part),
                    Position::Anywhere => {
                        part.is_empty() || all.windows(part.len()).any(|window| window == part)
                    }
                }
            })
        }
        Test::Null | Test::Exists(_) | Test::Moment(..) => unreachable!(),
    }
}

fn as_text(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
    }
}

fn letters(text: &str, cased: bool) -> Vec<char> {
    let lower = |letter: char| match letter {
        letter if cased => letter,
        '\u{130}' => 'i',
        letter => {
            let lower: Vec<char> = letter.to_lowercase().collect();
            assert_eq!(lower.len(), 1);
            lower[0]
        }
    };
    text.chars().map(lower).collect()
}

/// By a table of which beginnings of the pattern match which beginnings of the text.
fn wildcards(pattern: &[Part], text: &str, cased: bool) -> bool {
    #[derive(PartialEq)]
    enum Step {
        Letter(char),
        One,
        Any,
    }
    let text = letters(text, cased);
    let mut steps = Vec::new();
    for part in pattern {
        match part {
            Part::Literal(literal) => {
                steps.extend(letters(literal, cased).into_iter().map(Step::Letter));
            }
            Part::One => steps.push(Step::One),
            Part::Any => steps.push(Step::Any),
        }
    }
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for step in steps {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match step {
                Step::Any => reached[at] || (at > 0 && next[at - 1]),
                Step::One => at > 0 && reached[at - 1],
                Step::Letter(letter) => at > 0 && reached[at - 1] && text[at - 1] == letter,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

fn in_network(network: Network, value: Value<'_>) -> bool {
    use std::net::IpAddr;
    let address = match value {
        Value::Address(address) => address,
        Value::Text(text) => match text.parse() {
            Ok(address) => address,
            Err(_) => return false,
        },
        _ => return false,
    };
    // All addresses as IPv6, bit by bit; those of IPv4 are the mapped ones, and of those a network
    // of IPv4 has only its own.
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let mapped = |address: IpAddr| address.to_canonical().is_ipv4();
    let prefix = match network.address {
        IpAddr::V4(_) => 96 + u32::from(network.prefix.min(32)),
        IpAddr::V6(_) => u32::from(network.prefix.min(128)),
    };
    // A wide network of IPv6 has no addresses that were not written as IPv6.
    if prefix < 96 && address.is_ipv4() {
        return false;
    }
    if prefix >= 96 && mapped(network.address) != mapped(address) {
        return false;
    }
    (0..prefix).all(|bit| {
        let mask = 1_u128 << (127 - bit);
        bits(network.address) & mask == bits(address) & mask
    })
}

fn moment(part: MomentPart, at: i64) -> i64 {
    let moment = jiff::Timestamp::from_nanosecond(at.into())
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC);
    let text = match part {
        MomentPart::Minute => moment.strftime("%M"),
        MomentPart::Hour => moment.strftime("%H"),
        MomentPart::Day => moment.strftime("%d"),
        MomentPart::Week => moment.strftime("%V"),
        MomentPart::Month => moment.strftime("%m"),
        MomentPart::Year => moment.strftime("%Y"),
    };
    text.to_string().parse().unwrap()
}
