//! Events, as the sensor wrote them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// One line of the sensor's output.
#[derive(Debug, PartialEq)]
pub struct Event(Value);

impl Event {
    /// Parses a line.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(line).context("no JSON")?;
        if !value.is_object() {
            bail!("no JSON object");
        }
        Ok(Self(value))
    }

    /// What is at a path such as `process.parent.pid`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.0, |value, name| value.get(name))
    }

    /// The string at a path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// The number at a path.
    pub fn number(&self, path: &str) -> Option<u64> {
        self.get(path)?.as_u64()
    }

    /// `event.code`, or nothing where there is none.
    pub fn code(&self) -> &str {
        self.text("event.code").unwrap_or_default()
    }

    /// The id of the process that acted.
    pub fn pid(&self) -> Option<u32> {
        self.number("process.pid")?.try_into().ok()
    }

    /// Every value that is no object, by its path. An empty object counts as a value.
    pub fn leaves(&self) -> BTreeMap<String, &Value> {
        let mut leaves = BTreeMap::new();
        collect(&self.0, String::new(), &mut leaves);
        leaves
    }

    /// The whole document on one line.
    pub fn line(&self) -> String {
        self.0.to_string()
    }

    /// One line that says which event this is.
    pub fn summary(&self) -> String {
        let part = |path: &str| {
            self.get(path)
                .map_or_else(|| "-".to_owned(), Value::to_string)
        };
        format!(
            "{} {} pid {} {} {}",
            part("event.sequence"),
            self.code(),
            part("process.pid"),
            part("process.entity_id"),
            part("process.command_line"),
        )
    }
}

fn collect<'a>(value: &'a Value, path: String, leaves: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() || path.is_empty() => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(value, path, leaves);
            }
        }
        other => {
            leaves.insert(path, other);
        }
    }
}

/// Events in the order of output.
#[derive(Clone, Debug, Default)]
pub struct Events(pub Vec<Arc<Event>>);

impl Events {
    /// Those with this code for which the predicate holds.
    pub fn all(&self, code: &str, holds: impl Fn(&Event) -> bool) -> Vec<Arc<Event>> {
        self.0
            .iter()
            .filter(|event| event.code() == code && holds(event))
            .cloned()
            .collect()
    }

    /// The only one with this code for which the predicate holds; an error if there is none or
    /// more than one.
    pub fn one(&self, code: &str, holds: impl Fn(&Event) -> bool) -> Result<Arc<Event>> {
        let found = self.all(code, holds);
        match found.as_slice() {
            [event] => Ok(Arc::clone(event)),
            [] => bail!(
                "no such `{code}` event; all that came:{}",
                summaries(&self.0)
            ),
            several => bail!(
                "{} `{code}` events where one was expected:{}",
                several.len(),
                several
                    .iter()
                    .fold(String::new(), |text, event| { text + "\n" + &event.line() })
            ),
        }
    }

    /// An error if there is an event with this code for which the predicate holds.
    pub fn none(&self, code: &str, holds: impl Fn(&Event) -> bool) -> Result<()> {
        match self.all(code, holds).as_slice() {
            [] => Ok(()),
            several => bail!(
                "`{code}` events where none was expected:{}",
                summaries(several)
            ),
        }
    }
}

/// A predicate: the process that acted has this id.
pub fn of(pid: u32) -> impl Fn(&Event) -> bool {
    move |event| event.pid() == Some(pid)
}

/// At most forty lines, so that a failure can still be read.
fn summaries(events: &[Arc<Event>]) -> String {
    const SHOWN: usize = 40;
    let mut text = String::new();
    for event in events.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(&event.summary());
    }
    if let Some(more) = events.len().checked_sub(SHOWN + 1) {
        text.push_str(&format!("\n  and {} more", more + 1));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn leaves_have_their_paths() {
        let event = event(r#"{"a":{"b":1,"c":{}},"d":[{"e":1}],"@t":"x"}"#);
        let leaves = event.leaves();
        let paths: Vec<&str> = leaves.keys().map(String::as_str).collect();
        assert_eq!(paths, ["@t", "a.b", "a.c", "d"]);
        assert_eq!(event.number("a.b"), Some(1));
        assert_eq!(event.get("a.x"), None);
    }

    #[test]
    fn one_means_exactly_one() {
        let events = Events(
            ["exec", "exec", "exit"]
                .iter()
                .enumerate()
                .map(|(pid, code)| {
                    Arc::new(event(&format!(
                        r#"{{"event":{{"code":"{code}"}},"process":{{"pid":{pid}}}}}"#
                    )))
                })
                .collect(),
        );
        assert!(events.one("exec", of(1)).is_ok());
        assert!(events.one("exec", |_| true).is_err());
        assert!(events.one("exec", of(7)).is_err());
        assert!(events.none("exit", of(0)).is_ok());
        assert!(events.none("exit", of(2)).is_err());
    }

    #[test]
    fn only_objects_are_events() {
        assert!(Event::parse(b"[]").is_err());
        assert!(Event::parse(b"{").is_err());
        assert!(Event::parse(b"{}").is_ok());
    }
}
