//! Questions to one field of an event, as they are asked of it.

use std::net::IpAddr;

use jiff::{Timestamp, tz::Offset};
use regex::Regex;

use super::text::TextTest;
use crate::detect::sigma::{
    field::Value,
    rule::{MomentPart, Network, Position, Relation},
};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    /// A field, by its place among the matcher's fields.
    Field(usize),
    /// Any text of the event.
    Words,
}

/// A question to one field.
#[derive(Debug)]
pub(super) struct Atom {
    pub(super) subject: Subject,
    pub(super) check: Check,
    /// Whether several rules ask it, and asking costs more than to look up what was answered.
    pub(super) remembered: bool,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Check {
    /// Whether there is a value.
    Exists,
    /// Of its text without case.
    Folded(TextTest),
    /// Of its text.
    Cased(TextTest),
    /// Of its text.
    Regex(Box<Regex>),
    /// Of its address.
    Network(Network),
    /// Of its number.
    Number(Relation, f64),
    /// How another field's text is in it.
    Field {
        other: usize,
        position: Position,
        cased: bool,
    },
    /// Of the moment that it is.
    Moment(MomentPart, i64),
}

impl Check {
    /// What it costs, about in nanoseconds.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Exists => 1,
            Self::Folded(TextTest::Inside(_)) => 15,
            Self::Folded(TextTest::Wildcards(_)) | Self::Network(_) | Self::Moment(..) => 30,
            Self::Folded(_) => 2,
            Self::Number(..) => 5,
            Self::Cased(_) | Self::Field { .. } => 20,
            Self::Regex(_) => 100,
        }
    }
}

/// Whether a value is an address in a network. An IPv4 address written as IPv6 is one of IPv4 too.
pub(super) fn in_network(network: Network, value: Value<'_>) -> bool {
    let address = match value {
        Value::Address(address) => address,
        Value::Text(text) => match text.parse() {
            Ok(address) => address,
            Err(_) => return false,
        },
        Value::Number(_) | Value::Boolean(_) => return false,
    };
    if covers(network, address) || covers(network, address.to_canonical()) {
        return true;
    }
    match (
        network.address.to_canonical(),
        network.prefix.checked_sub(96),
    ) {
        (canonical @ IpAddr::V4(_), Some(prefix)) if network.address.is_ipv6() => {
            let network = Network {
                address: canonical,
                prefix,
            };
            covers(network, address.to_canonical())
        }
        _ => false,
    }
}

fn covers(network: Network, address: IpAddr) -> bool {
    match (network.address, address) {
        (IpAddr::V4(network_address), IpAddr::V4(address)) => {
            let free = 32_u32.saturating_sub(network.prefix.into());
            let differ = network_address.to_bits() ^ address.to_bits();
            differ.checked_shr(free).unwrap_or(0) == 0
        }
        (IpAddr::V6(network_address), IpAddr::V6(address)) => {
            let free = 128_u32.saturating_sub(network.prefix.into());
            let differ = network_address.to_bits() ^ address.to_bits();
            differ.checked_shr(free).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// How a value's number compares; text is a number if all of it is one.
pub(super) fn compares(relation: Relation, bound: f64, value: Value<'_>) -> bool {
    let number = match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds are written as floating-point numbers, so nearer than that cannot be asked"
        )]
        Value::Number(number) => number as f64,
        Value::Text(text) => match text.parse::<f64>() {
            // `inf` and `nan` are words, not numbers.
            Ok(number) if number.is_finite() => number,
            _ => return false,
        },
        Value::Address(_) | Value::Boolean(_) => return false,
    };
    match relation {
        Relation::Less => number < bound,
        Relation::LessOrEqual => number <= bound,
        Relation::Greater => number > bound,
        Relation::GreaterOrEqual => number >= bound,
    }
}

/// Whether a text is in another.
pub(super) fn is_at(position: Position, text: &str, other: &str) -> bool {
    match position {
        Position::Whole => text == other,
        Position::Start => text.starts_with(other),
        Position::End => text.ends_with(other),
        Position::Anywhere => memchr::memmem::find(text.as_bytes(), other.as_bytes()).is_some(),
    }
}

/// Part of a moment, given in nanoseconds since 1970, in UTC.
pub(super) fn moment_part(part: MomentPart, nanoseconds: i64) -> Option<i64> {
    let moment = Timestamp::from_nanosecond(nanoseconds.into()).ok()?;
    let moment = Offset::UTC.to_datetime(moment);
    Some(match part {
        MomentPart::Minute => moment.minute().into(),
        MomentPart::Hour => moment.hour().into(),
        MomentPart::Day => moment.day().into(),
        MomentPart::Week => moment.date().iso_week_date().week().into(),
        MomentPart::Month => moment.month().into(),
        MomentPart::Year => moment.year().into(),
    })
}
