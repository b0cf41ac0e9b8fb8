//! What must hold for the sensor's output as a whole, whatever the events are.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::clock;
use crate::event::Event;

/// Follows the output and remembers what is wrong with it.
#[derive(Debug, Default)]
pub struct Stream {
    sequence: u64,
    ids: HashSet<String>,
    agent: Option<String>,
    latest: i64,
    counts: BTreeMap<String, u64>,
    alerts: Vec<String>,
    problems: Vec<String>,
}

impl Stream {
    /// Looks at the next event.
    pub fn follow(&mut self, event: &Event) {
        self.sequence += 1;
        *self.counts.entry(event.code().to_owned()).or_default() += 1;
        if event.number("event.sequence") != Some(self.sequence) {
            let expected = self.sequence;
            self.complain(event, &format!("event.sequence is not {expected}"));
            self.sequence = event.number("event.sequence").unwrap_or(expected);
        }
        match event.text("event.id") {
            Some(id) if self.ids.insert(id.to_owned()) => (),
            Some(_) => self.complain(event, "event.id came before"),
            None => self.complain(event, "event.id is missing"),
        }
        let agent = event.text("agent.id").map(str::to_owned);
        if self.agent.get_or_insert_default() == "" {
            self.agent.clone_from(&agent);
        }
        if agent.is_none() || agent != self.agent {
            self.complain(event, "agent.id is not the first event's");
        }
        if event.text("event.kind") == Some("alert") {
            self.alerts.push(event.summary());
        }
        self.follow_time(event);
        for (path, value) in event.leaves() {
            // Of the reasons for a loss there may be none.
            if is_empty(value) && !path.starts_with("sensor.totals.") {
                self.complain(event, &format!("{path} is empty"));
            }
        }
    }

    /// A line that is no event.
    pub fn reject(&mut self, line: &[u8], why: &str) {
        let start = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
        self.problems
            .push(format!("a line is no event ({why}): {start:?}"));
    }

    /// Compares the counts that `sensor_stop` reports with what came.
    pub fn end(&mut self, stop: Option<&Event>) {
        let Some(stop) = stop else {
            self.problems
                .push("the last event is not sensor_stop".to_owned());
            return;
        };
        let kinds = stop.get("sensor.totals.kinds").and_then(Value::as_array);
        // A run of few scenarios may have a rung at which nothing happens.
        if kinds.is_none_or(|kinds| kinds.is_empty() && !self.counts.is_empty()) {
            self.problems
                .push("sensor_stop has no sensor.totals.kinds".to_owned());
        }
        let kinds = kinds.cloned().unwrap_or_default();
        // What a program would have told of then is neither seen nor lost: nobody knows what it was.
        if let Some(Value::Object(skipped)) = stop.get("sensor.totals.skipped_runs")
            && !skipped.is_empty()
        {
            let skipped = Value::Object(skipped.clone());
            self.problems
                .push(format!("the kernel skipped programs: {skipped}"));
        }
        for kind in kinds {
            let number = |name| kind.get(name).and_then(Value::as_u64);
            let code = kind.get("code").and_then(Value::as_str).unwrap_or("?");
            let lost: u64 = kind
                .get("lost")
                .and_then(Value::as_object)
                .map(|reasons| reasons.values().filter_map(Value::as_u64).sum())
                .unwrap_or_default();
            // Records that are no events count as delivered once they are understood.
            if kind.get("family").and_then(Value::as_str) == Some("control") {
                continue;
            }
            let came = self.counts.get(code).copied().unwrap_or_default();
            if number("delivered").unwrap_or_default() != came {
                self.problems.push(format!(
                    "{came} {code} events came, sensor_stop says: {kind}"
                ));
            }
            let own = number("own").unwrap_or_default();
            if number("seen") != Some(came + own + lost) {
                self.problems.push(format!(
                    "{code}: seen is not {came} that came, {own} of its own and {lost} lost: {kind}"
                ));
            }
        }
    }

