//! What files of rules held while all of it could be used: a file that goes bad while the sensor runs
//! leaves that in force.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::report::Report;
use crate::detect::sigma::matcher::Use;

/// The texts of files of which everything could be used, as they were last read.
#[derive(Clone, Debug, Default)]
pub struct Former(BTreeMap<PathBuf, Arc<str>>);

impl Former {
    /// The text that a file had.
    pub(super) fn of(&self, file: &Path) -> Option<Arc<str>> {
        self.0.get(file).cloned()
    }

    pub(super) fn keep(&mut self, file: PathBuf, text: Arc<str>) {
        self.0.insert(file, text);
    }

    /// Keeps only those of files that fulfil this.
    pub(super) fn retain(&mut self, keep: impl Fn(&Path) -> bool) {
        self.0.retain(|file, _| keep(file));
    }

    /// The same files where they had another text than now, and the text that they had.
    pub(super) fn changed(&self, now: &Self, files: &BTreeSet<PathBuf>) -> Self {
        let changed = files.iter().filter_map(|file| {
            let had = self.0.get(file)?;
            let is_same = now.0.get(file).is_some_and(|text| text == had);
            (!is_same).then(|| (file.clone(), Arc::clone(had)))
        });
        Self(changed.collect())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, file: &Path) -> bool {
        self.0.contains_key(file)
    }
}

/// The files in which something cannot be used.
pub(super) fn bad_files(report: &Report) -> BTreeSet<PathBuf> {
    let of_problems = report.problems.iter().map(|problem| &problem.place);
    let refused = report
        .rules
        .iter()
        .filter(|rule| matches!(rule.usage, Use::Refused(_)))
        .map(|rule| &rule.place);
    of_problems
        .chain(refused)
        .map(|place| place.file.to_path_buf())
        .collect()
}
