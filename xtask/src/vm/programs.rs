//! The project's own programs for a guest: without shared libraries, for a guest has none.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::kernel;
use crate::{project, say};

/// Builds `sensor`, the guest's init, the scenarios and the benches, and returns their files.
pub(crate) fn build() -> Result<Vec<PathBuf>> {
    build_chosen(&["--bins"])
}

/// Builds these programs only, and the guest's init.
pub(crate) fn build_some(names: &[&str]) -> Result<Vec<PathBuf>> {
    let mut chosen = vec!["--bin", "init"];
    chosen.extend(names.iter().flat_map(|name| ["--bin", name]));
    build_chosen(&chosen)
}

fn build_chosen(chosen: &[&str]) -> Result<Vec<PathBuf>> {
    say("building the guest's programs");
    // The target is named although it is the host's own: only then do the flags spare build scripts
    // and procedural macros, which must stay dynamic. glibc can be linked statically everywhere;
    // musl's target is one more thing to install.
    project::build(
        project::cargo()
            .args([
                "build",
                "--release",
                "--quiet",
                "--target",
                "x86_64-unknown-linux-gnu",
            ])
            .args(["--package", "sensor", "--package", "sensor-tests"])
            .args(chosen)
            .arg("--target-dir")
            .arg(kernel::cache().join("build"))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    )
    .context("cannot build the programs that the guest needs")
}
