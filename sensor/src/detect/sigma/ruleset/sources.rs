//! Where the rules of a set come from.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Loaded,
    assembly::Assembly,
    files::{Search, is_rules, read_file},
    former::{Former, bad_files},
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
        self.load_after(&mut Former::default(), taxonomy, placeholders)
    }

    /// The same while rules are in force: of a file that was good and now is not, what it held before
    /// stays, and its problems say so. `former` is what files held, and is brought up to date unless the
    /// report [is fatal](super::Report::is_fatal).
    #[must_use]
    pub fn load_after(
        &self,
        former: &mut Former,
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
        placeholders: &Placeholders,
    ) -> Loaded {
        let none = Former::default();
        let (mut loaded, mut texts) = self.assemble(&none, Arc::clone(&taxonomy), placeholders);
        if loaded.report.is_fatal() {
            return loaded;
        }
        let bad = bad_files(&loaded.report);
        let stays = former.changed(&texts, &bad);
        if !stays.is_empty() {
            let (again, with_former) = self.assemble(&stays, taxonomy, placeholders);
            let told = std::mem::replace(&mut loaded, again);
            loaded.report.stay(&told.report, &|file| stays.has(file));
            texts = with_former;
        }
        texts.retain(|file| !bad.contains(file) || stays.has(file));
        *former = texts;
        loaded
    }

    /// Makes a set of what files hold, or of what some held before. The texts are those of files.
    fn assemble(
        &self,
        instead: &Former,
        taxonomy: Arc<dyn Taxonomy + Send + Sync>,
        placeholders: &Placeholders,
    ) -> (Loaded, Former) {
        let mut reader = Reader {
            assembly: Assembly::default(),
            search: Search::default(),
            texts: Former::default(),
            instead,
            placeholders,
        };
        for source in &self.0 {
            let has_room = match source {
                Source::Text { name, text } => {
                    let file = Arc::from(Path::new(name));
                    !is_rules(&file) || reader.assembly.read(text, &file, placeholders)
                }
                Source::Path(path) => reader.path(path),
            };
            if !has_room {
                break;
            }
        }
        (reader.assembly.finish(taxonomy), reader.texts)
    }
}

/// Reads files one after another.
struct Reader<'a> {
    assembly: Assembly,
    search: Search,
    /// What was read.
    texts: Former,
    /// What some files are taken to hold.
    instead: &'a Former,
    placeholders: &'a Placeholders,
}

impl Reader<'_> {
    /// Reads a file, or those of a directory: whether there was room for them.
    fn path(&mut self, path: &Path) -> bool {
        let files = match self.search.files(path) {
            Ok(files) => files,
            Err(error) => {
                unreadable(&mut self.assembly, path, error.to_string());
                return true;
            }
        };
        let problems = self.search.take_problems();
        let nothing = files.is_empty() && !self.search.found_again();
        if let Some((place, what)) = problems.first().filter(|_| nothing) {
            let reason = format!("nothing in it can be read: {}: {what}", place.display());
            unreadable(&mut self.assembly, path, reason);
        } else if nothing && path.is_dir() {
            let what =
                "there are no files of rules in it: they are named *.yml or *.yaml".to_owned();
            self.assembly.problem(path, what);
        }
        for (place, what) in problems {
            self.assembly.problem(&place, what);
        }
        let (mut read, mut last) = (0_usize, None);
        for file in &files {
            let text = match self.instead.of(file) {
                Some(text) => Ok(text),
                None => read_file(file).map(Arc::from),
            };
            match text {
                Ok(text) => {
                    read += 1;
                    let name = Arc::from(file.as_path());
                    if !self.assembly.read(&text, &name, self.placeholders) {
                        return false;
                    }
                    self.texts.keep(file.clone(), text);
                }
                Err(error) => {
                    let what = format!("cannot read it: {error}");
                    self.assembly.problem(file, what);
                    last = Some(error);
                }
            }
        }
        if let Some(error) = last.filter(|_| read == 0) {
            let reason = format!("none of its files can be read: {error}");
            unreadable(&mut self.assembly, path, reason);
        }
        true
    }
}

fn unreadable(assembly: &mut Assembly, path: &Path, reason: String) {
    assembly.unreadable(Unreadable {
        path: path.to_owned(),
        reason,
    });
}
