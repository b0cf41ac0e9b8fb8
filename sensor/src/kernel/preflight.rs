//! Whether this kernel can be watched at all, asked before anything is loaded: the kernel's own
//! refusals would not say what to do.

use std::{fs, io, path::Path};

use rustix::thread::CapabilitySet;
use thiserror::Error;

/// The oldest kernel: the first with BPF ring buffers, and with capabilities for BPF.
const OLDEST: (u32, u32) = (5, 8);

/// Where the kernel describes its types.
const TYPE_INFORMATION: &str = "/sys/kernel/btf/vmlinux";

/// Where a process sees how its user namespace maps ids.
const USER_MAP: &str = "/proc/self/uid_map";

/// Why nothing can be loaded.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    /// The kernel is too old.
    #[error(
        "the kernel is {release}, and the sensor needs {major}.{minor} or a later one\n  boot a newer kernel",
        major = OLDEST.0,
        minor = OLDEST.1
    )]
    Old {
        /// What `uname -r` says.
        release: String,
    },
    /// The sensor may not load programs.
    #[error(
        "the sensor may not load kernel programs: it lacks {}\n  run it as root, or give it CAP_BPF, CAP_PERFMON \
         and CAP_NET_ADMIN; a container must be privileged",
        .0.join(" and ")
    )]
    Unprivileged(Vec<&'static str>),
    /// The sensor's capabilities do not hold for the kernel.
    #[error(
        "the sensor runs in a user namespace, where no capability allows kernel programs\n  run it as the host's \
         root: not in a rootless container, nor below unshare --user"
    )]
    UserNamespace,
    /// The kernel does not describe its types.
    #[error(
        "the kernel does not describe its types: there is no {0}\n  boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as \
         those of current distributions have; in a container, mount the host's /sys"
    )]
    NoTypeInformation(String),
}

/// Asks the running system.
///
/// # Errors
///
/// The first reason why nothing can be loaded. What cannot be found out is no reason: loading will
/// tell.
pub fn check() -> Result<(), Unfit> {
    release(&rustix::system::uname().release().to_string_lossy())?;
    if let Ok(map) = fs::read_to_string(USER_MAP) {
        user_namespace(&map)?;
    }
    if let Ok(sets) = rustix::thread::capabilities(None) {
        capabilities(sets.effective)?;
    }
    type_information(Path::new(TYPE_INFORMATION))
}

/// Whether a kernel of this release (`uname -r`) is new enough; one whose number cannot be read is.
///
/// # Errors
///
/// If it is too old.
pub fn release(release: &str) -> Result<(), Unfit> {
    match version(release) {
        Some(version) if version < OLDEST => Err(Unfit::Old {
            release: release.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The first two numbers of a release: `6.12.117+deb13-amd64` is 6.12.
fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let digits = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let minor = rest.get(..digits)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether these effective capabilities are enough to load programs that read the kernel's memory.
///
/// # Errors
///
/// If not: those that are missing.
pub fn capabilities(effective: CapabilitySet) -> Result<(), Unfit> {
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    let missing: Vec<&str> = [
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::PERFMON, "CAP_PERFMON"),
    ]
    .into_iter()
    .filter(|(capability, _)| !effective.contains(*capability))
    .map(|(_, name)| name)
    .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Unfit::Unprivileged(missing))
    }
}

/// Whether a process with this `/proc/self/uid_map` is in the initial user namespace, the only one
/// whose capabilities the kernel asks for when programs are loaded.
///
/// # Errors
///
/// If it is in another one.
pub fn user_namespace(map: &str) -> Result<(), Unfit> {
    let mut numbers = map.split_ascii_whitespace();
    let range = (numbers.next(), numbers.next(), numbers.next());
    // Only the initial one maps every id to itself (`user_namespaces(7)`).
    if range == (Some("0"), Some("0"), Some("4294967295")) {
        Ok(())
    } else {
        Err(Unfit::UserNamespace)
    }
}

/// Whether the kernel describes its types in a file.
///
/// # Errors
///
/// If there is no such file.
pub fn type_information(path: &Path) -> Result<(), Unfit> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Unfit::NoTypeInformation(path.display().to_string()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_5_8_are_too_old() {
        for old in [
            "2.6.32-754.el6.x86_64",
            "4.18.0-553.el8_10.x86_64",
            "5.4.0-42-generic",
            "5.7",
            "5.7.19",
            "5.7-rc8",
        ] {
            let error = release(old).unwrap_err();
            assert!(error.to_string().contains(old), "{error}");
            assert!(error.to_string().contains("5.8"), "{error}");
        }
    }

    #[test]
    fn kernels_from_5_8_on_are_new_enough() {
        for new in [
            "5.8",
            "5.8.0-rc1",
            "5.10.0-30-amd64",
            "6.1+",
            "6.18.44-fc-v669",
            "7.0.1",
        ] {
            assert_eq!(release(new), Ok(()), "{new}");
        }
    }

    #[test]
    fn a_release_that_cannot_be_read_is_left_to_the_kernel() {
        for odd in ["", ".", "x.y", "6", "6.", "99999999999.1", "é.8"] {
            assert_eq!(release(odd), Ok(()), "{odd}");
        }
    }

    #[test]
    fn either_the_old_capability_or_the_two_new_ones() {
        assert_eq!(capabilities(CapabilitySet::SYS_ADMIN), Ok(()));
        let both = CapabilitySet::BPF | CapabilitySet::PERFMON;
        assert_eq!(capabilities(both), Ok(()));
        assert_eq!(
            capabilities(CapabilitySet::BPF | CapabilitySet::NET_ADMIN),
            Err(Unfit::Unprivileged(vec!["CAP_PERFMON"]))
        );
        let none = capabilities(CapabilitySet::empty()).unwrap_err();
        assert!(
            none.to_string().contains("lacks CAP_BPF and CAP_PERFMON"),
            "{none}"
        );
    }

    #[test]
    fn only_the_initial_user_namespace_maps_every_id_to_itself() {
        assert_eq!(user_namespace("         0          0 4294967295\n"), Ok(()));
        for other in ["         0       1000          1\n", "0 100000 65536\n", ""] {
            assert_eq!(user_namespace(other), Err(Unfit::UserNamespace), "{other}");
        }
    }

    #[test]
    fn type_information_is_a_file() {
        assert_eq!(type_information(Path::new("/proc/self/stat")), Ok(()));
        let error = type_information(Path::new("/proc/self/no-btf")).unwrap_err();
        assert!(
            error.to_string().contains("CONFIG_DEBUG_INFO_BTF"),
            "{error}"
        );
    }
}
