//! Which files of a directory have rules, and what is in them.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::detect::sigma::reading::FILE_SIZE_MAX;

/// Most directories within each other that are looked into.
pub const DEPTH_MAX: usize = 32;

/// Most files and directories that a set is made of.
pub const FILES_MAX: usize = 100_000;

/// Looks for files in directories; each is found once, however many links lead to it.
#[derive(Default)]
pub(super) struct Search {
    /// Device and inode of files and directories.
    seen: HashSet<(u64, u64)>,
    problems: Vec<(PathBuf, String)>,
    is_full: bool,
    /// Whether something was found again.
    again: bool,
}

impl Search {
    /// The file with this path, or the files of rules in the directory with it, in the order of their
    /// paths.
    ///
    /// # Errors
    ///
    /// It is not there, or the directory cannot be listed. What is so within the directory is a
    /// problem instead.
    pub(super) fn files(&mut self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let about = fs::metadata(path)?;
        let mut files = Vec::new();
        if about.is_dir() {
            self.directory(path, &about, 0, &mut files)?;
        } else if is_rules(path) {
            self.file(path, &about, &mut files);
        }
        Ok(files)
    }

    /// Whether any was found that had been found before.
    pub(super) fn found_again(&self) -> bool {
        self.again
    }

    /// What was wrong, and where.
    pub(super) fn take_problems(&mut self) -> Vec<(PathBuf, String)> {
        std::mem::take(&mut self.problems)
    }

    fn directory(
        &mut self,
        path: &Path,
        about: &Metadata,
        depth: usize,
        files: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        if depth > DEPTH_MAX {
            let what = format!("directories more than {DEPTH_MAX} deep are not looked into");
            self.problem(path, what);
            return Ok(());
        }
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<PathBuf>>>()?;
        if !self.is_new(path, about) {
            return Ok(());
        }
        entries.sort();
        for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
            match fs::metadata(entry) {
                Ok(about) if about.is_dir() => {
                    if let Err(error) = self.directory(entry, &about, depth + 1, files) {
                        self.problem(entry, format!("cannot list it: {error}"));
                    }
                }
                Ok(about) if is_yaml(entry) && is_rules(entry) => self.file(entry, &about, files),
                // Reading it will say why not.
                Err(_) if is_yaml(entry) && is_rules(entry) => files.push(entry.clone()),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, about: &Metadata, files: &mut Vec<PathBuf>) {
        if self.is_new(path, about) {
            files.push(path.to_owned());
        }
    }

    /// Whether it was not seen before, and there is room for it.
    fn is_new(&mut self, path: &Path, about: &Metadata) -> bool {
        if self.seen.len() >= FILES_MAX {
            if !self.is_full {
                self.is_full = true;
                let what =
                    format!("it and what comes after is not read: more than {FILES_MAX} files");
                self.problem(path, what);
            }
            return false;
        }
        let is_new = self.seen.insert((about.dev(), about.ino()));
        self.again |= !is_new;
        is_new
    }

    fn problem(&mut self, path: &Path, what: String) {
        self.problems.push((path.to_owned(), what));
    }
}

/// Whether a file may have rules, by its name: not if it has what rules are tested with.
pub(super) fn is_rules(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    !name.ends_with(b".tests.yml") && !name.ends_with(b".tests.yaml")
}

/// The text of a file.
///
/// # Errors
///
/// It cannot be read, is not a regular file, is not UTF-8, or is larger than [`FILE_SIZE_MAX`].
pub(super) fn read_file(path: &Path) -> io::Result<String> {
    // A pipe must not make the sensor wait for who writes to it.
    let mut options = OpenOptions::new();
    let file: File = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let unfit = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    if !file.metadata()?.is_file() {
        return Err(unfit("not a regular file".into()));
    }
    let most = u64::try_from(FILE_SIZE_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_SIZE_MAX {
        return Err(unfit(format!(
            "larger than {FILE_SIZE_MAX} bytes: split it"
        )));
    }
    String::from_utf8(bytes).map_err(|error| unfit(format!("not UTF-8: {error}")))
}

fn is_yaml(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml")
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .unwrap_or_default()
        .as_encoded_bytes()
        .starts_with(b".")
}
