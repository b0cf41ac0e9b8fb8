//! Any receiver that speaks HTTP: what is asked is checked, kept and answered; a script goes first.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread::JoinHandle,
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Request, Response, StatusCode, Version,
    body::{Body, Frame, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use super::Identity;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// Decompressed.
    pub(crate) body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HashMap<&'static str, String>>,
}

/// What a script has the server do once.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answer this, and take nothing.
    Answer(Told),
    /// Answer this without reading what is asked.
    Interrupt(Told),
    /// Take what is asked, and hang up instead of answering.
    TakeAndHangUp,
    /// Never answer.
    Silence,
    /// Hang up.
    HangUp,
    /// Say half of this, and hang up.
    BreakOff(Told),
    /// Answer with this many bytes.
    Flood(usize),
}

/// How the server is spoken to.
pub(crate) enum Transport<'a> {
    /// HTTP/1.1 in the clear.
    One,
    /// HTTP/2 in the clear.
    Two,
    /// TLS, and what is agreed on there, of these.
    Tls(Identity<'a>, &'a [&'a [u8]]),
}

/// A server on a port of its own.
pub(crate) struct Server {
    address: SocketAddr,
    secure: bool,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    handle: Box<dyn Fn(&Asked) -> Told + Send + Sync>,
    script: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
}

/// A body as the script wants it.
#[derive(Default)]
struct Scripted {
    frames: VecDeque<io::Result<Frame<Bytes>>>,
    /// What comes before a failure is on its way.
    flushed: bool,
}

impl Told {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, value.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Server {
    /// Starts to serve.
    pub(crate) fn start(
        transport: Transport<'_>,
        handle: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            handle: Box::new(handle),
            script: Mutex::default(),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let (two, tls) = match transport {
            Transport::One => (false, None),
            Transport::Two => (true, None),
            Transport::Tls(identity, alpn) => {
                (false, Some(TlsAcceptor::from(identity.config(alpn))))
            }
        };
        let secure = tls.is_some();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, serving, two, tls) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            secure,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The URL of it, whose address is in good certificates.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.address.port())
    }

    /// Does these next, one for each thing that is asked.
    pub(crate) fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.shared.script.lock().unwrap().extend(acts);
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits until as many things were asked.
    pub(crate) async fn heard(&self, count: usize) {
        while self.asked().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, two: bool, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        let tls = tls.clone();
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return serve(stream, shared, two).await;
            };
            match tls.accept(stream).into_fallible().await {
                Ok(stream) => {
                    let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    serve(stream, shared, two).await;
                }
                // Closed at once, what the client has sent meanwhile would reset the connection, and
                // the client might never see why.
                Err((_, stream)) => drain(stream).await,
            }
        });
    }
}

async fn drain(mut stream: TcpStream) {
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
    let mut room = [0; 4096];
    while stream.read(&mut room).await.is_ok_and(|length| length > 0) {}
}

async fn serve<S>(stream: S, shared: Arc<Shared>, two: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let stream = TokioIo::new(stream);
    // How it ends is the client's to see.
    if two {
        let builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(stream, service).await;
    } else {
        let _ = http1::Builder::new()
            .serve_connection(stream, service)
            .await;
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Scripted>, io::Error> {
    let act = shared.script.lock().unwrap().pop_front();
    if let Some(Act::Interrupt(told)) = act {
        return Ok(response(&told));
    }
    let asked = match read(request).await {
        Ok(asked) => asked,
        Err(why) => return Ok(response(&Told::new(400, why))),
    };
    shared.asked.lock().unwrap().push(asked.clone());
    let hang_up = || io::Error::other("as the script has it");
    match act {
        None => Ok(response(&(shared.handle)(&asked))),
        Some(Act::Answer(told) | Act::Interrupt(told)) => Ok(response(&told)),
        Some(Act::TakeAndHangUp) => {
            (shared.handle)(&asked);
            Err(hang_up())
        }
        Some(Act::Silence) => std::future::pending().await,
        Some(Act::HangUp) => Err(hang_up()),
        Some(Act::BreakOff(told)) => {
            let mut half = told.clone();
            half.body.truncate(told.body.len() / 2);
            let mut response = response(&half);
            response.body_mut().frames.push_back(Err(hang_up()));
            Ok(response)
        }
        Some(Act::Flood(bytes)) => {
            let mut response = response(&Told::new(200, ""));
            let chunk = Bytes::from(vec![b' '; 64 << 10]);
            let frames = (0..bytes / chunk.len()).map(|_| Ok(Frame::data(chunk.clone())));
            response.body_mut().frames.extend(frames);
            Ok(response)
        }
    }
}

/// Reads what is asked, and checks what every client owes to every server.
async fn read(request: Request<Incoming>) -> Result<Asked, String> {
    let (head, body) = request.into_parts();
    let text = |name: &str| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    if head.method != "POST" {
        return Err(format!("{} is no POST", head.method));
    }
    let agent = concat!("sensor/", env!("CARGO_PKG_VERSION"));
    if text("user-agent").as_deref() != Some(agent) {
        return Err("another user agent".into());
    }
    let authority = head.uri.authority().map(|authority| authority.to_string());
    match head.version {
        Version::HTTP_11 if text("host").is_none() || authority.is_some() => {
            return Err("no host, or one in the path".into());
        }
        Version::HTTP_2 if authority.is_none() || head.uri.scheme().is_none() => {
            return Err("no authority or no scheme".into());
        }
        _ => {}
    }
    let body = body.collect().await.map_err(|error| error.to_string())?;
    let mut body = body.to_bytes().to_vec();
    let length = text("content-length").ok_or("no content length")?;
    if length.parse() != Ok(body.len()) {
        return Err(format!("{} bytes instead of {length}", body.len()));
    }
    match text("content-encoding").as_deref() {
        None => {}
        Some("gzip") => {
            let mut plain = Vec::new();
            let mut decoder = GzDecoder::new(&*body);
            decoder
                .read_to_end(&mut plain)
                .map_err(|error| error.to_string())?;
            body = plain;
        }
        Some(other) => return Err(format!("{other} is no encoding of a body")),
    }
    Ok(Asked {
        version: head.version,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    })
}

fn response(told: &Told) -> Response<Scripted> {
    let mut response = Response::new(Scripted::default());
    *response.status_mut() = StatusCode::from_u16(told.status).unwrap();
    for (name, value) in &told.headers {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    let frames = &mut response.body_mut().frames;
    if !told.body.is_empty() {
        frames.push_back(Ok(Frame::data(told.body.clone().into())));
    }
    if let Some(trailers) = &told.trailers {
        let trailers = trailers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        frames.push_back(Ok(Frame::trailers(trailers.collect())));
    }
    response
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // Who waits for a body sends what there is of it.
        if matches!(self.frames.front(), Some(Err(_))) && !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }
}
