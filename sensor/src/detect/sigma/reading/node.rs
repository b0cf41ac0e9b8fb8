//! A YAML document as a tree whose parts know their lines.

use std::collections::HashMap;

use super::{flaw::Flaw, scalar::Scalar};

/// What a node counts for against the memory allowed, besides its text.
const WEIGHT: usize = 48;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The line that it begins on.
    pub(super) line: usize,
    /// What it is.
    pub(super) content: Content,
}

/// What a part of a document is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// One value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Mapping(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key; no other of the mapping has it.
    pub(super) key: String,
    /// The line of the key.
    pub(super) line: usize,
    /// The value.
    pub(super) value: Node,
}

impl Node {
    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        WEIGHT.saturating_add(match &self.content {
            Content::Scalar(scalar) => scalar.text().len(),
            Content::List(nodes) => nodes.iter().map(Self::weight).sum(),
            Content::Mapping(entries) => entries
                .iter()
                .map(|entry| entry.key.len().saturating_add(entry.value.weight()))
                .sum(),
        })
    }

    /// What sort of thing it is, for people.
    pub(super) fn sort(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Scalar::Null) => "empty",
            Content::Scalar(_) => "a single value",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Scalar::Null))
    }

    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a mapping; none if it has none, or is no mapping.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The value of a mapping's entry; none too if that is empty.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Scalar::Null) => None,
            Content::Scalar(scalar) => Some(scalar.text()),
            _ => None,
        }
    }

    /// The number of a single value.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.content {
            Content::Scalar(scalar) => scalar.number(),
            _ => None,
        }
    }

    /// The text of a single value, which `name` must have.
    pub(super) fn text_of(&self, name: &str) -> Result<&str, Flaw> {
        self.text().ok_or_else(|| {
            Flaw::new(
                self.line,
                format!("`{name}` must be a single value, but is {}", self.sort()),
            )
        })
    }

    /// The texts of a list, or the one text that stands for a list of one.
    pub(super) fn texts_of(&self, name: &str) -> Result<Vec<String>, Flaw> {
        match &self.content {
            Content::List(nodes) => nodes
                .iter()
                .map(|node| node.text_of(name).map(str::to_owned))
                .collect(),
            _ => Ok(vec![self.text_of(name)?.to_owned()]),
        }
    }
}

/// Mappings one over another: where both have an entry, and not both a mapping there, the upper one
/// has its way. The lines of the whole are the upper one's.
pub(super) fn laid_over(lower: &Node, upper: Node) -> Node {
    let Content::Mapping(lower_entries) = &lower.content else {
        return upper;
    };
    match upper.content {
        Content::Mapping(upper_entries) => {
            let mut entries = lower_entries.clone();
            let places: HashMap<&str, usize> = (0..)
                .zip(lower_entries)
                .map(|(index, entry)| (entry.key.as_str(), index))
                .collect();
            for entry in upper_entries {
                match places
                    .get(entry.key.as_str())
                    .and_then(|index| entries.get_mut(*index))
                {
                    Some(below) => {
                        below.line = entry.line;
                        below.value = laid_over(&below.value, entry.value);
                    }
                    None => entries.push(entry),
                }
            }
            Node {
                line: upper.line,
                content: Content::Mapping(entries),
            }
        }
        _ => upper,
    }
}
