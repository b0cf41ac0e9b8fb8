//! Tries a rule on an event that is made of given values: for `sensor rules test`.

use std::{collections::HashMap, slice};

use super::{
    field::{Class, FieldId, Fields, Taxonomy, Value},
    matcher::{Matcher, Scratch, Use},
    reading::Given,
    rule::Rule,
};

/// A rule by itself, ready to be tried.
#[derive(Debug)]
pub struct Candidate<'a, T> {
    taxonomy: &'a T,
    matcher: Matcher,
    usable: Use,
    classes: Vec<Class>,
}

impl<'a, T: Taxonomy> Candidate<'a, T> {
    /// Compiles a rule.
    #[must_use]
    pub fn new(rule: &Rule, taxonomy: &'a T) -> Self {
        let (matcher, uses) = Matcher::compile(slice::from_ref(rule), taxonomy);
        Self {
            taxonomy,
            matcher,
            usable: uses.into_iter().next().unwrap_or(Use::Full),
            classes: taxonomy.classes(&rule.log_source).unwrap_or_default(),
        }
    }

    /// What the rule is good for.
    #[must_use]
    pub const fn usable(&self) -> &Use {
        &self.usable
    }

    /// Whether the rule matches an event with these values and no others, of one of the classes that
    /// the rule is about and that have all those fields.
    ///
    /// # Errors
    ///
    /// Which field no class has; for people.
    pub fn matches(&self, event: &[(String, Given)]) -> Result<bool, String> {
        let mut is_possible = false;
        for class in &self.classes {
            let Some(fields) = GivenFields::new(event, *class, self.taxonomy) else {
                continue;
            };
            is_possible = true;
            let mut found = false;
            self.matcher
                .matches(&[*class], &fields, &mut Scratch::default(), &mut |_, _| {
                    found = true;
                });
            if found {
                return Ok(true);
            }
        }
        if is_possible {
            return Ok(false);
        }
        let unknown = |name: &&String| {
            let has = |class: &Class| self.taxonomy.field(*class, name).is_some();
            !self.classes.iter().any(has)
        };
        Err(match event.iter().map(|(name, _)| name).find(unknown) {
            Some(name) => format!("such events have no field `{name}`"),
            None => "no event has all of these fields".to_owned(),
        })
    }
}

/// An event of given values.
struct GivenFields<'a, T> {
    taxonomy: &'a T,
    values: HashMap<FieldId, &'a Given>,
}

impl<'a, T: Taxonomy> GivenFields<'a, T> {
    /// An event of a class; none if the class lacks one of the fields.
    fn new(event: &'a [(String, Given)], class: Class, taxonomy: &'a T) -> Option<Self> {
        let values = event
            .iter()
            .map(|(name, value)| Some((taxonomy.field(class, name)?, value)))
            .collect::<Option<_>>()?;
        Some(Self { taxonomy, values })
    }
}

fn value(given: &Given) -> Value<'_> {
    match given {
        Given::Text(text) => Value::Text(text),
        Given::Number(number) => Value::Number(*number),
        Given::Boolean(boolean) => Value::Boolean(*boolean),
    }
}

impl<T: Taxonomy> Fields for GivenFields<'_, T> {
    fn value(&self, field: FieldId) -> Option<Value<'_>> {
        let given = self.values.get(&field).map(|given| value(given));
        // What an event of the class always has need not be given.
        given.or_else(|| self.taxonomy.constant(field).map(Value::Text))
    }

    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.values.values().any(|given| match given {
            Given::Text(text) => found(text),
            Given::Number(_) | Given::Boolean(_) => false,
        })
    }

    fn moment(&self, field: FieldId) -> Option<i64> {
        match self.values.get(&field)? {
            Given::Text(text) => {
                let time: jiff::Timestamp = text.parse().ok()?;
                time.as_nanosecond().try_into().ok()
            }
            Given::Number(_) | Given::Boolean(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::detect::sigma::{
        reading::{self, Placeholders},
        taxonomy::LinuxTaxonomy,
    };

    fn rule(source: &str, selection: &str) -> Rule {
        let text = format!(
            "title: T\nlogsource:\n    {source}\ndetection:\n    selection:\n        {selection}\n    \
             condition: selection\n"
        );
        let file: Arc<Path> = Path::new("a.yml").into();
        let mut reading = reading::read(&text, &file, &Placeholders::default());
        assert_eq!(reading.problems, []);
        reading.rules.remove(0)
    }

    fn text(name: &str, text: &str) -> (String, Given) {
        (name.to_owned(), Given::Text(text.to_owned()))
    }

    #[test]
    fn a_rule_is_tried_under_any_name_of_a_field() {
        let rule = rule("category: process_creation", "Image|endswith: /sh");
        let candidate = Candidate::new(&rule, &LinuxTaxonomy);
        assert_eq!(*candidate.usable(), Use::Full);
        let matches = |name, value| candidate.matches(&[text(name, value)]);
        assert_eq!(matches("Image", "/bin/sh"), Ok(true));
        assert_eq!(matches("process.executable", "/bin/sh"), Ok(true));
        assert_eq!(matches("Image", "/bin/bash"), Ok(false));
        assert_eq!(
            matches("Imge", "/bin/bash"),
            Err("such events have no field `Imge`".into())
        );
    }

    #[test]
    fn what_an_event_always_has_need_not_be_given() {
        let rule = rule("service: auditd", "{type: EXECVE, a0: id}");
        let candidate = Candidate::new(&rule, &LinuxTaxonomy);
        assert_eq!(candidate.matches(&[text("a0", "id")]), Ok(true));
        assert_eq!(candidate.matches(&[text("a0", "ls")]), Ok(false));
        assert_eq!(
            candidate.matches(&[text("a0", "id"), text("comm", "id")]),
            Err("no event has all of these fields".into())
        );
    }

    #[test]
    fn the_moment_of_an_event_can_be_given() {
        let rule = rule("category: process_creation", "'@timestamp|hour': 3");
        let candidate = Candidate::new(&rule, &LinuxTaxonomy);
        let at = |time| candidate.matches(&[text("@timestamp", time)]);
        assert_eq!(at("2026-11-24T03:36:20Z"), Ok(true));
        assert_eq!(at("2026-11-24T04:36:20Z"), Ok(false));
    }
}
