//! The rules that are in force, for `sensor run` and `sensor replay`.

use std::path::{Path, PathBuf};

use super::say;
use crate::{
    config::{self, DEFAULT_FILE, detect::Detect},
    detect::{
        detection::setup::{Loaded, Setup},
        detectors, pack,
    },
};

/// Where rules come from.
pub(super) struct Rules {
    /// The configuration that was asked for, if one was.
    pub(super) asked: Option<PathBuf>,
    /// The one that is in force; none where there is none.
    pub(super) file: Option<PathBuf>,
    /// What detectors need to know.
    pub(super) settings: detectors::Settings,
}

impl Rules {
    /// Reads the rules, and says what cannot be used of them. The rest can.
    pub(super) fn load(&self, detect: &Detect) -> Setup {
        let loaded = self.read(detect);
        self.tell(&loaded);
        loaded.setup
    }

    /// Reads configuration and rules anew. None, and why is said, if something could not be read at
    /// all: what is in force is to stay.
    pub(super) fn reload(&self) -> Option<Setup> {
        let found = match config::find(self.asked.as_deref()) {
            Ok(found) => found,
            Err(error) => {
                say(format_args!("the rules in force stay: {error}"));
                return None;
            }
        };
        let loaded = self.read(&found.config.detect);
        self.tell(&loaded);
        if loaded.report.is_fatal() {
            say("the rules in force stay, because not all places that are named could be read");
            return None;
        }
        say(format_args!(
            "{} rules are in force",
            loaded.report.rules.len()
        ));
        Some(loaded.setup)
    }

    fn read(&self, detect: &Detect) -> Loaded {
        let detectors = if detect.enabled {
            detectors::all(&self.settings)
        } else {
            Vec::new()
        };
        Setup::load(detect, &self.path().into(), pack::RULES, detectors)
    }

    fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE))
    }

    fn tell(&self, loaded: &Loaded) {
        for problem in &loaded.report.problems {
            say(problem);
        }
        for warning in &loaded.warnings {
            say(warning.warning(self.path()));
        }
    }
}
