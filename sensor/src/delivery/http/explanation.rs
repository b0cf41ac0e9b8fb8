//! Why a connection failed, in words.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};

/// Bytes of an explanation.
const LENGTH_MAX: usize = 500;

/// Makes one line of visible characters of a text that somebody else wrote, of `length` bytes at most.
pub(crate) fn line(text: &str, length: usize) -> String {
    let mut line = String::new();
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > length {
            let end = (0..=length.saturating_sub('…'.len_utf8()))
                .rev()
                .find(|end| line.is_char_boundary(*end));
            line.truncate(end.unwrap_or(0));
            line.push('…');
            break;
        }
    }
    line
}

/// What is behind an error, on one line.
pub(super) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    let mut words = None;
    loop {
        if let Some(error) = deepest.downcast_ref::<rustls::Error>() {
            return line(&of_tls(error), LENGTH_MAX);
        }
        if let Some(error) = deepest.downcast_ref::<hyper::Error>() {
            words = of_http(error).or(words);
        }
        // An input or output error does not count what it wraps among its sources.
        let wrapped = deepest
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => deepest.source(),
        };
        match next {
            Some(next) => deepest = next,
            // What the system says of a connection is better than that it has ended.
            None if deepest.is::<io::Error>() => break,
            None => {
                return words.map_or_else(|| line(&deepest.to_string(), LENGTH_MAX), str::to_owned);
            }
        }
    }
    line(&deepest.to_string(), LENGTH_MAX)
}

fn of_http(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse() {
        Some("what it answers is no HTTP, or has too long a head")
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Some("it closed the connection before it had answered")
    } else {
        None
    }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate),
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => {
                "it wants a certificate of the sensor's, and there is none in the settings".into()
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => {
                format!("it does not trust the sensor's certificate ({alert:?})")
            }
            AlertDescription::ProtocolVersion => {
                "it speaks no version of TLS that the settings allow".into()
            }
            AlertDescription::NoApplicationProtocol => {
                "it does not speak the version of HTTP that is needed".into()
            }
            _ => error.to_string(),
        },
        rustls::Error::InvalidMessage(_) => format!("it does not speak TLS ({error})"),
        _ => error.to_string(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired ({error})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet ({error})")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is for another name ({error})")
        }
        CertificateError::UnknownIssuer => {
            "its certificate is signed by no authority that is trusted (`ca_file` names others)"
                .into()
        }
        CertificateError::Revoked => "its certificate was revoked".into(),
        _ => format!("its certificate is not accepted ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_have_nothing_but_words() {
        assert_eq!(line(" a\n\tb\u{1b}[31m  c\0", 100), "a b [31m c");
        assert_eq!(line("abcdef ghi", 8), "abcde…");
        assert_eq!(line("ääääää", 8), "ää…");
        assert_eq!(line("", 8), "");
    }

    #[test]
    fn the_cause_is_looked_for_at_the_bottom() {
        let inner = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let outer = io::Error::other(io::Error::other(inner));
        assert!(explain(&outer).contains("signed by no authority"));
        let plain = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(explain(&plain), "connection refused");
    }

    proptest! {
        #[test]
        fn lines_are_bounded(text: String, length in 3usize..50) {
            let line = line(&text, length);
            prop_assert!(line.len() <= length);
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
