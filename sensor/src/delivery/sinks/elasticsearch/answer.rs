//! What a receiver says of each document.

use hyper::StatusCode;
use serde::{Deserialize, de::IgnoredAny};

use crate::delivery::{
    http::{Blame, Reply, Screened, blame, line, refusal},
    sink::{Again, Failure, Receipt, Refused},
};

/// Bytes of a reason.
const REASON_BYTES: usize = 300;

#[derive(Deserialize)]
struct Answer {
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    // A pipeline can make another action of it.
    #[serde(alias = "index", alias = "update", alias = "delete")]
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<Reason>,
}

/// What is wrong with a document, or with the whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reason {
    Told {
        r#type: Option<String>,
        reason: Option<String>,
    },
    Text(String),
    Other(IgnoredAny),
}

/// The answer to a request that failed as a whole.
#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

impl Reason {
    /// Whether it speaks of how the receiver is set up, though its status blames the document: a
    /// pipeline that is not there, or a cluster that may have no more shards.
    fn is_of_settings(&self) -> bool {
        let Self::Told { r#type, reason } = self else {
            return false;
        };
        let reason = reason.as_deref().unwrap_or_default();
        match r#type.as_deref() {
            Some("illegal_argument_exception") => reason.starts_with("pipeline with id"),
            Some("validation_exception") => true,
            _ => false,
        }
    }

    fn words(&self) -> String {
        let text = match self {
            Self::Told { r#type, reason } => {
                let words = [r#type, reason].map(|words| words.as_deref().unwrap_or_default());
                words.join(" ")
            }
            Self::Text(text) => text.clone(),
            Self::Other(_) => String::new(),
        };
        line(&text, REASON_BYTES)
    }
}

/// What became of a batch.
pub(super) fn receipt(reply: &Reply, screened: Screened<'_>) -> Result<Receipt, Failure> {
    if reply.status != StatusCode::OK {
        let refused = serde_json::from_slice::<Refusal>(&reply.body).ok();
        let words = refused.map(|refused| refused.error.words());
        return Err(refusal(reply, &words.unwrap_or_else(|| reply.excerpt())));
    }
    let sent = screened.sound.len();
    if !reply.whole {
        let why = reply.says("more is answered than what is read");
        // Half of the batch has half of the answer.
        return Err(if sent > 1 {
            Failure::TooLarge(why)
        } else {
            Failure::again(why)
        });
    }
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| {
        let words = format!("what is said is no answer of `_bulk`: {}", reply.excerpt());
        Failure::again(reply.says(&words))
    })?;
    if answer.items.len() == sent {
        return Ok(each(reply, &answer.items, screened));
    }
    // Some receivers that take this interface's requests do not tell of each document. That nothing
    // failed is said all the same.
    if !answer.errors {
        let mut receipt = screened.receipt();
        receipt.answer = reply.says("no errors");
        return Ok(receipt);
    }
    let words = format!(
        "there are errors, and {} documents are spoken of where {sent} were sent",
        answer.items.len()
    );
    Err(Failure::again(reply.says(&words)))
}

fn each(reply: &Reply, items: &[Item], screened: Screened<'_>) -> Receipt {
    let indices: Vec<usize> = screened.sound.iter().map(|(index, _)| *index).collect();
    let mut receipt = screened.receipt();
    let (mut created, mut known) = (0, 0);
    for (index, item) in indices.into_iter().zip(items) {
        let Outcome { status, error } = &item.create;
        let why = || {
            let words = error.as_ref().map(Reason::words).unwrap_or_default();
            format!("{status} {words}").trim_end().to_owned()
        };
        match StatusCode::from_u16(*status) {
            Ok(status) if status.is_success() => created += 1,
            // It is there already.
            Ok(StatusCode::CONFLICT) => known += 1,
            Ok(status)
                if matches!(blame(status), Blame::Content | Blame::Size)
                    && !error.as_ref().is_some_and(Reason::is_of_settings) =>
            {
                receipt.refused.push(Refused { index, why: why() });
            }
            // Busy, or an index that is closed, not there, or not the sensor's to write to.
            _ => {
                receipt.again.push(index);
                receipt.delay.get_or_insert_with(|| Again {
                    why: reply.says(&format!("some documents are not taken now: {}", why())),
                    after: reply.retry_after(),
                });
            }
        }
    }
    receipt.refused.sort_by_key(|refused| refused.index);
    receipt.answer = reply.says(&format!("{created} created, {known} known already"));
    receipt
}
