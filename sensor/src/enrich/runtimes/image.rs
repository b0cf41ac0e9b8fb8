//! References to images: `registry:5000/team/name:tag@sha256:...`.

/// Bytes of a reference that is parsed; a longer one is none.
pub const REFERENCE_BYTES: usize = 1024;

/// Bytes of a tag that a registry takes.
const TAG_BYTES: usize = 128;

/// The parts of a reference to an image. At least the name or the digest is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The repository, with its registry where that is named.
    pub name: Option<&'a str>,
    /// The tag, where it is named. `latest` is not made up.
    pub tag: Option<&'a str>,
    /// The digest, with its algorithm: `sha256:...`.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes a reference apart; none if it is not one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > REFERENCE_BYTES {
            return None;
        }
        // An image without a name is told by its digest alone.
        if let Some(digest) = digest(text) {
            return Some(Self {
                name: None,
                tag: None,
                digest: Some(digest),
            });
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, rest)) => (named, Some(digest(rest)?)),
            None => (text, None),
        };
        // A colon before the last slash is that of the registry's port.
        let path = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named.get(path..)?.split_once(':') {
            Some((last, tag)) => (named.get(..path + last.len())?, Some(tag)),
            None => (named, None),
        };
        (is_name(name) && tag.is_none_or(is_tag)).then_some(Self {
            name: Some(name),
            tag,
            digest,
        })
    }
}

/// The text, if it is a digest.
pub(super) fn digest(text: &str) -> Option<&str> {
    let (algorithm, value) = text.split_once(':')?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return None,
    };
    (value.len() == digits && value.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

fn is_name(name: &str) -> bool {
    let mut components = name.split('/');
    let first = components.next().unwrap_or_default();
    // The first may be a registry, with a port, or with an address of version 6 in brackets.
    let registry = |byte: u8| is_word(byte) || matches!(byte, b':' | b'[' | b']');
    let rest = components.clone().count();
    let first_is_fine = match rest {
        0 => first.bytes().all(is_word),
        _ => first.bytes().all(registry),
    };
    let full = |component: &str| !component.is_empty() && component.bytes().all(is_word);
    !first.is_empty() && first_is_fine && components.all(full)
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.len() <= TAG_BYTES && tag.bytes().all(is_word)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Option<(Option<&str>, Option<&str>, Option<&str>)> {
        let reference = Reference::parse(text)?;
        Some((reference.name, reference.tag, reference.digest))
    }

    #[test]
    fn takes_references_apart() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let some = |name, tag, digest| Some((Some(name), tag, digest));
        assert_eq!(parts("nginx"), some("nginx", None, None));
        assert_eq!(parts("nginx:1.25"), some("nginx", Some("1.25"), None));
        assert_eq!(
            parts("localhost:5000/a"),
            some("localhost:5000/a", None, None)
        );
        assert_eq!(
            parts(&format!("registry:5000/a/b:tag@{digest}")),
            some("registry:5000/a/b", Some("tag"), Some(&digest))
        );
        assert_eq!(
            parts("[::1]:5000/a:b"),
            some("[::1]:5000/a", Some("b"), None)
        );
        assert_eq!(parts(&digest), Some((None, None, Some(digest.as_str()))));
    }

    #[test]
    fn refuses_what_is_no_reference() {
        for text in [
            "",
            ":",
            "@",
            "a:",
            "a b",
            "/a",
            "a//b",
            "a/",
            "a@sha256:00",
            "a@",
            "a:b:c",
            "a:b@c@d",
            "a\n",
            "ü",
            "<none>:<none>",
        ] {
            assert_eq!(parts(text), None, "{text:?}");
        }
        assert_eq!(parts(&"a".repeat(REFERENCE_BYTES + 1)), None);
        assert_eq!(parts(&format!("a:{}", "b".repeat(TAG_BYTES + 1))), None);
    }

    proptest! {
        #[test]
        fn what_is_put_together_comes_apart(
            registry in proptest::option::of("[a-z0-9.-]{1,12}(:[0-9]{1,5})?"),
            path in proptest::collection::vec("[a-z0-9][a-z0-9._-]{0,8}", 1..4),
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
            hash in proptest::option::of("[0-9a-f]{64}"),
        ) {
            let name = registry.into_iter().chain(path).collect::<Vec<_>>().join("/");
            // Without a path, a registry's port cannot be told from a tag.
            prop_assume!(name.contains('/') || !name.contains(':'));
            let digest = hash.map(|hash| format!("sha256:{hash}"));
            let mut text = name.clone();
            if let Some(tag) = &tag {
                text = format!("{text}:{tag}");
            }
            if let Some(digest) = &digest {
                text = format!("{text}@{digest}");
            }
            let expected = (Some(name.as_str()), tag.as_deref(), digest.as_deref());
            prop_assert_eq!(parts(&text), Some(expected));
        }

        #[test]
        fn the_parts_are_the_whole(text in "[a-z0-9:/@.]{0,40}|\\PC{0,40}") {
            let Some((name, tag, digest)) = parts(&text) else { return Ok(()) };
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = match (name, digest) {
                (Some(_), Some(digest)) => format!("@{digest}"),
                (None, Some(digest)) => digest.to_owned(),
                (_, None) => String::new(),
            };
            prop_assert_eq!(format!("{}{tag}{digest}", name.unwrap_or_default()), text.as_str());
        }
    }
}
