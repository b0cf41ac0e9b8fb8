//! An HTTP client for receivers: HTTP/1.1 and HTTP/2, plain or over TLS, one connection that is kept.
//!
//! - `client`: asks a question, on the connection there is or on a new one.
//! - `connection`: makes a connection, and speaks one of the two versions on it.
//! - `destination`: where a receiver is. `credentials`: what lets the sensor in there.
//! - `content`: what is sent, compressed if so wished. `reply`: what comes back, of bounded length.
//! - `screening`: which documents of a batch can be said in lines.
//! - `refusal`: what a status means for a batch. `retry_after`: how long to leave a receiver alone.
//! - `explanation`: why a connection failed, in words.
//!
//! Proxies are out of its scope, those that the environment names (`HTTPS_PROXY`) too, and redirects
//! are not followed: what the sensor sends goes to the address that was written down for it, and
//! nowhere else. Answers are asked for without compression.
//!
//! The client has no time-out but the one for connecting: whoever asks bounds the whole, and may drop
//! the call at any moment.

mod client;
mod connection;
mod content;
mod credentials;
mod destination;
mod explanation;
mod refusal;
mod reply;
mod retry_after;
mod screening;

pub use content::Compression;
pub use credentials::{Authorization, Header, HeaderSource};

pub(crate) use client::{Client, Question};
pub(crate) use connection::Protocol;
pub(crate) use content::gzip;
pub(crate) use credentials::Credentials;
pub(crate) use destination::Destination;
pub(crate) use explanation::line;
pub(crate) use refusal::{Blame, blame, refusal};
pub(crate) use reply::Reply;
pub(crate) use retry_after::LONGEST as LONGEST_DELAY;
pub(crate) use screening::Screened;

use std::time::Duration;

use super::tls::TlsSettings;

/// How a receiver that speaks HTTP is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where it is: `http://HOST[:PORT][/PATH]` or `https://...`.
    pub url: String,
    /// How it is trusted, where the URL says `https`.
    pub tls: TlsSettings,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// Whether what is sent is compressed.
    pub compression: Compression,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            tls: TlsSettings::default(),
            connect_timeout: Duration::from_secs(10),
            compression: Compression::default(),
        }
    }
}
