//! Elasticsearch and OpenSearch, by their `_bulk` interface.
//!
//! Every document is to be created under its `event.id`. One that is sent again after an answer got
//! lost is there already, which is as good as if it had been created now: so an index, and a data
//! stream as long as it has one and the same write index, has each document once.
//!
//! - `answer`: what the receiver says of each document.

mod answer;
#[cfg(test)]
mod tests;

use std::io;

use hyper::{HeaderMap, header::HeaderValue};
use serde::Serialize;

use crate::delivery::{
    entry::Entry,
    http::{
        Authorization, Client, Credentials, Destination, HttpSettings, Protocol, Question, Screened,
    },
    sink::{Failure, Receipt, Sending, Sink},
};

/// What is told of each document: no more than what is read.
const ANSWER_FIELDS: &str = "errors,items.*.status,items.*.error.type,items.*.error.reason";

/// Bytes around a document, about: the action with the index and the id.
const ACTION_BYTES: usize = 160;

/// How Elasticsearch or OpenSearch is written to.
#[derive(Clone, Debug, Default)]
pub struct ElasticsearchSettings {
    /// The base of its interface.
    pub http: HttpSettings,
    /// The index or the data stream.
    pub index: String,
    /// Who the sensor is there.
    pub authorization: Authorization,
    /// The ingest pipeline, if it is not the one that belongs to the index.
    pub pipeline: Option<String>,
}

/// Writes to Elasticsearch or OpenSearch. Documents must be JSON objects.
pub struct Elasticsearch {
    client: Client,
    /// With the query.
    path: String,
    index: String,
}

/// The line before a document.
#[derive(Serialize)]
struct Action<'a> {
    create: Target<'a>,
}

#[derive(Serialize)]
struct Target<'a> {
    _index: &'a str,
    _id: &'a str,
}

impl Elasticsearch {
    /// Reads the certificates; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the settings cannot be right.
    pub fn new(settings: &ElasticsearchSettings) -> io::Result<Self> {
        check("index or data stream", &settings.index)?;
        let mut path = format!("/_bulk?filter_path={ANSWER_FIELDS}");
        if let Some(pipeline) = &settings.pipeline {
            check("pipeline", pipeline)?;
            path.push_str("&pipeline=");
            path.push_str(pipeline);
        }
        let credentials = Credentials::new(settings.authorization.clone(), &[])?;
        Ok(Self {
            client: Client::new(
                Destination::base(&settings.http.url)?,
                &settings.http,
                credentials,
                Protocol::Either,
            )?,
            path,
            index: settings.index.clone(),
        })
    }

    async fn bulk(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let screened = Screened::objects(entries);
        if screened.sound.is_empty() {
            return Ok(screened.receipt());
        }
        let body = self.body(&screened).map_err(|error| {
            Failure::Malformed(format!("a batch cannot be written down: {error}"))
        })?;
        let question = Question {
            path: (&self.path).into(),
            content_type: HeaderValue::from_static("application/x-ndjson"),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        let reply = self.client.ask(&question).await?;
        answer::receipt(&reply, screened)
    }

    fn body(&self, screened: &Screened<'_>) -> io::Result<Vec<u8>> {
        let around = screened.sound.len() * (ACTION_BYTES + self.index.len());
        let mut body = Vec::with_capacity(screened.length() + around);
        for (_, entry) in &screened.sound {
            let create = Target {
                _index: &self.index,
                _id: &entry.facts.id,
            };
            serde_json::to_writer(&mut body, &Action { create })?;
            body.push(b'\n');
            body.extend_from_slice(&entry.document);
            body.push(b'\n');
        }
        Ok(body)
    }
}

impl Sink for Elasticsearch {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.bulk(entries))
    }
}

/// Names are letters, digits and a few signs; so they need no escapes in a URL.
fn check(what: &str, name: &str) -> io::Result<()> {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if !name.is_empty() && name.bytes().all(sign) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{name:?} cannot be the {what}\n  one of letters, digits, `-`, `_` and `.` is meant"
    )))
}
