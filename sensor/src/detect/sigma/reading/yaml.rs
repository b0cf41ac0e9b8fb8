//! The documents of a file, each by itself: what is wrong in one leaves the others alone.
//!
//! A line that begins with `---` begins a document wherever it stands, in quotation marks too: YAML
//! forbids it there. So the text is cut at those lines before it is parsed.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{
    allowance::Allowance,
    flaw::Flaw,
    node::{Content, Entry, Node, laid_over},
    scalar::Scalar,
};

/// Deepest nesting of lists and mappings.
pub const DEPTH_MAX: usize = 64;
/// Most mappings that `<<` names in one place.
const MERGED_MAX: usize = 100;

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Why.
    pub(super) flaw: Flaw,
    /// What its title seems to be.
    pub(super) title: Option<String>,
}

/// Every document of a text that is not empty, in order.
pub(super) fn documents(text: &str, allowance: &mut Allowance) -> Vec<Result<Node, Unreadable>> {
    let mut documents = Vec::new();
    for (first_line, piece) in pieces(text) {
        if let Err(flaw) = read_piece(piece, first_line, allowance, &mut documents) {
            documents.push(Err(Unreadable {
                flaw,
                title: apparent_title(piece),
            }));
        }
    }
    documents
}

/// The text, cut before each line that begins a document, and the number of each piece's first line.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 1, 0);
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let begins = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if begins && at > start {
            pieces.push((first_line, text.get(start..at).unwrap_or_default()));
            (start, first_line) = (at, number);
        }
        at += line.len();
    }
    pieces.push((first_line, text.get(start..).unwrap_or_default()));
    // Directives, as `%YAML 1.2`, stand before the line that begins their document.
    pieces.retain(|(_, piece)| {
        !piece
            .lines()
            .all(|line| line.is_empty() || line.starts_with(['%', '#']) || line.trim().is_empty())
    });
    pieces
}

fn read_piece(
    piece: &str,
    first_line: usize,
    allowance: &mut Allowance,
    documents: &mut Vec<Result<Node, Unreadable>>,
) -> Result<(), Flaw> {
    let mut builder = Builder {
        lines_before: first_line - 1,
        allowance,
        open: Vec::new(),
        anchors: HashMap::new(),
        document: None,
    };
    for event in Parser::new_from_str(piece) {
        let (event, span) = event.map_err(|error| not_yaml(&error, piece, first_line))?;
        let ended = event == Event::DocumentEnd;
        builder.take(event, span)?;
        if ended {
            documents.extend(
                builder
                    .document
                    .take()
                    .filter(|node| !node.is_null())
                    .map(Ok),
            );
            builder.anchors.clear();
        }
    }
    Ok(())
}

fn not_yaml(error: &ScanError, piece: &str, first_line: usize) -> Flaw {
    // The end of the text is said to be on the line after it.
    let last = first_line + piece.lines().count().saturating_sub(1);
    let line = (error.marker().line() + first_line - 1).clamp(first_line, last);
    match error.info() {
        "recursion limit exceeded" => too_deep(line),
        what => Flaw::new(line, format!("is not YAML: {what}")),
    }
}

/// What follows `title:` at the beginning of a line.
fn apparent_title(piece: &str) -> Option<String> {
    piece
        .lines()
        .find_map(|line| line.strip_prefix("title:"))
        .map(|title| title.trim().trim_matches(['\'', '"']).to_owned())
        .filter(|title| !title.is_empty())
}

/// Makes a document of the parser's events.
struct Builder<'a> {
    lines_before: usize,
    allowance: &'a mut Allowance,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    document: Option<Node>,
}

/// A list or mapping whose end is still to come.
struct Open {
    line: usize,
    anchor: usize,
    sort: OpenSort,
}

