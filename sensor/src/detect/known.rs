//! The rules and detectors in use, as the configuration names them.

use std::{collections::BTreeMap, sync::Arc};

use super::alert::RuleDescription;

/// The rules and detectors in use, by id. Ids of Sigma rules are UUIDs, whose letters may be of either
/// case.
#[derive(Debug, Default)]
pub struct KnownRules(BTreeMap<String, Arc<RuleDescription>>);

impl KnownRules {
    /// These.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Arc<RuleDescription>>) -> Self {
        let by_id = |rule: &Arc<RuleDescription>| (rule.id.to_ascii_lowercase(), Arc::clone(rule));
        Self(rules.into_iter().map(by_id).collect())
    }

    /// Whether one has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.contains_key(&id.to_ascii_lowercase())
    }

    /// That none has this id, and which is probably meant.
    #[must_use]
    pub fn none_is(&self, id: &str) -> String {
        let nearest = self.nearest(id).map_or_else(
            || "docs/detectors.md and `sensor rules list` have the ids".to_owned(),
            |rule| format!("did you mean `{}` ({})?", rule.id, rule.name),
        );
        format!("no rule or detector in use has the id `{id}`: {nearest}")
    }

    /// The one that is meant with something that is no id: that with such a title, or an id that differs
    /// by a slip.
    fn nearest(&self, wanted: &str) -> Option<&RuleDescription> {
        let wanted = wanted.trim().to_ascii_lowercase();
        let far = |text: &str| {
            let distance = strsim::damerau_levenshtein(&wanted, text);
            (distance <= text.len().max(wanted.len()) / 3).then_some(distance)
        };
        let distance = |id: &str, rule: &RuleDescription| {
            let of_id = far(id);
            let of_title = far(&rule.name.to_ascii_lowercase());
            of_id.into_iter().chain(of_title).min()
        };
        self.0
            .iter()
            .filter_map(|(id, rule)| Some((distance(id, rule)?, rule)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, rule)| &**rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{alert::RuleKind, severity::Severity};

    fn known() -> KnownRules {
        let rule = |id: &str, name: &str| {
            Arc::new(RuleDescription {
                id: id.to_owned(),
                name: name.to_owned(),
                kind: RuleKind::Sigma,
                severity: Severity::High,
                description: String::new(),
                author: String::new(),
                license: String::new(),
                references: Vec::new(),
                false_positives: Vec::new(),
                attack: Vec::new(),
            })
        };
        KnownRules::new(&[
            rule("reverse-shell", "Reverse shell"),
            rule("bind-shell", "Bind shell"),
            rule(
                "85DE1F22-d189-44e4-8239-dc276b45379b",
                "Curl Usage on Linux",
            ),
        ])
    }

    #[test]
    fn what_is_meant_is_found_by_id_and_by_title() {
        let known = known();
        assert!(known.has("85de1f22-D189-44e4-8239-dc276b45379b"));
        assert!(!known.has("reverse_shell"));
        for (wanted, hint) in [
            (
                "reverse_shell",
                "did you mean `reverse-shell` (Reverse shell)?",
            ),
            ("Bind Shell", "did you mean `bind-shell` (Bind shell)?"),
            (
                "85de1f22-d189-44e4-8239-dc276b45379",
                "did you mean `85DE1F22-d189-44e4-8239-dc276b45379b` (Curl Usage on Linux)?",
            ),
            ("curl usage on linux", "(Curl Usage on Linux)?"),
            ("00000000-0000-4000-8000-000000000000", "have the ids"),
            ("", "have the ids"),
        ] {
            let told = known.none_is(wanted);
            assert!(told.ends_with(hint), "{wanted}: {told}");
            assert!(told.contains(&format!("`{wanted}`")), "{told}");
        }
        assert!(KnownRules::default().none_is("a").ends_with("have the ids"));
    }
}
