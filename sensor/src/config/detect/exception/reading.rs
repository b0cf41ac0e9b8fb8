//! Going through `[[detect.exception]]`.

use std::collections::BTreeMap;

use jiff::civil::Date;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Exception, RuleChoice};
use crate::config::{
    detect::keys::inline_table,
    keys::{nearest, quoted},
    value::{Flaw, Flaws, Value},
};

/// Its name in the section.
pub(in crate::config) const NAME: &str = "exception";

/// The tables of an exception's fields that may be within each other: a name has few dots.
const DEPTH_MAX: usize = 8;

/// Every key, and what it means.
const KEYS: [(&str, &str); 5] = [
    (
        "rule",
        "The id of the rule or detector that it is for, or \"*\" for all.",
    ),
    (
        "fields",
        "What the event must have: a table of fields, each a value or an array of them, with * and ?.",
    ),
    ("reason", "Why this is harmless."),
    ("owner", "Who says so, and can be asked."),
    ("expires", "The last day on which it is applied, in UTC."),
];

/// Reads all exceptions. What is wrong is told in whole sentences.
pub(in crate::config) fn read(
    value: Value<'_>,
    at: usize,
    line: &dyn Fn(usize) -> usize,
) -> (Vec<Exception>, Flaws) {
    let mut reader = Reader {
        exceptions: Vec::new(),
        flaws: Flaws::default(),
    };
    match value.0.get_ref() {
        DeValue::Array(tables) => {
            for table in tables {
                let at = table.span().start;
                match table.get_ref() {
                    DeValue::Table(keys) => reader.exception(keys, at, line(at)),
                    _ => reader.is_no_table(at),
                }
            }
        }
        _ => reader.is_no_table(at),
    }
    (reader.exceptions, reader.flaws)
}

/// An exception as TOML.
pub(in crate::config) fn show(exception: &Exception) -> Vec<String> {
    let mut lines = vec!["[[detect.exception]]".to_owned()];
    for (name, meaning) in KEYS {
        lines.push(format!("# {meaning}"));
        let value = match name {
            "rule" => match &exception.rule {
                RuleChoice::Every => quoted("*"),
                RuleChoice::Id(id) => quoted(id),
            },
            "fields" => {
                let fields = exception.fields.iter();
                inline_table(fields.map(|(name, values)| (name.as_str(), values.as_slice())))
            }
            "reason" => quoted(&exception.reason),
            "owner" => quoted(&exception.owner),
            _ => exception.expires.to_string(),
        };
        lines.push(format!("{name} = {value}"));
    }
    lines
}

struct Reader {
    exceptions: Vec<Exception>,
    flaws: Flaws,
}

impl Reader {
    fn is_no_table(&mut self, at: usize) {
        self.flaw(
            at,
            "an exception is a table of its own: write [[detect.exception]] in a line of its own, and its keys below",
        );
    }

    fn exception(&mut self, keys: &DeTable<'_>, at: usize, line: usize) {
        let find = |wanted: &str| {
            keys.iter()
                .find(|(name, _)| name.get_ref().as_ref() == wanted)
                .map(|(_, value)| value)
        };
        for (key, _) in keys {
            let name = key.get_ref().as_ref();
            if !KEYS.iter().any(|(known, _)| *known == name) {
                self.flaw(key.span().start, no_key(name));
            }
        }
        for (name, meaning) in KEYS {
            if find(name).is_none() {
                self.flaw(at, format!("an exception needs `{name}`: {meaning}"));
            }
        }
        let rule = self.take("rule", find("rule"), rule);
        let fields = self.take("fields", find("fields"), fields);
        let reason = self.take("reason", find("reason"), sentence);
        let owner = self.take("owner", find("owner"), sentence);
        let expires = self.take("expires", find("expires"), date);
        let (Some(rule), Some(fields), Some(reason), Some(owner), Some(expires)) =
            (rule, fields, reason, owner, expires)
        else {
            return;
        };
        self.exceptions.push(Exception {
            line: Some(line),
            rule,
            fields,
            reason,
            owner,
            expires,
        });
    }

    fn take<'a, T>(
        &mut self,
        key: &str,
        value: Option<&'a Spanned<DeValue<'a>>>,
        read: impl FnOnce(Value<'a>) -> Result<T, Flaws>,
    ) -> Option<T> {
        match read(Value(value?)) {
            Ok(value) => Some(value),
            Err(flaws) => {
                for flaw in flaws.0 {
                    self.flaw(flaw.at, format!("`detect.exception.{key}` {}", flaw.what));
                }
                None
            }
        }
    }

    fn flaw(&mut self, at: usize, what: impl Into<String>) {
        self.flaws.0.push(Flaw {
            at,
            what: what.into(),
        });
    }
}

fn no_key(name: &str) -> String {
    match nearest(name, KEYS.iter().map(|(known, _)| *known)) {
        Some(near) => format!("an exception has no `{name}`: did you mean `{near}`?"),
        None => format!(
            "an exception has no `{name}`: what the event must have goes into `fields`; docs/detection.md has an example"
        ),
    }
}

