//! A connection to a receiver.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{credentials::Credentials, destination::Destination, explanation::explain};
use crate::delivery::tls::Tls;

/// Bytes of a head (the status line and the headers) that are read; a longer one is refused.
const HEAD_BYTES: usize = 32 << 10;

/// The same, for HTTP/2.
const HEADER_LIST_BYTES: u32 = 32 << 10;

/// Bytes that a receiver may send ahead of being read, for each stream and in all.
const WINDOW_BYTES: u32 = 128 << 10;

/// What is spoken with a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1; over TLS, HTTP/2 if the receiver prefers that.
    Either,
    /// HTTP/2 only, which gRPC needs; without TLS too, as agreed before.
    Two,
}

impl Protocol {
    /// The names that are proposed during the handshake of TLS.
    pub(super) const fn proposals(self) -> &'static [&'static [u8]] {
        match self {
            Self::Either => &[b"h2", b"http/1.1"],
            Self::Two => &[b"h2"],
        }
    }
}

/// A connection, with what lets the sensor in on it.
pub(super) struct Connection {
    sender: Sender,
    pub(super) credentials: HeaderMap,
    tasks: Tasks,
    end: Arc<OnceLock<String>>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// The tasks that move a connection's bytes. They end with the connection's owner, also where the
/// receiver would keep them busy.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut set = self.set();
        // Each question of HTTP/2 can have a task of its own, and a connection may last for weeks.
        while set.try_join_next().is_some() {}
        set.spawn(async {
            task.await;
        });
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.set().abort_all();
    }
}

impl Connection {
    /// Reads the credentials and connects.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, without the address.
    pub(super) async fn open(
        destination: &Destination,
        tls: Option<&Tls>,
        credentials: &Credentials,
        protocol: Protocol,
        limit: Duration,
    ) -> Result<Self, String> {
        let credentials = credentials.read().map_err(|error| explain(&error))?;
        let deadline = Instant::now() + limit;
        let stream = dial(destination, deadline).await?;
        let shaken = timeout_at(deadline, async {
            let Some(tls) = tls else {
                let two = protocol == Protocol::Two;
                return Self::speak(stream, two, credentials).await;
            };
            let stream = tls
                .connect(destination.host(), stream)
                .await
                .map_err(|error| explain(&error))?;
            let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            if !two && protocol == Protocol::Two {
                return Err("it does not speak HTTP/2 over TLS".to_owned());
            }
            Self::speak(stream, two, credentials).await
        });
        shaken
            .await
            .unwrap_or_else(|_| Err(format!("no handshake within {limit:?}")))
    }

    async fn speak<S>(stream: S, two: bool, credentials: HeaderMap) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let tasks = Tasks::default();
        let end = Arc::new(OnceLock::new());
        let ended = Arc::clone(&end);
        let stream = TokioIo::new(stream);
        let sender = if two {
            let (sender, connection) = http2::Builder::new(tasks.clone())
                .initial_stream_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOW_BYTES)
                .max_header_list_size(HEADER_LIST_BYTES)
                .handshake(stream)
                .await
                .map_err(|error| explain(&error))?;
            tasks.execute(watch(connection, ended));
            Sender::Two(sender)
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(HEAD_BYTES)
                .handshake(stream)
                .await
                .map_err(|error| explain(&error))?;
            tasks.execute(watch(connection, ended));
            Sender::One(sender)
        };
        Ok(Self {
            sender,
            credentials,
            tasks,
            end,
        })
    }

    /// Whether HTTP/2 is spoken on it.
    pub(super) const fn is_two(&self) -> bool {
        matches!(self.sender, Sender::Two(_))
    }

    /// Asks, and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// Why the connection failed. Where that happened before the question was on its way, the question's
    /// own error knows only that it is gone: a receiver may refuse the sensor's certificate after the
    /// handshake.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let asked = self.send(request).await;
        asked.map_err(|error| match self.end.get() {
            Some(end) if error.is_closed() || error.is_canceled() => end.clone(),
            _ => explain(&error),
        })
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// Moves a connection's bytes until its end, and keeps what that was.
async fn watch(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    ended: Arc<OnceLock<String>>,
) {
    if let Err(error) = connection.await {
        // There is one end.
        let _ = ended.set(explain(&error));
    }
}

/// Tries each address of the host, the time that is left shared among those not tried yet: one that
/// swallows what it gets must not keep the others from being tried.
async fn dial(destination: &Destination, deadline: Instant) -> Result<TcpStream, String> {
    let late = || "it could not be connected to in time".to_owned();
    let host = destination.host();
    let place = (host, destination.port());
    let found = timeout_at(deadline, lookup_host(place)).await;
    let addresses: Vec<_> = found
        .map_err(|_| format!("the address of {host} was not found in time"))?
        .map_err(|error| format!("the address of {host} was not found: {}", explain(&error)))?
        .collect();
    let mut why = format!("{host} has no address");
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / left.max(1);
        left = left.saturating_sub(1);
        why = match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => match stream.set_nodelay(true) {
                Ok(()) => return Ok(stream),
                Err(error) => explain(&error),
            },
            Ok(Err(error)) => explain(&error),
            Err(_) => late(),
        };
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::doubles::run;

    #[test]
    fn tasks_that_have_ended_are_not_kept() {
        let tasks = Tasks::default();
        run(async {
            for _ in 0..100 {
                tasks.execute(async {});
                tokio::task::yield_now().await;
            }
        });
        assert!(tasks.set().len() < 10);
    }
}
