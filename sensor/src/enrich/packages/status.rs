//! What is installed: dpkg's `status` (format: `deb822(5)`, fields: `deb-control(5)`).

use std::{
    collections::HashMap,
    io::{self, BufRead},
    sync::Arc,
};

use super::{Numbers, Package, index::PACKAGES_MAX, lines::for_each_line};

/// Bytes of the longest name, version or architecture that is taken.
const WORD_MAX: usize = 255;

/// The installed packages.
#[derive(Debug, Default)]
pub struct Installed {
    /// By name and architecture; later paragraphs take the place of earlier ones.
    packages: HashMap<(Box<str>, Box<str>), Arc<Package>>,
    left_out: u64,
}

/// A paragraph's fields, as far as they are needed.
#[derive(Default)]
struct Paragraph {
    name: Field,
    version: Field,
    architecture: Field,
    status: Field,
}

/// A field's value.
#[derive(Default)]
enum Field {
    #[default]
    Absent,
    Text(Box<str>),
    TooLong,
}

impl Installed {
    /// Reads paragraphs.
    ///
    /// # Errors
    ///
    /// If reading fails; what was read until then is kept.
    pub fn read(&mut self, reader: impl BufRead) -> io::Result<()> {
        let mut paragraph = Paragraph::default();
        let result = for_each_line(reader, |line, _| {
            if line.trim_ascii().is_empty() {
                self.add(std::mem::take(&mut paragraph));
            } else {
                paragraph.take_in(line);
            }
        });
        self.add(paragraph);
        result
    }

    /// The packages, each with a number, and how many were left out.
    pub(super) fn numbered(self) -> (Vec<Arc<Package>>, Numbers, u64) {
        let mut packages: Vec<Arc<Package>> = self.packages.into_values().collect();
        packages.sort_unstable_by(|one, other| {
            (&one.name, &one.architecture).cmp(&(&other.name, &other.architecture))
        });
        let mut numbers = Numbers::new();
        for (number, package) in (0..=u16::MAX).zip(&packages) {
            // A package that can be installed for several architectures has its own in the name.
            numbers.entry(package.name.clone()).or_insert(number);
            let name = format!("{}:{}", package.name, package.architecture);
            numbers.insert(name.into(), number);
        }
        (packages, numbers, self.left_out)
    }

    fn add(&mut self, paragraph: Paragraph) {
        let (name, version, architecture, status) = match paragraph {
            Paragraph {
                name: Field::Text(name),
                version,
                architecture: Field::Text(architecture),
                status: Field::Text(status),
            } => (name, version, architecture, status),
            Paragraph {
                name: Field::Absent,
                ..
            } => return,
            // A package that was never installed has no architecture.
            Paragraph { status, .. } => {
                self.left_out += u64::from(status.has_files());
                return;
            }
        };
        let key = (name, architecture);
        if !has_files(&status) {
            self.packages.remove(&key);
            return;
        }
        let Field::Text(version) = version else {
            self.left_out += 1;
            return;
        };
        if self.packages.len() >= PACKAGES_MAX && !self.packages.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let (name, architecture) = key.clone();
        let package = Package {
            name,
            version,
            architecture,
        };
        self.packages.insert(key, Arc::new(package));
    }
}

impl Paragraph {
    fn take_in(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = line.split_at(colon);
        // A line that goes on with a field's value begins with a space, and so matches none.
        let fields: [(&[u8], &mut Field); 4] = [
            (b"Package", &mut self.name),
            (b"Version", &mut self.version),
            (b"Architecture", &mut self.architecture),
            (b"Status", &mut self.status),
        ];
        for (wanted, field) in fields {
            if name.eq_ignore_ascii_case(wanted) {
                *field = Field::new(value.get(1..).unwrap_or_default().trim_ascii());
            }
        }
    }
}

impl Field {
    fn new(value: &[u8]) -> Self {
        if value.is_empty() {
            Self::Absent
        } else if value.len() > WORD_MAX {
            Self::TooLong
        } else {
            Self::Text(String::from_utf8_lossy(value).into())
        }
    }

    fn has_files(&self) -> bool {
        match self {
            Self::Text(status) => has_files(status),
            Self::Absent | Self::TooLong => false,
        }
    }
}

/// Whether a package with a status (what is wanted, whether it is well, what it is) has files.
fn has_files(status: &str) -> bool {
    let state = status.split_ascii_whitespace().nth(2);
    state.is_some_and(|state| state != "not-installed" && state != "config-files")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(texts: &[&str]) -> Vec<String> {
        let mut installed = Installed::default();
        for text in texts {
            installed.read(text.as_bytes()).unwrap();
        }
        let (packages, ..) = installed.numbered();
        packages
            .iter()
            .map(|package| {
                format!(
                    "{} {} {}",
                    package.name, package.version, package.architecture
                )
            })
            .collect()
    }

    const STATUS: &str = "\
Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.1-1\n\
Description: tools\n Version: not this\n\n\
Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n \n\
package:libc6\nSTATUS: install ok half-configured\nArchitecture: i386\nVersion: 2.36-9";

    #[test]
    fn reads_what_has_files() {
        assert_eq!(
            read(&[STATUS]),
            ["coreutils 9.1-1 amd64", "libc6 2.36-9 i386"]
        );
    }

    #[test]
    fn an_update_takes_the_place_of_what_was_there() {
        let update =
            "Package: coreutils\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 9.2\n";
        let removed =
            "Package: libc6\nStatus: deinstall ok not-installed\nArchitecture: i386\nVersion: 1\n";
        assert_eq!(read(&[STATUS, update, removed]), ["coreutils 9.2 amd64"]);
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let long = "1".repeat(WORD_MAX + 1);
        let text = format!(
            "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: {long}\n\n\
             Package: {long}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n\
             Package: b\nStatus: install ok installed\nVersion: 1\n"
        );
        let mut installed = Installed::default();
        installed.read(text.as_bytes()).unwrap();
        let (packages, _, left_out) = installed.numbered();
        assert!(packages.is_empty());
        assert_eq!(left_out, 3);
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-z0-9][a-z0-9+.-]{0,12}"
    }

    proptest! {
        #[test]
        fn reads_what_was_written(
            packages in proptest::collection::btree_map((word(), word()), word(), 0..20)
        ) {
            use std::fmt::Write as _;
            let mut text = String::new();
            for ((name, architecture), version) in &packages {
                let _ = write!(
                    text,
                    "Package: {name}\nStatus: install ok installed\nConffiles:\n /a b\n\
                     Architecture: {architecture}\nVersion: {version}\n\n"
                );
            }
            let expected: Vec<String> = packages
                .iter()
                .map(|((name, architecture), version)| format!("{name} {version} {architecture}"))
                .collect();
            prop_assert_eq!(read(&[&text]), expected);
        }

        #[test]
        fn never_panics(
            text in "((Package|Version|Status|Architecture)?:?[ a-c:]{0,6}\n?){0,30}",
            garbage: Vec<u8>,
        ) {
            let mut installed = Installed::default();
            installed.read(text.as_bytes()).unwrap();
            installed.read(garbage.as_slice()).unwrap();
        }
    }
}
