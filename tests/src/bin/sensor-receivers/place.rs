//! Where the files are, and free ports.

use std::cell::Cell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::say;

/// A folder for everything that a run writes. It is removed at the end, unless it is to be looked at.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    keep: Cell<bool>,
}

impl Place {
    /// Makes it among the temporary files.
    pub fn make(keep: bool) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("sensor-receivers-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path,
            keep: Cell::new(keep),
        })
    }

    /// Leaves the files there.
    pub fn keep(&self) {
        self.keep.set(true);
    }

    /// A folder in it, which is made if it is not there yet.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keep.get() {
            say(format_args!("the files are in {}", self.path.display()));
        } else {
            let _nobody_needs_it = fs::remove_dir_all(&self.path);
        }
    }
}

/// Writes a file.
pub fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A port of loopback on which nobody listens. Another program could take it before it is used.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr().context("no port is free")?.port())
}
