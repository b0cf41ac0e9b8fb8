//! Unary gRPC calls over a unix socket: a message in one frame each way, over HTTP/2.
//!
//! Four services with six calls are all that is asked, so this and `prost` do; a framework with
//! generated clients would bring half as many crates again as the sensor has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Bytes,
    client::conn::http2,
    header::{CONTENT_TYPE, TE},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::{net::UnixStream, task::JoinSet};

use super::Failure;
use crate::enrich::http::{collect, failure};

/// The code of `NOT_FOUND`.
pub(super) const NOT_FOUND: u16 = 5;

/// The code of `UNIMPLEMENTED`: the service is not there.
pub(super) const UNIMPLEMENTED: u16 = 12;

/// Bytes that a server may send ahead of being read, for each stream and in all.
const WINDOW_BYTES: u32 = 64 * 1024;

/// Bytes of headers, and of trailers.
const HEAD_BYTES: u32 = 16 * 1024;

/// A compressed-flag and a length before a message.
const FRAME_HEADER_BYTES: usize = 5;

/// A connection to a gRPC server.
pub(super) struct Client {
    sender: http2::SendRequest<Full<Bytes>>,
    tasks: Tasks,
}

/// The tasks that move a connection's bytes. They end with the connection's owner, also where the
/// server would keep them busy.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.set().spawn(async {
            task.await;
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.set().abort_all();
    }
}

impl Client {
    pub(super) async fn open(stream: UnixStream) -> Result<Self, Failure> {
        let tasks = Tasks::default();
        let (sender, connection) = http2::Builder::new(tasks.clone())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failure(&error))?;
        // Whatever goes wrong is told to the one who asks.
        tasks.execute(connection);
        Ok(Self { sender, tasks })
    }

    /// Calls a method, in a namespace of containerd where one is given.
    pub(super) async fn call<A: Message + Default>(
        &mut self,
        method: &'static str,
        namespace: Option<&str>,
        question: &impl Message,
    ) -> Result<A, Failure> {
        let mut request = Request::post(format!("http://localhost{method}"))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers");
        if let Some(namespace) = namespace {
            request = request.header("containerd-namespace", namespace);
        }
        let request = request
            .body(Full::new(frame(question)))
            .map_err(|_| Failure::Malformed)?;
        self.sender.ready().await.map_err(|error| failure(&error))?;
        let reply = self.sender.send_request(request).await;
        let (head, body) = reply.map_err(|error| failure(&error))?.into_parts();
        if head.status != StatusCode::OK {
            return Err(Failure::Rejected(head.status.as_u16()));
        }
        let body = collect(body).await?;
        // An answer without a message has its status among the headers.
        let status = body.trailers().and_then(status);
        match status.or_else(|| self::status(&head.headers)) {
            Some(0) => unframe(&body.to_bytes()),
            Some(code) => Err(Failure::Rejected(code)),
            None => Err(Failure::Malformed),
        }
    }
}

fn status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn frame(message: &impl Message) -> Bytes {
    let message = message.encode_to_vec();
    let mut frame = vec![0];
    // A question is some hundred bytes.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    frame.into()
}

/// The only message of a body.
fn unframe<A: Message + Default>(body: &[u8]) -> Result<A, Failure> {
    let (header, message) = body
        .split_first_chunk::<FRAME_HEADER_BYTES>()
        .ok_or(Failure::Malformed)?;
    let [compressed, length @ ..] = *header;
    let whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    if compressed != 0 || !whole {
        return Err(Failure::Malformed);
    }
    A::decode(message).map_err(|_| Failure::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_framed_comes_back(text: String) {
            let framed = frame(&text);
            prop_assert_eq!(unframe::<String>(&framed), Ok(text));
            for end in 0..framed.len() {
                prop_assert_eq!(unframe::<String>(&framed[..end]), Err(Failure::Malformed));
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = unframe::<String>(&bytes);
        }
    }
}
