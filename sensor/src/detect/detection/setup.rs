//! What is in force: put together from the configuration, and checked, before anything is changed.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    config::{Problem, detect::Detect},
    detect::{
        detector::Detector,
        exception::Exceptions,
        known::KnownRules,
        sigma::{
            field::Class,
            reading::Placeholders,
            ruleset::{Former, Report, Ruleset, Sources},
            taxonomy::LinuxTaxonomy,
        },
    },
};

/// What is to be in force.
pub struct Setup {
    pub(super) rules: Ruleset,
    pub(super) detectors: Vec<Box<dyn Detector>>,
    pub(super) exceptions: Exceptions,
    pub(super) detect: Detect,
}

/// What was loaded.
pub struct Loaded {
    /// What is to be in force.
    pub setup: Setup,
    /// What became of each rule.
    pub report: Report,
    /// What is of no use in the configuration.
    pub warnings: Vec<Problem>,
}

impl Setup {
    /// Reads the rules that the configuration in `file` names, after those that the program brings along,
    /// each of which has a name that stands for its file.
    ///
    /// Nothing is in force by this. If the report [is fatal](Report::is_fatal), what was in force should
    /// stay.
    #[must_use]
    pub fn load(
        detect: &Detect,
        file: &Arc<Path>,
        builtin: &[(&str, &str)],
        detectors: Vec<Box<dyn Detector>>,
    ) -> Loaded {
        Self::load_after(&mut Former::default(), detect, file, builtin, detectors)
    }

    /// The same while rules are in force: see [`Sources::load_after`].
    #[must_use]
    pub fn load_after(
        former: &mut Former,
        detect: &Detect,
        file: &Arc<Path>,
        builtin: &[(&str, &str)],
        detectors: Vec<Box<dyn Detector>>,
    ) -> Loaded {
        let mut sources = Sources::default();
        if detect.enabled {
            if detect.builtin_rules {
                for (name, text) in builtin {
                    sources = sources.text(name, text);
                }
            }
            sources = detect.rules.paths().iter().fold(sources, Sources::path);
        }
        let placeholders = Placeholders(detect.placeholders.clone());
        let loaded = sources.load_after(former, Arc::new(LinuxTaxonomy), &placeholders);
        let (setup, warnings) = if detect.enabled {
            Self::new(detect, file, loaded.ruleset, detectors)
        } else {
            let without = Detect {
                exceptions: Vec::new(),
                disabled_rules: BTreeMap::new(),
                ..detect.clone()
            };
            Self::new(&without, file, loaded.ruleset, detectors)
        };
        Loaded {
            setup,
            report: loaded.report,
            warnings,
        }
    }

    /// Puts rules and detectors together with what the configuration in `file` says of their alerts,
    /// and what of that is of no use: a warning for each.
    #[must_use]
    pub fn new(
        detect: &Detect,
        file: &Arc<Path>,
        rules: Ruleset,
        detectors: Vec<Box<dyn Detector>>,
    ) -> (Self, Vec<Problem>) {
        let known = KnownRules::new(
            rules
                .descriptions()
                .chain(detectors.iter().flat_map(|detector| detector.rules())),
        );
        let (exceptions, mut problems) = Exceptions::compile(
            &detect.exceptions,
            file,
            &every_class(),
            &LinuxTaxonomy,
            &known,
        );
        let unknown = detect
            .disabled_rules
            .iter()
            .filter(|(id, _)| !known.has(id));
        problems.extend(unknown.map(|(id, line)| Problem {
            line: *line,
            what: format!(
                "`detect.disabled_rules` switches nothing off: {}",
                known.none_is(id)
            ),
        }));
        problems.sort();
        let setup = Self {
            rules,
            detectors,
            exceptions,
            detect: detect.clone(),
        };
        (setup, problems)
    }

    /// The titles of the Sigma rules, and of correlations.
    #[cfg(test)]
    pub(crate) fn titles(&self) -> Vec<String> {
        let rules = self.rules.descriptions();
        rules.map(|rule| rule.name.clone()).collect()
    }
}

/// The classes that there are.
fn every_class() -> Vec<Class> {
    (0..=u8::MAX)
        .map(Class)
        .take_while(|class| !LinuxTaxonomy::events(*class).is_empty())
        .collect()
}
