//! Calls of gRPC: a message in one frame, and a status among the trailers.

use std::time::Duration;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use bytes::Bytes;
use hyper::HeaderMap;
use prost::Message;

use super::messages::{RetryInfo, Status as RpcStatus};
use crate::delivery::{
    http::{Compression, LONGEST_DELAY, Reply, gzip, line},
    sink::Failure,
};

/// A flag of compression and a length before a message.
const FRAME_HEADER_BYTES: usize = 5;

/// Bytes of what a receiver says.
const MESSAGE_BYTES: usize = 300;

/// The type of the detail that says when to come back.
const RETRY_INFO: &str = "google.rpc.RetryInfo";

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u16,
    /// On one line.
    pub(super) message: String,
    /// When to come back. That it is there says that it is worth it.
    pub(super) retry: Option<Duration>,
}

/// Puts a message in a frame.
pub(super) fn frame(message: Bytes, compression: Compression) -> Result<Bytes, Failure> {
    let (flag, message) = match compression {
        Compression::None => (0, message),
        Compression::Gzip => {
            let compressed = gzip(&message).map_err(|error| Failure::again(error.to_string()))?;
            (1, compressed)
        }
    };
    let length = u32::try_from(message.len())
        .map_err(|_| Failure::TooLarge("no call can have that many bytes".into()))?;
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + message.len());
    frame.push(flag);
    frame.extend(length.to_be_bytes());
    frame.extend_from_slice(&message);
    Ok(frame.into())
}

/// The only message of a body.
pub(super) fn unframe(body: &[u8]) -> Option<&[u8]> {
    let (header, message) = body.split_first_chunk::<FRAME_HEADER_BYTES>()?;
    let [flag, length @ ..] = *header;
    // Compression is not asked for.
    let whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    (flag == 0 && whole).then_some(message)
}

/// How a call ended, if its answer says so.
pub(super) fn status(reply: &Reply) -> Option<Status> {
    // An answer without a message has its status among the headers.
    [&reply.trailers, &reply.headers].into_iter().find_map(read)
}

fn read(headers: &HeaderMap) -> Option<Status> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let message = headers.get("grpc-message").map(|text| text.as_bytes());
    let message = String::from_utf8_lossy(&decode(message.unwrap_or_default())).into_owned();
    let details = headers.get("grpc-status-details-bin");
    Some(Status {
        code,
        message: line(&message, MESSAGE_BYTES),
        retry: details.and_then(|details| retry(details.as_bytes())),
    })
}

/// Reads `RetryInfo` of a status that is written down as headers are.
fn retry(details: &[u8]) -> Option<Duration> {
    let padded = details.ends_with(b"=");
    let base64 = if padded { STANDARD } else { STANDARD_NO_PAD };
    let status = RpcStatus::decode(&*base64.decode(details).ok()?).ok()?;
    let mut details = status.details.iter();
    let detail = details.find(|detail| detail.type_url.rsplit('/').next() == Some(RETRY_INFO))?;
    let delay = RetryInfo::decode(detail.value.clone()).ok()?.retry_delay;
    let delay = delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    let nanoseconds = u32::try_from(delay.nanos).unwrap_or(0);
    let delay = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanoseconds.into()));
    Some(delay.unwrap_or(Duration::MAX).min(LONGEST_DELAY))
}

/// Undoes percent signs with two hexadecimal digits.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let escaped = (first == b'%').then(|| after.split_at_checked(2)).flatten();
        let byte = escaped.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            let byte = u8::from_str_radix(digits, 16).ok()?;
            Some((byte, after))
        });
        match byte {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => decoded.push(first),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percent_signs_are_undone() {
        assert_eq!(decode(b"a%20b%0Ac%e2%80%A6"), "a b\nc…".as_bytes());
        assert_eq!(decode(b"%%2%zz%4"), b"%%2%zz%4");
    }

    proptest! {
        #[test]
        fn what_is_framed_comes_back(message: Vec<u8>) {
            let framed = frame(message.clone().into(), Compression::None).unwrap();
            prop_assert_eq!(unframe(&framed), Some(&*message));
            for end in 0..framed.len() {
                prop_assert_eq!(unframe(&framed[..end]), None);
            }
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            unframe(&bytes);
            decode(&bytes);
            retry(&bytes);
            retry(STANDARD.encode(&bytes).as_bytes());
        }
    }
}
