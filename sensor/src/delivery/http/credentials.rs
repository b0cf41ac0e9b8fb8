//! What lets the sensor in at a receiver.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderName, HeaderValue,
        TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};

use crate::delivery::secret::SecretSource;

/// Who the sensor is to a receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authorization {
    /// Nobody in particular.
    #[default]
    Nobody,
    /// A user with a password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// Whoever has this token (`Bearer`, RFC 6750).
    Bearer(SecretSource),
    /// Whoever has this key of Elasticsearch's, as it gives it out: encoded (`ApiKey`).
    ApiKey(SecretSource),
    /// Whoever has this token of Splunk's.
    Splunk(SecretSource),
}

/// Headers that say how a message is sent, which nobody else can know.
const RESERVED: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A header of every question. Of two with one name, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: HeaderSource,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// Always this.
    Literal(String),
    /// What is not to be seen.
    Secret(SecretSource),
}

/// All headers that a receiver wants to see, to be read for each connection anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    authorization: Authorization,
    headers: Vec<(HeaderName, HeaderSource)>,
}

impl Credentials {
    /// What lets the sensor in.
    ///
    /// # Errors
    ///
    /// If there can be no such header.
    pub(crate) fn new(authorization: Authorization, headers: &[Header]) -> io::Result<Self> {
        let headers = headers.iter().map(|header| {
            let name = HeaderName::try_from(&header.name);
            let name =
                name.map_err(|_| io::Error::other(format!("no header is named {:?}", header.name)))?;
            if RESERVED.contains(&name) {
                return Err(io::Error::other(format!(
                    "the header `{name}` is the sensor's own to write: it says how a message is sent"
                )));
            }
            Ok((name, header.value.clone()))
        });
        let credentials = Self {
            authorization,
            headers: headers.collect::<io::Result<_>>()?,
        };
        for (name, value) in &credentials.headers {
            if let HeaderSource::Literal(text) = value {
                credential(name, text)?;
            }
        }
        Ok(credentials)
    }

    /// Reads the secrets, and makes headers of all.
    ///
    /// # Errors
    ///
    /// If a secret cannot be read, or be in a header.
    pub(super) fn read(&self) -> io::Result<HeaderMap> {
        let mut all = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = match value {
                HeaderSource::Literal(text) => credential(name, text)?,
                HeaderSource::Secret(source) => secret(name, source.read()?.reveal())?,
            };
            all.insert(name, value);
        }
        if let Some(text) = self.authorization.read()? {
            all.insert(AUTHORIZATION, secret(&AUTHORIZATION, &text)?);
        }
        Ok(all)
    }
}

impl Authorization {
    fn read(&self) -> io::Result<Option<String>> {
        Ok(Some(match self {
            Self::Nobody => return Ok(None),
            Self::Basic { user, password } => {
                let password = password.read()?;
                let both = format!("{user}:{}", password.reveal());
                format!("Basic {}", STANDARD.encode(both))
            }
            Self::Bearer(token) => format!("Bearer {}", token.read()?.reveal()),
            Self::ApiKey(key) => format!("ApiKey {}", key.read()?.reveal()),
            Self::Splunk(token) => format!("Splunk {}", token.read()?.reveal()),
        }))
    }
}

fn credential(name: &HeaderName, text: &str) -> io::Result<HeaderValue> {
    // What it says is not shown: it may be a secret all the same.
    HeaderValue::try_from(text)
        .map_err(|_| io::Error::other(format!("what the header `{name}` is to say, none can say")))
}

fn secret(name: &HeaderName, text: &str) -> io::Result<HeaderValue> {
    let mut value = credential(name, text)?;
    // Neither shown when written down for debugging, nor kept in tables of HTTP/2's compression.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;

    #[test]
    fn credentials_are_read_anew_each_time_and_never_shown() {
        let path = env::temp_dir().join(format!("sensor-credentials-{}", std::process::id()));
        fs::write(&path, "first\n").unwrap();
        let source = || SecretSource::File(path.clone());
        let headers = [Header {
            name: "X-Key".into(),
            value: HeaderSource::Secret(source()),
        }];
        for (authorization, expected) in [
            (Authorization::Bearer(source()), "Bearer first"),
            (Authorization::ApiKey(source()), "ApiKey first"),
            (Authorization::Splunk(source()), "Splunk first"),
            (
                Authorization::Basic {
                    user: "sensor".into(),
                    password: source(),
                },
                // `sensor:first`
                "Basic c2Vuc29yOmZpcnN0",
            ),
        ] {
            let read = Credentials::new(authorization, &headers)
                .unwrap()
                .read()
                .unwrap();
            assert_eq!(read[AUTHORIZATION], expected);
            assert_eq!(read["x-key"], "first");
            assert!(!format!("{read:?}").contains("first"));
        }
        let credentials = Credentials::new(Authorization::Bearer(source()), &[]).unwrap();
        fs::write(&path, "second\n").unwrap();
        assert_eq!(credentials.read().unwrap()[AUTHORIZATION], "Bearer second");
        fs::remove_file(&path).unwrap();
        credentials.read().unwrap_err();
        let nobody = Credentials::new(Authorization::Nobody, &[]).unwrap();
        assert!(nobody.read().unwrap().is_empty());
    }

    #[test]
    fn headers_that_cannot_be_are_refused_at_once() {
        for (name, value) in [
            ("", "a"),
            ("a b", "a"),
            ("a", "b\r\nc: d"),
            ("Content-Length", "7"),
        ] {
            let header = Header {
                name: name.into(),
                value: HeaderSource::Literal(value.into()),
            };
            Credentials::new(Authorization::Nobody, &[header]).unwrap_err();
        }
    }
}
