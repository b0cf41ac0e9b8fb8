//! The project's own folders and programs: where they are, and how cargo builds them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::tool;

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // At run time, so that a checkout that was moved or copied with its `target` works.
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = xtask.parent().unwrap_or(Path::new("."));
    // The compiler sees where it is without symbolic links.
    root.canonicalize().unwrap_or_else(|_| root.to_path_buf())
}

/// The folder for everything that can be made again.
pub(crate) fn target() -> PathBuf {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    // What we start runs in other folders than we do.
    std::path::absolute(&target).unwrap_or(target)
}

/// Cargo itself, the one that runs us, in the project's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root());
    command
}

/// Runs a `cargo build` and returns the programs it made, in no particular order.
pub(crate) fn build(command: &mut Command) -> Result<Vec<PathBuf>> {
    command
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit());
    let messages = tool::output(command)?;
    let mut programs = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)
            .with_context(|| format!("cargo printed a message that is not JSON: {line}"))?;
        if let Some(program) = message.get("executable").and_then(Value::as_str) {
            programs.push(PathBuf::from(program));
        }
    }
    Ok(programs)
}
