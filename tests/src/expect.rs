//! What an event must be, to its last field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::event::Event;

type Test = Box<dyn Fn(&Value, &Event) -> bool>;

/// What is expected of each field of one event. A field that nothing was said about must not be
/// there.
#[derive(Default)]
pub struct Expect {
    rules: BTreeMap<String, Rule>,
}

enum Rule {
    Is(Value),
    Meets { wanted: String, test: Test },
    May { wanted: String, test: Test },
}

/// A field that is not as expected.
#[derive(Debug, PartialEq)]
pub struct Difference {
    path: String,
    expected: String,
    got: String,
}

impl Expect {
    /// The field must be there with this value.
    #[must_use]
    pub fn is(mut self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.rules.insert(path.into(), Rule::Is(value.into()));
        self
    }

    /// The value that a field must have, if that is certain.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        match self.rules.get(path)? {
            Rule::Is(value) => Some(value),
            Rule::Meets { .. } | Rule::May { .. } => None,
        }
    }

    /// The field must be there with this value, or not at all if there is no value.
    #[must_use]
    pub fn has(self, path: impl Into<String>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.is(path, value),
            None => self.absent(path),
        }
    }

    /// The field must be there, and the test, which `wanted` puts in words, must hold for its value
    /// (and for the event, where two fields must agree).
    #[must_use]
    pub fn meets(
        mut self,
        path: impl Into<String>,
        wanted: impl Into<String>,
        test: impl Fn(&Value, &Event) -> bool + 'static,
    ) -> Self {
        let rule = Rule::Meets {
            wanted: wanted.into(),
            test: Box::new(test),
        };
        self.rules.insert(path.into(), rule);
        self
    }

    /// The field may be there; if it is, the test, which `wanted` puts in words, must hold.
    #[must_use]
    pub fn may(
        mut self,
        path: impl Into<String>,
        wanted: impl Into<String>,
        test: impl Fn(&Value, &Event) -> bool + 'static,
    ) -> Self {
        let rule = Rule::May {
            wanted: wanted.into(),
            test: Box::new(test),
        };
        self.rules.insert(path.into(), rule);
        self
    }

    /// The field must not be there: takes back what was said of it.
    #[must_use]
    pub fn absent(mut self, path: impl Into<String>) -> Self {
        self.rules.remove(&path.into());
        self
    }

    /// Every field that is not as expected.
    pub fn differences(&self, event: &Event) -> Vec<Difference> {
        let mut leaves = event.leaves();
        let mut differences = Vec::new();
        for (path, rule) in &self.rules {
            let got = leaves.remove(path).or_else(|| event.get(path));
            let fits = match (rule, got) {
                (Rule::Is(value), Some(got)) => value == got,
                (Rule::Meets { test, .. } | Rule::May { test, .. }, Some(got)) => test(got, event),
                (rule, None) => matches!(rule, Rule::May { .. }),
            };
            if !fits {
                differences.push(Difference {
                    path: path.clone(),
                    expected: match rule {
                        Rule::Is(value) => value.to_string(),
                        Rule::Meets { wanted, .. } => wanted.clone(),
                        Rule::May { wanted, .. } => format!("nothing, or {wanted}"),
                    },
                    got: shown(got),
                });
            }
        }
        for (path, got) in leaves {
            differences.push(Difference {
                path,
                expected: "nothing".to_owned(),
                got: shown(Some(got)),
            });
        }
        differences
    }

    /// What is wrong with the event, for people; nothing if it is as expected.
    pub fn judge(&self, event: &Event) -> Option<String> {
        let differences = self.differences(event);
        if differences.is_empty() {
            return None;
        }
        let width = differences
            .iter()
            .map(|difference| difference.path.len())
            .max()
            .unwrap_or_default();
        let mut text = format!("{} field(s) differ:", differences.len());
        for difference in differences {
            let Difference {
                path,
                expected,
                got,
            } = difference;
            let _infallible = write!(
                text,
                "\n  {path:width$}  expected {expected}\n  {:width$}  got      {got}",
                ""
            );
        }
        Some(text + "\n" + &event.line())
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(value: &Value) -> Event {
        Event::parse(value.to_string().as_bytes()).unwrap()
    }

    fn paths(expect: &Expect, value: &Value) -> Vec<String> {
        expect
            .differences(&event(value))
            .into_iter()
            .map(|difference| difference.path)
            .collect()
    }

    #[test]
    fn every_field_is_accounted_for() {
        let expect = Expect::default().is("a.b", 1).is("c", json!(["x"]));
        assert!(paths(&expect, &json!({"a": {"b": 1}, "c": ["x"]})).is_empty());
        assert_eq!(
            paths(&expect, &json!({"a": {"b": 1, "z": 2}, "c": ["x", "y"]})),
            ["c", "a.z"]
        );
        assert_eq!(paths(&expect, &json!({})), ["a.b", "c"]);
    }

    #[test]
    fn a_number_is_no_string() {
        let expect = Expect::default().is("a", "1");
        assert_eq!(paths(&expect, &json!({"a": 1})), ["a"]);
    }

    #[test]
    fn tests_see_the_whole_event() {
        let expect = Expect::default()
            .meets("a", "as b", |a, event| Some(a) == event.get("b"))
            .is("b", 1);
        assert!(paths(&expect, &json!({"a": 1, "b": 1})).is_empty());
        assert_eq!(paths(&expect, &json!({"a": 2, "b": 1})), ["a"]);
    }

    #[test]
    fn what_may_be_there_must_still_be_right() {
        let expect = Expect::default().may("a", "1", |a, _| a == 1);
        assert!(paths(&expect, &json!({"a": 1})).is_empty());
        assert!(paths(&expect, &json!({})).is_empty());
        assert_eq!(paths(&expect, &json!({"a": 2})), ["a"]);
    }

    #[test]
    fn what_was_said_can_be_taken_back() {
        let expect = Expect::default().is("a.b", 1).is("ab", 2).absent("a.b");
        assert!(paths(&expect, &json!({"ab": 2})).is_empty());
        assert_eq!(paths(&expect, &json!({"a": {"b": 1}, "ab": 2})), ["a.b"]);
        let none: Option<u32> = None;
        let expect = Expect::default().is("a", 1).has("a", none);
        assert_eq!(paths(&expect, &json!({"a": 1})), ["a"]);
    }
}
