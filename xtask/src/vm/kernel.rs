//! The kernels to boot: found by series, kept in a cache, or given as a file.
//!
//! The cache (`$SENSOR_VM_CACHE`, or `vm/` in cargo's target folder) holds, for each series asked
//! for, the release that was newest then; it stays until `--refresh`, so that a kernel never changes
//! under a test and works without a network.
//!
//!     series/6.12                           the release chosen for that series
//!     kernels/6.12.117+deb13-cloud-amd64/   Debian's packages, unpacked

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::debian;
use crate::{project, say};

/// A kernel that can be booted.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// What the user called it; prefixes what is said of it.
    pub(crate) name: String,
    /// Its release where that is known, else its file's name.
    pub(crate) release: String,
    pub(super) image: PathBuf,
    /// The folder of its modules, if there is one.
    pub(super) modules: Option<PathBuf>,
}

impl Kernel {
    /// Whether modules can be loaded into it.
    pub(crate) fn has_modules(&self) -> bool {
        self.modules.is_some()
    }
}

/// The folder that keeps kernels, the guests' programs and the consoles of machines that failed.
pub(crate) fn cache() -> PathBuf {
    let cache = std::env::var_os("SENSOR_VM_CACHE")
        .map_or_else(|| project::target().join("vm"), PathBuf::from);
    // The emulator runs in a folder of its own.
    std::path::absolute(&cache).unwrap_or(cache)
}

/// Finds what `--kernel` names: a series, `newest`, or a file.
pub(crate) fn find(wanted: &str, refresh: bool) -> Result<Kernel> {
    if wanted.contains('/') {
        return given(Path::new(wanted));
    }
    let series = wanted;
    ensure!(
        series == super::NEWEST || series.starts_with(|first: char| first.is_ascii_digit()),
        "no kernel is called {series:?}: give a version as in 6.12, `newest`, or a path with a /"
    );
    let note = cache().join("series").join(series);
    if !refresh && let Ok(release) = fs::read_to_string(&note) {
        return cached(series, release.trim());
    }
    let release = fetch(series)?;
    write(&note, &release)?;
    cached(series, &release)
}

/// Chooses anew for every series that was ever asked for, and drops kernels no series uses any more.
pub(super) fn refresh_all() -> Result<()> {
    let mut used = Vec::new();
    for series in names_in(&cache().join("series"))? {
        let kernel = find(&series, true)?;
        say(format_args!("{series} is {}", kernel.release));
        used.push(kernel.release);
    }
    for release in names_in(&cache().join("kernels"))? {
        if !used.contains(&release) {
            let folder = cache().join("kernels").join(&release);
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(())
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn given(image: &Path) -> Result<Kernel> {
    ensure!(image.is_file(), "there is no kernel {}", image.display());
    let image = fs::canonicalize(image)
        .with_context(|| format!("cannot find the kernel {}", image.display()))?;
    let name = image
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let release = name.strip_prefix("vmlinuz-").unwrap_or(&name).to_owned();
    // Where the host's own kernels have theirs.
    let modules = Path::new("/lib/modules").join(&release);
    Ok(Kernel {
        name,
        release,
        image,
        modules: modules.is_dir().then_some(modules),
    })
}

fn cached(series: &str, release: &str) -> Result<Kernel> {
    let folder = cache().join("kernels").join(release);
    let modules = ["usr/lib/modules", "lib/modules"]
        .map(|place| folder.join(place).join(release))
        .into_iter()
        .find(|modules| modules.is_dir());
    let image = [
        folder.join("boot").join(format!("vmlinuz-{release}")),
        folder.join("usr/lib/modules").join(release).join("vmlinuz"),
    ]
    .into_iter()
    .find(|image| image.is_file());
    match image {
        Some(image) => Ok(Kernel {
            name: series.to_owned(),
            release: release.to_owned(),
            image,
            modules,
        }),
        None => bail!(
            "the cached kernel {} has no image; `cargo xtask vm --refresh --kernel {series}` \
             fetches it anew",
            folder.display()
        ),
    }
}

/// Fetches into a folder of this process's own and renames it, so that two runs at the same time do
/// not meet in a half-made folder.
fn fetch(series: &str) -> Result<String> {
    let kernels = cache().join("kernels");
    let scratch = cache().join(format!("fetching-{}-{series}", std::process::id()));
    let _leftover = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let fetched = debian::fetch(series, &scratch);
    let kernel = match fetched {
        Ok(kernel) => kernel,
        Err(error) => {
            let _leftover = fs::remove_dir_all(&scratch);
            return Err(error);
        }
    };
    say(format_args!(
        "{series} is {} (Debian {})",
        kernel.release, kernel.version
    ));
    fs::create_dir_all(&kernels).with_context(|| format!("cannot make {}", kernels.display()))?;
    let place = kernels.join(&kernel.release);
    if place.exists() {
        // It was there already, or somebody was quicker: a release's packages are always the same.
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("cannot remove {}", scratch.display()))?;
    } else {
        fs::rename(&scratch, &place)
            .with_context(|| format!("cannot move the kernel to {}", place.display()))?;
    }
    Ok(kernel.release)
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