fn rule(value: Value<'_>) -> Result<RuleChoice, Flaws> {
    match sentence(value)?.as_str() {
        "*" => Ok(RuleChoice::Every),
        id => Ok(RuleChoice::Id(id.to_owned())),
    }
}

/// A text that says something.
fn sentence(value: Value<'_>) -> Result<String, Flaws> {
    let text = value.string()?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(value
            .flaw("must be a text that is not empty and has no control characters in it")
            .into());
    }
    Ok(text.to_owned())
}

fn date(value: Value<'_>) -> Result<Date, Flaws> {
    let text = match value.0.get_ref() {
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => {
            let what = format!("must be a date as 2027-01-31, not {}", value.sort());
            return Err(value.flaw(what).into());
        }
    };
    // A date may begin a longer text, of which the rest would be passed over.
    let is_whole = text.len() == "2027-01-31".len();
    text.parse::<Date>()
        .ok()
        .filter(|_| is_whole)
        .ok_or_else(|| {
            let what = format!("is {text:?}, but must be a date as 2027-01-31");
            value.flaw(what).into()
        })
}

fn fields(value: Value<'_>) -> Result<BTreeMap<String, Vec<String>>, Flaws> {
    let DeValue::Table(table) = value.0.get_ref() else {
        let what = format!(
            "must be a table as {{ \"process.executable\" = \"/usr/bin/*\" }}, not {}",
            value.sort()
        );
        return Err(value.flaw(what).into());
    };
    let mut fields = BTreeMap::new();
    let mut flaws = Flaws::default();
    within(table, "", 1, &mut fields, &mut flaws);
    if fields.is_empty() && flaws.0.is_empty() {
        flaws.0.push(value.flaw(
            "must not be empty: an exception from all that a rule finds is its id in `detect.disabled_rules`",
        ));
    }
    if flaws.0.is_empty() {
        Ok(fields)
    } else {
        Err(flaws)
    }
}

/// The fields in a table. A name with dots in it that is not quoted is tables within each other.
fn within(
    table: &DeTable<'_>,
    before: &str,
    depth: usize,
    fields: &mut BTreeMap<String, Vec<String>>,
    flaws: &mut Flaws,
) {
    for (name, value) in table {
        let value = Value(value);
        let name = format!("{before}{}", name.get_ref());
        if let DeValue::Table(table) = value.0.get_ref() {
            if depth == DEPTH_MAX {
                flaws
                    .0
                    .push(value.flaw(
                        "has tables too deep within each other: a field's name has few dots",
                    ));
            } else {
                within(table, &format!("{name}."), depth + 1, fields, flaws);
            }
            continue;
        }
        if let Some((field, modifier)) = name.split_once('|') {
            flaws.0.push(value.flaw(format!(
                "has `{name}`, but no modifiers are understood here: remove `|{modifier}`, and write * in `{field}`'s value \
                 for what may be anything"
            )));
            continue;
        }
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            flaws
                .0
                .push(value.flaw(format!("has {name:?}, which is no name of a field")));
            continue;
        }
        match values(value, &name) {
            Ok(_) if fields.contains_key(&name) => {
                flaws
                    .0
                    .push(value.flaw(format!("has `{name}` twice: remove one")));
            }
            Ok(values) => {
                fields.insert(name, values);
            }
            Err(of_one) => flaws.0.extend(of_one.0),
        }
    }
}

/// A field's value, or an array of them.
fn values(value: Value<'_>, field: &str) -> Result<Vec<String>, Flaws> {
    let DeValue::Array(array) = value.0.get_ref() else {
        return Ok(vec![pattern(value, field)?]);
    };
    let mut patterns = Vec::new();
    let mut flaws = Flaws::default();
    for one in array {
        match pattern(Value(one), field) {
            Ok(pattern) => patterns.push(pattern),
            Err(flaw) => flaws.0.push(flaw),
        }
    }
    if array.is_empty() {
        flaws.0.push(value.flaw(format!(
            "has no value for `{field}`, so that nothing would match: write one, or remove it"
        )));
    }
    if flaws.0.is_empty() {
        Ok(patterns)
    } else {
        Err(flaws)
    }
}

fn pattern(value: Value<'_>, field: &str) -> Result<String, Flaw> {
    let text = match value.0.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_) => return integer(value, field),
        DeValue::Boolean(value) => value.to_string(),
        _ => {
            return Err(value.flaw(format!(
                "has {} for `{field}`, but must have a string, an integer or a boolean",
                value.sort()
            )));
        }
    };
    // Something that is always so is no exception, but the end of all alerts.
    if text.contains('*') && text.chars().all(|one| matches!(one, '*' | '?')) {
        return Err(value.flaw(format!(
            "has {text:?} for `{field}`, which everything matches: write what it must be"
        )));
    }
    Ok(text)
}

fn integer(value: Value<'_>, field: &str) -> Result<String, Flaw> {
    let DeValue::Integer(integer) = value.0.get_ref() else {
        return Err(value.flaw("must be an integer"));
    };
    i64::from_str_radix(integer.as_str(), integer.radix())
        .map(|number| number.to_string())
        .map_err(|_| value.flaw(format!("has {integer} for `{field}`, which is too large")))
}
