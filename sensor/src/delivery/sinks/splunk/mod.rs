//! Splunk, by its HTTP Event Collector (HEC).
//!
//! Without acknowledgement Splunk says that it has taken events before they are on a disk. With it (a
//! property of the token, which the settings must agree with) the sink asks until they are indexed. The
//! collector does not recognise what it has already: an event that is sent again is there twice, with
//! one `event.id`.
//!
//! Acknowledgements are kept by the indexer that took the events. Behind a balancer the sink must reach
//! that one again: by its connection, which is kept; cookies are not.
//!
//! - `envelope`: events as the collector wants them.
//! - `answer`: what its codes mean. `acknowledgement`: waits for it.

mod acknowledgement;
mod answer;
mod envelope;
#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};

use self::{acknowledgement::Channel, answer::Accepted, envelope::Envelope};
use crate::delivery::{
    entry::Entry,
    http::{Authorization, Client, Credentials, Destination, HttpSettings, Protocol, Question},
    secret::SecretSource,
    sink::{Failure, Receipt, Sending, Sink},
};

/// Where events go.
const EVENT_PATH: &str = "/services/collector/event";

/// The header that names the channel of acknowledgements.
const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");

/// How Splunk is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplunkSettings {
    /// The base of the collector, as a rule port 8088.
    pub http: HttpSettings,
    /// The token.
    pub token: SecretSource,
    /// What the documents are.
    pub documents: Documents,
    /// The index, if it is not the token's.
    pub index: Option<String>,
    /// The `source`, if it is not the token's.
    pub source: Option<String>,
    /// The `sourcetype`, if it is not the token's.
    pub sourcetype: Option<String>,
    /// The `host`, if it is not the address that Splunk sees.
    pub host: Option<String>,
    /// Whether events must be indexed before they count as delivered. The token must have indexer
    /// acknowledgement then, and only then.
    pub acknowledgement: Option<Acknowledgement>,
}

/// What documents are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Documents {
    /// JSON, which becomes part of what is sent.
    #[default]
    Json,
    /// Other text.
    Text,
}

/// How to wait until events are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// From one question to the next.
    pub interval: Duration,
    /// The longest wait; events that are not acknowledged by then are sent again. It must be shorter
    /// than what the caller allows for a batch.
    pub limit: Duration,
}

impl Default for Acknowledgement {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            limit: Duration::from_secs(120),
        }
    }
}

/// Writes to Splunk.
pub struct Splunk {
    client: Client,
    envelope: Envelope,
    channel: Option<Channel>,
}

impl Splunk {
    /// Reads the certificates; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the settings cannot be right.
    pub fn new(settings: &SplunkSettings) -> io::Result<Self> {
        let authorization = Authorization::Splunk(settings.token.clone());
        Ok(Self {
            client: Client::new(
                Destination::base(&settings.http.url)?,
                &settings.http,
                Credentials::new(authorization, &[])?,
                Protocol::Either,
            )?,
            envelope: Envelope::new(settings)?,
            channel: settings.acknowledgement.map(Channel::new),
        })
    }

    async fn deliver(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        if let Some(channel) = &mut self.channel {
            channel.check(&mut self.client).await?;
        }
        let body = self.envelope.wrap(entries).map_err(|error| {
            Failure::Malformed(format!("a batch cannot be written down: {error}"))
        })?;
        let mut headers = HeaderMap::new();
        if let Some(channel) = &self.channel {
            headers.insert(CHANNEL, channel.name().clone());
        }
        let question = Question {
            path: EVENT_PATH.into(),
            content_type: HeaderValue::from_static("application/json"),
            headers,
            body: body.into(),
        };
        let reply = self.client.ask(&question).await?;
        let (receipt, acknowledgement) = match answer::read(&reply, entries.len())? {
            Accepted::All { acknowledgement } => {
                (Receipt::all(reply.says("Success")), acknowledgement)
            }
            Accepted::Parts(receipt) => return Ok(receipt),
        };
        match &mut self.channel {
            None => Ok(receipt),
            Some(channel) => channel.wait(&mut self.client, acknowledgement).await,
        }
    }
}

impl Sink for Splunk {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.deliver(entries))
    }
}
