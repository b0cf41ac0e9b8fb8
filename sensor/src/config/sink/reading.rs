//! Going through `[[sink]]` by the table of keys.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Sink, SinkType,
    keys::{SinkKey, sink_keys},
};
use crate::config::{
    keys::nearest,
    value::{Flaw, Flaws, Value},
};

/// Bytes of the longest name: it is a folder's, too.
const NAME_MAX: usize = 64;

/// Reads all sinks. What is wrong is told in whole sentences.
pub(in crate::config) fn read(value: Value<'_>, at: usize) -> (Vec<Sink>, Flaws) {
    let mut reader = Reader {
        sinks: Vec::new(),
        flaws: Flaws::default(),
    };
    match value.0.get_ref() {
        DeValue::Array(tables) => {
            for table in tables {
                match table.get_ref() {
                    DeValue::Table(keys) => reader.sink(keys, table.span().start),
                    _ => reader.is_no_table(table.span().start),
                }
            }
        }
        _ => reader.is_no_table(at),
    }
    (reader.sinks, reader.flaws)
}

struct Reader {
    sinks: Vec<Sink>,
    flaws: Flaws,
}

impl Reader {
    fn is_no_table(&mut self, at: usize) {
        self.flaw(
            at,
            "a sink is a table of its own: write [[sink]] in a line of its own, and its keys below",
        );
    }

    fn sink(&mut self, keys: &DeTable<'_>, at: usize) {
        let flaws_before = self.flaws.0.len();
        let find = |wanted: &str| {
            keys.iter()
                .find(|(name, _)| name.get_ref().as_ref() == wanted)
                .map(|(_, value)| value)
        };
        let name = self.name(find("name"), at);
        let sort = self.sort(find("type"), at);
        let (Some(name), Some(sort)) = (name, sort) else {
            return;
        };
        let mut sink = Sink::new(&name, sort);
        for (key, value) in keys {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "name" | "type" => {}
                key => self.key(&mut sink, key, at, value),
            }
        }
        for SinkKey { key, types, .. } in sink_keys().filter(|key| key.is_needed) {
            if types.contains(&sort) && find(key.name).is_none() {
                self.flaw(
                    at,
                    format!(
                        "the sink `{name}` needs `{}`: {}",
                        key.name,
                        key.meaning.join(" ")
                    ),
                );
            }
        }
        self.together(&sink, at);
        if self.flaws.0.len() == flaws_before {
            self.sinks.push(sink);
        }
    }

    fn name(&mut self, value: Option<&Spanned<DeValue<'_>>>, at: usize) -> Option<String> {
        let Some(value) = value else {
            self.flaw(
                at,
                "a sink needs a `name`: spools, events and diagnostics call it by that",
            );
            return None;
        };
        let value = Value(value);
        let is_fit = |name: &str| {
            !name.is_empty()
                && name.len() <= NAME_MAX
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        match value.string() {
            Ok(name) if !is_fit(name) => {
                self.flaws.0.push(value.flaw(format!(
                    "`sink.name` is {name:?}, but must be of letters, digits, - and _, at most {NAME_MAX}"
                )));
                None
            }
            Ok(name) if self.sinks.iter().any(|sink| sink.name == name) => {
                self.flaws
                    .0
                    .push(value.flaw(format!("another sink is called {name:?} already")));
                None
            }
            Ok(name) => Some(name.to_owned()),
            Err(flaw) => {
                self.of_key("name", &flaw);
                None
            }
        }
    }

    fn sort(&mut self, value: Option<&Spanned<DeValue<'_>>>, at: usize) -> Option<SinkType> {
        let words = SinkType::ALL.map(|sort| (sort.name(), sort));
        let Some(value) = value else {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.flaw(at, format!("a sink needs a `type`: {}", all.join(", ")));
            return None;
        };
        match Value(value).word(&words) {
            Ok(sort) => Some(sort),
            Err(flaw) => {
                self.of_key("type", &flaw);
                None
            }
        }
    }

    fn key(&mut self, sink: &mut Sink, name: &str, at: usize, value: &Spanned<DeValue<'_>>) {
        let mut named = sink_keys().filter(|key| key.key.name == name);
        if let Some(found) = named.clone().find(|key| key.types.contains(&sink.sort)) {
            if let Err(flaws) = (found.key.read)(sink, Value(value)) {
                for flaw in flaws.0 {
                    self.of_key(name, &flaw);
                }
            }
            return;
        }
        let sort = sink.sort.name();
        let of_sort = sink_keys().filter(|key| key.types.contains(&sink.sort));
        let what = match (named.next(), nearest(name, of_sort.map(|key| key.key.name))) {
            (Some(other), _) => {
                let types: Vec<&str> = other.types.iter().map(|sort| sort.name()).collect();
                format!(
                    "a sink of type {sort} has no `{name}`: remove it; it belongs to {}",
                    types.join(", ")
                )
            }
            (None, Some(near)) => {
                format!("a sink of type {sort} has no `{name}`: did you mean `{near}`?")
            }
            (None, None) => format!(
                "a sink of type {sort} has no `{name}`: remove it; docs/sinks.md has all that there are"
            ),
        };
        self.flaw(at, what);
    }

    /// What is wrong with values only together.
    fn together(&mut self, sink: &Sink, at: usize) {
        let name = &sink.name;
        if sink.wanted().next().is_none() {
            self.flaw(
                at,
                format!("the sink `{name}` gets no event: none of its kinds is of its families"),
            );
        }
        if sink.tls.certificate_file.is_some() != sink.tls.key_file.is_some() {
            self.flaw(
                at,
                format!(
                    "the sink `{name}` needs both `certificate_file` and `key_file`, or neither"
                ),
            );
        }
        if sink.access.user.is_some() != sink.access.password.is_some() {
            self.flaw(
                at,
                format!("the sink `{name}` needs both `user` and a password, or neither"),
            );
        }
        if sink.sort == SinkType::Splunk && sink.access.token.is_none() {
            self.flaw(
                at,
                format!("the sink `{name}` needs `token_file` or `token_environment`"),
            );
        }
    }

    fn of_key(&mut self, key: &str, flaw: &Flaw) {
        self.flaw(flaw.at, format!("`sink.{key}` {}", flaw.what));
    }

    fn flaw(&mut self, at: usize, what: impl Into<String>) {
        self.flaws.0.push(Flaw {
            at,
            what: what.into(),
        });
    }
}
