//! What an alert says in one sentence, from values that somebody else chose.

use std::fmt::{self, Write as _};

use crate::{
    detect::sigma::correlator::Correlated,
    event::{Body, Endpoint, dns::Message},
    observed::Observed,
    output::arguments::{Arguments, CommandLine},
};

/// Most names of a correlation's group in a sentence.
const NAMES_MAX: usize = 8;

/// Most characters of a value in a sentence.
pub const VALUE_CHARACTERS_MAX: usize = 200;

/// What a rule found in an event: its title, and the values that decide in most rules: program, command
/// line, peer and name. What is not known is left out.
#[must_use]
pub fn found(title: &str, observed: &Observed<'_>) -> String {
    let mut reason = shortened(title);
    let mut add = |word: &str, value: String| {
        if !value.is_empty() {
            reason.push_str(word);
            reason.push_str(&value);
        }
    };
    let image = observed
        .process
        .and_then(|process| process.image.as_deref());
    let (executable, arguments) = match (&observed.event.body, image) {
        (Body::Exec(exec), _) => (
            shortened(String::from_utf8_lossy(&exec.executable.bytes)),
            Some(Arguments::Captured(&exec.arguments.bytes)),
        ),
        (_, Some(image)) if image.executable.is_empty() => (shortened(&image.name), None),
        (_, Some(image)) => (
            shortened(&image.executable),
            Some(Arguments::Remembered(&image.arguments)),
        ),
        (_, None) => (String::new(), None),
    };
    add(": ", executable);
    let line = arguments.map(|arguments| shortened(CommandLine(arguments)));
    add(", command line: ", line.unwrap_or_default());
    match &observed.event.body {
        Body::Connect(connection) | Body::Established(connection) => {
            add(", to ", address(&connection.endpoints.remote));
        }
        Body::Accept(connection) => add(", from ", address(&connection.endpoints.remote)),
        Body::Closed(closed) => add(", peer ", address(&closed.endpoints.remote)),
        Body::Datagram(datagram) => add(", peer ", address(&datagram.endpoints.remote)),
        Body::Bind(connection) | Body::Listen(connection) => {
            add(", on ", address(&connection.endpoints.local));
        }
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => {
            let message = Message::parse(&dns.message).ok();
            let name = message
                .and_then(|message| message.question)
                .map(|question| shortened(question.name));
            add(", name ", name.unwrap_or_default());
        }
        _ => {}
    }
    reason
}

/// What a correlation found: its title, how many events within what time, and what they have in common.
#[must_use]
pub fn correlated(title: &str, correlated: &Correlated) -> String {
    let mut reason = format!(
        "{}: {} within {} s",
        shortened(title),
        correlated.count,
        correlated.timespan.as_secs()
    );
    for (name, value) in correlated.group.iter().take(NAMES_MAX) {
        reason.push_str(", ");
        reason.push_str(&shortened(name));
        reason.push(' ');
        reason.push_str(&shortened(value));
    }
    reason
}

/// A value's text, at most [`VALUE_CHARACTERS_MAX`] characters of it, and an ellipsis if there are more.
/// What a terminal would obey, or not show, is escaped.
#[must_use]
pub fn shortened(value: impl fmt::Display) -> String {
    let mut short = Short {
        text: String::new(),
        left: VALUE_CHARACTERS_MAX,
    };
    if write!(short, "{value}").is_err() {
        short.text.push('…');
    }
    short.text
}

/// A text that takes so many characters, and then fails.
struct Short {
    text: String,
    left: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if is_hidden(character) {
                self.text.extend(character.escape_unicode());
            } else {
                self.text.push(character);
            }
        }
        Ok(())
    }
}

/// Control characters, and those that turn the direction of writing or take no room.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn address(endpoint: &Endpoint) -> String {
    use std::net::SocketAddr;
    match (endpoint.address, endpoint.port) {
        (Some(address), Some(port)) => SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        (None, Some(port)) => format!("port {port}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Event, arbitrary};

    fn observed(event: &Event) -> Observed<'_> {
        Observed {
            event,
            late: false,
            process: None,
            parent: None,
            other: None,
            about: None,
            surroundings: crate::enrich::Surroundings::default(),
        }
    }

    #[test]
    fn values_are_shortened_and_harmless() {
        assert_eq!(shortened("a b\\c"), "a b\\c");
        assert_eq!(shortened("a\u{1b}[2J\n"), "a\\u{1b}[2J\\u{a}");
        assert_eq!(shortened("txt.\u{202e}exe"), "txt.\\u{202e}exe");
        let long = "ä".repeat(VALUE_CHARACTERS_MAX);
        assert_eq!(shortened(&long), long);
        assert_eq!(shortened(format!("{long}b")), format!("{long}…"));
    }

    proptest! {
        #[test]
        fn every_event_has_a_reason_in_one_line(
            event in arbitrary::event(),
            process in arbitrary::process(),
            title: String,
        ) {
            let mut observed = observed(&event);
            for known in [false, true] {
                observed.process = known.then_some(&process);
                let reason = found(&title, &observed);
                prop_assert!(!reason.chars().any(is_hidden), "{reason:?}");
                prop_assert!(reason.starts_with(&shortened(&title)));
                // Each value, every character of which may be escaped.
                let most = 5 * VALUE_CHARACTERS_MAX * "\\u{10ffff}".len();
                prop_assert!(reason.len() < most);
            }
        }
    }
}
