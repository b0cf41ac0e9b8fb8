//! What a receiver says.

use hyper::{StatusCode, header::CONTENT_TYPE};
use prost::Message;
use serde::Deserialize;

use super::{
    grpc,
    messages::{ExportResponse, PartialSuccess, Status},
};
use crate::delivery::{
    http::{Blame, Reply, blame, line, refusal},
    sink::{Again, Failure, Receipt, Refused},
};

/// Bytes of what a receiver says.
const MESSAGE_BYTES: usize = 300;

/// The codes of gRPC.
mod code {
    pub(super) const OK: u16 = 0;
    pub(super) const CANCELLED: u16 = 1;
    pub(super) const DEADLINE_EXCEEDED: u16 = 4;
    pub(super) const NOT_FOUND: u16 = 5;
    pub(super) const PERMISSION_DENIED: u16 = 7;
    pub(super) const RESOURCE_EXHAUSTED: u16 = 8;
    pub(super) const ABORTED: u16 = 10;
    pub(super) const OUT_OF_RANGE: u16 = 11;
    pub(super) const UNIMPLEMENTED: u16 = 12;
    pub(super) const UNAVAILABLE: u16 = 14;
    pub(super) const DATA_LOSS: u16 = 15;
    pub(super) const UNAUTHENTICATED: u16 = 16;
}

/// [`ExportResponse`] in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonResponse {
    partial_success: Option<JsonPartialSuccess>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct JsonPartialSuccess {
    rejected_log_records: JsonInteger,
    error_message: String,
}

/// Numbers of 64 bits are strings in protobuf's JSON, and numbers with some who write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonInteger {
    Number(i64),
    Text(String),
}

impl Default for JsonInteger {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl From<JsonResponse> for ExportResponse {
    fn from(response: JsonResponse) -> Self {
        let partial = response.partial_success.map(|partial| PartialSuccess {
            rejected_log_records: match partial.rejected_log_records {
                JsonInteger::Number(number) => number,
                JsonInteger::Text(text) => text.parse().unwrap_or(0),
            },
            error_message: partial.error_message,
        });
        Self {
            partial_success: partial,
        }
    }
}

/// Reads the answer to a post of `count` records.
pub(super) fn over_http(reply: &Reply, count: usize) -> Result<Receipt, Failure> {
    if reply.status.is_success() {
        // Some receivers answer in JSON whatever they are asked in.
        let content_type = reply.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        let json = content_type.is_some_and(|kind| kind.starts_with(b"application/json"));
        return if json {
            let response = serde_json::from_slice::<JsonResponse>(&reply.body).ok();
            judge(reply, response.map(Into::into), count)
        } else {
            judge(
                reply,
                ExportResponse::decode(reply.body.clone()).ok(),
                count,
            )
        };
    }
    let status = Status::decode(reply.body.clone()).ok();
    let message = status.filter(|status| !status.message.is_empty());
    let words = message.map_or_else(
        || reply.excerpt(),
        |status| line(&status.message, MESSAGE_BYTES),
    );
    Err(match (reply.status, blame(reply.status)) {
        // Those that the specification lets be tried again.
        (
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
            _,
        )
        // Nothing was read yet, or it speaks of the settings.
        | (StatusCode::REQUEST_TIMEOUT, _)
        | (_, Blame::Settings | Blame::Content | Blame::Size) => refusal(reply, &words),
        // The same must not be sent again. Less of it is not the same.
        (_, Blame::State) => Failure::Malformed(reply.says(&words)),
    })
}

/// Reads the answer to a call with `count` records.
pub(super) fn over_grpc(reply: &Reply, count: usize) -> Result<Receipt, Failure> {
    let Some(status) = grpc::status(reply) else {
        // What is in between, and does not speak gRPC.
        if reply.status != StatusCode::OK {
            return Err(refusal(reply, &reply.excerpt()));
        }
        let words = format!("no status of gRPC: {}", reply.excerpt());
        return Err(Failure::again(reply.says(&words)));
    };
    if status.code == code::OK {
        let Some(message) = grpc::unframe(&reply.body) else {
            return Err(Failure::again(reply.says("no message of gRPC")));
        };
        return judge(reply, ExportResponse::decode(message).ok(), count);
    }
    let why = format!(
        "{} answers with gRPC's code {}: {}",
        reply.address, status.code, status.message
    );
    let again = |why| {
        Failure::Again(Again {
            why,
            after: status.retry.or_else(|| reply.retry_after()),
        })
    };
    Err(match status.code {
        code::CANCELLED
        | code::DEADLINE_EXCEEDED
        | code::ABORTED
        | code::OUT_OF_RANGE
        | code::UNAVAILABLE
        | code::DATA_LOSS => again(why),
        // Only who says when to come back can recover; others mean that a message is too long.
        code::RESOURCE_EXHAUSTED if status.retry.is_some() => again(why),
        code::RESOURCE_EXHAUSTED => Failure::TooLarge(why),
        code::PERMISSION_DENIED | code::UNAUTHENTICATED => again(
            why + " (it does not let the sensor in: correct the credentials, or what they may do)",
        ),
        code::NOT_FOUND | code::UNIMPLEMENTED => {
            again(why + " (it does not take logs there: is the URL the right one?)")
        }
        // The same must not be sent again. Less of it is not the same.
        _ => Failure::Malformed(why),
    })
}

/// What became of the batch, of which a receiver took all or some.
fn judge(
    reply: &Reply,
    response: Option<ExportResponse>,
    count: usize,
) -> Result<Receipt, Failure> {
    let response = response.filter(|_| reply.whole).ok_or_else(|| {
        let words = format!("what is said is no answer of OTLP: {}", reply.excerpt());
        Failure::again(reply.says(&words))
    })?;
    let partial = response.partial_success.unwrap_or_default();
    let words = line(&partial.error_message, MESSAGE_BYTES);
    // A number below 0 says nothing; neither does more than there was.
    let rejected = usize::try_from(partial.rejected_log_records).unwrap_or(0);
    let rejected = rejected.min(count);
    if rejected == 0 {
        return Ok(Receipt::all(reply.says(&words)));
    }
    let why = if rejected == count {
        words
    } else {
        format!("{rejected} of {count} records, this one or others: {words}")
    };
    let refused = (0..rejected).map(|index| Refused {
        index,
        why: why.clone(),
    });
    Ok(Receipt {
        answer: reply.says(&format!("{rejected} of {count} records rejected: {why}")),
        refused: refused.collect(),
        ..Receipt::default()
    })
}
