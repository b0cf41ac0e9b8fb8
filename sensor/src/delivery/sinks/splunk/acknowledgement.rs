//! Waits until events are indexed.

use std::collections::BTreeMap;

use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::{Acknowledgement, CHANNEL, answer};
use crate::delivery::{
    http::{Client, Question, Reply},
    sink::{Failure, Receipt},
};

const PATH: &str = "/services/collector/ack";

/// A channel of acknowledgements, of this sink's only.
#[derive(Debug)]
pub(super) struct Channel {
    settings: Acknowledgement,
    /// A GUID, as the protocol wants it.
    name: HeaderValue,
    /// Events were taken without a number to ask about.
    unnumbered: bool,
}

#[derive(Deserialize)]
struct Answer {
    acks: BTreeMap<u64, bool>,
}

impl Channel {
    pub(super) fn new(settings: Acknowledgement) -> Self {
        Self {
            settings,
            name: name(fastrand::u128(..)),
            unnumbered: false,
        }
    }

    pub(super) const fn name(&self) -> &HeaderValue {
        &self.name
    }

    /// Asks about nothing, if events were taken without a number: as long as the token has no
    /// acknowledgement nothing more is sent, for it would be sent again and again.
    pub(super) async fn check(&mut self, client: &mut Client) -> Result<(), Failure> {
        if self.unnumbered {
            let reply = self.ask(client, 0).await?;
            if answer::is_disabled(&reply) || !reply.status.is_success() {
                return Err(answer::failure_of(&reply));
            }
            self.unnumbered = false;
        }
        Ok(())
    }

    /// Waits until the events with this number are indexed.
    pub(super) async fn wait(
        &mut self,
        client: &mut Client,
        number: Option<u64>,
    ) -> Result<Receipt, Failure> {
        let Some(number) = number else {
            self.unnumbered = true;
            return Ok(Receipt::all(format!(
                "{} has taken all, without an acknowledgement: turn indexer acknowledgement on for the \
                 token in Splunk, or do not set `acknowledgement`",
                client.address()
            )));
        };
        let deadline = Instant::now() + self.settings.limit;
        loop {
            let reply = self.ask(client, number).await?;
            if reply.status != StatusCode::OK {
                return Err(answer::failure_of(&reply));
            }
            let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| {
                let words = format!("what is said is no acknowledgement: {}", reply.excerpt());
                Failure::again(reply.says(&words))
            })?;
            if answer.acks.get(&number) == Some(&true) {
                return Ok(Receipt::all(reply.says("indexed")));
            }
            if Instant::now() + self.settings.interval > deadline {
                return Err(Failure::again(format!(
                    "{} has not indexed events within {:?}; they are sent again",
                    client.address(),
                    self.settings.limit
                )));
            }
            sleep(self.settings.interval).await;
        }
    }

    async fn ask(&self, client: &mut Client, number: u64) -> Result<Reply, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CHANNEL, self.name.clone());
        let question = Question {
            path: PATH.into(),
            content_type: HeaderValue::from_static("application/json"),
            headers,
            body: format!(r#"{{"acks":[{number}]}}"#).into(),
        };
        client.ask(&question).await
    }
}

/// A GUID of version 4 (RFC 9562), made of a random number.
fn name(random: u128) -> HeaderValue {
    let versioned = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{versioned:032x}");
    let mut name = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            name.push('-');
        }
        name.push(digit);
    }
    // Digits and `-` are always fit for a header.
    HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_the_name_of_a_random_guid() {
        assert_eq!(name(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(name(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let new = || Channel::new(Acknowledgement::default()).name;
        assert_ne!(new(), new());
    }
}
