//! What a stream answers to a document.

use serde::Deserialize;

use super::wire::Message;

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The stream with this name has it.
    Stored(String),
    /// It will never be taken.
    Refused(String),
    /// It was not taken now.
    Later(String),
}

#[derive(Deserialize)]
struct Answer {
    stream: Option<String>,
    seq: Option<u64>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    err_code: u16,
    #[serde(default)]
    description: String,
}

/// The server's `err_code` for a message that is larger than its stream takes, and for headers that
/// are.
const TOO_LARGE: [u16; 2] = [10054, 10097];

/// The status of an answer that the server gives itself, because nobody listens.
const NO_RESPONDERS: u16 = 503;

/// Most characters of a server's words that are passed on.
const WORDS_MAX: usize = 300;

/// What an answer says.
#[must_use]
pub fn outcome(message: &Message) -> Outcome {
    if message.status == Some(NO_RESPONDERS) {
        return Outcome::Later(
            "no stream takes documents with this subject\n  create a JetStream stream whose \
             subjects include it, or correct the subject"
                .to_owned(),
        );
    }
    let answer: Answer = match serde_json::from_slice(&message.payload) {
        Ok(answer) => answer,
        Err(_) => return no_acknowledgement(),
    };
    match answer {
        Answer {
            error: Some(refusal),
            ..
        } => {
            let words: String = refusal.description.chars().take(WORDS_MAX).collect();
            let why = format!(
                "{words} (code {}, err_code {})",
                refusal.code, refusal.err_code
            );
            if TOO_LARGE.contains(&refusal.err_code) {
                Outcome::Refused(why)
            } else {
                Outcome::Later(why)
            }
        }
        Answer {
            stream: Some(stream),
            seq: Some(_),
            error: None,
        } => Outcome::Stored(stream),
        _ => no_acknowledgement(),
    }
}

fn no_acknowledgement() -> Outcome {
    Outcome::Later(
        "the answer is no acknowledgement of a stream\n  something else than JetStream answers on \
         this subject"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(status: Option<u16>, payload: &[u8]) -> Outcome {
        outcome(&Message {
            subject: "i.1".into(),
            status,
            payload: payload.to_vec().into(),
        })
    }

    #[test]
    fn answers_are_understood() {
        let stored = Outcome::Stored("S".into());
        assert_eq!(said(None, br#"{"stream":"S","seq":1}"#), stored);
        assert_eq!(
            said(
                None,
                br#"{"stream":"S","domain":"d","seq":1,"duplicate":true}"#
            ),
            stored
        );
        let error = br#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"S","seq":0}"#;
        assert_eq!(
            said(None, error),
            Outcome::Refused(
                "message size exceeds maximum allowed (code 400, err_code 10054)".into()
            )
        );
        let full = br#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"S","seq":0}"#;
        assert!(matches!(said(None, full), Outcome::Later(why) if why.starts_with("maximum")));
        assert!(matches!(said(Some(503), b""), Outcome::Later(why) if why.contains("create")));
        for other in [
            &b""[..],
            b"+OK",
            b"{}",
            br#"{"stream":"S"}"#,
            b"null",
            b"\xff",
        ] {
            assert!(matches!(said(None, other), Outcome::Later(why) if why.contains("JetStream")));
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_taken_for_stored_that_is_not(payload: Vec<u8>, status: Option<u16>) {
            prop_assert!(!matches!(said(status, &payload), Outcome::Stored(_)));
        }
    }
}
