//! Finding the configuration that is in force.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Config, ConfigError, Problem, Reading, read};

/// The file that is read if no other is named and it is there.
pub const DEFAULT_FILE: &str = "/etc/sensor/sensor.toml";

/// More than any configuration needs, so that a wrong file does not fill the memory.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The configuration in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub config: Config,
    /// The file; none where the defaults are in force because there is none.
    pub file: Option<PathBuf>,
    /// What goes unseen because of it: lines as `FILE:LINE: warning: ...`.
    pub warnings: Vec<String>,
}

/// Reads a file, or the default one if none is named and it is there.
///
/// # Errors
///
/// Everything that is wrong with the file, or why it cannot be read.
pub fn find(file: Option<&Path>) -> Result<Found, ConfigError> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let problem = |line, what| ConfigError {
        file: path.to_owned(),
        problems: vec![Problem { line, what }],
    };
    let bytes = match contents(path) {
        Ok(bytes) => bytes,
        Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found::default());
        }
        Err(error) => {
            return Err(problem(
                None,
                format!("the configuration cannot be read: {error}"),
            ));
        }
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let what = format!(
            "this is no configuration of the sensor: it is larger than {FILE_BYTES_MAX} bytes"
        );
        return Err(problem(None, what));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let what = "the text is not UTF-8 here: save the file as UTF-8";
        problem(Some(line), what.to_owned())
    })?;
    let Reading {
        config,
        problems,
        warnings,
    } = read(text);
    if !problems.is_empty() {
        return Err(ConfigError {
            file: path.to_owned(),
            problems,
        });
    }
    let warnings = warnings
        .iter()
        .map(|warning| warning.warning(path))
        .collect();
    Ok(Found {
        config,
        file: Some(path.to_owned()),
        warnings,
    })
}

/// A file's bytes: one more than there may be, if there are so many.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
