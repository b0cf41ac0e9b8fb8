//! Asks questions on one connection that is kept.

use std::{borrow::Cow, io, sync::Arc};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri, Version,
    body::Bytes,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT},
};

use super::{
    Compression, HttpSettings,
    connection::{Connection, Protocol},
    content::gzip,
    credentials::Credentials,
    destination::Destination,
    explanation::explain,
    reply::{self, Reply},
};
use crate::delivery::{sink::Failure, tls::Tls};

/// What every question says of who asks it.
const AGENT: &str = concat!("sensor/", env!("CARGO_PKG_VERSION"));

/// Bytes from which on a body is compressed: on a shorter one nothing is gained, and questions that are
/// no batches are asked where a receiver need not understand it.
const COMPRESSED_BYTES_MIN: usize = 512;

/// Asks a receiver.
///
/// A call that is dropped half-way drops the connection with it. So does an answer that says that the
/// sensor is not let in: the next connection reads the credentials again.
pub(crate) struct Client {
    destination: Destination,
    address: Arc<str>,
    tls: Option<Tls>,
    credentials: Credentials,
    protocol: Protocol,
    settings: HttpSettings,
    connection: Option<Connection>,
}

/// What is asked, by `POST`.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    /// The path below the receiver's own, from its `/` on; it may have a query.
    pub(crate) path: Cow<'a, str>,
    /// What the body is.
    pub(crate) content_type: HeaderValue,
    /// Further headers.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is sent of a question.
struct Content {
    body: Bytes,
    compressed: bool,
}

/// How an attempt failed.
enum Broken {
    /// The connection did before the receiver said anything.
    Unanswered(String),
    /// Something else.
    Otherwise(String),
}

impl Client {
    /// Reads the certificates; nothing is connected yet.
    pub(crate) fn new(
        destination: Destination,
        settings: &HttpSettings,
        credentials: Credentials,
        protocol: Protocol,
    ) -> io::Result<Self> {
        let tls = destination
            .is_secure()
            .then(|| Tls::new(&settings.tls, protocol.proposals()))
            .transpose()?;
        Ok(Self {
            address: destination.to_string().into(),
            destination,
            tls,
            credentials,
            protocol,
            settings: settings.clone(),
            connection: None,
        })
    }

    /// Where it asks, for a person.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Asks a question. The answer may be of any status.
    pub(crate) async fn ask(&mut self, question: &Question<'_>) -> Result<Reply, Failure> {
        let address = Arc::clone(&self.address);
        let failed = |why: &str| Failure::again(format!("cannot deliver to {address}: {why}"));
        let uri = self
            .destination
            .uri(&question.path)
            .map_err(|error| failed(&explain(&error)))?;
        let compressed = self.settings.compression == Compression::Gzip
            && question.body.len() >= COMPRESSED_BYTES_MIN;
        let body = if compressed {
            gzip(&question.body).map_err(|error| failed(&explain(&error)))?
        } else {
            question.body.clone()
        };
        let content = Content { body, compressed };
        // Whoever drops this call drops the connection, which has half a question on it then.
        if let Some(kept) = self.connection.take() {
            match self.attempt(kept, &uri, question, &content).await {
                Ok(reply) => return Ok(reply),
                Err(Broken::Otherwise(why)) => return Err(failed(&why)),
                // A receiver may close an idle connection at any moment, also this one. What it has heard
                // all the same it gets twice, which it would if the caller tried again.
                Err(Broken::Unanswered(_)) => {}
            }
        }
        let fresh = Connection::open(
            &self.destination,
            self.tls.as_ref(),
            &self.credentials,
            self.protocol,
            self.settings.connect_timeout,
        );
        let fresh = fresh.await.map_err(|why| failed(&why))?;
        self.attempt(fresh, &uri, question, &content)
            .await
            .map_err(|(Broken::Unanswered(why) | Broken::Otherwise(why))| failed(&why))
    }

    /// Asks on a connection, and keeps that if it can be asked on again.
    async fn attempt(
        &mut self,
        mut connection: Connection,
        uri: &Uri,
        question: &Question<'_>,
        content: &Content,
    ) -> Result<Reply, Broken> {
        let request = self
            .request(&connection, uri, question, content)
            .map_err(|error| Broken::Otherwise(explain(&error)))?;
        let response = connection.ask(request).await.map_err(Broken::Unanswered)?;
        let (head, incoming) = response.into_parts();
        let (read, result) = reply::read(incoming).await;
        if let Err(error) = result
            && head.status.is_success()
        {
            return Err(Broken::Otherwise(explain(&error)));
        }
        let shut_out = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&head.status);
        if read.whole && !shut_out {
            self.connection = Some(connection);
        }
        Ok(Reply {
            address: Arc::clone(&self.address),
            status: head.status,
            headers: head.headers,
            body: read.body,
            trailers: read.trailers,
            whole: read.whole,
        })
    }

    fn request(
        &self,
        connection: &Connection,
        uri: &Uri,
        question: &Question<'_>,
        content: &Content,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder().method(Method::POST);
        if connection.is_two() {
            request = request.uri(uri.clone()).version(Version::HTTP_2);
        } else {
            let host = self.destination.authority().as_str();
            let path = uri.path_and_query().map_or("/", |place| place.as_str());
            request = request.uri(path).header(HOST, host);
        }
        let mut request = request.body(Full::new(content.body.clone()))?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONTENT_TYPE, question.content_type.clone());
        if content.compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        // The user's own come last and stand: they may well be another content type.
        for (name, value) in question.headers.iter().chain(&connection.credentials) {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }
}
