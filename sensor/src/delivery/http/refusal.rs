//! What a status means for a batch.

use hyper::StatusCode;

use super::reply::Reply;
use crate::delivery::sink::{Again, Failure};

/// Why a receiver does not take something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What is in it.
    Content,
    /// How much there is of it.
    Size,
    /// The settings, on either side: it is let in nowhere, or goes to the wrong place. Somebody has to
    /// correct them, and nothing is lost until then.
    Settings,
    /// The state in which the receiver is.
    State,
}

/// Who is to blame for a status that is no success.
pub(crate) const fn blame(status: StatusCode) -> Blame {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Blame::Content,
        StatusCode::PAYLOAD_TOO_LARGE => Blame::Size,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::CONFLICT
        | StatusCode::LOCKED
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Blame::State,
        // What is left of 1xx to 4xx: a redirect, a path that is not there, a method or a type that is
        // not taken, somebody who is not let in.
        status if status.as_u16() < 500 => Blame::Settings,
        _ => Blame::State,
    }
}

/// A batch that was answered with a status that is no success. `words` is what the receiver says with
/// it.
pub(crate) fn refusal(reply: &Reply, words: &str) -> Failure {
    let why = reply.says(words);
    match blame(reply.status) {
        Blame::Content => Failure::Malformed(why),
        Blame::Size => Failure::TooLarge(why),
        Blame::Settings => {
            let advice = match reply.status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    " (it does not let the sensor in: correct the credentials, or what they may do)"
                }
                _ => " (is the URL the right one?)",
            };
            Failure::again(why + advice)
        }
        Blame::State => Failure::Again(Again {
            why,
            after: reply.retry_after(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_the_content_blames_it() {
        for code in 100..1000 {
            let status = StatusCode::from_u16(code).unwrap();
            let expected = match code {
                400 | 422 => Blame::Content,
                413 => Blame::Size,
                408 | 409 | 423 | 425 | 429 | 500.. => Blame::State,
                _ => Blame::Settings,
            };
            assert_eq!(blame(status), expected, "{code}");
        }
    }
}
