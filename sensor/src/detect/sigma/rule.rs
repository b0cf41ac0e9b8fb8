//! A rule as it was written, its modifiers applied: what the reader makes and the compiler takes.

use std::{fmt, net::IpAddr, path::Path, sync::Arc};

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.display(), self.line)
    }
}

/// A detection rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it begins.
    pub place: Place,
    /// What it says of itself.
    pub header: Header,
    /// The events that it is about.
    pub log_source: LogSource,
    /// What it looks for, in the order of the file.
    pub selections: Vec<Selection>,
    /// How those make a match; several conditions are alternatives.
    pub condition: Condition,
}

/// What a rule or a correlation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `title`.
    pub title: String,
    /// `id`.
    pub id: Option<String>,
    /// `name`: what correlations call it.
    pub name: Option<String>,
    /// `status`.
    pub status: Option<Status>,
    /// `level`.
    pub level: Option<Level>,
    /// `description`.
    pub description: String,
    /// `author`.
    pub author: String,
    /// `license`.
    pub license: String,
    /// `references`.
    pub references: Vec<String>,
    /// `falsepositives`.
    pub false_positives: Vec<String>,
    /// `tags`.
    pub tags: Vec<String>,
}

/// `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `stable`.
    Stable,
    /// `test`.
    Test,
    /// `experimental`.
    Experimental,
    /// `deprecated`.
    Deprecated,
    /// `unsupported`.
    Unsupported,
}

/// `level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `informational`.
    Informational,
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `critical`.
    Critical,
}

/// `logsource`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSource {
    /// `category`.
    pub category: Option<String>,
    /// `product`.
    pub product: Option<String>,
    /// `service`.
    pub service: Option<String>,
}

/// A named part of `detection`.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Its name.
    pub name: String,
    /// What it looks for.
    pub search: Search,
}

/// What a selection looks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// A mapping: all items.
    All(Vec<Item>),
    /// A list of mappings: any of them.
    Any(Vec<Search>),
    /// Words without a field: anywhere in the event.
    Keywords(Values),
}

/// A field and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The line that it is on.
    pub line: usize,
    /// The field's name.
    pub field: String,
    /// What is asked; none with `exists`, which is a test of its own.
    pub values: Values,
    /// `neq`: whether none of it may be so.
    pub negated: bool,
}

/// Values, each with its alternatives (`windash`, `base64offset` make several of one).
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Whether all values must match (`all`), or one is enough.
    pub all: bool,
    /// The values. For each, one matching alternative is enough.
    pub tests: Vec<Vec<Test>>,
}

/// What is asked of a field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `null`: there is no value.
    Null,
    /// `exists`.
    Exists(bool),
    /// Text that matches a pattern. A number in a rule is text too.
    Text {
        /// The pattern.
        pattern: Pattern,
        /// `cased`: whether case matters. If not, letters of all scripts are compared by their simple
        /// lower case.
        cased: bool,
    },
    /// `re`: a regular expression, which may match anywhere; flags are written into it: `(?i)`.
    Regex(String),
    /// `cidr`: an address in a network.
    Network(Network),
    /// `lt`, `lte`, `gt`, `gte`.
    Number(Relation, f64),
    /// `fieldref`: what another field has.
    Field {
        /// The other field.
        name: String,
        /// Where its value must be in this one's.
        position: Position,
        /// Whether case matters.
        cased: bool,
    },
    /// `minute`, `hour`, `day`, `week`, `month`, `year`: part of a moment.
    Moment(MomentPart, i64),
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: IpAddr,
    /// The bits.
    pub prefix: u8,
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `lt`.
    Less,
    /// `lte`.
    LessOrEqual,
    /// `gt`.
    Greater,
    /// `gte`.
    GreaterOrEqual,
}

/// Where text is in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It is all of it.
    Whole,
    /// `startswith`.
    Start,
    /// `endswith`.
    End,
    /// `contains`.
    Anywhere,
}

/// Part of a moment, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentPart {
    /// `minute`, 0 to 59.
    Minute,
    /// `hour`, 0 to 23.
    Hour,
    /// `day` of the month, 1 to 31.
    Day,
    /// `week` by ISO 8601, 1 to 53.
    Week,
    /// `month`, 1 to 12.
    Month,
    /// `year`.
    Year,
}

/// Text with wildcards, which must match all of a value: `contains` is a pattern that begins and ends
/// with [`Part::Any`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pattern(pub Vec<Part>);

/// A part of a pattern. No two literals, and no two [`Part::Any`], follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// This text.
    Literal(String),
    /// `?`: one character.
    One,
    /// `*`: any text, also none.
    Any,
}

/// How selections make a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The selection with this index.
    Selection(usize),
    /// The opposite.
    Not(Box<Condition>),
    /// `and`, `all of`.
    All(Vec<Condition>),
    /// `or`, `1 of`.
    Any(Vec<Condition>),
    /// `N of`.
    AtLeast(usize, Vec<Condition>),
}
