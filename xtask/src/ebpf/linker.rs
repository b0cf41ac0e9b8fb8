//! The linker that turns Rust's bitcode into an object for the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{project, say, tool};

const NAME: &str = "bpf-linker";
/// Another version may give other bytes.
pub(super) const VERSION: &str = "0.10.3";

/// Finds the linker at exactly the right version, or installs it into cargo's target folder.
pub(super) fn find() -> Result<PathBuf> {
    if let Some(linker) = tool::find(NAME)
        && is_right(&linker)
    {
        return Ok(linker);
    }
    let root = project::target().join("tools");
    let linker = root.join("bin").join(NAME);
    if is_right(&linker) {
        return Ok(linker);
    }
    say(format_args!(
        "installing {NAME} {VERSION} into {}",
        root.display()
    ));
    tool::run(
        project::cargo()
            .args([
                "install",
                NAME,
                "--version",
                VERSION,
                "--locked",
                "--force",
                "--root",
            ])
            .arg(&root),
    )
    .with_context(|| format!("cannot install {NAME} {VERSION}"))?;
    ensure!(
        is_right(&linker),
        "{} is not version {VERSION}",
        linker.display()
    );
    Ok(linker)
}

fn is_right(linker: &Path) -> bool {
    tool::output(Command::new(linker).arg("--version"))
        .is_ok_and(|version| version.trim() == format!("{NAME} {VERSION}"))
}
