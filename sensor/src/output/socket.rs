//! Addresses of unix sockets, for people.

use std::borrow::Cow;

use crate::event::Text;

/// The path of a unix socket; an abstract name, which begins with NUL, has `@` in that one's place.
/// None for a socket without a name.
#[must_use]
pub fn unix_path(path: &Text) -> Option<Cow<'_, str>> {
    match path.bytes.split_first()? {
        (0, name) => Some(format!("@{}", String::from_utf8_lossy(name)).into()),
        _ => {
            let end = path.bytes.iter().position(|byte| *byte == 0);
            let path = path.bytes.get(..end.unwrap_or(path.bytes.len()))?;
            Some(String::from_utf8_lossy(path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &'static [u8]) -> Option<String> {
        let text = Text {
            bytes: bytes.into(),
            original: None,
        };
        unix_path(&text).map(Cow::into_owned)
    }

    #[test]
    fn shows_paths_and_abstract_names() {
        assert_eq!(shown(b"/run/a\xff\0"), Some("/run/a\u{fffd}".into()));
        assert_eq!(shown(b"/run/a\0rest"), Some("/run/a".into()));
        assert_eq!(shown(b"\0tmp/x\0y"), Some("@tmp/x\0y".into()));
        assert_eq!(shown(b"\0"), Some("@".into()));
        assert_eq!(shown(b""), None);
    }
}
