//! Paths and their packages, in eight bytes each.
//!
//! Of a path only a digest is kept, under a key that nobody knows: 48 bits of it beside the number
//! of the package. With a hundred thousand paths known, one unknown path in some three billion is taken
//! for one of them.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, BufRead},
    sync::Arc,
};

use rustix::fs::readlinkat;

use super::{Numbers, Package, lines::for_each_line, status::Installed};
use crate::enrich::root::Root;

/// Most packages: as many as 16 bits can tell apart. Further ones are left out, and counted.
pub const PACKAGES_MAX: usize = 1 << 16;

/// Most paths: 3 MiB. Further ones are left out, and counted.
pub const PATHS_MAX: usize = 3 * (1 << 20) / size_of::<u64>();

const PACKAGE_BITS: u32 = 16;

/// Directories that can be links into `/usr`, with packages that list files by their old paths.
const ALIASES: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"];

/// Where nothing is that is executed: nearly half of all paths.
const LEFT_OUT: [&[u8]; 7] = [
    b"/usr/include/",
    b"/usr/share/doc/",
    b"/usr/share/icons/",
    b"/usr/share/info/",
    b"/usr/share/locale/",
    b"/usr/share/man/",
    b"/usr/share/zoneinfo/",
];

/// Which package a path belongs to.
#[derive(Debug)]
pub struct Index {
    packages: Vec<Arc<Package>>,
    paths: Paths,
    /// In their order: 48 bits of a path's digest, and 16 of the package's number.
    entries: Vec<u64>,
}

/// How paths become numbers.
#[derive(Debug)]
struct Paths {
    key: RandomState,
    aliases: Vec<&'static str>,
}

/// Makes an [`Index`].
#[derive(Debug)]
pub struct Builder {
    index: Index,
    numbers: Numbers,
    left_out: u64,
}

/// Those of the aliases that are links into `/usr` in a root directory.
pub(super) fn aliases(root: &Root) -> Vec<&'static str> {
    let is_link = |name: &&str| {
        let target = root
            .find("/")
            .and_then(|directory| readlinkat(directory, *name, Vec::new()));
        target.is_ok_and(|target| {
            let target = target.as_bytes();
            let target = target.strip_prefix(b"/").unwrap_or(target);
            target.strip_prefix(b"usr/") == Some(name.as_bytes())
        })
    };
    ALIASES.into_iter().filter(is_link).collect()
}

impl Builder {
    /// For the installed packages, with the aliases that there are.
    #[must_use]
    pub fn new(installed: Installed, aliases: Vec<&'static str>) -> Self {
        let (packages, numbers, left_out) = installed.numbered();
        let paths = Paths {
            key: RandomState::new(),
            aliases,
        };
        let index = Index {
            packages,
            paths,
            entries: Vec::new(),
        };
        Self {
            index,
            numbers,
            left_out,
        }
    }

    /// A package's number, by the name of its list.
    #[must_use]
    pub fn number(&self, list: &str) -> Option<u16> {
        self.numbers.get(list).copied()
    }

    /// Reads a package's list: a path on each line, directories before what is in them.
    ///
    /// # Errors
    ///
    /// If reading fails; what was read until then is kept.
    pub fn read(&mut self, number: u16, reader: impl BufRead) -> io::Result<()> {
        let mut last = Vec::new();
        let result = for_each_line(reader, |line, whole| {
            let in_last = line
                .strip_prefix(last.as_slice())
                .is_some_and(|rest| rest.starts_with(b"/"));
            if !in_last {
                self.add(number, &last);
            }
            last.clear();
            if whole {
                last.extend(line);
            } else {
                self.left_out += 1;
            }
        });
        self.add(number, &last);
        result
    }

    /// The index, and how many packages and paths are not in it.
    #[must_use]
    pub fn finish(self) -> (Index, u64) {
        let mut index = self.index;
        index.entries.sort_unstable();
        // Of packages that list the same path, the first.
        index.entries.dedup_by_key(|entry| *entry >> PACKAGE_BITS);
        index.entries.shrink_to_fit();
        (index, self.left_out)
    }

    fn add(&mut self, number: u16, path: &[u8]) {
        // The root directory is listed first of all.
        if !path.starts_with(b"/")
            || path == b"/."
            || LEFT_OUT.iter().any(|left_out| path.starts_with(left_out))
        {
            return;
        }
        if self.index.entries.len() >= PATHS_MAX {
            self.left_out += 1;
            return;
        }
        let entry = self.index.paths.digest(path) | u64::from(number);
        self.index.entries.push(entry);
    }
}

impl Index {
    /// The package that lists a path, if one does.
    #[must_use]
    pub fn owner(&self, path: &[u8]) -> Option<&Arc<Package>> {
        let digest = self.paths.digest(path);
        let place = self.entries.partition_point(|entry| *entry < digest);
        let entry = *self.entries.get(place)?;
        if entry >> PACKAGE_BITS != digest >> PACKAGE_BITS {
            return None;
        }
        let number = entry & u64::from(u16::MAX);
        self.packages.get(usize::try_from(number).ok()?)
    }

    /// How many packages are known.
    #[must_use]
    pub const fn packages(&self) -> usize {
        self.packages.len()
    }

    /// How many paths are known.
    #[must_use]
    pub const fn paths(&self) -> usize {
        self.entries.len()
    }
}

