//! What is looked at in a document that arrived.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::sink::Format;

/// How what a receiver wrote down looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As the sensor wrote it.
    Written(Format),
    /// JSON that says the same, written by somebody else.
    Rewritten(Format),
    /// A line of CEF, as JSON that somebody else made of it.
    ReadCef,
}

/// By what a document is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `event.id`.
    pub id: String,
    /// Of its text, if the sensor wrote it in the witness's format.
    pub digest: Option<u64>,
}

/// Tells texts apart.
pub fn digest(document: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    document.hash(&mut hasher);
    hasher.finish()
}

/// Reads a document, all of it: one that is not as its format has it is an error.
pub fn identity(shape: Shape, document: &[u8]) -> Result<Identity> {
    let shown = || {
        let text = String::from_utf8_lossy(document);
        text.chars().take(200).collect::<String>()
    };
    let text = std::str::from_utf8(document).with_context(|| format!("no UTF-8: {}", shown()))?;
    let id = match shape {
        Shape::Written(Format::Cef) | Shape::Rewritten(Format::Cef) => {
            extension(text, "externalId").map(str::to_owned)
        }
        Shape::Written(format) | Shape::Rewritten(format) => read_json(text, pointer(format))?,
        Shape::ReadCef => read_json(text, "/extension/externalId")?,
    };
    let Some(id) = id else {
        bail!("a document without an id: {}", shown());
    };
    let digest = (shape == Shape::Written(Format::Ecs)).then(|| digest(document));
    Ok(Identity { id, digest })
}

/// Where the id is.
const fn pointer(format: Format) -> &'static str {
    match format {
        Format::Ecs => "/event/id",
        Format::Ocsf => "/metadata/uid",
        Format::Flat => "/event.id",
        Format::Cef => "",
    }
}

fn read_json(text: &str, pointer: &str) -> Result<Option<String>> {
    let document: Value = serde_json::from_str(text).with_context(|| {
        let start: String = text.chars().take(200).collect();
        format!("no JSON: {start}")
    })?;
    let id = document.pointer(pointer).and_then(Value::as_str);
    Ok(id.map(str::to_owned))
}

/// The value of a key of a CEF line's extension, if it has no space in it. It stands after a space; a
/// value that has the same text in it has the `=` escaped.
fn extension<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.strip_prefix("CEF:")?;
    line.split(' ')
        .chain(line.rsplit('|').next())
        .find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.split(' ').next().unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_each_format() {
        let of = |format, text: &str| identity(Shape::Written(format), text.as_bytes()).unwrap();
        let ecs = of(Format::Ecs, r#"{"event":{"id":"a-1","sequence":7}}"#);
        assert_eq!(ecs.id, "a-1");
        assert_eq!(of(Format::Ocsf, r#"{"metadata":{"uid":"b"}}"#).id, "b");
        assert_eq!(of(Format::Flat, r#"{"event.id":"c"}"#).id, "c");
        let cef = "CEF:0|a|b|1|exec|Name|3|msg=x externalId\\=no externalId=d-1 rt=1";
        assert_eq!(of(Format::Cef, cef).id, "d-1");
        assert_eq!(
            of(Format::Cef, "CEF:0|a|b|1|x|N|3|externalId=e rt=1").id,
            "e"
        );
    }

    #[test]
    fn what_is_cut_or_nameless_is_an_error() {
        for (format, text) in [
            (Format::Ecs, r#"{"event":{"id":"a-1"}"#),
            (Format::Ecs, r#"{"event":{}}"#),
            (Format::Cef, "CEF:0|a|b|1|exec|Name|3|msg=x"),
            (Format::Cef, "externalId=1"),
        ] {
            identity(Shape::Written(format), text.as_bytes()).unwrap_err();
        }
    }
}
