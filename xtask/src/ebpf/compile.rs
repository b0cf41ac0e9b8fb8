//! Compiling the kernel programs, so that nothing of this host gets into the object.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::toolchain::Toolchain;
use crate::{project, say, tool};

const PACKAGE: &str = "sensor-ebpf";
/// No folder of that name may exist: LLVM copies the lines of source files it finds.
const NOWHERE: &str = "/-";

/// Compiles the programs and returns the object's bytes.
pub(super) fn object(toolchain: &Toolchain, linker: &Path) -> Result<Vec<u8>> {
    say("compiling the kernel programs");
    let build = project::target().join("ebpf").join("build");
    let mut command = cargo("build", &build, toolchain)?;
    command
        .env("RUSTC", &toolchain.rustc)
        .env("PATH", path_with(linker)?);
    let programs = project::build(&mut command).context(
        "cannot compile the kernel programs; if it is `core` that fails, its source is of another \
         version than the compiler",
    )?;
    let [program] = programs.as_slice() else {
        bail!(
            "{PACKAGE} must have exactly one program, cargo made {}",
            programs.len()
        );
    };
    let stripped = build.join("stripped.o");
    strip(&toolchain.sysroot, program, &stripped)?;
    let object = fs::read(&stripped)
        .with_context(|| format!("cannot read the object {}", stripped.display()))?;
    check_paths(&object)?;
    Ok(object)
}

/// Runs clippy on the programs; a warning is an error. It needs no linker.
pub(super) fn clippy(toolchain: &Toolchain) -> Result<()> {
    say("clippy on the kernel programs");
    let build = project::target().join("ebpf").join("clippy");
    let mut command = cargo("clippy", &build, toolchain)?;
    command
        .args(["--", "--deny", "warnings"])
        .env("RUSTC", toolchain.rustc_for_clippy()?)
        // It takes the compiler's place in our own packages, and does not see the wrapper's option.
        .env("SYSROOT", &toolchain.folder);
    tool::run(&mut command).context("clippy has something to say about the kernel programs")
}

/// A command of cargo's on the kernel programs; which compiler it runs is up to the caller.
fn cargo(command: &str, build: &Path, toolchain: &Toolchain) -> Result<Command> {
    let mut cargo = project::cargo();
    cargo
        .args([command, "--profile", "ebpf", "--package", PACKAGE, "--bins"])
        .args(["--target", "bpfel-unknown-none", "-Z", "build-std=core"])
        .arg("--target-dir")
        .arg(build)
        // A stable compiler does all we need but for saying so.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(build, toolchain)?);
    Ok(cargo)
}

/// The compiler finds its linker by name; its path must not be among the flags, which cargo hashes.
fn path_with(linker: &Path) -> Result<OsString> {
    let folder = linker
        .parent()
        .context("the linker has no folder")?
        .to_path_buf();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(folder).chain(env::split_paths(&path)))
        .context("cannot put the linker's folder on the search path")
}

/// The compiler's flags, in the form in which they may contain spaces.
fn flags(build: &Path, toolchain: &Toolchain) -> Result<OsString> {
    let mut flags: Vec<OsString> = [
        // BTF is made from debug information.
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
        // Small copies become loads and stores, not calls of a loop over bytes.
        "-Clink-arg=--disable-expand-memcpy-in-order",
        // Which layout of registers the programs see; aya-ebpf chooses by it.
        "--cfg=bpf_target_arch=\"x86_64\"",
    ]
    .map(OsString::from)
    .to_vec();
    // The last one that matches wins: what lies in the checkout comes after the checkout.
    let mut folders = vec![(project::root(), format!("{NOWHERE}/sensor"))];
    folders.extend(dependencies()?);
    folders.push((build.to_path_buf(), format!("{NOWHERE}/build")));
    // Inside the checkout cargo names files relative to it.
    let relative = toolchain.library.strip_prefix(project::root()).ok();
    for library in [Some(toolchain.library.as_path()), relative]
        .into_iter()
        .flatten()
    {
        folders.push((library.to_path_buf(), format!("{NOWHERE}/rust")));
    }
    for (folder, name) in folders {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(folder);
        flag.push("=");
        flag.push(name);
        flags.push(flag);
    }
    Ok(flags.join("\u{1f}".as_ref()))
}

