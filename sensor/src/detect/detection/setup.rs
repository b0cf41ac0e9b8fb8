//! What is in force: put together from the configuration, and checked, before anything is changed.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use crate::{
    config::{Problem, detect::Detect},
    detect::{
        detector::Detector,
        exception::Exceptions,
        sigma::{
            field::Class,
            reading::Placeholders,
            ruleset::{Report, Ruleset, Sources},
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
        let loaded = sources.load(Arc::new(LinuxTaxonomy), &placeholders);
        let (setup, warnings) = if detect.enabled {
            Self::new(detect, file, loaded.ruleset, detectors)
        } else {
            let without = Detect {
                exceptions: Vec::new(),
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
        let ids: BTreeSet<String> = rules
            .descriptions()
            .chain(detectors.iter().flat_map(|detector| detector.rules()))
            .map(|rule| rule.id.to_ascii_lowercase())
            .collect();
        let is_rule = |id: &str| ids.contains(&id.to_ascii_lowercase());
        let (exceptions, problems) = Exceptions::compile(
            &detect.exceptions,
            file,
            &every_class(),
            &LinuxTaxonomy,
            &is_rule,
        );
        let setup = Self {
            rules,
            detectors,
            exceptions,
            detect: detect.clone(),
        };
        (setup, problems)
    }
}

/// The classes that there are.
fn every_class() -> Vec<Class> {
    (0..=u8::MAX)
        .map(Class)
        .take_while(|class| !LinuxTaxonomy::events(*class).is_empty())
        .collect()
}
