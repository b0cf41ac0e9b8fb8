//! What OpenTelemetry's collector checks and keeps, over gRPC and over HTTP.

use std::{
    collections::HashMap,
    io::Read,
    sync::{Arc, Mutex},
};

use flate2::read::GzDecoder;
use hyper::Version;
use prost::Message;

use super::{Asked, Server, Told, Transport};
use crate::delivery::sinks::otlp::messages::{
    ExportRequest, ExportResponse, LogRecord, PartialSuccess, Resource,
};

/// A collector of logs.
pub(crate) struct Collector {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    records: Vec<(Resource, LogRecord)>,
    rejected: Option<PartialSuccess>,
}

impl Collector {
    pub(crate) fn start(transport: Transport<'_>) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let handling = Arc::clone(&state);
        let server = Server::start(transport, move |asked| {
            let mut state = handling.lock().unwrap();
            match asked.path.as_str() {
                "/v1/logs" => over_http(asked, &mut state),
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => {
                    over_grpc(asked, &mut state)
                }
                _ if is_grpc(asked) => grpc_failure(12, "unknown service", None),
                _ => Told::new(404, "404 page not found"),
            }
        });
        Self { server, state }
    }

    /// Rejects this many records of each batch, from now on.
    pub(crate) fn reject(&self, count: i64, message: &str) {
        self.state.lock().unwrap().rejected = Some(PartialSuccess {
            rejected_log_records: count,
            error_message: message.into(),
        });
    }

    pub(crate) fn records(&self) -> Vec<(Resource, LogRecord)> {
        self.state.lock().unwrap().records.clone()
    }
}

fn is_grpc(asked: &Asked) -> bool {
    asked.headers["content-type"] == "application/grpc"
}

fn over_http(asked: &Asked, state: &mut State) -> Told {
    if asked.headers["content-type"] != "application/x-protobuf" {
        return Told::new(415, "");
    }
    match take(&asked.body, state) {
        Some(response) => {
            Told::new(200, response.encode_to_vec()).with("content-type", "application/x-protobuf")
        }
        None => Told::new(400, ""),
    }
}

fn over_grpc(asked: &Asked, state: &mut State) -> Told {
    let said = |name| asked.headers.get(name).map(|said| said.to_str().unwrap());
    if asked.version != Version::HTTP_2 || !is_grpc(asked) || said("te") != Some("trailers") {
        return Told::new(415, "");
    }
    let [flag, a, b, c, d, message @ ..] = &*asked.body else {
        return grpc_failure(13, "no frame", None);
    };
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    if usize::try_from(length).unwrap() != message.len() {
        return grpc_failure(13, "another length", None);
    }
    let mut plain = Vec::new();
    match (flag, said("grpc-encoding")) {
        (0, None) => plain = message.to_vec(),
        (1, Some("gzip")) => {
            GzDecoder::new(message).read_to_end(&mut plain).unwrap();
        }
        _ => return grpc_failure(12, "another encoding", None),
    }
    let Some(response) = take(&plain, state) else {
        return grpc_failure(3, "invalid\nmessage", None);
    };
    let message = response.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    Told {
        trailers: Some(HashMap::from([("grpc-status", "0".to_owned())])),
        ..Told::new(200, body).with("content-type", "application/grpc")
    }
}

fn take(message: &[u8], state: &mut State) -> Option<ExportResponse> {
    let request = ExportRequest::decode(message).ok()?;
    for logs in request.resource_logs {
        let resource = logs.resource?;
        for scope in logs.scope_logs {
            for record in scope.log_records {
                state.records.push((resource.clone(), record));
            }
        }
    }
    Some(ExportResponse {
        partial_success: state.rejected.clone(),
    })
}

/// An answer that says that a call failed; all of it is among the headers then.
pub(crate) fn grpc_failure(code: u16, message: &str, details: Option<String>) -> Told {
    let escaped = message.replace('\n', "%0A");
    let told = Told::new(200, "")
        .with("content-type", "application/grpc")
        .with("grpc-status", code.to_string())
        .with("grpc-message", escaped);
    match details {
        Some(details) => told.with("grpc-status-details-bin", details),
        None => told,
    }
}
