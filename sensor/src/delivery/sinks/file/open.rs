//! Opening what lines are written to.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, io::Errno};

use super::{super::descriptor::Descriptor, LogFileSettings};
use crate::clock::WallTime;

/// What lines are written to.
#[derive(Debug)]
pub(super) struct Open {
    identity: (u64, u64),
    pub(super) target: Target,
}

/// What kind of thing that is.
#[derive(Debug)]
pub(super) enum Target {
    Regular(Regular),
    /// A FIFO or a device.
    Special(Descriptor<OwnedFd>),
}

/// A regular file.
#[derive(Debug)]
pub(super) struct Regular {
    pub(super) file: File,
    /// Where it is, links followed.
    pub(super) path: PathBuf,
    /// When it was last written to.
    pub(super) written: WallTime,
}

/// How often it is tried anew when somebody removes the file in the very moment.
const ATTEMPTS: usize = 5;

impl Open {
    /// Whether the path names it.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| identity(&metadata) == self.identity)
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Opens what the settings name, or makes it; ends a line that a crash tore.
pub(super) fn open(settings: &LogFileSettings, now: WallTime) -> io::Result<Open> {
    let path = &settings.path;
    for _ in 0..ATTEMPTS {
        let opened = match fs::metadata(path) {
            Ok(metadata) => match existing(settings, &metadata) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                existing => existing?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => match make(settings, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(|error| advise(path, error))?,
            },
            Err(error) => return Err(advise(path, error)),
        };
        // What was looked at need not be what was opened.
        let metadata = opened.metadata()?;
        check(settings, &metadata)?;
        let target = if metadata.is_file() {
            end_torn_line(&opened, metadata.len())?;
            Target::Regular(Regular {
                path: fs::canonicalize(path)?,
                written: match metadata.len() {
                    0 => now,
                    _ => WallTime(
                        metadata
                            .mtime()
                            .saturating_mul(1_000_000_000)
                            .saturating_add(metadata.mtime_nsec()),
                    ),
                },
                file: opened,
            })
        } else {
            Target::Special(Descriptor::new(opened.into()))
        };
        return Ok(Open {
            identity: identity(&metadata),
            target,
        });
    }
    Err(io::Error::other(
        "it comes and goes, or is a symbolic link to nothing\n  make what the link names",
    ))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    options
}

fn existing(settings: &LogFileSettings, metadata: &Metadata) -> io::Result<File> {
    // To open some devices has effects of its own.
    check(settings, metadata)?;
    let opened = match metadata.is_file() {
        // Reading, for the end of the file.
        true => options().read(true).append(true).open(&settings.path),
        false => options().write(true).open(&settings.path),
    };
    opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO) => error,
        _ => advise(&settings.path, error),
    })
}

/// Makes the file at a path that is the settings' or behind it.
///
/// # Errors
///
/// If there is something already.
pub(super) fn make(settings: &LogFileSettings, path: &Path) -> io::Result<File> {
    let file = options()
        .read(true)
        .append(true)
        .create_new(true)
        .mode(settings.mode)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(settings.mode))?;
    if settings.synchronise {
        // The file's name is in the folder.
        if let Some(folder) = path.parent().filter(|folder| folder.is_dir()) {
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(file)
}

/// Refuses what is nothing to write lines to.
fn check(settings: &LogFileSettings, metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let (what, allowed) = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        ("a folder\n  name a file in it", false)
    } else if kind.is_fifo() {
        ("a FIFO\n  allow it with `special`", settings.special)
    } else if kind.is_char_device() {
        ("a device\n  allow it with `special`", settings.special)
    } else {
        ("no file\n  name another", false)
    };
    if allowed {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} is {what}",
        settings.path.display()
    )))
}

fn end_torn_line(file: &File, length: u64) -> io::Result<()> {
    let Some(last) = length.checked_sub(1) else {
        return Ok(());
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    if byte != *b"\n" {
        let mut file = file;
        file.write_all(b"\n")?;
    }
    Ok(())
}

/// Says what to do about an error.
fn advise(path: &Path, error: io::Error) -> io::Error {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let advice = match error.kind() {
        io::ErrorKind::NotFound if !folder.is_dir() => {
            format!("make the folder {} for it", folder.display())
        }
        io::ErrorKind::NotFound => "make what the link names".into(),
        io::ErrorKind::PermissionDenied => {
            format!("let the sensor's user write to {}", folder.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => "name a file elsewhere".into(),
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}\n  {advice}"))
}
