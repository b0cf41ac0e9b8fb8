//! `correlation`: what is asked of the matches of several rules.

use std::{path::Path, sync::Arc, time::Duration};

use super::{
    super::{
        correlation::{Alias, Ask, Bound, Correlation, Statistic},
        rule::{Place, Relation},
    },
    flaw::Flaw,
    header::{self, word},
    node::{Entry, Node},
};

/// A year, the longest `timespan`, in seconds.
const YEAR: u64 = 31_556_952;

/// The types, as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    EventCount,
    ValueCount,
    Sum,
    Average,
    Percentile,
    Median,
    Temporal,
    TemporalOrdered,
}

const TYPES: [(&str, Type); 8] = [
    ("event_count", Type::EventCount),
    ("value_count", Type::ValueCount),
    ("value_sum", Type::Sum),
    ("value_avg", Type::Average),
    ("value_percentile", Type::Percentile),
    ("value_median", Type::Median),
    ("temporal", Type::Temporal),
    ("temporal_ordered", Type::TemporalOrdered),
];

/// Reads a document with `correlation`.
pub(super) fn read(document: &Node, entry: &Entry, file: &Arc<Path>) -> Result<Correlation, Flaw> {
    let node = &entry.value;
    if node.entries().is_none() {
        return Err(Flaw::new(
            entry.line,
            format!("`correlation` must be a mapping, but is {}", node.sort()),
        ));
    }
    let lacks = |key: &str| Flaw::new(entry.line, format!("`correlation` has no `{key}`: add it"));
    let header = header::read(document)?;
    let sort = word(node, "type", &TYPES)?.ok_or_else(|| lacks("type"))?;
    let rules = node.get("rules").ok_or_else(|| lacks("rules"))?;
    let rules = match rules.texts_of("rules")? {
        names if names.is_empty() => return Err(lacks("rules")),
        names => names,
    };
    let group_by = node.get("group-by").map(|node| node.texts_of("group-by"));
    let timespan = node.get("timespan").ok_or_else(|| lacks("timespan"))?;
    let ask = ask(sort, node.get("condition"), &rules).map_err(|what| match what {
        Ok(flaw) => flaw,
        Err(what) => Flaw::new(
            node.entry("condition")
                .map_or(entry.line, |entry| entry.line),
            what,
        ),
    })?;
    Ok(Correlation {
        place: Place {
            file: Arc::clone(file),
            line: document.line,
        },
        header,
        group_by: group_by.transpose()?.unwrap_or_default(),
        timespan: duration(timespan)?,
        ask,
        aliases: aliases(node.get("aliases"), &rules)?,
        generate: generate(node)? || generate(document)?,
        rules,
    })
}

/// A flaw with a line of its own, or one of the condition as a whole.
type AskFlaw = Result<Flaw, String>;

fn ask(sort: Type, condition: Option<&Node>, rules: &[String]) -> Result<Ask, AskFlaw> {
    let bounds = bounds(condition).map_err(Ok)?;
    if let Type::Temporal | Type::TemporalOrdered = sort {
        // All rules must match, which is what a count of them that asks for as many says too.
        let counts = bounds.iter().map(|bound| match bound {
            Bound::Is(Relation::GreaterOrEqual, count) | Bound::Equal(count) => Some(*count),
            _ => None,
        });
        let all = f64::from(u32::try_from(rules.len()).unwrap_or(u32::MAX));
        if counts.into_iter().any(|count| count != Some(all)) {
            return Err(Err(
                "`condition` asks for some of the rules, but here all must match: leave it out, or \
                 write one correlation for each choice"
                    .to_owned(),
            ));
        }
        return Ok(if sort == Type::Temporal {
            Ask::Temporal
        } else {
            Ask::TemporalOrdered
        });
    }
    if bounds.is_empty() {
        return Err(Err(
            "`condition` has no bound: add one, as `gte: 10`".to_owned()
        ));
    }
    if sort == Type::EventCount {
        return Ok(Ask::EventCount(bounds));
    }
    let fields = condition
        .and_then(|node| node.get("field"))
        .map(|node| node.texts_of("field"))
        .transpose()
        .map_err(Ok)?
        .filter(|fields| !fields.is_empty());
    let mut fields =
        fields.ok_or_else(|| Err("`condition` has no `field`: name what is counted".to_owned()))?;
    let statistic = match sort {
        Type::Sum => Statistic::Sum,
        Type::Average => Statistic::Average,
        Type::Median => Statistic::Median,
        Type::Percentile => Statistic::Percentile(percentile(condition)?),
        _ => return Ok(Ask::ValueCount { fields, bounds }),
    };
    match (fields.pop(), fields.is_empty()) {
        (Some(field), true) => Ok(Ask::Statistic {
            statistic,
            field,
            bounds,
        }),
        _ => Err(Err(
            "`condition` must have one `field` for this type".to_owned()
        )),
    }
}

