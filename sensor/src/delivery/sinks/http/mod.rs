//! Anything that takes lines by HTTP: documents are posted, one on a line (NDJSON).
//!
//! Every status from 200 to 299 says that the receiver has the whole batch. What it has already it may
//! get again, after an answer got lost: documents have an `event.id` to recognise them by.

#[cfg(test)]
mod tests;

use std::io;

use hyper::{HeaderMap, header::HeaderValue};

use crate::delivery::{
    entry::Entry,
    http::{
        Authorization, Client, Credentials, Destination, Header, HttpSettings, Protocol, Question,
        Screened, refusal,
    },
    sink::{Failure, Receipt, Sending, Sink},
};

/// How a receiver is posted to.
#[derive(Clone, Debug)]
pub struct HttpSinkSettings {
    /// The page that takes documents. It may have a query.
    pub http: HttpSettings,
    /// Who the sensor is there.
    pub authorization: Authorization,
    /// Further headers.
    pub headers: Vec<Header>,
    /// What the body is said to be.
    pub content_type: String,
}

impl Default for HttpSinkSettings {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            authorization: Authorization::default(),
            headers: Vec::new(),
            content_type: "application/x-ndjson".into(),
        }
    }
}

/// Posts lines.
pub struct HttpSink {
    client: Client,
    content_type: HeaderValue,
}

impl HttpSink {
    /// Reads the certificates; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the settings cannot be right.
    pub fn new(settings: &HttpSinkSettings) -> io::Result<Self> {
        let content_type = HeaderValue::try_from(&settings.content_type);
        let content_type = content_type.map_err(|_| {
            io::Error::other(format!("{:?} is no content type", settings.content_type))
        })?;
        let credentials = Credentials::new(settings.authorization.clone(), &settings.headers)?;
        Ok(Self {
            client: Client::new(
                Destination::page(&settings.http.url)?,
                &settings.http,
                credentials,
                Protocol::Either,
            )?,
            content_type,
        })
    }

    async fn post(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let screened = Screened::lines(entries);
        if screened.sound.is_empty() {
            return Ok(screened.receipt());
        }
        let mut body = Vec::with_capacity(screened.length() + screened.sound.len());
        for (_, entry) in &screened.sound {
            body.extend_from_slice(&entry.document);
            body.push(b'\n');
        }
        let question = Question {
            path: "".into(),
            content_type: self.content_type.clone(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        let reply = self.client.ask(&question).await?;
        let words = reply.excerpt();
        if !reply.status.is_success() {
            return Err(refusal(&reply, &words));
        }
        let mut receipt = screened.receipt();
        receipt.answer = reply.says(&words);
        Ok(receipt)
    }
}

impl Sink for HttpSink {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.post(entries))
    }
}
