//! Where a receiver is.

use std::{fmt, io};

use hyper::{
    Uri,
    http::uri::{Authority, PathAndQuery, Scheme},
};

/// Where a receiver is, as a URL says it. It shows without what may be secret in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    scheme: Scheme,
    authority: Authority,
    port: u16,
    /// Without `/` at its end.
    path: String,
    query: Option<String>,
}

impl Destination {
    /// A receiver's base, to which paths are appended.
    ///
    /// # Errors
    ///
    /// If it is no URL of HTTP, or has a query.
    pub(crate) fn base(url: &str) -> io::Result<Self> {
        let base = Self::page(url)?;
        if base.query.is_some() {
            return Err(wrong(&format!(
                "{base} is a base, and cannot have a query (`?...`)"
            )));
        }
        Ok(base)
    }

    /// A page, which may have a query.
    ///
    /// # Errors
    ///
    /// If it is no URL of HTTP.
    pub(crate) fn page(url: &str) -> io::Result<Self> {
        let parts = url
            .parse::<Uri>()
            .map_err(|error| wrong(&format!("it cannot be read: {error}")))?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(wrong("it lacks the scheme or the host"));
        };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(wrong("its scheme is neither `http` nor `https`")),
        };
        // Whatever is before an `@` is not shown.
        if authority.as_str().contains('@') {
            return Err(wrong(
                "it has a user or a password in it, which have settings of their own",
            ));
        }
        if authority.host().is_empty() {
            return Err(wrong("it lacks the host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // A colon without a number after it, or with one that is none of a port's.
            None if authority.as_str() != authority.host() => {
                return Err(wrong("its port is no number up to 65535"));
            }
            None => default_port,
        };
        let (path, query) = match parts.path_and_query {
            None => (String::new(), None),
            Some(place) => (
                place.path().trim_end_matches('/').to_owned(),
                place.query().map(str::to_owned),
            ),
        };
        Ok(Self {
            scheme,
            authority,
            port,
            path,
            query,
        })
    }

    /// Whether TLS is spoken there.
    pub(super) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host, by name or address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The host and the port as the URL has them.
    pub(super) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The whole address of what is below it at this path, which begins with `/` or is empty, and may
    /// have a query.
    ///
    /// # Errors
    ///
    /// If the path has characters in it that none can have.
    pub(super) fn uri(&self, below: &str) -> io::Result<Uri> {
        let mut place = format!("{}{below}", self.path);
        if !place.starts_with('/') {
            place.insert(0, '/');
        }
        if let Some(query) = &self.query {
            place.push('?');
            place.push_str(query);
        }
        let place = PathAndQuery::try_from(place).map_err(io::Error::other)?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(place)
            .build()
            .map_err(io::Error::other)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.authority.host();
        write!(
            formatter,
            "{}://{host}:{}{}",
            self.scheme, self.port, self.path
        )
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::other(format!(
        "a receiver's URL is wrong: {why}\n  one like `https://siem.example:9200` is meant"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_understood() {
        for (url, shown, asked) in [
            ("http://a", "http://a:80", "http://a/_bulk"),
            ("https://a/", "https://a:443", "https://a/_bulk"),
            (
                "https://A.b:9200/c//",
                "https://A.b:9200/c",
                "https://A.b:9200/c/_bulk",
            ),
            ("http://[::1]:9/", "http://[::1]:9", "http://[::1]:9/_bulk"),
        ] {
            let base = Destination::base(url).unwrap();
            assert_eq!(base.to_string(), shown);
            assert_eq!(base.uri("/_bulk").unwrap().to_string(), asked);
        }
        assert_eq!(Destination::base("http://[::1]").unwrap().host(), "::1");
        let page = Destination::page("http://a/b?token=x").unwrap();
        assert_eq!(page.uri("").unwrap().to_string(), "http://a/b?token=x");
        assert_eq!(page.to_string(), "http://a:80/b");
    }

    #[test]
    fn wrong_urls_are_refused_without_showing_what_is_secret_in_them() {
        for url in [
            "",
            "a",
            "/a",
            "a:9200",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:99999",
            "http://a:",
            "https://user:s3cr3t@a",
            "http://a/b?token=s3cr3t",
        ] {
            let why = Destination::base(url).expect_err(url).to_string();
            assert!(!why.contains("s3cr3t"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(url: String, below: String) {
            if let Ok(page) = Destination::page(&url) {
                let _ = page.uri(&below);
            }
        }

        #[test]
        fn what_is_shown_is_the_same_place(
            host in "[a-z]{1,8}(\\.[a-z]{1,8})?",
            port: u16,
            path in "(/[a-z]{1,5}){0,3}",
        ) {
            let url = format!("https://{host}:{port}{path}");
            let place = Destination::page(&url).unwrap();
            prop_assert_eq!(place.to_string(), url);
            prop_assert_eq!(place.port(), port);
        }
    }
}