/// The folder of each package that the programs depend on, and the name it gets: registries and
/// vendored sources keep them in folders of different names.
fn dependencies() -> Result<Vec<(PathBuf, String)>> {
    let text =
        tool::output(project::cargo().args(["metadata", "--format-version", "1", "--locked"]))
            .context("cannot ask cargo for the dependencies")?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    folders_of(&metadata).context("cargo metadata has another form than it used to")
}

fn folders_of(metadata: &Value) -> Option<Vec<(PathBuf, String)>> {
    let packages = metadata.get("packages")?.as_array()?;
    let nodes = metadata.get("resolve")?.get("nodes")?.as_array()?;
    let by_id = |list: &'_ [Value]| -> BTreeMap<String, Value> {
        let id = |value: &Value| Some(value.get("id")?.as_str()?.to_owned());
        list.iter()
            .filter_map(|value| Some((id(value)?, value.clone())))
            .collect()
    };
    let (packages, nodes) = (by_id(packages), by_id(nodes));
    let is_ours = |package: &&Value| package.get("name").and_then(Value::as_str) == Some(PACKAGE);
    let mut waiting = vec![
        packages
            .values()
            .find(is_ours)?
            .get("id")?
            .as_str()?
            .to_owned(),
    ];
    let mut folders = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        let package = packages.get(&id)?;
        let manifest = Path::new(package.get("manifest_path")?.as_str()?);
        let name = package.get("name")?.as_str()?;
        let version = package.get("version")?.as_str()?;
        // Packages of the workspace have no source.
        let is_foreign = !package.get("source")?.is_null();
        let made_up = is_foreign.then(|| format!("{NOWHERE}/{name}-{version}"));
        if folders
            .insert(id.clone(), (manifest.parent()?.to_path_buf(), made_up))
            .is_none()
        {
            let dependencies = nodes.get(&id)?.get("dependencies")?.as_array()?;
            waiting.extend(
                dependencies
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned),
            );
        }
    }
    Some(
        folders
            .into_values()
            .filter_map(|(folder, name)| Some((folder, name?)))
            .collect(),
    )
}

/// Removes the DWARF sections with the toolchain's own tool; BTF stays.
fn strip(sysroot: &Path, from: &Path, to: &Path) -> Result<()> {
    let libraries = sysroot.join("lib");
    let host = tool::output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let objcopy = libraries
        .join("rustlib")
        .join(host.trim())
        .join("bin/rust-objcopy");
    ensure!(
        objcopy.is_file(),
        "the toolchain has no {}: use one that rustup installed",
        objcopy.display()
    );
    tool::run(
        Command::new(objcopy)
            // It is linked with the compiler's LLVM, but does not look for it there.
            .env("LD_LIBRARY_PATH", libraries)
            .arg("--strip-debug")
            .arg(from)
            .arg(to),
    )
    .context("cannot remove the debug information")
}

/// The last line of defence: a path that slipped through differs on the next host.
fn check_paths(object: &[u8]) -> Result<()> {
    let home = env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home != Path::new("/"));
    for folder in [Some(project::root()), Some(project::target()), home]
        .into_iter()
        .flatten()
    {
        let folder = folder.as_os_str().as_encoded_bytes();
        ensure!(
            !object.windows(folder.len()).any(|window| window == folder),
            "the object holds the path {}, which is only here",
            String::from_utf8_lossy(folder)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_foreign_dependency_gets_a_name_of_its_own() {
        let package = |id: &str, source: Value| {
            json!({"id": id, "name": id, "version": "1.2.3", "source": source,
                   "manifest_path": format!("/somewhere/{id}/Cargo.toml")})
        };
        let node =
            |id: &str, dependencies: &[&str]| json!({"id": id, "dependencies": dependencies});
        let metadata = json!({
            "packages": [
                package(PACKAGE, Value::Null),
                package("common", Value::Null),
                package("aya", json!("registry")),
                package("unrelated", json!("registry")),
            ],
            "resolve": {"nodes": [
                node(PACKAGE, &["common", "aya"]),
                node("common", &["aya"]),
                node("aya", &[]),
                node("unrelated", &["aya"]),
            ]},
        });
        assert_eq!(
            folders_of(&metadata).unwrap(),
            [(PathBuf::from("/somewhere/aya"), "/-/aya-1.2.3".to_owned())]
        );
    }
}
