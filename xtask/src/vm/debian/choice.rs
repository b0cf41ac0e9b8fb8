//! Which of the archive's packages make up the kernel that was asked for.

use super::version;
use crate::vm::NEWEST;

/// A kernel in the archive: the packages that make it up.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::vm) struct Kernel {
    /// What `uname -r` will say there.
    pub(in crate::vm) release: String,
    /// Debian's version of the package that holds the kernel's image.
    pub(in crate::vm) version: String,
    /// The packages that hold the image and, where the archive still has them, the modules.
    pub(super) packages: Vec<String>,
}

/// A package as the index names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    name: String,
    version: String,
}

pub(super) fn parse_index(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|stanza| {
            let field = |name: &str| {
                stanza
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            Some(Package {
                name: field("Package")?.into(),
                version: field("Version")?.into(),
            })
        })
        .collect()
}

/// Picks the kernel of that series with the highest version.
pub(super) fn choose(index: &[Package], series: &str) -> Option<Kernel> {
    let image = index
        .iter()
        .filter(|package| {
            release_of(&package.name, "image").is_some_and(|release| is_of_series(release, series))
        })
        .max_by(|left, right| version::compare(&left.version, &right.version))?;
    let release = release_of(&image.name, "image")?;
    let find = |part: &str| {
        let name = format!("linux-{part}-{release}");
        index
            .iter()
            .any(|package| package.name == name)
            .then_some(name)
    };
    // Since 6.19 `linux-image` is empty and depends on the packages that hold something.
    let packages = match find("binary") {
        Some(binary) => [Some(binary), find("modules")]
            .into_iter()
            .flatten()
            .collect(),
        None => vec![image.name.clone()],
    };
    Some(Kernel {
        release: release.to_owned(),
        version: image.version.clone(),
        packages,
    })
}

/// `6.12.117+deb13-cloud-amd64` of `linux-image-6.12.117+deb13-cloud-amd64`; nothing of packages
/// that only depend on others, are not signed, or hold debug information.
fn release_of<'name>(name: &'name str, part: &str) -> Option<&'name str> {
    let release = name
        .strip_prefix("linux-")?
        .strip_prefix(part)?
        .strip_prefix('-')?;
    let is_release = release.starts_with(|first: char| first.is_ascii_digit());
    (is_release && release.ends_with("-cloud-amd64")).then_some(release)
}

/// `6.1.0-50` is of the series `6.1`, `6.12.3` is not.
pub(super) fn is_of_series(release: &str, series: &str) -> bool {
    series == NEWEST
        || release
            .strip_prefix(series)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Package: linux-image-6.1.0-49-cloud-amd64
Version: 6.1.170-1
Description: Linux 6.1 for x86-64 cloud
 Package: not-a-field

Package: linux-image-6.1.0-50-cloud-amd64
Version: 6.1.176-1

Package: linux-image-6.1.0-50-cloud-amd64-dbg
Version: 6.1.999-1

Package: linux-image-6.1.0-51-cloud-amd64-unsigned
Version: 6.1.999-1

Package: linux-image-cloud-amd64
Version: 6.1.999-1

Package: linux-image-6.12.9+bpo-cloud-amd64
Version: 6.12.9-1~bpo12+1

Package: linux-image-6.12.9+bpo-amd64
Version: 6.12.999-1~bpo12+1

Package: linux-image-7.2.11+deb13-cloud-amd64
Version: 7.2.11-1~bpo13+1

Package: linux-binary-7.2.11+deb13-cloud-amd64
Version: 7.2.11-1~bpo13+1

Package: linux-modules-7.2.11+deb13-cloud-amd64
Version: 7.2.11-1~bpo13+1

Package: linux-image-7.2.9+deb13-cloud-amd64
Version: 7.2.9-1~bpo13+1

Package: linux-binary-7.2.9+deb13-cloud-amd64
Version: 7.2.9-1~bpo13+1
";

    fn chosen(series: &str) -> Option<Kernel> {
        choose(&parse_index(INDEX), series)
    }

    #[test]
    fn the_newest_signed_cloud_kernel_of_a_series_is_chosen() {
        let kernel = chosen("6.1").unwrap();
        assert_eq!(kernel.release, "6.1.0-50-cloud-amd64");
        assert_eq!(kernel.version, "6.1.176-1");
        assert_eq!(kernel.packages, ["linux-image-6.1.0-50-cloud-amd64"]);
        assert_eq!(chosen("6.12").unwrap().release, "6.12.9+bpo-cloud-amd64");
        assert_eq!(chosen("6.1.0-49").unwrap().version, "6.1.170-1");
        assert_eq!(chosen("6.13"), None);
    }

    #[test]
    fn newer_kernels_are_split_into_image_and_modules() {
        let newest = chosen("newest").unwrap();
        assert_eq!(newest.release, "7.2.11+deb13-cloud-amd64");
        assert_eq!(
            newest.packages,
            [
                "linux-binary-7.2.11+deb13-cloud-amd64",
                "linux-modules-7.2.11+deb13-cloud-amd64"
            ]
        );
        assert_eq!(
            chosen("7.2.9").unwrap().packages,
            ["linux-binary-7.2.9+deb13-cloud-amd64"]
        );
    }
}
