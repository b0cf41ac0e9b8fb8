//! Sets of rules of texts and directories.

mod directories;
mod published;
mod sets;

use std::{collections::BTreeMap, sync::Arc};

use sensor_common::record::Ring;

use super::*;
use crate::{
    clock::BootTime,
    detect::sigma::{
        field::{FieldId, Value},
        rule::LogSource,
    },
};

/// Events of processes and of connections; both have `Image`, `User` and `CommandLine`.
struct Words;

const PROCESS: Class = Class(0);
const CONNECTION: Class = Class(1);

impl Taxonomy for Words {
    fn classes(&self, source: &LogSource) -> Result<Vec<Class>, String> {
        match source.category.as_deref() {
            Some("process_creation") => Ok(vec![PROCESS]),
            Some("network_connection") => Ok(vec![CONNECTION]),
            None => Ok(vec![PROCESS, CONNECTION]),
            Some(_) => Err("no such events".to_owned()),
        }
    }

    fn field(&self, _: Class, name: &str) -> Option<FieldId> {
        let names = ["Image", "User", "CommandLine"];
        let place = names.iter().position(|known| *known == name)?;
        u16::try_from(place).ok().map(FieldId)
    }

    fn is_path(&self, field: FieldId) -> bool {
        field == FieldId(0)
    }
}

struct Values(BTreeMap<u16, String>);

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

fn load(sources: &Sources) -> Loaded {
    sources.load(Arc::new(Words), &Placeholders::default())
}

fn of_text(text: &str) -> Loaded {
    Ruleset::from_texts(
        &[("test.yml", text)],
        Arc::new(Words),
        &Placeholders::default(),
    )
}

/// What an event of a user's process finds, by title; a star is for correlations.
fn found(ruleset: &mut Ruleset, second: u64, image: &str, user: &str) -> Vec<String> {
    found_as(ruleset, &[PROCESS], second, image, user)
}

fn found_as(
    ruleset: &mut Ruleset,
    classes: &[Class],
    second: u64,
    image: &str,
    user: &str,
) -> Vec<String> {
    let values = Values([(0, image.to_owned()), (1, user.to_owned())].into());
    let origin = Origin {
        cpu: 0,
        ring: Ring::Critical,
        sequence: second,
        time: BootTime(second * 1_000_000_000),
    };
    let mut titles = Vec::new();
    ruleset.inspect(classes, &values, origin, &mut |found| {
        titles.push(match found.evidence {
            Evidence::Event(event) => {
                assert_eq!(event, origin);
                found.rule.name.clone()
            }
            Evidence::Correlated(_) => format!("{}*", found.rule.name),
        });
    });
    titles
}

/// A rule that finds an image.
fn rule(title: &str, id: &str, image: &str) -> String {
    format!(
        "title: {title}\nid: {id}\nname: {title}\nlogsource:\n  category: process_creation\n\
         detection:\n  selection:\n    Image|endswith: '{image}'\n  condition: selection\n"
    )
}

/// Two events of a user that a rule finds, within a minute.
fn twice(title: &str, rule: &str) -> String {
    format!(
        "title: {title}\ncorrelation:\n  type: event_count\n  rules: [{rule}]\n\
         \x20 group-by: [User]\n  timespan: 1m\n  condition:\n    gte: 2\n"
    )
}

fn whats(report: &Report) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}