enum OpenSort {
    List(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        keys: HashSet<String>,
        key: Option<(String, usize)>,
        /// What `<<` names, the first having precedence.
        merged: Vec<Node>,
    },
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaw> {
        let line = span.start.line() + self.lines_before;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| is_text(&tag));
                let scalar = if style == ScalarStyle::Plain && !is_text {
                    Scalar::plain(&text)
                } else {
                    Scalar::Text(text.into_owned())
                };
                let node = Node {
                    line,
                    content: Content::Scalar(scalar),
                };
                self.charge(&node)?;
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(line, anchor, OpenSort::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(
                line,
                anchor,
                OpenSort::Mapping {
                    entries: Vec::new(),
                    keys: HashSet::new(),
                    key: None,
                    merged: Vec::new(),
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                    Flaw::new(line, "an alias stands in what it names: write that out")
                })?;
                self.charge(&node)?;
                if self.open.len() + depth(&node) > DEPTH_MAX {
                    return Err(too_deep(line));
                }
                self.finish(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn charge(&mut self, node: &Node) -> Result<(), Flaw> {
        self.allowance.take_document(node.line, node.weight())
    }

    fn begin(&mut self, line: usize, anchor: usize, sort: OpenSort) -> Result<(), Flaw> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(line));
        }
        self.open.push(Open { line, anchor, sort });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Flaw> {
        let Some(Open { line, anchor, sort }) = self.open.pop() else {
            return Ok(());
        };
        let content = match sort {
            OpenSort::List(nodes) => Content::List(nodes),
            OpenSort::Mapping {
                entries, merged, ..
            } => with_merged(line, entries, &merged)?,
        };
        self.allowance.take_document(line, 48)?;
        self.finish(Node { line, content }, anchor)
    }

    /// Puts a node that is complete where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Flaw> {
        if anchor != 0 {
            self.charge(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.document = Some(node);
            return Ok(());
        };
        match &mut open.sort {
            OpenSort::List(nodes) => nodes.push(node),
            OpenSort::Mapping {
                entries,
                keys,
                key,
                merged,
            } => match key.take() {
                None => {
                    let Content::Scalar(scalar) = &node.content else {
                        return Err(Flaw::new(
                            node.line,
                            format!("a key must be text, but is {}", node.sort()),
                        ));
                    };
                    *key = Some((scalar.text().to_owned(), node.line));
                }
                Some((name, _)) if name == "<<" => match node.content {
                    Content::List(nodes) => merged.extend(nodes),
                    _ => merged.push(node),
                },
                Some((name, line)) => {
                    if !keys.insert(name.clone()) {
                        return Err(Flaw::new(
                            line,
                            format!("`{name}` is written twice: join or rename them"),
                        ));
                    }
                    entries.push(Entry {
                        key: name,
                        line,
                        value: node,
                    });
                }
            },
        }
        Ok(())
    }
}

/// The entries of a mapping with those of the mappings that `<<` names.
fn with_merged(line: usize, entries: Vec<Entry>, merged: &[Node]) -> Result<Content, Flaw> {
    let mut whole = Node {
        line,
        content: Content::Mapping(entries),
    };
    if merged.len() > MERGED_MAX {
        return Err(Flaw::new(
            line,
            format!("`<<` names more than {MERGED_MAX} mappings: write them out"),
        ));
    }
    for lower in merged {
        let Content::Mapping(lower_entries) = &lower.content else {
            return Err(Flaw::new(
                lower.line,
                format!("`<<` must name mappings, not {}", lower.sort()),
            ));
        };
        // Unlike a global document's, these entries are replaced as a whole.
        let own: HashSet<&str> = whole
            .entries()
            .unwrap_or_default()
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        let absent = lower_entries
            .iter()
            .filter(|entry| !own.contains(entry.key.as_str()))
            .cloned()
            .collect();
        let absent = Node {
            line,
            content: Content::Mapping(absent),
        };
        whole = laid_over(&absent, whole);
    }
    Ok(whole.content)
}

fn is_text(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::List(nodes) => 1 + nodes.iter().map(depth).max().unwrap_or_default(),
        Content::Mapping(entries) => {
            let deepest = entries.iter().map(|entry| depth(&entry.value)).max();
            1 + deepest.unwrap_or_default()
        }
    }
}

fn too_deep(line: usize) -> Flaw {
    Flaw::new(
        line,
        format!("lists and mappings are nested more than {DEPTH_MAX} deep"),
    )
}
