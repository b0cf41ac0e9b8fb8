//! What a receiver answers.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, StatusCode,
    body::{Body, Bytes},
};
use jiff::Timestamp;

use super::{explanation::line, retry_after::retry_after};

/// Most bytes of an answer's body that are read: what says something of each document in a batch, and
/// no page of a proxy's, is that long.
pub(crate) const BODY_BYTES: usize = 1 << 20;

/// Bytes of an answer that a diagnostic repeats.
const EXCERPT_BYTES: usize = 300;

/// What a receiver answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Who.
    pub(crate) address: Arc<str>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
    /// Whether the body is all that was said. An answer may be longer than what is read, and a refusal
    /// may break off: its status says enough.
    pub(crate) whole: bool,
}

impl Reply {
    /// How long the receiver asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers, Timestamp::now())
    }

    /// The beginning of the body as text on one line.
    pub(crate) fn excerpt(&self) -> String {
        let beginning = self.body.get(..4 * EXCERPT_BYTES).unwrap_or(&self.body);
        line(&String::from_utf8_lossy(beginning), EXCERPT_BYTES)
    }

    /// The status and what is said with it, for a person.
    pub(crate) fn says(&self, words: &str) -> String {
        let Self {
            address, status, ..
        } = self;
        let separator = if words.is_empty() { "" } else { ": " };
        format!("{address} answers {status}{separator}{words}")
    }
}

/// What was read of a body.
#[derive(Default)]
pub(super) struct Read {
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
    pub(super) whole: bool,
}

/// Reads a body up to its bound. What has been read before something failed is there all the same.
pub(super) async fn read<B>(mut body: B) -> (Read, Result<(), B::Error>)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Vec::new();
    let mut read = Read::default();
    let mut result = Ok(());
    loop {
        match body.frame().await {
            None => {
                read.whole = true;
                break;
            }
            Some(Err(error)) => {
                result = Err(error);
                break;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    let room = BODY_BYTES - bytes.len();
                    bytes.extend(data.iter().take(room));
                    if data.len() > room {
                        break;
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        read.trailers = trailers;
                    }
                }
            },
        }
    }
    read.body = bytes.into();
    (read, result)
}
