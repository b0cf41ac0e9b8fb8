//! Kernel modules for the guest: found in the kernel's folder, decompressed, in loading order.
//!
//! A module says itself what it depends on (`depends=` in its `.modinfo`), so this needs neither
//! depmod nor its `modules.dep`, which Debian's packages do not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::kernel::Kernel;
use crate::{say, tool};

/// A module as the guest gets it.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// The modules asked for and all they depend on, dependencies first.
pub(super) fn load_order(kernel: &Kernel, wanted: &[String]) -> Result<Vec<Module>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let folder = kernel.modules.as_deref().with_context(|| {
        format!(
            "there is no folder of modules for the kernel {}",
            kernel.release
        )
    })?;
    let mut search = Search {
        files: BTreeMap::new(),
        builtin: fs::read_to_string(folder.join("modules.builtin"))
            .map(|list| {
                list.lines()
                    .map(|line| module_name(Path::new(line)))
                    .collect()
            })
            .unwrap_or_default(),
        seen: BTreeSet::new(),
        order: Vec::new(),
    };
    list_files(folder, &mut search.files)?;
    for name in wanted {
        search
            .visit(&name.replace('-', "_"))
            .with_context(|| format!("cannot get the module {name} for {}", kernel.release))?;
    }
    Ok(search.order)
}

struct Search {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
    seen: BTreeSet<String>,
    order: Vec<Module>,
}

impl Search {
    fn visit(&mut self, name: &str) -> Result<()> {
        if !self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(path) = self.files.get(name).cloned() else {
            if self.builtin.contains(name) {
                say(format_args!(
                    "{name} is built into this kernel, nothing to load"
                ));
                return Ok(());
            }
            bail!("the kernel has no module {name}");
        };
        let content = read(&path)?;
        for dependency in depends(&content) {
            self.visit(&dependency)?;
        }
        self.order.push(Module {
            name: name.to_owned(),
            content,
        });
        Ok(())
    }
}

fn list_files(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry
            .with_context(|| format!("cannot list {}", folder.display()))?
            .path();
        if path.is_dir() && !path.is_symlink() {
            list_files(&path, files)?;
        } else if path.to_string_lossy().contains(".ko") {
            files.insert(module_name(&path), path);
        }
    }
    Ok(())
}

/// The kernel's name of a module: its file's, with underscores.
fn module_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = file.split_once(".ko").map_or(&*file, |(name, _)| name);
    name.replace('-', "_")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let decompressor = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return fs::read(path).with_context(|| format!("cannot read {}", path.display())),
    };
    tool::output_bytes(
        Command::new(decompressor)
            .args(["--decompress", "--stdout"])
            .arg(path),
    )
    .with_context(|| {
        format!(
            "cannot decompress {}: is {decompressor} installed?",
            path.display()
        )
    })
}

/// What a module's own information says that it depends on.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = module.get(start + KEY.len()..).unwrap_or_default();
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_its_dependencies() {
        let module = b"\x7fELF..\0license=GPL\0depends=nf-tables,nfnetlink\0name=nft_ct\0";
        assert_eq!(depends(module), ["nf_tables", "nfnetlink"]);
        assert_eq!(depends(b"\0depends=\0name=dummy\0"), Vec::<String>::new());
        assert_eq!(depends(b"\0softdepends=x\0"), Vec::<String>::new());
    }

    #[test]
    fn a_modules_name_has_underscores_and_no_suffix() {
        assert_eq!(
            module_name(Path::new("kernel/net/nf-tables.ko.xz")),
            "nf_tables"
        );
        assert_eq!(module_name(Path::new("dummy.ko")), "dummy");
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let folder = std::env::temp_dir().join(format!("xtask-modules-{}", std::process::id()));
        let drivers = folder.join("kernel/drivers");
        fs::create_dir_all(&drivers).unwrap();
        fs::write(drivers.join("a.ko"), b"\0depends=c,b\0").unwrap();
        fs::write(drivers.join("b.ko"), b"\0depends=c\0").unwrap();
        fs::write(drivers.join("c.ko"), b"\0depends=\0").unwrap();
        fs::write(folder.join("modules.builtin"), "kernel/fs/d-d.ko\n").unwrap();
        let kernel = Kernel {
            name: "test".into(),
            release: "test".into(),
            image: PathBuf::new(),
            modules: Some(folder.clone()),
        };
        let order = load_order(&kernel, &["a".into(), "d_d".into(), "b".into()]).unwrap();
        let names: Vec<_> = order.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert!(load_order(&kernel, &["e".into()]).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
