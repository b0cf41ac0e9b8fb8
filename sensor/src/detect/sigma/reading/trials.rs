//! Reads the tests beside a file of rules: a list of events that a rule matches, or does not.

use std::{path::Path, sync::Arc};

use super::{
    allowance::Allowance,
    flaw::Flaw,
    node::{Content, Entry, Node},
    scalar::Scalar,
    yaml,
};
use crate::detect::sigma::{problem::Problem, rule::Place};

/// An event that a rule matches, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Where it begins.
    pub place: Place,
    /// What it is about.
    pub name: String,
    /// The title, name or id of the rule that is meant; none where the file has only one.
    pub rule: Option<String>,
    /// Whether the rule matches.
    pub matches: bool,
    /// The event's values by the names of their fields.
    pub event: Vec<(String, Given)>,
}

/// A value of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Text.
    Text(String),
    /// An integer.
    Number(i64),
    /// `true` or `false`.
    Boolean(bool),
}

/// The keys of a test.
const KEYS: [&str; 4] = ["name", "rule", "matches", "event"];

/// Reads the text of a file of tests. What cannot be used is a problem, and leaves the rest alone.
#[must_use]
pub fn read_trials(text: &str, file: &Arc<Path>) -> (Vec<Trial>, Vec<Problem>) {
    let mut trials = Vec::new();
    let mut problems = Vec::new();
    let problem = |flaw: Flaw| Problem {
        place: Place {
            file: file.clone(),
            line: flaw.line,
        },
        title: None,
        what: flaw.what,
    };
    for document in yaml::documents(text, &mut Allowance::new()) {
        let document = match document {
            Ok(document) => document,
            Err(unreadable) => {
                problems.push(problem(unreadable.flaw));
                continue;
            }
        };
        let Content::List(nodes) = &document.content else {
            let what = format!("tests must be a list, but here is {}", document.sort());
            problems.push(problem(Flaw::new(document.line, what)));
            continue;
        };
        for node in nodes {
            match trial(node, file) {
                Ok(trial) => trials.push(trial),
                Err(flaw) => problems.push(problem(flaw)),
            }
        }
    }
    (trials, problems)
}

fn trial(node: &Node, file: &Arc<Path>) -> Result<Trial, Flaw> {
    let Content::Mapping(entries) = &node.content else {
        let what = format!("a test must be a mapping, but here is {}", node.sort());
        return Err(Flaw::new(node.line, what));
    };
    if let Some(other) = entries.iter().find(|entry| !KEYS.contains(&&*entry.key)) {
        let what = format!(
            "`{}` is no key of a test, which are {}",
            other.key,
            KEYS.join(", ")
        );
        return Err(Flaw::new(other.line, what));
    }
    let must = |key: &str| {
        node.get(key)
            .ok_or_else(|| Flaw::new(node.line, format!("the test has no `{key}`")))
    };
    let matches = must("matches")?;
    let Content::Scalar(Scalar::Boolean(matches)) = matches.content else {
        return Err(Flaw::new(matches.line, "`matches` must be true or false"));
    };
    let event = must("event")?;
    let Content::Mapping(values) = &event.content else {
        let what = format!("`event` must be a mapping, but is {}", event.sort());
        return Err(Flaw::new(event.line, what));
    };
    let rule = node.get("rule").map(|rule| rule.text_of("rule"));
    Ok(Trial {
        place: Place {
            file: file.clone(),
            line: node.line,
        },
        name: must("name")?.text_of("name")?.to_owned(),
        rule: rule.transpose()?.map(str::to_owned),
        matches,
        event: values.iter().map(given).collect::<Result<_, _>>()?,
    })
}

fn given(entry: &Entry) -> Result<(String, Given), Flaw> {
    let value = match &entry.value.content {
        Content::Scalar(Scalar::Text(text)) => Given::Text(text.clone()),
        Content::Scalar(Scalar::Boolean(boolean)) => Given::Boolean(*boolean),
        // A fraction, or a number beyond those of events, is its text.
        Content::Scalar(Scalar::Number(text)) => text
            .parse()
            .map_or_else(|_| Given::Text(text.clone()), Given::Number),
        Content::Scalar(Scalar::Null) | Content::List(_) | Content::Mapping(_) => {
            let what = format!(
                "`{}` must be a single value, but is {}; leave out what the event does not have",
                entry.key,
                entry.value.sort()
            );
            return Err(Flaw::new(entry.line, what));
        }
    };
    Ok((entry.key.clone(), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<Trial>, Vec<String>) {
        let file: Arc<Path> = Path::new("a.tests.yml").into();
        let (trials, problems) = read_trials(text, &file);
        (trials, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn reads_a_test() {
        let text = "- name: one\n  rule: T\n  matches: true\n  event:\n    Image: /bin/sh\n    \
                    DestinationPort: 4444\n    Initiated: true\n    CommandLine: '7'\n";
        let (trials, problems) = read(text);
        assert_eq!(problems, [""; 0]);
        let [trial] = &trials[..] else {
            panic!("{trials:?}")
        };
        assert_eq!(
            (&*trial.name, trial.matches, trial.place.line),
            ("one", true, 1)
        );
        assert_eq!(trial.rule.as_deref(), Some("T"));
        assert_eq!(
            trial.event,
            [
                ("Image".into(), Given::Text("/bin/sh".into())),
                ("DestinationPort".into(), Given::Number(4444)),
                ("Initiated".into(), Given::Boolean(true)),
                ("CommandLine".into(), Given::Text("7".into())),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_leaves_the_rest() {
        let text = "- name: one\n  matches: yes\n  event: {}\n- name: two\n  matches: false\n  \
                    event: {Image: [a]}\n- name: three\n  matches: false\n  event: {}\n- x: 1\n- 1\n\
                    - name: four\n  matches: true\n";
        let (trials, problems) = read(text);
        assert_eq!(trials.len(), 1);
        assert_eq!(
            problems,
            [
                "a.tests.yml:2: `matches` must be true or false",
                "a.tests.yml:6: `Image` must be a single value, but is a list; leave out what the \
                 event does not have",
                "a.tests.yml:10: `x` is no key of a test, which are name, rule, matches, event",
                "a.tests.yml:11: a test must be a mapping, but here is a single value",
                "a.tests.yml:12: the test has no `event`",
            ]
        );
        assert_eq!(
            read("a: 1").1,
            ["a.tests.yml:1: tests must be a list, but here is a mapping"]
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_bad(text in "([-:{}\\[\\] \n'\"a&*]|name|matches|event|true){0,60}") {
            let (trials, problems) = read(&text);
            prop_assert!(trials.len() + problems.len() <= text.len() + 1);
        }
    }
}