impl Paths {
    /// A path's digest in the upper bits; the lower ones are 0. The same for all paths that lead to
    /// the same file by an alias.
    fn digest(&self, path: &[u8]) -> u64 {
        let mut whole = Vec::with_capacity(path.len() + 4);
        if self.is_aliased(path) {
            whole.extend(b"/usr");
        }
        whole.extend(path);
        let mut hasher = self.key.build_hasher();
        hasher.write(&whole);
        hasher.finish() >> PACKAGE_BITS << PACKAGE_BITS
    }

    fn is_aliased(&self, path: &[u8]) -> bool {
        let mut components = path.splitn(3, |byte| *byte == b'/');
        components.next() == Some(b"")
            && components
                .next()
                .is_some_and(|first| self.aliases.iter().any(|alias| alias.as_bytes() == first))
            && components.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Packages `p0`, `p1` and so on, with a list each.
    fn index(lists: &[&[u8]], aliases: Vec<&'static str>) -> (Index, u64) {
        let mut installed = Installed::default();
        for number in 0..lists.len() {
            let text = format!(
                "Package: p{number}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
            );
            installed.read(text.as_bytes()).unwrap();
        }
        let mut builder = Builder::new(installed, aliases);
        for (number, list) in lists.iter().enumerate() {
            let number = builder.number(&format!("p{number}:amd64")).unwrap();
            builder.read(number, *list).unwrap();
        }
        builder.finish()
    }

    fn owner<'a>(index: &'a Index, path: &str) -> Option<&'a str> {
        index.owner(path.as_bytes()).map(|package| &*package.name)
    }

    #[test]
    fn finds_files_and_no_directories() {
        let list = b"/.\n/opt\n/opt/a\n/opt/a/tool\n/opt/ab\n/usr/share/man/man1/tool.1.gz";
        let (index, _) = index(&[list], Vec::new());
        assert_eq!(owner(&index, "/opt/a/tool"), Some("p0"));
        assert_eq!(owner(&index, "/opt/ab"), Some("p0"));
        assert_eq!(owner(&index, "/opt/a"), None);
        assert_eq!(owner(&index, "/usr/share/man/man1/tool.1.gz"), None);
    }

    #[test]
    fn an_alias_is_followed_only_where_there_is_one() {
        let lists: [&[u8]; 2] = [b"/bin/ls\n/lib", b"/usr/bin/id\n/usr/lib/x"];
        let (merged, _) = index(&lists, vec!["bin"]);
        for path in ["/bin/ls", "/usr/bin/ls"] {
            assert_eq!(owner(&merged, path), Some("p0"), "{path}");
        }
        assert_eq!(owner(&merged, "/bin/id"), Some("p1"));
        assert_eq!(owner(&merged, "/lib/x"), None);
        let (split, _) = index(&lists, Vec::new());
        assert_eq!(owner(&split, "/usr/bin/ls"), None);
        assert_eq!(owner(&split, "/bin/ls"), Some("p0"));
    }

    #[test]
    fn too_many_paths_are_left_out_and_counted() {
        let mut list = Vec::new();
        for number in 0..PATHS_MAX + 10 {
            list.extend(format!("/{number}\n").bytes());
        }
        list.extend(vec![b'x'; 5_000]);
        let (index, left_out) = index(&[&list], Vec::new());
        assert_eq!(left_out, 11);
        assert!(index.paths() <= PATHS_MAX);
        assert!(index.entries.capacity() * size_of::<u64>() <= 3 << 20);
    }

    proptest! {
        #[test]
        fn finds_what_is_listed_and_nothing_else(
            listed in proptest::collection::btree_map("(/[a-c]{1,3}){1,4}", 0_u8..5, 0..60),
            other in "(/[a-c]{1,3}){1,4}",
        ) {
            let lists: Vec<String> = (0..5)
                .map(|package| {
                    let paths = listed.iter().filter(|(_, owner)| **owner == package);
                    paths.map(|(path, _)| format!("{path}\n")).collect()
                })
                .collect();
            let lists: Vec<&[u8]> = lists.iter().map(String::as_bytes).collect();
            let (index, left_out) = index(&lists, Vec::new());
            prop_assert_eq!(left_out, 0);
            // A directory of the same package right before what is in it is none of its files.
            let mut files = BTreeMap::new();
            for package in 0..5 {
                let mine: Vec<&String> =
                    listed.iter().filter(|(_, owner)| **owner == package).map(|(path, _)| path).collect();
                for (place, path) in mine.iter().enumerate() {
                    let next = mine.get(place + 1);
                    if next.is_none_or(|next| !next.starts_with(&format!("{path}/"))) {
                        files.insert(path.as_str(), format!("p{package}"));
                    }
                }
            }
            for (path, package) in &files {
                prop_assert_eq!(owner(&index, path), Some(package.as_str()));
            }
            prop_assert_eq!(index.paths(), files.len());
            if !files.contains_key(other.as_str()) {
                prop_assert_eq!(owner(&index, &other), None);
            }
        }

        #[test]
        fn never_panics(list in proptest::collection::vec(any::<u8>(), 0..300), path: Vec<u8>) {
            let (index, _) = index(&[&list], vec!["bin"]);
            let _ = index.owner(&path);
        }
    }
}
