//! Where the rules of a set come from.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Loaded,
    assembly::Assembly,
    files::{Search, is_rules, read_file},
    report::Unreadable,
};
use crate::detect::sigma::{field::Taxonomy, reading::Placeholders};

/// Where rules come from. Of two with the same id, the one of the earlier source stays.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

#[derive(Clone, Debug)]
enum Source {
    Text { name: String, text: String },
    Path(PathBuf),
}

impl Sources {
    /// And a text, with a name that stands for its file.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.0.push(Source::Text {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        self
    }

    /// And a file; or of a directory all `*.yml` and `*.yaml`, in the order of their names, and those
    /// of the directories in it. Links are followed, each file is read once. What begins with a dot,
    /// and `*.tests.yml`, is no rule.
    #[must_use]
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.0.push(Source::Path(path.as_ref().to_owned()));
        self
    }

    /// Reads all of them. What cannot be used is in the report, and leaves the rest alone.
    #[must_use]
    pub fn load(
        &self,
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
        placeholders: &Placeholders,
    ) -> Loaded {
        let mut assembly = Assembly::default();
        let mut search = Search::default();
        for source in &self.0 {
            match source {
                Source::Text { name, text } => {
                    let file = Arc::from(Path::new(name));
                    if is_rules(&file) {
                        assembly.read(text, &file, placeholders);
                    }
                }
                Source::Path(path) => read_path(path, &mut search, &mut assembly, placeholders),
            }
        }
        assembly.finish(taxonomy)
    }
}

fn read_path(
    path: &Path,
    search: &mut Search,
    assembly: &mut Assembly,
    placeholders: &Placeholders,
) {
    let files = match search.files(path) {
        Ok(files) => files,
        Err(error) => return unreadable(assembly, path, error.to_string()),
    };
    let problems = search.take_problems();
    let nothing = files.is_empty() && !search.found_again();
    if let Some((place, what)) = problems.first().filter(|_| nothing) {
        let reason = format!("nothing in it can be read: {}: {what}", place.display());
        unreadable(assembly, path, reason);
    } else if nothing && path.is_dir() {
        let what = "there are no files of rules in it: they are named *.yml or *.yaml".to_owned();
        assembly.problem(path, what);
    }
    for (place, what) in problems {
        assembly.problem(&place, what);
    }
    let (mut read, mut last) = (0_usize, None);
    for file in &files {
        match read_file(file) {
            Ok(text) => {
                read += 1;
                assembly.read(&text, &Arc::from(file.as_path()), placeholders);
            }
            Err(error) => {
                assembly.problem(file, format!("cannot read it: {error}"));
                last = Some(error);
            }
        }
    }
    if let Some(error) = last.filter(|_| read == 0) {
        unreadable(
            assembly,
            path,
            format!("none of its files can be read: {error}"),
        );
    }
}

fn unreadable(assembly: &mut Assembly, path: &Path, reason: String) {
    assembly.unreadable(Unreadable {
        path: path.to_owned(),
        reason,
    });
}
