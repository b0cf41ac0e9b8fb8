//! The compiler with the source of Rust's `core`, which is compiled with the kernel programs: there
//! is no ready-made one for the kernel's virtual machine.
//!
//! Where rustup cannot install the source, it is given as a folder or a tarball. Wherever it comes
//! from, cargo is shown a toolchain that has it: a folder of links to the real one, which stays as it
//! is. Its place matters for more than being found: cargo hashes the path of `core`, relative to the
//! toolchain where it is inside, into the names of functions.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{project, say, tool};

/// Where a toolchain has the source.
const LIBRARY: &str = "lib/rustlib/src/rust/library";

/// A toolchain with the source.
pub(super) struct Toolchain {
    /// The real one.
    pub(super) sysroot: PathBuf,
    /// The folder of links.
    pub(super) folder: PathBuf,
    /// The source, in the folder of links.
    pub(super) library: PathBuf,
    /// The compiler, which takes the folder of links for its own.
    pub(super) rustc: PathBuf,
}

/// Finds the source and makes a toolchain that has it.
pub(super) fn toolchain(given: Option<&Path>) -> Result<Toolchain> {
    let sysroot = tool::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = PathBuf::from(sysroot.trim());
    let folder = project::target().join("ebpf").join("toolchain");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    // What is on the way to the source is made, everything else is a link.
    for way in ["", "lib", "lib/rustlib"] {
        link_all_but(
            &sysroot.join(way),
            &folder.join(way),
            &["lib", "rustlib", "src"],
        )?;
    }
    let source = match given {
        Some(source) => unpacked(source, &folder)?,
        None => of_toolchain(&sysroot)?,
    };
    let library = folder.join(LIBRARY);
    let parent = library.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    symlink(&source, &library).with_context(|| format!("cannot make {}", library.display()))?;
    let rustc = wrapper(&sysroot.join("bin/rustc"), &folder)?;
    Ok(Toolchain {
        sysroot,
        folder,
        library,
        rustc,
    })
}

impl Toolchain {
    /// The compiler under the only name that clippy takes for a compiler's.
    pub(super) fn rustc_for_clippy(&self) -> Result<PathBuf> {
        let folder = self.folder.join("for-clippy");
        let rustc = folder.join("rustc");
        fs::create_dir_all(&folder)
            .and_then(|()| symlink(&self.rustc, &rustc))
            .with_context(|| format!("cannot make {}", rustc.display()))?;
        Ok(rustc)
    }
}

fn link_all_but(from: &Path, to: &Path, but: &[&str]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let name = entry
            .with_context(|| format!("cannot list {}", from.display()))?
            .file_name();
        if !but.iter().any(|but| name == *but) {
            symlink(from.join(&name), to.join(&name))
                .with_context(|| format!("cannot make {}", to.join(&name).display()))?;
        }
    }
    Ok(())
}

/// A script, for the compiler finds its toolchain by its file's real place.
fn wrapper(rustc: &Path, sysroot: &Path) -> Result<PathBuf> {
    let path = sysroot.join("rustc-here");
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let script = format!(
        "#!/bin/sh\nexec {} --sysroot {} \"$@\"\n",
        quoted(rustc),
        quoted(sysroot)
    );
    fs::write(&path, script)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// The folder `library` in what was given.
fn unpacked(given: &Path, scratch: &Path) -> Result<PathBuf> {
    let mut folder = given.to_path_buf();
    if given.is_file() {
        folder = scratch.join("unpacked");
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Times are kept, so that the next build finds nothing new.
        let mut tar = Command::new("tar");
        tar.arg("--extract")
            .arg("--file")
            .arg(given)
            .arg("--directory")
            .arg(&folder);
        tool::run(&mut tar).with_context(|| format!("cannot unpack {}", given.display()))?;
    }
    let library = find_library(&folder, 6).with_context(|| {
        format!(
            "{} has no folder `library` with a `core` in it",
            given.display()
        )
    })?;
    fs::canonicalize(&library).with_context(|| format!("cannot find {}", library.display()))
}

/// The toolchain's own, which rustup installs on request.
fn of_toolchain(sysroot: &Path) -> Result<PathBuf> {
    let library = sysroot.join(LIBRARY);
    if is_library(&library) {
        return Ok(library);
    }
    say("the toolchain has no rust-src: `rustup component add rust-src`");
    tool::run(Command::new("rustup").args(["component", "add", "rust-src"])).context(
        "rustup cannot install rust-src; give the source of exactly this compiler with \
         `--rust-src DIR|TARBALL` or in SENSOR_RUST_SRC",
    )?;
    ensure!(
        is_library(&library),
        "rustup installed rust-src, but not at {}",
        library.display()
    );
    Ok(library)
}

fn is_library(folder: &Path) -> bool {
    folder.join("Cargo.lock").is_file() && folder.join("core/src/lib.rs").is_file()
}

/// Tarballs and folders have it at different depths.
fn find_library(folder: &Path, depth: u32) -> Option<PathBuf> {
    if is_library(folder) {
        return Some(folder.to_path_buf());
    }
    let entries = fs::read_dir(folder).ok()?;
    let mut folders = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    folders.find_map(|path| find_library(&path, depth.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_at_any_reasonable_depth() {
        let folder = std::env::temp_dir().join(format!("xtask-rust-src-{}", std::process::id()));
        let library = folder.join("rust-src/lib/rustlib/src/rust/library");
        fs::create_dir_all(library.join("core/src")).unwrap();
        assert_eq!(find_library(&folder, 6), None);
        fs::write(library.join("core/src/lib.rs"), "").unwrap();
        fs::write(library.join("Cargo.lock"), "").unwrap();
        assert_eq!(find_library(&folder, 6).as_ref(), Some(&library));
        assert_eq!(find_library(&library, 6).as_ref(), Some(&library));
        assert_eq!(find_library(&folder, 2), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
