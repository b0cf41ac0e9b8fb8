//! The programs in Python, in files, and what they need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::place::write;
use crate::verdict::skip;

/// The programs in Python.
#[derive(Clone, Debug)]
pub struct Scripts {
    folder: PathBuf,
    python: PathBuf,
}

const FILES: [(&str, &str); 5] = [
    ("double.py", include_str!("../../../../receivers/double.py")),
    ("kafka.py", include_str!("../../../../receivers/kafka.py")),
    (
        "nats_reader.py",
        include_str!("../../../../receivers/nats_reader.py"),
    ),
    ("otlp.py", include_str!("../../../../receivers/otlp.py")),
    ("send.py", include_str!("../../../../receivers/send.py")),
];

impl Scripts {
    /// Writes them down.
    pub fn write(folder: PathBuf, python: &Path) -> Result<Self> {
        for (name, text) in FILES {
            write(&folder.join(name), text)?;
        }
        Ok(Self {
            folder,
            python: python.to_path_buf(),
        })
    }

    /// A command that runs one of them.
    pub fn command(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(&self.python);
        command.arg(self.folder.join(name));
        Ok(command)
    }

    /// A command that runs a program of Python code.
    pub fn code(&self, code: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-c", code]);
        command
    }

    /// Skips what needs a package that this Python does not have.
    pub fn ensure_package(&self, module: &str) -> Result<()> {
        let status = self
            .code(&format!("import {module}"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("cannot start Python")?;
        if status.success() {
            return Ok(());
        }
        let python = self.python.display();
        skip(format!(
            "{python} has no package {module}: --install fetches it"
        ))
    }

    /// A program that a package has installed beside Python.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.python.with_file_name(name)
    }
}