    /// Compares the alerts that came with how many there should be: one too many is a false one.
    pub fn end_alerts(&mut self, expected: usize) {
        let alerts = &self.alerts;
        if alerts.len() != expected {
            self.problems.push(format!(
                "{} alerts came where {expected} were expected: {alerts:#?}",
                alerts.len()
            ));
        }
    }

    /// Looks at what the sensor said on its standard error.
    pub fn end_diagnostics(&mut self, diagnostics: &str) {
        if diagnostics.contains("panicked") {
            self.problems
                .push(format!("the sensor panicked: {diagnostics}"));
        }
    }

    /// How many events with this code there were.
    pub fn count(&self, code: &str) -> u64 {
        self.counts.get(code).copied().unwrap_or_default()
    }

    /// What was wrong.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Records are in order of time, but for those that say that they are late. What the sensor
    /// says of itself has no place in that order.
    fn follow_time(&mut self, event: &Event) {
        match event.text("@timestamp").map(clock::parse) {
            Some(Ok(moment)) => {
                let late = event.get("sensor.record.late") == Some(&Value::Bool(true));
                if late {
                    self.complain(event, "late");
                } else if event.get("sensor.record").is_some() {
                    if moment < self.latest {
                        self.complain(event, "@timestamp is before the event's before it");
                    }
                    self.latest = self.latest.max(moment);
                }
            }
            Some(Err(error)) => self.complain(event, &format!("{error:#}")),
            None => self.complain(event, "@timestamp is missing"),
        }
    }

    /// Keeps the first problems only: one mistake may be repeated in each of thousands of events.
    fn complain(&mut self, event: &Event, what: &str) {
        const KEPT: usize = 50;
        if self.problems.len() < KEPT {
            self.problems
                .push(format!("{what}, in event {}", event.summary()));
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        // A set may well be known to be empty, and so may an argument: a text of its own may not.
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(sequence: u64, id: &str, second: u64) -> Event {
        let value = json!({
            "@timestamp": format!("2026-11-24T03:36:0{second}.000000000Z"),
            "event": {"code": "exec", "id": id, "sequence": sequence},
            "agent": {"id": "a"},
            "sensor": {"record": {"cpu": 0}},
        });
        Event::parse(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_good_stream_is_not_complained_of() {
        let mut stream = Stream::default();
        stream.follow(&event(1, "x", 1));
        stream.follow(&event(2, "y", 1));
        assert!(stream.problems().is_empty(), "{:?}", stream.problems());
    }

    #[test]
    fn gaps_doubles_and_disorder_are() {
        let mut stream = Stream::default();
        stream.follow(&event(1, "x", 2));
        stream.follow(&event(3, "y", 2));
        assert_eq!(stream.problems().len(), 1);
        stream.follow(&event(4, "y", 2));
        assert_eq!(stream.problems().len(), 2);
        stream.follow(&event(5, "z", 1));
        assert_eq!(stream.problems().len(), 3);
        stream.reject(b"}", "no JSON");
        assert_eq!(stream.problems().len(), 4);
    }

    #[test]
    fn totals_must_agree_with_what_came() {
        let stop = |delivered: u64, seen: u64| {
            let kinds = json!([{"code": "exec", "seen": seen, "delivered": delivered,
                "lost": {"ring_full": 2}}]);
            let value = json!({"sensor": {"totals": {"kinds": kinds}}});
            Event::parse(value.to_string().as_bytes()).unwrap()
        };
        let problems = |stop: Option<&Event>| {
            let mut stream = Stream::default();
            stream.follow(&event(1, "x", 1));
            stream.end(stop);
            stream.problems().len()
        };
        assert_eq!(problems(Some(&stop(1, 3))), 0);
        assert_eq!(problems(Some(&stop(2, 4))), 2);
        assert_eq!(problems(Some(&stop(1, 1))), 1);
        assert_eq!(problems(None), 1);
    }
}
