//! What the collector's codes mean.

use serde::Deserialize;

use crate::delivery::{
    http::{Reply, line, refusal},
    sink::{Failure, Receipt, Refused},
};

/// Bytes of what the collector says.
const TEXT_BYTES: usize = 300;

/// The collector's codes that mean more than their status.
pub(super) mod code {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const TOKEN_DISABLED: u32 = 1;
    pub(crate) const INVALID_TOKEN: u32 = 4;
    pub(crate) const INVALID_DATA_FORMAT: u32 = 6;
    pub(crate) const INCORRECT_INDEX: u32 = 7;
    pub(crate) const CHANNEL_MISSING: u32 = 10;
    pub(crate) const INVALID_CHANNEL: u32 = 11;
    pub(crate) const EVENT_REQUIRED: u32 = 12;
    pub(crate) const EVENT_BLANK: u32 = 13;
    pub(crate) const ACKNOWLEDGEMENT_DISABLED: u32 = 14;
    pub(crate) const INDEXED_FIELDS: u32 = 15;
}

/// What the collector took.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// All, to be asked about under this number.
    All { acknowledgement: Option<u64> },
    /// Not all.
    Parts(Receipt),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    text: String,
    code: u32,
    #[serde(rename = "invalid-event-number")]
    invalid_event: Option<usize>,
    #[serde(rename = "ackId")]
    acknowledgement: Option<u64>,
}

/// Reads the answer to `count` events.
pub(super) fn read(reply: &Reply, count: usize) -> Result<Accepted, Failure> {
    let Ok(answer) = serde_json::from_slice::<Answer>(&reply.body) else {
        let words = reply.excerpt();
        if !reply.status.is_success() {
            return Err(refusal(reply, &words));
        }
        let words = format!("what is said is no answer of a collector: {words}");
        return Err(Failure::again(reply.says(&words)));
    };
    if reply.status.is_success() && answer.code == code::SUCCESS {
        return Ok(Accepted::All {
            acknowledgement: answer.acknowledgement,
        });
    }
    if is_of_an_event(answer.code)
        && let Some(index) = answer.invalid_event.filter(|index| *index < count)
    {
        return Ok(Accepted::Parts(parts(reply, &answer, index, count)));
    }
    Err(failure(reply, &answer))
}

const fn is_of_an_event(code: u32) -> bool {
    matches!(
        code,
        code::INVALID_DATA_FORMAT | code::EVENT_REQUIRED | code::EVENT_BLANK | code::INDEXED_FIELDS
    )
}

/// One event is wrong. Whether those before it were taken the protocol does not promise, so they are
/// sent again: rather twice than never.
fn parts(reply: &Reply, answer: &Answer, index: usize, count: usize) -> Receipt {
    let words = answer.words();
    Receipt {
        answer: reply.says(&words),
        refused: vec![Refused { index, why: words }],
        again: (0..count).filter(|other| *other != index).collect(),
        delay: None,
    }
}

/// Nothing was taken.
pub(super) fn failure_of(reply: &Reply) -> Failure {
    match serde_json::from_slice::<Answer>(&reply.body) {
        Ok(answer) => failure(reply, &answer),
        Err(_) => refusal(reply, &reply.excerpt()),
    }
}

/// Whether the token of the collector that answers has no acknowledgement.
pub(super) fn is_disabled(reply: &Reply) -> bool {
    serde_json::from_slice::<Answer>(&reply.body)
        .is_ok_and(|answer| answer.code == code::ACKNOWLEDGEMENT_DISABLED)
}

fn failure(reply: &Reply, answer: &Answer) -> Failure {
    let advice = match answer.code {
        code::TOKEN_DISABLED => "enable the token in Splunk",
        code::INVALID_TOKEN => "correct the token: Splunk does not know it",
        code::INCORRECT_INDEX => "correct the index, or allow it for the token in Splunk",
        code::CHANNEL_MISSING => {
            "the token has indexer acknowledgement: set `acknowledgement` too, or turn it off in Splunk"
        }
        code::INVALID_CHANNEL => "this collector does not take the channel's name",
        code::ACKNOWLEDGEMENT_DISABLED => {
            "turn indexer acknowledgement on for the token in Splunk, or do not set `acknowledgement`"
        }
        _ if reply.status.is_success() => {
            let words = format!("{} (no answer to events)", answer.words());
            return Failure::again(reply.says(&words));
        }
        _ => return refusal(reply, &answer.words()),
    };
    // Somebody has to correct something, and nothing is lost until then.
    Failure::again(reply.says(&format!("{} ({advice})", answer.words())))
}

impl Answer {
    fn words(&self) -> String {
        let text = line(&self.text, TEXT_BYTES);
        format!("{text}, code {}", self.code)
    }
}
