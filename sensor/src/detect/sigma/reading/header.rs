//! What a rule says of itself, and which events it is about.

use super::{
    super::rule::{Header, Level, LogSource, Status},
    flaw::Flaw,
    node::{Content, Node},
};

/// Reads what every document has. Dates and ids are taken as they are, and keys that mean nothing
/// here are left out.
pub(super) fn read(document: &Node) -> Result<Header, Flaw> {
    let text = |key: &str| {
        let value = document.get(key).map(|node| node.text_of(key));
        value.transpose().map(|text| text.map(str::to_owned))
    };
    let list = |key: &str| {
        let value = document.get(key).map(|node| node.texts_of(key));
        value.transpose().map(Option::unwrap_or_default)
    };
    let (id, name) = (text("id")?, text("name")?);
    let title = text("title")?
        .or_else(|| name.clone())
        .or_else(|| id.clone())
        .ok_or_else(|| Flaw::new(document.line, "has no `title`: add one"))?;
    Ok(Header {
        title,
        id,
        name,
        status: word(document, "status", &STATUSES)?,
        level: word(document, "level", &LEVELS)?,
        description: text("description")?.unwrap_or_default(),
        author: list("author")?.join(", "),
        license: text("license")?.unwrap_or_default(),
        references: [list("references")?, list("reference")?].concat(),
        false_positives: list("falsepositives")?,
        tags: list("tags")?,
    })
}

const STATUSES: [(&str, Status); 5] = [
    ("stable", Status::Stable),
    ("test", Status::Test),
    ("experimental", Status::Experimental),
    ("deprecated", Status::Deprecated),
    ("unsupported", Status::Unsupported),
];

const LEVELS: [(&str, Level); 5] = [
    ("informational", Level::Informational),
    ("low", Level::Low),
    ("medium", Level::Medium),
    ("high", Level::High),
    ("critical", Level::Critical),
];

/// One of a few words.
pub(super) fn word<T: Copy>(
    node: &Node,
    key: &str,
    words: &[(&str, T)],
) -> Result<Option<T>, Flaw> {
    let Some(node) = node.get(key) else {
        return Ok(None);
    };
    let text = node.text_of(key)?;
    let found = words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text));
    match found {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            Err(Flaw::new(
                node.line,
                format!(
                    "`{key}` is `{text}`, but must be one of {}",
                    words.join(", ")
                ),
            ))
        }
    }
}

/// Reads `logsource`, which must say something.
pub(super) fn log_source(document: &Node) -> Result<LogSource, Flaw> {
    const ADD: &str = "add `category`, `product` or `service`";
    let Some(node) = document.get("logsource") else {
        return Err(Flaw::new(
            document.line,
            format!("has no `logsource`: {ADD}"),
        ));
    };
    let Content::Mapping(_) = node.content else {
        return Err(Flaw::new(
            node.line,
            format!("`logsource` must be a mapping, but is {}", node.sort()),
        ));
    };
    let text = |key: &str| {
        let value = node.get(key).map(|node| node.text_of(key));
        value.transpose().map(|text| text.map(str::to_lowercase))
    };
    let source = LogSource {
        category: text("category")?,
        product: text("product")?,
        service: text("service")?,
    };
    if source == LogSource::default() {
        return Err(Flaw::new(
            node.line,
            format!("`logsource` says nothing: {ADD}"),
        ));
    }
    Ok(source)
}
