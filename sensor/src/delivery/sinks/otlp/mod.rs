//! OpenTelemetry's collector, and what else takes logs by OTLP: over gRPC, or as protobuf over HTTP.
//!
//! A document is the body of a log record, as the text that it is: receivers that want its members find
//! JSON there. Beside it the record says when, how grave and what it is about, and its `event.id`: the
//! protocol does not recognise what a receiver has already.
//!
//! A receiver that rejects some records of a batch says how many, not which, and must not be sent them
//! again. So the receipt has the right number of refused entries, with the receiver's words, and says
//! that these need not be the ones; only of a batch of which all or none was rejected are they known.
//!
//! The specification has a list of what may be tried again. The sink goes by it wherever the receiver
//! speaks of the data. Where it speaks of the settings (not let in, no such service) data are kept
//! until somebody corrects those, rather than lost.
//!
//! - `records`: documents as log records. `messages`: the protocol's messages.
//! - `grpc`: calls. `answer`: what a receiver says.

mod answer;
mod grpc;
pub(crate) mod messages;
mod records;
#[cfg(test)]
mod tests;

use std::io;

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue, TE},
};
use prost::Message;

use self::records::Records;
use crate::delivery::{
    entry::Entry,
    http::{
        Authorization, Client, Compression, Credentials, Destination, Header, HttpSettings,
        Protocol, Question,
    },
    sink::{Failure, Receipt, Sending, Sink},
};

/// Where logs go over HTTP.
const HTTP_PATH: &str = "/v1/logs";

/// Where they go over gRPC.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// How a receiver of OTLP is written to.
#[derive(Clone, Debug, Default)]
pub struct OtlpSettings {
    /// The base; as a rule port 4317 for gRPC, and 4318 for HTTP, where `/v1/logs` is appended. Both
    /// are often without TLS.
    pub http: HttpSettings,
    /// How it is spoken.
    pub transport: OtlpTransport,
    /// Who the sensor is there.
    pub authorization: Authorization,
    /// Further headers, of every call.
    pub headers: Vec<Header>,
    /// The `host.name` of the resource; empty if it is to have none.
    pub host_name: String,
    /// The `host.id` of the resource; empty if it is to have none.
    pub host_id: String,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpTransport {
    /// As calls of gRPC, over HTTP/2.
    #[default]
    Grpc,
    /// As posts of protobuf messages.
    Http,
}

/// Writes to a receiver of OTLP.
pub struct Otlp {
    client: Client,
    transport: OtlpTransport,
    compression: Compression,
    records: Records,
}

impl Otlp {
    /// Reads the certificates; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the settings cannot be right.
    pub fn new(settings: &OtlpSettings) -> io::Result<Self> {
        let mut http = settings.http.clone();
        let compression = http.compression;
        let protocol = match settings.transport {
            OtlpTransport::Http => Protocol::Either,
            OtlpTransport::Grpc => {
                // Messages are compressed, not the stream that they are in.
                http.compression = Compression::None;
                Protocol::Two
            }
        };
        Ok(Self {
            client: Client::new(
                Destination::base(&http.url)?,
                &http,
                Credentials::new(settings.authorization.clone(), &settings.headers)?,
                protocol,
            )?,
            transport: settings.transport,
            compression,
            records: Records::new(&settings.host_name, &settings.host_id),
        })
    }

    async fn export(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let message = self.records.request(entries).encode_to_vec();
        match self.transport {
            OtlpTransport::Http => {
                let question = Question {
                    path: HTTP_PATH.into(),
                    content_type: HeaderValue::from_static("application/x-protobuf"),
                    headers: HeaderMap::new(),
                    body: message.into(),
                };
                let reply = self.client.ask(&question).await?;
                answer::over_http(&reply, entries.len())
            }
            OtlpTransport::Grpc => {
                let mut headers = HeaderMap::new();
                headers.insert(TE, HeaderValue::from_static("trailers"));
                if self.compression == Compression::Gzip {
                    headers.insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
                }
                let question = Question {
                    path: GRPC_PATH.into(),
                    content_type: HeaderValue::from_static("application/grpc"),
                    headers,
                    body: grpc::frame(message.into(), self.compression)?,
                };
                let reply = self.client.ask(&question).await?;
                answer::over_grpc(&reply, entries.len())
            }
        }
    }
}

impl Sink for Otlp {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.export(entries))
    }
}
