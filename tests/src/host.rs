//! What a scenario knows of the host, from the kernel and `/etc`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::portrait::NAMESPACES;

/// The host that the scenarios run on.
#[derive(Debug)]
pub struct Host {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// The kernel's release, as `uname -r` prints it.
    pub release: String,
    /// The first two numbers of [`Host::release`].
    pub version: (u32, u32),
    /// As `uname -n` prints it.
    pub hostname: String,
    /// As `uname -m` prints it.
    pub architecture: String,
    /// The content of `/etc/machine-id`, if there is one.
    pub machine_id: Option<String>,
    /// `/etc/os-release`'s `ID`, `NAME` and `VERSION_ID`.
    pub os: OperatingSystem,
    /// Inode number of the initial pid namespace.
    pub pid_namespace: u64,
    /// Where the version 2 cgroup hierarchy is mounted.
    pub cgroup_mount: PathBuf,
    /// How many CPUs there are.
    pub cpus: u64,
    /// This process's namespaces, by their names in `/proc/PID/ns`: inode numbers.
    pub namespaces: BTreeMap<&'static str, u64>,
    /// The names in `/etc/passwd`, by user id.
    pub users: BTreeMap<u32, String>,
    /// The names in `/etc/group`, by group id.
    pub groups: BTreeMap<u32, String>,
}

/// What `/etc/os-release` says.
#[derive(Debug, Default)]
pub struct OperatingSystem {
    /// `ID`.
    pub platform: Option<String>,
    /// `NAME`.
    pub name: Option<String>,
    /// `VERSION_ID`.
    pub version: Option<String>,
}

impl Host {
    /// Reads what there is to know.
    pub fn read() -> Result<Self> {
        let names = rustix::system::uname();
        let release = names.release().to_string_lossy().into_owned();
        Ok(Self {
            boot_id: line("/proc/sys/kernel/random/boot_id")?,
            version: version(&release)
                .with_context(|| format!("{release:?} does not begin with a version"))?,
            release,
            hostname: names.nodename().to_string_lossy().into_owned(),
            architecture: names.machine().to_string_lossy().into_owned(),
            machine_id: line("/etc/machine-id").ok().filter(|id| !id.is_empty()),
            os: fs::read_to_string("/etc/os-release")
                .map(|text| operating_system(&text))
                .unwrap_or_default(),
            pid_namespace: inode("/proc/self/ns/pid")?,
            cgroup_mount: cgroup_mount()?,
            cpus: u64::try_from(std::thread::available_parallelism()?.get())?,
            namespaces: NAMESPACES
                .iter()
                .filter_map(|name| Some((*name, inode(format!("/proc/self/ns/{name}")).ok()?)))
                .collect(),
            users: accounts(&fs::read_to_string("/etc/passwd").unwrap_or_default()),
            groups: accounts(&fs::read_to_string("/etc/group").unwrap_or_default()),
        })
    }

    /// Whether the kernel is of this version or a later one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= (major, minor)
    }

    /// The part of the boot id that begins `event.id` and `process.entity_id`.
    pub fn boot(&self) -> String {
        self.boot_id
            .chars()
            .filter(|letter| *letter != '-')
            .take(16)
            .collect()
    }

    /// `process.entity_id` of a process with this id and this start time, in ticks of 10 ms.
    pub fn entity_id(&self, pid: u32, start: u64) -> String {
        format!("{}-{pid:x}-{start:x}", self.boot())
    }
}

/// The content of a file of one line.
pub fn line(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim_end().to_owned())
}

/// The inode number of a file, or of what a link leads to.
pub fn inode(path: impl AsRef<Path>) -> Result<u64> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).with_context(|| format!("cannot stat {}", path.display()))?;
    Ok(metadata.ino())
}

/// The names of a file of accounts, by id. Of two with one id the first counts.
fn accounts(text: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

fn operating_system(text: &str) -> OperatingSystem {
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    OperatingSystem {
        platform: value("ID"),
        name: value("NAME"),
        version: value("VERSION_ID"),
    }
}

fn cgroup_mount() -> Result<PathBuf> {
    let mounts = line("/proc/self/mountinfo")?;
    mounts
        .lines()
        .find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            kind.starts_with("cgroup2 ")
                .then(|| mount.split(' ').nth(4).map(PathBuf::from))
                .flatten()
        })
        .context("no version 2 cgroup hierarchy is mounted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_begin_with_a_version() {
        assert_eq!(version("6.12.48+deb13-cloud-amd64"), Some((6, 12)));
        assert_eq!(version("7.0-rc1"), Some((7, 0)));
        assert_eq!(version("x"), None);
    }

    #[test]
    fn accounts_have_the_name_that_comes_first() {
        let found = accounts("root:x:0:0::/:\nx\ntoor:x:0:0::/:\nnobody:x:65534:\n");
        assert_eq!(found.get(&0).map(String::as_str), Some("root"));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn os_release_is_read() {
        let os = operating_system("PRETTY_NAME=\"A b\"\nNAME=\"A\"\nID=a\nVERSION_ID='1'\n");
        assert_eq!(os.platform.as_deref(), Some("a"));
        assert_eq!(os.name.as_deref(), Some("A"));
        assert_eq!(os.version.as_deref(), Some("1"));
    }
}
