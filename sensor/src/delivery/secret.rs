//! What must not be seen: tokens and passwords.

use std::{env, fmt, fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Where a secret is kept. The configuration has only this, never the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretSource {
    /// A file; an end of line at its end is none of the secret's.
    File(PathBuf),
    /// A variable of the sensor's environment.
    Environment(String),
}

/// A secret. It shows as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Most bytes of a secret.
const LENGTH_MAX: usize = 64 << 10;

impl SecretSource {
    /// Reads the secret, anew each time: it may have been replaced.
    ///
    /// # Errors
    ///
    /// If it is not there, empty, too long, or no text of visible characters and blanks.
    pub fn read(&self) -> io::Result<Secret> {
        let (text, place) = match self {
            Self::File(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("cannot read the secret in {}: {error}", path.display()),
                    )
                })?;
                (text, path.display().to_string())
            }
            Self::Environment(name) => {
                let text = env::var(name).map_err(|error| {
                    io::Error::other(format!(
                        "cannot read the secret in the environment's {name}: {error}"
                    ))
                })?;
                (text, name.clone())
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() || text.len() > LENGTH_MAX || text.chars().any(char::is_control) {
            return Err(io::Error::other(format!(
                "the secret in {place} is empty, too long, or has control characters in it"
            )));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl Secret {
    /// The secret, to be shown to the receiver only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_end_and_never_shown() {
        let path = env::temp_dir().join(format!("sensor-secret-{}", std::process::id()));
        fs::write(&path, "s3cr3t\n").unwrap();
        let secret = SecretSource::File(path.clone()).read().unwrap();
        assert_eq!(secret.reveal(), "s3cr3t");
        assert_eq!(format!("{secret:?}"), "…");
        for wrong in ["", "\n", "a\nb"] {
            fs::write(&path, wrong).unwrap();
            SecretSource::File(path.clone()).read().unwrap_err();
        }
        fs::remove_file(&path).unwrap();
        let gone = SecretSource::File(path.clone()).read().unwrap_err();
        assert!(gone.to_string().contains(&path.display().to_string()));
        SecretSource::Environment("SENSOR_NO_SUCH_VARIABLE".into())
            .read()
            .unwrap_err();
    }
}
