//! A directory that is looked through as if it were the root: a container's, say, which is not to
//! be trusted.

use std::{fs::File, io, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

/// How often a look-up is tried that the kernel gave up because something was renamed meanwhile.
const TRIES: u32 = 16;

/// A root directory.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

impl Root {
    /// A directory as root, by its path.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).map(Self)
    }

    /// A directory as root that is open already.
    pub(crate) const fn new(directory: OwnedFd) -> Self {
        Self(directory)
    }

    /// Finds what is at a path, and opens nothing: no device notices.
    pub(crate) fn find(&self, path: impl AsRef<[u8]>) -> Result<OwnedFd, Errno> {
        self.resolve(path.as_ref(), OFlags::PATH)
    }

    /// Opens a regular file for reading. Whoever can place something else there can have it opened:
    /// for directories that only the root user writes to.
    pub(crate) fn read(&self, path: impl AsRef<[u8]>) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.resolve(path.as_ref(), flags)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("is not a regular file"))
        }
    }

    /// Symbolic links are followed below this directory, and none out of it: not those of `/proc`
    /// to other processes' files either.
    fn resolve(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut result = Err(Errno::AGAIN);
        for _ in 0..TRIES {
            result = openat2(&self.0, path, flags, Mode::empty(), resolve);
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn no_link_leads_out() {
        let directory = std::env::temp_dir().join(format!("root-{}", std::process::id()));
        fs::create_dir_all(directory.join("etc")).unwrap();
        fs::write(directory.join("etc/name"), "inner").unwrap();
        let _ = symlink("/etc/name", directory.join("absolute"));
        let _ = symlink("../../../../../etc/name", directory.join("relative"));
        let _ = symlink("/proc/self/exe", directory.join("magic"));
        let root = Root::open(&directory).unwrap();
        for path in ["/absolute", "relative", "/../etc/name"] {
            let content = io::read_to_string(root.read(path).unwrap()).unwrap();
            assert_eq!(content, "inner", "{path}");
        }
        assert_eq!(root.find("/magic").err(), Some(Errno::NOENT));
        assert!(root.read("/etc").is_err());
        let host = Root::open(Path::new("/")).unwrap();
        assert_eq!(host.find("/proc/self/exe").err(), Some(Errno::LOOP));
        fs::remove_dir_all(&directory).unwrap();
    }
}