fn percentile(condition: Option<&Node>) -> Result<f64, AskFlaw> {
    let number = condition
        .and_then(|node| node.get("percentile"))
        .and_then(Node::number);
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| Err("`condition` must have a `percentile` from 0 to 100".to_owned()))
}

fn bounds(condition: Option<&Node>) -> Result<Vec<Bound>, Flaw> {
    let Some(condition) = condition else {
        return Ok(Vec::new());
    };
    let Some(entries) = condition.entries() else {
        return Err(Flaw::new(
            condition.line,
            format!(
                "`condition` of a correlation must be a mapping, as `gte: 10`, but is {}",
                condition.sort()
            ),
        ));
    };
    let mut bounds = Vec::new();
    for entry in entries {
        let bound: fn(f64) -> Bound = match entry.key.as_str() {
            "lt" => |number| Bound::Is(Relation::Less, number),
            "lte" => |number| Bound::Is(Relation::LessOrEqual, number),
            "gt" => |number| Bound::Is(Relation::Greater, number),
            "gte" => |number| Bound::Is(Relation::GreaterOrEqual, number),
            "eq" => Bound::Equal,
            "neq" => Bound::NotEqual,
            "field" | "percentile" => continue,
            key => {
                return Err(Flaw::new(
                    entry.line,
                    format!(
                        "`condition` has `{key}`, but may only have gt, gte, lt, lte, eq, neq, field \
                         and percentile"
                    ),
                ));
            }
        };
        let number = entry.value.number().ok_or_else(|| {
            Flaw::new(
                entry.value.line,
                format!("`{}` must be a number", entry.key),
            )
        })?;
        bounds.push(bound(number));
    }
    Ok(bounds)
}

/// `30s`, `5m`, `2h`, `7d`; also weeks, months and years as other readers of Sigma have them.
fn duration(node: &Node) -> Result<Duration, Flaw> {
    let text = node.text_of("timespan")?;
    let flaw = || {
        Flaw::new(
            node.line,
            format!("`timespan` is `{text}`, but must be as 30s, 5m, 2h or 7d, and a year at most"),
        )
    };
    let mut digits = text.chars();
    let unit = match digits.next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 604_800,
        Some('M') => 2_629_746,
        Some('y') => YEAR,
        _ => return Err(flaw()),
    };
    let digits = digits.as_str();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(flaw());
    }
    digits
        .parse()
        .ok()
        .and_then(|count: u64| count.checked_mul(unit))
        .filter(|seconds| (1..=YEAR).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(flaw)
}

fn aliases(node: Option<&Node>, rules: &[String]) -> Result<Vec<Alias>, Flaw> {
    let Some(node) = node else {
        return Ok(Vec::new());
    };
    let entries_of = |node: &'_ Node, what: &str| -> Result<Vec<Entry>, Flaw> {
        node.entries().map(<[Entry]>::to_vec).ok_or_else(|| {
            Flaw::new(
                node.line,
                format!("{what} must be a mapping, but is {}", node.sort()),
            )
        })
    };
    let mut aliases = Vec::new();
    for alias in entries_of(node, "`aliases`")? {
        let mut fields = Vec::new();
        for field in entries_of(&alias.value, &format!("the alias `{}`", alias.key))? {
            if !rules.contains(&field.key) {
                return Err(Flaw::new(
                    field.line,
                    format!(
                        "the alias `{}` is about `{}`, which is not in `rules`",
                        alias.key, field.key
                    ),
                ));
            }
            let name = field.value.text_of(&field.key)?.to_owned();
            fields.push((field.key, name));
        }
        aliases.push(Alias {
            name: alias.key,
            fields,
        });
    }
    Ok(aliases)
}

fn generate(node: &Node) -> Result<bool, Flaw> {
    word(node, "generate", &[("true", true), ("false", false)]).map(Option::unwrap_or_default)
}
