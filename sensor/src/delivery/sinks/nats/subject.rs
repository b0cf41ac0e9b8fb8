//! The subjects that documents are published under.

use std::io;

use crate::delivery::entry::Facts;

/// A subject with places for what a document is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Code,
    Severity,
}

/// Most bytes of a subject before its places are filled: servers refuse lines of more than 4 KiB.
const LENGTH_MAX: usize = 256;

impl Subject {
    /// Reads a subject: words with dots between them, in which `{code}` stands for the document's
    /// `event.code` and `{severity}` for the word for its severity.
    ///
    /// # Errors
    ///
    /// If nothing can be published under it; says why.
    pub fn parse(text: &str) -> io::Result<Self> {
        let wrong = |why: &str| io::Error::other(format!("the subject {text:?} {why}"));
        if text.len() > LENGTH_MAX {
            return Err(wrong("is too long\n  256 bytes are the most"));
        }
        if text.split('.').any(str::is_empty) {
            return Err(wrong(
                "has an empty word\n  write words with single dots between them",
            ));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| wrong("has a `{` without a `}`"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match name {
                "code" => Part::Code,
                "severity" => Part::Severity,
                _ => {
                    return Err(wrong(
                        "has an unknown place\n  there are {code} and {severity}",
                    ));
                }
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let unfit = |c: char| c.is_whitespace() || c.is_control() || "*>{}".contains(c);
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Code | Part::Severity => None,
        });
        if texts.into_iter().any(|text| text.contains(unfit)) {
            return Err(wrong(
                "has a blank, a control character, or one of * > { } in it",
            ));
        }
        Ok(Self { parts })
    }

    /// Appends the subject of a document. What would part words in it becomes `_`.
    pub fn write(&self, facts: &Facts, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Code => word(facts.topic.code(), out),
                Part::Severity => word(facts.severity.name(), out),
            }
        }
    }
}

/// Appends one word. An empty one would make a subject that cannot be published under.
fn word(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'_');
    }
    out.extend(text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => byte,
        _ => b'_',
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{clock::WallTime, detect::severity::Severity, output::subject::Topic};

    fn facts(code: &'static str) -> Facts {
        Facts {
            id: "1-a".into(),
            time: WallTime(0),
            topic: Topic::Sensor(code),
            severity: Severity::Low,
        }
    }

    fn filled(subject: &str, code: &'static str) -> String {
        let mut out = Vec::new();
        Subject::parse(subject)
            .unwrap()
            .write(&facts(code), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(filled("sensor", "process_exec"), "sensor");
        assert_eq!(
            filled("sensor.{code}", "process_exec"),
            "sensor.process_exec"
        );
        assert_eq!(filled("a.{severity}.{code}.b-{code}", "x"), "a.low.x.b-x");
        assert_eq!(filled("a.{code}", "b.c *"), "a.b_c__");
        assert_eq!(filled("a.{code}", ""), "a._");
    }

    #[test]
    fn what_nothing_can_be_published_under_is_refused() {
        for wrong in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a\r\nPUB",
            "a.*",
            "a.>",
            "a.{host}",
            "a.{code",
            "a.code}",
            "a{{code}}",
        ] {
            Subject::parse(wrong).expect_err(wrong);
        }
        Subject::parse(&"a".repeat(257)).unwrap_err();
    }

    proptest! {
        #[test]
        fn a_subject_is_always_one_word_of_the_protocol(text in "(\\PC|[.{}]|\\{code\\}){0,30}") {
            if let Ok(subject) = Subject::parse(&text) {
                let mut out = Vec::new();
                subject.write(&facts("process_exec"), &mut out);
                let written = String::from_utf8(out).unwrap();
                prop_assert!(!written.contains(|c: char| c.is_whitespace() || c.is_control()));
                prop_assert!(written.split('.').all(|word| !word.is_empty()));
            }
        }
    }
}
