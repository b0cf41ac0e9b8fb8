//! `event.id`: what tells a document from every other, of whatever host and boot.

use super::{Content, Document, uuid};
use crate::{detect::alert::Alert, event::Origin, hexadecimal, host::Host};

/// Most bytes of a rule's id in an alert's.
const RULE_BYTES_MAX: usize = 64;

/// Builds ids, in one place for all.
#[derive(Debug)]
pub struct EventIds {
    text: Vec<u8>,
    boot_length: usize,
    agent_id: String,
}

impl EventIds {
    /// Ids of what a host's sensor writes.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let text = host.boot().to_string().into_bytes();
        // Ids are written as they are. A recording can say anything of its host.
        let is_plain =
            |character: &char| matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-');
        Self {
            boot_length: text.len(),
            text,
            agent_id: host.agent_id.chars().filter(is_plain).collect(),
        }
    }

    /// The id of a document. An event has the same in every run over the same recording, and so has
    /// an alert: that of the event that it is raised at, its rule's, and which of the rule's alerts at
    /// the event it is.
    pub fn of(&mut self, document: &Document<'_>) -> &[u8] {
        self.text.truncate(self.boot_length);
        match document.content {
            Content::Event(observed) => event(&observed.event.origin, &mut self.text),
            Content::Alert(alerted) => {
                event(&alerted.observed.event.origin, &mut self.text);
                alert(alerted.alert, &mut self.text);
            }
            Content::Statement(_) => self.statement(document.sequence),
        }
        &self.text
    }

    /// The ids of the events behind an alert.
    pub(super) fn of_evidence(&self, alert: &Alert) -> Vec<String> {
        let id = |origin: &Origin| {
            let mut text = self.text.clone();
            text.truncate(self.boot_length);
            event(origin, &mut text);
            String::from_utf8(text).unwrap_or_default()
        };
        alert.evidence.iter().map(id).collect()
    }

    /// Each run of a sensor has an agent's id of its own.
    fn statement(&mut self, sequence: u64) {
        self.text.push(b'-');
        self.text.extend_from_slice(self.agent_id.as_bytes());
        self.text.push(b'-');
        self.text.extend_from_slice(sequence.to_string().as_bytes());
    }
}

fn event(origin: &Origin, text: &mut Vec<u8>) {
    // A program can be interrupted while it counts, and then two records have one sequence; never
    // one time too.
    for number in [
        origin.cpu.into(),
        origin.ring as u64,
        origin.sequence,
        origin.time.0,
    ] {
        text.push(b'-');
        hexadecimal::append(number, text);
    }
}

/// The rule's id, which of its alerts at the event it is if it is not the first, and how often it found
/// the same if it was more than once. Of an id that cannot be written as it is, or could be taken for
/// another with a number behind it, a digest keeps it apart from others.
fn alert(alert: &Alert, text: &mut Vec<u8>) {
    let rule = alert.rule.id.as_bytes();
    text.push(b'-');
    text.extend(
        rule.iter()
            .take(RULE_BYTES_MAX)
            .map(|byte| if is_plain(*byte) { *byte } else { b'-' }),
    );
    if !is_clear(&alert.rule.id) {
        text.push(b'-');
        hexadecimal::append(crc32fast::hash(rule).into(), text);
    }
    if alert.ordinal > 0 {
        text.push(b'_');
        text.extend_from_slice(alert.ordinal.to_string().as_bytes());
    }
    if alert.count > 1 {
        text.push(b'-');
        text.extend_from_slice(alert.count.to_string().as_bytes());
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a rule's id can be written as it is, and what follows it cannot be taken for a part of it.
fn is_clear(rule: &str) -> bool {
    let last = rule.rsplit(['-', '_']).next().unwrap_or_default();
    let is_numbered = last.len() < rule.len() && last.bytes().all(|byte| byte.is_ascii_digit());
    !rule.is_empty()
        && rule.len() <= RULE_BYTES_MAX
        && rule.bytes().all(is_plain)
        && (!is_numbered || uuid::is_uuid(rule))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        detect::alert::RuleDescription,
        output::{arbitrary as documents, samples},
    };

    fn id(rule: &str, count: u64) -> String {
        numbered(rule, 0, count)
    }

    fn numbered(rule: &str, ordinal: u32, count: u64) -> String {
        let mut input = samples::alerted();
        if let Some(alert) = &mut input.alert {
            let described = RuleDescription {
                id: rule.into(),
                ..(*alert.rule).clone()
            };
            alert.rule = Arc::new(described);
            alert.ordinal = ordinal;
            alert.count = count;
        }
        let mut ids = EventIds::new(&documents::host());
        String::from_utf8(ids.of(&input.document()).to_vec()).unwrap()
    }

    #[test]
    fn an_alert_has_the_events_id_and_its_rules() {
        const EVENT: &str = "0123456789abcdef-11-0-ff-e8d4a51000";
        assert_eq!(id("reverse_shell", 1), format!("{EVENT}-reverse_shell"));
        assert_eq!(id("reverse_shell", 12), format!("{EVENT}-reverse_shell-12"));
        assert_eq!(id("", 1), format!("{EVENT}--0"));
        assert_ne!(id("a b", 1), id("a/b", 1));
        assert_ne!(id(&"a".repeat(64), 1), id(&"a".repeat(65), 1));
    }

    #[test]
    fn alerts_of_one_rule_at_one_event_differ() {
        const EVENT: &str = "0123456789abcdef-11-0-ff-e8d4a51000";
        assert_eq!(numbered("a-rule", 1, 1), format!("{EVENT}-a-rule_1"));
        assert_eq!(numbered("a-rule", 1, 12), format!("{EVENT}-a-rule_1-12"));
        // Nothing that a rule may be called is another's number.
        for (rule, ordinal, count) in [("a", 1, 1), ("a", 0, 2), ("a", 1, 2), ("a_1", 0, 2)] {
            let id = numbered(rule, ordinal, count);
            let alike = id.strip_prefix(EVENT).unwrap().strip_prefix('-').unwrap();
            assert_ne!(numbered(alike, 0, 1), id);
        }
        let uuid = "85de1f22-d189-44e4-8239-123456789012";
        assert_eq!(id(uuid, 1), format!("{EVENT}-{uuid}"));
    }

    #[test]
    fn evidence_has_the_ids_of_its_events() {
        let mut input = samples::alerted();
        let alert = input.alert.take().unwrap();
        let mut ids = EventIds::new(&documents::host());
        let event = String::from_utf8(ids.of(&input.document()).to_vec()).unwrap();
        assert_eq!(ids.of_evidence(&alert).last(), Some(&event));
    }

    proptest! {
        #[test]
        fn any_rule_is_one_short_word(rule: String, ordinal: u32, count: u64) {
            let id = numbered(&rule, ordinal, count);
            prop_assert!(id.len() <= 172, "{}", id);
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{}", id);
        }
    }
}
