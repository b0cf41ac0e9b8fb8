//! Events, rules and correlations for tests: an event says itself which rules find it.

mod agreement;
mod chains;
mod counts;
mod limits;
mod links;
mod numbers;
mod reload;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use sensor_common::record::Ring;

use super::*;
use crate::{
    clock::BootTime,
    detect::sigma::{
        correlation::{Alias, Bound},
        field::Value,
        rule::{Condition, Header, LogSource, Place, Relation},
    },
};

/// A second.
const SECOND: u64 = 1_000_000_000;

/// A hundred fields, `f0` to `f99`, and one class.
struct Names;

impl Taxonomy for Names {
    fn classes(&self, _: &LogSource) -> Result<Vec<Class>, String> {
        Ok(vec![Class(0)])
    }

    fn field(&self, _: Class, name: &str) -> Option<FieldId> {
        let number: u16 = name.strip_prefix('f')?.parse().ok()?;
        (number < 100).then_some(FieldId(number))
    }

    fn is_path(&self, _: FieldId) -> bool {
        false
    }
}

use crate::detect::sigma::field::FieldId;

/// An event with some values, by the numbers of their fields.
#[derive(Clone, Debug, Default)]
struct Values(BTreeMap<u16, String>);

impl Values {
    fn of<const N: usize>(values: [(u16, &str); N]) -> Self {
        Self(
            values
                .map(|(field, value)| (field, value.to_owned()))
                .into(),
        )
    }
}

impl Fields for Values {
    fn value(&self, field: FieldId) -> Option<Value<'_>> {
        self.0.get(&field.0).map(|text| Value::Text(text))
    }

    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.0.values().any(|text| found(text))
    }

    fn moment(&self, _: FieldId) -> Option<i64> {
        None
    }
}

fn place() -> Place {
    Place {
        file: Arc::from(Path::new("test.yml")),
        line: 1,
    }
}

/// Rules `r0` to `r9`.
fn rules() -> Vec<Rule> {
    let rule = |number| Rule {
        place: place(),
        header: Header {
            title: format!("Rule {number}"),
            name: Some(format!("r{number}")),
            id: Some(format!("ID-{number}")),
            ..Header::default()
        },
        log_source: LogSource::default(),
        selections: Vec::new(),
        condition: Condition::All(Vec::new()),
    };
    (0..10).map(rule).collect()
}

/// A correlation of rules, by `f0`, within ten seconds.
fn correlation<const N: usize>(name: &str, rules: [&str; N], ask: Ask) -> Correlation {
    Correlation {
        place: place(),
        header: Header {
            title: name.to_owned(),
            name: Some(name.to_owned()),
            ..Header::default()
        },
        rules: rules.map(str::to_owned).to_vec(),
        group_by: vec!["f0".into()],
        timespan: Duration::from_secs(10),
        ask,
        aliases: Vec::new(),
        generate: false,
    }
}

use crate::detect::sigma::correlation::Ask;

fn at_least(limit: f64) -> Vec<Bound> {
    vec![Bound::Is(Relation::GreaterOrEqual, limit)]
}

fn values_at_least(field: &str, limit: f64) -> Ask {
    Ask::ValueCount {
        fields: vec![field.to_owned()],
        bounds: at_least(limit),
    }
}

/// A correlator under test, and what it found.
struct Trial {
    correlator: Correlator,
    uses: Vec<Use>,
    sequence: u64,
    found: Vec<(usize, Correlated)>,
}

impl Trial {
    fn new(correlations: Vec<Correlation>) -> Self {
        Self::with_uses(correlations, &[const { Use::Full }; 10])
    }

    fn with_uses(correlations: Vec<Correlation>, of_rules: &[Use]) -> Self {
        let (correlator, uses) =
            Correlator::compile(correlations, &rules(), of_rules, Arc::new(Names));
        Self {
            correlator,
            uses,
            sequence: 0,
            found: Vec::new(),
        }
    }

    /// An event that some rules find, at a time in nanoseconds. Returns which correlations fired.
    fn event(&mut self, time: u64, rules: &[usize], values: &Values) -> Vec<usize> {
        let hits: Vec<Hit> = rules
            .iter()
            .map(|rule| Hit {
                rule: *rule,
                class: Class(0),
            })
            .collect();
        self.sequence += 1;
        let origin = Origin {
            cpu: 0,
            ring: Ring::Critical,
            sequence: self.sequence,
            time: BootTime(time),
        };
        let before = self.found.len();
        self.correlator
            .inspect(&hits, values, origin, &mut |number, correlated| {
                assert!(correlated.events.len() <= crate::detect::alert::EVIDENCE_MAX);
                assert!(correlated.events.contains(&origin));
                self.found.push((number, correlated));
            });
        self.found[before..]
            .iter()
            .map(|(number, _)| *number)
            .collect()
    }

    /// The same for a group that is named by its value.
    fn group(&mut self, time: u64, rules: &[usize], group: &str) -> Vec<usize> {
        self.event(time, rules, &Values::of([(0, group)]))
    }

    /// The sequence numbers of the evidence of what was found last.
    fn evidence(&self) -> Vec<u64> {
        let (_, last) = self.found.last().unwrap();
        last.events.iter().map(|origin| origin.sequence).collect()
    }

    fn limit(&self, name: &str) -> u64 {
        let mut value = None;
        self.correlator.limits(&mut |limit, count| {
            if limit == name {
                value = Some(count);
            }
        });
        value.unwrap()
    }
}
