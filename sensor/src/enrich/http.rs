//! An HTTP client for servers on this machine or its link: one connection, small bounded answers,
//! no redirects, no proxies, no TLS.
//!
//! Whoever asks sets the time-out, for all that belongs to one question: a server that drips is as
//! bad as a silent one.

use std::{error::Error, io};

use http_body_util::{BodyExt, Collected, Empty, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Body, Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};

use super::runtimes::Failure;

/// Bytes of a body that are read; a longer one is refused.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;

/// Bytes of a head (the status line and the headers) that are read; a longer one is refused.
const HEAD_BYTES: usize = 32 * 1024;

/// A connection that speaks HTTP/1.1.
pub(crate) struct Connection {
    sender: http1::SendRequest<Empty<Bytes>>,
    _driver: Driver,
}

/// What a server answered.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The task that moves a connection's bytes; it ends with the connection's owner, also where that
/// one is dropped in the middle of a question.
struct Driver(AbortHandle);

impl Driver {
    fn start(driver: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(driver).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(crate) async fn open<S>(stream: S) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failure(&error))?;
        let driver = Driver::start(async {
            // Whatever went wrong is told to the one who asked.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            _driver: driver,
        })
    }

    /// Asks one question. After a failure the connection is of no use.
    pub(crate) async fn ask(&mut self, request: Request<Empty<Bytes>>) -> Result<Reply, Failure> {
        self.sender.ready().await.map_err(|error| failure(&error))?;
        let reply = self.sender.send_request(request).await;
        let (head, body) = reply.map_err(|error| failure(&error))?.into_parts();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body: collect(body).await?.to_bytes(),
        })
    }
}

/// Reads a body to its end.
pub(crate) async fn collect(body: Incoming) -> Result<Collected<Bytes>, Failure> {
    let bytes = body.size_hint().lower();
    if usize::try_from(bytes).map_or(true, |bytes| bytes > BODY_BYTES) {
        return Err(Failure::TooLarge);
    }
    let collected = Limited::new(body, BODY_BYTES).collect().await;
    collected.map_err(|error| match error.downcast_ref() {
        Some(error) => failure(error),
        None if error.is::<LengthLimitError>() => Failure::TooLarge,
        None => Failure::Malformed,
    })
}

/// What an error of the client means.
pub(crate) fn failure(error: &hyper::Error) -> Failure {
    if error.is_parse() {
        // A head over its bound too.
        return Failure::Malformed;
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Failure::Closed;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<io::Error>() {
            return Failure::Closed;
        }
        cause = error.source();
    }
    Failure::Malformed
}
