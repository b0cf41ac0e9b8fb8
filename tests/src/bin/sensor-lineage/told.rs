//! What the sensor said.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// All events.
pub struct Told(Vec<Value>);

impl Told {
    /// Reads the sensor's output.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let events = text
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
            .collect::<Result<Vec<Value>>>()?;
        ensure!(!events.is_empty(), "the sensor said nothing");
        Ok(Self(events))
    }

    /// Events with this code of the program `mark-NAME`.
    pub fn of(&self, code: &str, name: &str) -> Vec<Event<'_>> {
        let program = format!("mark-{name}");
        self.all()
            .filter(|event| event.text("event.code") == Some(code))
            .filter(|event| event.text("process.name") == Some(&program))
            .collect()
    }

    /// The only one, or at least one, of them.
    pub fn exec(&self, name: &str) -> Result<Event<'_>> {
        let found = self.of("exec", name);
        found
            .first()
            .copied()
            .with_context(|| format!("nobody executed mark-{name}"))
    }

    /// Events of a process, by `process.entity_id`.
    pub fn of_entity(&self, entity: &str) -> Vec<Event<'_>> {
        self.all()
            .filter(|event| event.text("process.entity_id") == Some(entity))
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = Event<'_>> {
        self.0.iter().map(Event)
    }
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a>(&'a Value);

impl<'a> Event<'a> {
    /// A field, by the names that lead to it.
    pub fn get(self, path: &str) -> Option<&'a Value> {
        path.split('.')
            .try_fold(self.0, |value, name| value.get(name))
    }

    /// A field that is a text.
    pub fn text(self, path: &str) -> Option<&'a str> {
        self.get(path)?.as_str()
    }

    /// Holds a field to a text.
    pub fn must_be(self, path: &str, wanted: &str) -> Result<()> {
        match self.text(path) {
            Some(got) if got == wanted => Ok(()),
            _ => bail!("{path} is {:?}, not {wanted:?}: {}", self.get(path), self.0),
        }
    }

    /// A field must not be there.
    pub fn must_lack(self, path: &str) -> Result<()> {
        match self.get(path) {
            None => Ok(()),
            Some(got) => bail!("{path} is {got}, and should not be there: {}", self.0),
        }
    }

    /// The names of its ancestors, nearest first.
    pub fn ancestors(self) -> Vec<&'a str> {
        self.get("sensor.process.ancestors.name")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// Its line of ancestors must end with the first process, and have these in this order.
    pub fn must_descend(self, from: &[&str]) -> Result<()> {
        let ancestors = self.ancestors();
        ensure!(
            ancestors.last() == Some(&"systemd"),
            "its ancestors do not end with systemd: {ancestors:?}"
        );
        let mut rest = ancestors.iter();
        for name in from {
            ensure!(
                rest.any(|ancestor| ancestor == name),
                "{name} is not among its ancestors, or in another place: {ancestors:?}"
            );
        }
        Ok(())
    }
}

impl Told {
    /// What the sensor saw came out, all of it, in order and without an alert but that it was stopped.
    pub fn nothing_lost(&self) -> Result<String> {
        let stop = self
            .all()
            .find(|event| event.text("event.code") == Some("sensor_stop"))
            .context("the sensor did not stop in order")?;
        let totals = stop.get("sensor.totals").context("it has no totals")?;
        let kinds = totals.get("kinds").and_then(Value::as_array);
        for kind in kinds.into_iter().flatten() {
            ensure!(
                kind.get("lost") == Some(&Value::Object(serde_json::Map::new()))
                    && kind.get("seen") == kind.get("delivered"),
                "something was lost: {kind}"
            );
        }
        ensure!(
            totals.get("late") == Some(&0.into()),
            "events were late: {totals}"
        );
        let mut stopped = 0;
        for (number, event) in (1_u64..).zip(self.all()) {
            ensure!(
                event.get("event.sequence") == Some(&number.into()),
                "number {number} is missing"
            );
            // That the sensor is stopped is told, rightly.
            if event.text("rule.id") == Some("sensor-stopped") {
                stopped += 1;
                continue;
            }
            ensure!(
                event.text("event.kind") != Some("alert"),
                "a false alert: {event:?}"
            );
        }
        ensure!(stopped == 1, "that it was stopped is told {stopped} times");
        Ok(format!("{} events", self.0.len()))
    }

    /// The forks that made these processes.
    pub fn forks_of(&self, entities: &[&str]) -> Vec<Event<'_>> {
        let wanted: std::collections::HashSet<&str> = entities.iter().copied().collect();
        self.all()
            .filter(|event| event.text("event.code") == Some("fork"))
            .filter(|event| {
                let entity = event.text("process.entity_id");
                entity.is_some_and(|entity| wanted.contains(entity))
            })
            .collect()
    }

    /// The exec of a script.
    pub fn script(&self, path: &str) -> Result<Event<'_>> {
        self.all()
            .find(|event| event.text("sensor.script.path") == Some(path))
            .with_context(|| format!("nobody ran the script {path}"))
    }

    /// An exec of a package's program.
    pub fn package(&self, name: &str) -> Result<Event<'_>> {
        self.all()
            .find(|event| event.text("package.name") == Some(name))
            .with_context(|| format!("nobody ran a program of {name}"))
    }
}
