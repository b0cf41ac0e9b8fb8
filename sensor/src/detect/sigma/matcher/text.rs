//! Whether a text matches a pattern.

use memchr::memmem::Finder;

use super::fold;
use crate::detect::sigma::rule::{Part, Pattern};

/// A pattern, ready to be compared: with folded text if it was made folded.
#[derive(Debug)]
pub(super) enum TextTest {
    /// Any text, also none.
    Everything,
    /// This text.
    Whole(Box<str>),
    /// It begins so.
    Start(Box<str>),
    /// It ends so.
    End(Box<str>),
    /// It is in it.
    Inside(Box<Finder<'static>>),
    /// Anything else.
    Wildcards(Box<Wildcards>),
}

/// A pattern cut at its `*`.
#[derive(Debug)]
pub(super) struct Wildcards {
    /// What is before the first.
    start: Segment,
    /// The rest; none without a `*`.
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    /// What is between two, in this order.
    middle: Vec<Segment>,
    /// What is after the last.
    end: Segment,
}

/// Part of a pattern without `*`: as many characters in every text.
#[derive(Debug, Default)]
struct Segment(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Literal(String),
    /// This many characters, whatever they are.
    Characters(usize),
}

impl TextTest {
    /// A pattern as it is, or folded.
    pub(super) fn new(pattern: &Pattern, fold: bool) -> Self {
        let mut segments = segments(pattern, fold);
        let Some(end) = segments.pop() else {
            return Self::Everything;
        };
        if segments.is_empty() {
            return match end.literal() {
                Some(literal) => Self::Whole(literal.into()),
                None => Self::Wildcards(Box::new(Wildcards {
                    start: end,
                    rest: None,
                })),
            };
        }
        let start = segments.remove(0);
        let middle = segments;
        let inside = match middle.as_slice() {
            [] => Some(""),
            [one] => one.literal(),
            _ => None,
        };
        match (start.literal(), inside, end.literal()) {
            (Some(""), Some(""), Some("")) => Self::Everything,
            (Some(start), Some(""), Some("")) => Self::Start(start.into()),
            (Some(""), Some(""), Some(end)) => Self::End(end.into()),
            (Some(""), Some(inside), Some("")) => {
                Self::Inside(Box::new(Finder::new(inside).into_owned()))
            }
            _ => Self::Wildcards(Box::new(Wildcards {
                start,
                rest: Some(Rest { middle, end }),
            })),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Whole(whole) => **whole == *text,
            Self::Start(start) => text.starts_with(&**start),
            Self::End(end) => text.ends_with(&**end),
            Self::Inside(inside) => inside.find(text.as_bytes()).is_some(),
            Self::Wildcards(wildcards) => wildcards.matches(text),
        }
    }
}

impl Wildcards {
    /// What is between two `*` is taken as early as it is there: what could match later, can after
    /// that too. So there is nothing to try again, and the time is bounded by the pattern's length
    /// times the text's.
    fn matches(&self, text: &str) -> bool {
        let Some(text) = self.start.after_start(text) else {
            return false;
        };
        let Some(Rest { middle, end }) = &self.rest else {
            return text.is_empty();
        };
        let Some(text) = end.before_end(text) else {
            return false;
        };
        middle
            .iter()
            .try_fold(text, |text, segment| segment.after_first(text))
            .is_some()
    }
}

impl Segment {
    /// The text that it is, if it has no `?`.
    fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// What follows it, if a text begins with it.
    fn after_start<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.iter().try_fold(text, |text, piece| match piece {
            Piece::Literal(literal) => text.strip_prefix(literal.as_str()),
            Piece::Characters(count) => skip(text, *count),
        })
    }

    /// What is before it, if a text ends with it.
    fn before_end<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .try_fold(text, |text, piece| match piece {
                Piece::Literal(literal) => text.strip_suffix(literal.as_str()),
                Piece::Characters(count) => {
                    let (first, _) = text.char_indices().nth_back(count.checked_sub(1)?)?;
                    text.get(..first)
                }
            })
    }

    /// What follows it where a text first has it.
    fn after_first<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (text, pieces) = match self.0.split_first() {
            Some((Piece::Characters(count), pieces)) => (skip(text, *count)?, pieces),
            _ => (text, self.0.as_slice()),
        };
        let Some((Piece::Literal(first), pieces)) = pieces.split_first() else {
            return Some(text);
        };
        let mut text = text;
        loop {
            let here = text.get(text.find(first.as_str())?..)?;
            let end =
                pieces.iter().try_fold(
                    here.strip_prefix(first.as_str())?,
                    |text, piece| match piece {
                        Piece::Literal(literal) => text.strip_prefix(literal.as_str()),
                        Piece::Characters(count) => skip(text, *count),
                    },
                );
            if end.is_some() {
                return end;
            }
            text = skip(here, 1)?;
        }
    }
}

/// A text after so many of its characters.
fn skip(text: &str, count: usize) -> Option<&str> {
    let mut characters = text.chars();
    if let Some(last) = count.checked_sub(1) {
        characters.nth(last)?;
    }
    Some(characters.as_str())
}

/// A pattern cut at its `*`: one part more than there are of those.
fn segments(pattern: &Pattern, fold: bool) -> Vec<Segment> {
    let mut segments = vec![Segment::default()];
    let mut after_any = false;
    for part in &pattern.0 {
        if matches!(part, Part::Any) {
            if !after_any {
                segments.push(Segment::default());
            }
            after_any = true;
            continue;
        }
        let Some(Segment(pieces)) = segments.last_mut() else {
            continue;
        };
        match (part, pieces.last_mut()) {
            (Part::Literal(text), _) if text.is_empty() => continue,
            (Part::Literal(text), Some(Piece::Literal(literal))) if fold => {
                fold::append(text, literal);
            }
            (Part::Literal(text), Some(Piece::Literal(literal))) => literal.push_str(text),
            (Part::Literal(text), _) if fold => pieces.push(Piece::Literal(fold::folded(text))),
            (Part::Literal(text), _) => pieces.push(Piece::Literal(text.clone())),
            (Part::One, Some(Piece::Characters(count))) => *count += 1,
            (Part::One, _) => pieces.push(Piece::Characters(1)),
            (Part::Any, _) => {}
        }
        after_any = false;
    }
    segments
}

/// Texts of which every match has at least the longest in it, folded, and whether the match ends
/// with the last of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literals {
    /// The texts, without empty ones.
    pub(super) texts: Vec<String>,
    /// Whether the pattern is one text, and no more.
    pub(super) whole: bool,
    /// Whether what matches ends with the last of the texts.
    pub(super) at_end: bool,
}

/// The texts in a pattern, folded.
pub(super) fn literals(pattern: &Pattern) -> Literals {
    let segments = segments(pattern, true);
    let whole = segments.len() == 1 && segments.iter().all(|segment| segment.literal().is_some());
    let at_end = segments
        .last()
        .and_then(|segment| segment.0.last())
        .is_some_and(|piece| matches!(piece, Piece::Literal(_)));
    let texts = segments
        .into_iter()
        .flat_map(|Segment(pieces)| pieces)
        .filter_map(|piece| match piece {
            Piece::Literal(literal) => Some(literal),
            Piece::Characters(_) => None,
        })
        .collect();
    Literals {
        texts,
        whole,
        at_end,
    }
}
