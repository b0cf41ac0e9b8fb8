//! The archive, read and fetched from by the host's apt.
//!
//! apt gets a configuration of its own in a scratch folder. It knows the host's mirror, proxy and
//! credentials, checks the signature of each index with the archive's keyring and each package
//! against its index, and needs no root for any of this. Nothing of the host's own package state is
//! read or changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::choice::{Package, parse_index};
use crate::{say, tool};

/// Where Debian's keyring package puts the archive's keys, now and before.
const KEYRINGS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
];

/// One suite of the archive, seen by an apt that has its own folders.
pub(super) struct Archive {
    folder: PathBuf,
    configuration: PathBuf,
}

impl Archive {
    pub(super) fn open(suite: &str, folder: &Path) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial", "debs"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("cannot make {}", folder.join(part).display()))?;
        }
        let mirror = mirror()?;
        let keyring = KEYRINGS.iter().find(|keyring| Path::new(keyring).exists());
        let signed_by = keyring.map_or_else(String::new, |keyring| format!("signed-by={keyring}"));
        if keyring.is_none() {
            say("no Debian archive keyring on this host: apt checks signatures with its own keys");
        }
        let write = |name: &str, text: String| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        };
        let sources = write(
            "sources.list",
            format!("deb [arch=amd64 {signed_by}] {mirror} {suite} main\n"),
        )?;
        let configuration = write("apt.conf", configuration(folder, &sources))?;
        let archive = Self {
            folder: folder.to_path_buf(),
            configuration,
        };

        say(format_args!("reading the index of Debian's {suite}"));
        // Without the option apt only warns of an index that it could not get.
        let mut update = archive.apt("apt-get")?;
        tool::run(update.args(["--quiet", "--error-on=any", "update"])).with_context(|| {
            format!(
                "cannot read the index of Debian's {suite}; is this host's mirror in reach, and \
                 is its debian-archive-keyring up to date?"
            )
        })?;
        Ok(archive)
    }

    /// An apt command; what it prints goes to stderr, for stdout is not ours.
    fn apt(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(program);
        command
            .arg("--config-file")
            .arg(&self.configuration)
            .stdout(io::stderr());
        Ok(command)
    }

    pub(super) fn index(&self) -> Result<Vec<Package>> {
        let mut command = self.apt("apt-cache")?;
        let text = tool::output(command.stdout(Stdio::piped()).arg("dumpavail"))?;
        Ok(parse_index(&text))
    }

    pub(super) fn download(&self, package: &str, version: &str) -> Result<PathBuf> {
        let folder = self.folder.join("debs").join(package);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        tool::run(
            self.apt("apt-get")?
                .current_dir(&folder)
                .args(["--quiet", "download"])
                .arg(format!("{package}={version}")),
        )?;
        let first = fs::read_dir(&folder)?
            .next()
            .context("apt-get downloaded nothing")?;
        Ok(first?.path())
    }

    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

/// apt's settings: all of its folders are ours, the host's hooks and extra indexes are off, and what
/// is not signed is refused even if the host would take it.
fn configuration(folder: &Path, sources: &Path) -> String {
    let folder = folder.display();
    let sources = sources.display();
    format!(
        "Dir::Etc::sourcelist \"{sources}\";
Dir::Etc::sourceparts \"-\";
Dir::State \"{folder}\";
Dir::State::lists \"{folder}/lists\";
Dir::State::status \"/dev/null\";
Dir::Cache \"{folder}/cache\";
APT::Architecture \"amd64\";
#clear APT::Architectures;
APT::Sandbox::User \"\";
APT::Get::AllowUnauthenticated \"false\";
Acquire::AllowInsecureRepositories \"false\";
Acquire::Languages \"none\";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::Contents-deb;
"
    )
}

/// The address of the Debian archive in this host's own sources, in whichever syntax they are.
fn mirror() -> Result<String> {
    let targets = tool::output(Command::new("apt-get").args([
        "indextargets",
        "--no-release-info",
        "--format",
        "$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
    ]))
    .context("cannot ask apt for this host's package sources")?;
    match choose_mirror(&targets) {
        Some(mirror) => Ok(mirror.to_owned()),
        None => bail!(
            "none of this host's package sources is the Debian archive: add it to apt's sources, \
             or give a kernel with `--kernel /path/to/vmlinuz`"
        ),
    }
}

/// Others call their releases as Debian does; few end their address as its mirrors do. A wrong guess
/// does no harm: apt refuses an index that Debian did not sign.
fn choose_mirror(targets: &str) -> Option<&str> {
    const RELEASES: &[&str] = &[
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "duke",
        "oldoldstable",
        "oldstable",
        "stable",
        "testing",
        "unstable",
        "sid",
    ];
    let mut mirrors = targets.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split('|').collect();
        let [kind, mirror, release, component] = *fields.as_slice() else {
            return None;
        };
        let is_ours = kind == "Packages" && component == "main" && RELEASES.contains(&release);
        is_ours.then_some(mirror)
    });
    let is_usual = |mirror: &&str| mirror.trim_end_matches('/').ends_with("/debian");
    mirrors.clone().find(is_usual).or_else(|| mirrors.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_with_debians_own_releases() {
        let targets = "\
Translations|http://mirror.example/debian/|bookworm|main
Packages|https://other.example/node/|nodistro|main
Packages|http://mirror.example/security/|bookworm-security|main
Packages|http://mirror.example/debian/|bookworm|contrib
Packages|http://other.example/debian/12/prod/|bookworm|main
Packages|http://mirror.example/debian/|bookworm|main
";
        assert_eq!(
            choose_mirror(targets),
            Some("http://mirror.example/debian/")
        );
        assert_eq!(
            choose_mirror("Packages|http://mirror.example/ubuntu/|noble|main\n"),
            None
        );
    }
}
