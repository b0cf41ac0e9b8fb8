//! The files of a guest: what the caller brings, what every guest needs, and the order of the two.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::modules::Module;
use super::{Guest, cpio};
use crate::say;

/// The folders that programs expect of a host, with their modes.
const FOLDERS: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("lib/modules", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sbin", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
];

/// The users of a fresh host that anything here asks for.
const ETC: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"),
    (
        "etc/hosts",
        "127.0.0.1 localhost sensor-vm\n::1 localhost\n",
    ),
    ("etc/hostname", "sensor-vm\n"),
];

/// A guest's files, by their path without the leading slash.
#[derive(Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Node>);

enum Node {
    Folder { mode: u32 },
    Link { target: PathBuf },
    File { mode: u32, content: Content },
}

enum Content {
    Bytes(Vec<u8>),
    Host(PathBuf),
}

/// All the files of one guest. The caller's come first, so that a whole distribution's root can be
/// copied: where it has a symbolic link, as in `/bin` -> `usr/bin`, ours follow it; where it has a
/// file of ours already, its own stays, but for what makes the machine run the command.
pub(super) fn tree(guest: &Guest, modules: &[Module]) -> Result<Tree> {
    let mut tree = Tree::default();
    for copy in &guest.copies {
        tree.copy(&copy.host, &copy.guest)
            .with_context(|| format!("cannot copy {} into the guest", copy.host.display()))?;
    }
    for (path, mode) in FOLDERS {
        tree.folder(Path::new(path), *mode)?;
    }
    for (path, text) in ETC {
        tree.add_if_missing(
            Path::new(path),
            0o644,
            Content::Bytes(text.as_bytes().to_vec()),
        )?;
    }
    let mut has_init = false;
    for program in &guest.programs {
        let name = program.file_name().unwrap_or_default();
        if name == "init" {
            has_init = true;
            tree.add(Path::new("init"), 0o755, Content::Host(program.clone()))?;
        } else {
            let place = Path::new("bin").join(name);
            tree.add_if_missing(&place, 0o755, Content::Host(program.clone()))?;
        }
    }
    if !has_init {
        bail!("the project has no program `init` (package sensor-tests), a guest needs one");
    }

    let mut list = String::new();
    for module in modules {
        let path = format!("lib/modules/{}.ko", module.name);
        list.push_str(&format!("/{path}\n"));
        tree.add(
            Path::new(&path),
            0o644,
            Content::Bytes(module.content.clone()),
        )?;
    }
    tree.add(
        Path::new("etc/sensor-vm/modules"),
        0o644,
        Content::Bytes(list.into_bytes()),
    )?;
    let mut words = Vec::new();
    for word in &guest.command {
        words.extend(word.as_encoded_bytes());
        words.push(0);
    }
    tree.add(
        Path::new("etc/sensor-vm/command"),
        0o644,
        Content::Bytes(words),
    )?;
    if let Some(init) = &guest.init {
        let path = init.as_os_str().as_encoded_bytes().to_vec();
        tree.add(Path::new("etc/sensor-vm/init"), 0o644, Content::Bytes(path))?;
    }
    Ok(tree)
}

impl Tree {
    /// Writes the archive and says how many bytes it has.
    pub(super) fn write(&self, path: &Path) -> Result<u64> {
        let file =
            File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut archive = cpio::Writer::new(BufWriter::new(file));
        for (path, node) in &self.0 {
            match node {
                Node::Folder { mode } => archive.directory(path, *mode)?,
                Node::Link { target } => archive.symlink(path, target)?,
                Node::File {
                    mode,
                    content: Content::Bytes(bytes),
                } => {
                    archive.file(path, *mode, bytes.len() as u64, &mut bytes.as_slice())?;
                }
                Node::File {
                    mode,
                    content: Content::Host(host),
                } => {
                    let mut file = File::open(host)
                        .with_context(|| format!("cannot open {}", host.display()))?;
                    let length = file.metadata()?.len();
                    archive.file(path, *mode, length, &mut file.by_ref())?;
                }
            }
        }
        archive.finish()
    }

    /// Copies a host's file or folder as `cp -a` does; `guest` is its path in the guest.
    fn copy(&mut self, host: &Path, guest: &Path) -> Result<()> {
        let found = fs::symlink_metadata(host)?;
        let mode = found.permissions().mode() & 0o7777;
        if found.is_symlink() {
            let place = self.place(guest)?;
            self.0.insert(
                place,
                Node::Link {
                    target: fs::read_link(host)?,
                },
            );
        } else if found.is_dir() {
            self.folder(guest, mode)?;
            for entry in fs::read_dir(host)? {
                let name = entry?.file_name();
                self.copy(&host.join(&name), &guest.join(&name))
                    .with_context(|| format!("cannot copy {}", host.join(&name).display()))?;
            }
        } else if found.is_file() {
            self.add(guest, mode, Content::Host(host.to_path_buf()))?;
        } else {
            say(format_args!(
                "{} is a device, pipe or socket: not copied",
                host.display()
            ));
        }
        Ok(())
    }

    fn add(&mut self, guest: &Path, mode: u32, content: Content) -> Result<()> {
        let place = self.place(guest)?;
        self.0.insert(place, Node::File { mode, content });
        Ok(())
    }

