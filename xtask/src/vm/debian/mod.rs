//! Kernels out of the Debian archive that this host's apt already uses.

mod archive;
mod choice;
mod version;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use self::archive::Archive;
use self::choice::{choose, is_of_series};
use crate::{say, tool};

pub(super) use self::choice::Kernel;

/// The release of Debian that a series of kernels belongs to; every other series, and the newest,
/// is in the backports of the current one.
const SUITES: &[(&str, &str)] = &[
    ("5.10", "bullseye"),
    ("6.1", "bookworm"),
    ("6.12", "trixie"),
];
const BACKPORTS: &str = "trixie-backports";

/// Whether this host is a Debian one: the only kind whose apt knows Debian's archive.
pub(super) fn is_this_host() -> bool {
    fs::read_to_string("/etc/os-release")
        .is_ok_and(|release| release.lines().any(|line| line == "ID=debian"))
}

/// Finds the newest kernel of a series (`6.12`, `newest`) and unpacks it into `folder`.
pub(super) fn fetch(series: &str, folder: &Path) -> Result<Kernel> {
    ensure!(
        is_this_host() && tool::find("apt-get").is_some(),
        "kernels come from the Debian archive by way of the host's apt, and this host is no \
         Debian: give a kernel with `--kernel /path/to/vmlinuz`"
    );
    let suite = suite_of(series);
    let archive = Archive::open(suite, &folder.join("apt"))?;
    let kernel = choose(&archive.index()?, series).with_context(|| {
        format!("no cloud kernel {series} in Debian's {suite}; see `apt-cache search linux-image`")
    })?;
    for package in &kernel.packages {
        say(format_args!("fetching {package} from Debian's {suite}"));
        let deb = archive.download(package, &kernel.version)?;
        tool::run(
            Command::new("dpkg-deb")
                .arg("--extract")
                .arg(&deb)
                .arg(folder),
        )
        .with_context(|| format!("cannot unpack {}", deb.display()))?;
    }
    archive.remove()?;
    Ok(kernel)
}

fn suite_of(series: &str) -> &'static str {
    let known = SUITES
        .iter()
        .find(|(prefix, _)| is_of_series(series, prefix));
    known.map_or(BACKPORTS, |(_, suite)| suite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_its_suite() {
        assert_eq!(suite_of("5.10"), "bullseye");
        assert_eq!(suite_of("6.1"), "bookworm");
        assert_eq!(suite_of("6.1.0-50"), "bookworm");
        assert_eq!(suite_of("6.12"), "trixie");
        assert_eq!(suite_of("6.18"), "trixie-backports");
        assert_eq!(suite_of("newest"), "trixie-backports");
    }
}
