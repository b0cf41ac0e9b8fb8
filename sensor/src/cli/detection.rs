//! The rules that are in force, for `sensor run` and `sensor replay`.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use super::say;
use crate::{
    config::{self, DEFAULT_FILE, detect::Detect},
    detect::{
        detection::setup::{Loaded, Setup},
        detectors, pack,
        sigma::{
            reading::Unresolved,
            ruleset::{Former, RuleReport},
        },
    },
};

/// Where rules come from.
pub(super) struct Rules {
    /// The configuration that was asked for, if one was.
    asked: Option<PathBuf>,
    /// The one that is in force; none where there is none.
    file: Option<PathBuf>,
    /// What detectors need to know.
    settings: detectors::Settings,
    /// What files held when they could be used.
    former: RefCell<Former>,
}

/// What came of reading configuration and rules anew.
struct Reread {
    /// Lines for people.
    told: Vec<String>,
    /// What is to be in force; none if what is in force is to stay.
    setup: Option<Setup>,
}

impl Rules {
    /// Those of a configuration.
    pub(super) fn new(
        asked: Option<PathBuf>,
        file: Option<PathBuf>,
        settings: detectors::Settings,
    ) -> Self {
        Self {
            asked,
            file,
            settings,
            former: RefCell::default(),
        }
    }

    /// Reads the rules, and says what cannot be used of them. The rest can.
    pub(super) fn load(&self, detect: &Detect) -> Setup {
        let loaded = self.read(detect);
        self.told(&loaded).iter().for_each(say);
        loaded.setup
    }

    /// Reads configuration and rules anew. None, and why is said, if something could not be read at
    /// all: what is in force is to stay.
    pub(super) fn reload(&self) -> Option<Setup> {
        let Reread { told, setup } = self.reread();
        told.iter().for_each(say);
        setup
    }

    fn reread(&self) -> Reread {
        let found = match config::find(self.asked.as_deref()) {
            Ok(found) => found,
            Err(error) => {
                return Reread {
                    told: vec![format!("the rules in force stay: {error}")],
                    setup: None,
                };
            }
        };
        let mut told = found.warnings;
        let loaded = self.read(&found.config.detect);
        told.extend(self.told(&loaded));
        let is_fatal = loaded.report.is_fatal();
        told.push(if is_fatal {
            "the rules in force stay, because not all that is named could be read".to_owned()
        } else {
            format!("{} rules are in force", loaded.report.rules.len())
        });
        Reread {
            told,
            setup: (!is_fatal).then_some(loaded.setup),
        }
    }

    fn read(&self, detect: &Detect) -> Loaded {
        let detectors = if detect.enabled {
            detectors::all(&self.settings)
        } else {
            Vec::new()
        };
        let mut former = self.former.borrow_mut();
        Setup::load_after(
            &mut former,
            detect,
            &self.path().into(),
            pack::RULES,
            detectors,
        )
    }

    fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE))
    }

    /// What is to be said of rules, and of what the configuration says of them.
    fn told(&self, loaded: &Loaded) -> Vec<String> {
        let report = &loaded.report;
        let problems = report.problems.iter().map(ToString::to_string);
        let refused = report.rules.iter().filter_map(RuleReport::refused);
        let unresolved = report.unresolved.iter().map(Unresolved::problem);
        let of_rules = refused.chain(unresolved).map(|problem| problem.to_string());
        let warnings = loaded.warnings.iter();
        problems
            .chain(of_rules)
            .chain(warnings.map(|warning| warning.warning(self.path())))
            .collect()
    }
}