    fn add_if_missing(&mut self, guest: &Path, mode: u32, content: Content) -> Result<()> {
        let place = self.place(guest)?;
        self.0.entry(place).or_insert(Node::File { mode, content });
        Ok(())
    }

    /// A folder that exists keeps its mode; one that was only implied so far gets it.
    fn folder(&mut self, guest: &Path, mode: u32) -> Result<()> {
        let place = self.place(guest)?;
        if !place.as_os_str().is_empty() && !self.0.contains_key(&place) {
            self.0.insert(place, Node::Folder { mode });
        }
        Ok(())
    }

    /// Where a path of the guest really is, links followed; makes the folders above it.
    fn place(&mut self, guest: &Path) -> Result<PathBuf> {
        let mut place = PathBuf::new();
        let mut names: Vec<OsString> = names_of(guest)?;
        names.reverse();
        let mut links = 0;
        while let Some(name) = names.pop() {
            place.push(name);
            if names.is_empty() {
                break;
            }
            match self.0.get(&place) {
                Some(Node::Folder { .. }) => (),
                None => {
                    self.0.insert(place.clone(), Node::Folder { mode: 0o755 });
                }
                Some(Node::Link { target }) => {
                    links += 1;
                    if links > 40 {
                        bail!("too many symbolic links on the way to {}", guest.display());
                    }
                    let mut target_names = names_of(target)?;
                    target_names.reverse();
                    place = match target.is_absolute() {
                        true => PathBuf::new(),
                        false => place.parent().map(Path::to_path_buf).unwrap_or_default(),
                    };
                    names.extend(target_names);
                }
                Some(Node::File { .. }) => {
                    bail!(
                        "{} is a file, {} cannot be in it",
                        place.display(),
                        guest.display()
                    )
                }
            }
        }
        Ok(place)
    }
}

fn names_of(path: &Path) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => (),
            Component::Normal(name) => names.push(name.to_owned()),
            Component::ParentDir | Component::Prefix(_) => {
                bail!(
                    "a path in the guest must not have a `..`: {}",
                    path.display()
                )
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::Copy;
    use super::*;

    fn shown(tree: &Tree) -> Vec<String> {
        tree.0
            .iter()
            .map(|(path, node)| match node {
                Node::Folder { mode } => format!("{}/ {mode:o}", path.display()),
                Node::Link { target } => format!("{} -> {}", path.display(), target.display()),
                Node::File {
                    mode,
                    content: Content::Bytes(bytes),
                } => {
                    format!(
                        "{} {mode:o} {}",
                        path.display(),
                        String::from_utf8_lossy(bytes)
                    )
                }
                Node::File { mode, .. } => format!("{} {mode:o}", path.display()),
            })
            .collect()
    }

    fn bytes(text: &str) -> Content {
        Content::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn folders_above_a_file_are_made() {
        let mut tree = Tree::default();
        tree.add(Path::new("/usr/lib/x"), 0o644, bytes("1"))
            .unwrap();
        assert_eq!(
            shown(&tree),
            ["usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1"]
        );
    }

    #[test]
    fn links_of_a_copied_root_are_followed() {
        let mut tree = Tree::default();
        tree.0.insert(
            "bin".into(),
            Node::Link {
                target: "usr/bin".into(),
            },
        );
        tree.0.insert(
            "usr".into(),
            Node::Link {
                target: "/system".into(),
            },
        );
        tree.add(Path::new("/bin/sh"), 0o755, bytes("sh")).unwrap();
        tree.folder(Path::new("bin"), 0o755).unwrap();
        assert_eq!(
            shown(&tree),
            [
                "bin -> usr/bin",
                "system/ 755",
                "system/bin/ 755",
                "system/bin/sh 755 sh",
                "usr -> /system"
            ]
        );
    }

    #[test]
    fn a_link_to_itself_and_a_way_out_are_errors() {
        let mut tree = Tree::default();
        tree.0.insert("a".into(), Node::Link { target: "a".into() });
        assert!(tree.add(Path::new("a/b"), 0o644, bytes("")).is_err());
        assert!(
            tree.add(Path::new("../etc/passwd"), 0o644, bytes(""))
                .is_err()
        );
    }

    #[test]
    fn the_callers_program_wins_over_the_projects() {
        let folder = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        fs::create_dir_all(folder.join("mine")).unwrap();
        fs::write(folder.join("mine/sensor"), "mine").unwrap();
        fs::set_permissions(
            folder.join("mine/sensor"),
            fs::Permissions::from_mode(0o4711),
        )
        .unwrap();
        std::os::unix::fs::symlink("sensor", folder.join("mine/link")).unwrap();
        let guest = Guest {
            copies: vec![Copy::new(folder.join("mine"), "/bin")],
            programs: ["init", "sensor"]
                .map(|name| Path::new("/made").join(name))
                .into(),
            command: ["echo", "a b", ""].map(OsString::from).into(),
            ..Guest::default()
        };
        let tree = tree(&guest, &[]).unwrap();
        let shown = shown(&tree);
        for expected in [
            "bin/sensor 4711",
            "bin/link -> sensor",
            "init 755",
            "tmp/ 1777",
            "etc/sensor-vm/command 644 echo\0a b\0\0",
        ] {
            assert!(
                shown.iter().any(|line| line == expected),
                "{expected:?} not in {shown:#?}"
            );
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
