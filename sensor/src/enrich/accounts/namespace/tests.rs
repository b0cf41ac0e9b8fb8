use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::fs::mkfifoat;

use super::*;

/// A directory that is removed again.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("sensor-accounts-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("etc")).unwrap();
        Self(path)
    }

    fn names(&self) -> (Names, Outcome) {
        names_below(&self.0, "etc/passwd")
    }

    fn passwd(&self) -> PathBuf {
        self.0.join("etc/passwd")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names_below(root: &Path, path: &str) -> (Names, Outcome) {
    let root = crate::enrich::root::Root::open(root).unwrap();
    names(Path::new("/proc"), &root, path)
}

fn namespace(name: &str) -> u32 {
    let path = Path::new("/proc/self/ns").join(name);
    fs::metadata(path).unwrap().ino().try_into().unwrap()
}

#[test]
fn reads_those_of_this_process() {
    let (mount, user) = (namespace("mnt"), namespace("user"));
    let candidates = [u32::MAX, std::process::id()];
    let found = read(Path::new("/proc"), &candidates, mount, user).unwrap();
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let expected = Names::read(&passwd[..], Limits::default()).unwrap();
    assert_eq!(found.accounts.users, expected);
    let map = IdMap::parse(&fs::read_to_string("/proc/self/uid_map").unwrap()).unwrap();
    assert_eq!(found.user_map, map);
    for extent in map.extents() {
        assert_eq!(found.user(extent.outside), expected.get(extent.inside));
    }
}

#[test]
fn is_not_misled_by_a_process_in_other_namespaces() {
    let (mount, user) = (namespace("mnt"), namespace("user"));
    let me = [std::process::id()];
    for (mount_namespace, user_namespace) in [(mount + 1, user), (mount, user + 1)] {
        let why = Why::Gone {
            mount_namespace,
            user_namespace,
        };
        let found = read(Path::new("/proc"), &me, mount_namespace, user_namespace);
        assert_eq!(found, Err(why));
    }
}

#[test]
fn a_process_that_ended_is_gone() {
    let mut child = Command::new("/proc/self/exe")
        .arg("--list")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.wait().unwrap();
    let found = read(
        Path::new("/proc"),
        &[child.id()],
        namespace("mnt"),
        namespace("user"),
    );
    assert!(matches!(found, Err(Why::Gone { .. })), "{found:?}");
}

#[test]
fn reads_a_regular_file() {
    let directory = Directory::new("regular");
    fs::write(directory.passwd(), "a:x:1:\nbad\n").unwrap();
    let (names, outcome) = directory.names();
    assert_eq!(names.get(1), Some("a"));
    let counters = Counters {
        lines_skipped: 1,
        ..Counters::default()
    };
    assert_eq!(outcome, Outcome::Read(counters));
}

#[test]
fn absent_files_are_fine() {
    let directory = Directory::new("absent");
    assert_eq!(directory.names(), (Names::default(), Outcome::Absent));
    let below_file = names_below(&directory.0, "etc/passwd/passwd");
    assert_eq!(below_file.1, Outcome::Absent);
}

#[test]
fn a_pipe_does_not_block() {
    let directory = Directory::new("pipe");
    mkfifoat(CWD, directory.passwd(), Mode::RWXU).unwrap();
    assert_eq!(directory.names(), (Names::default(), Outcome::NotRegular));
}

#[test]
fn a_directory_is_not_read() {
    let directory = Directory::new("directory");
    fs::create_dir(directory.passwd()).unwrap();
    assert_eq!(directory.names().1, Outcome::NotRegular);
}

#[test]
fn a_device_is_not_opened() {
    assert_eq!(
        names_below(Path::new("/"), "dev/zero"),
        (Names::default(), Outcome::NotRegular)
    );
}

#[test]
fn a_link_leads_nowhere_outside() {
    let directory = Directory::new("link");
    for target in ["/dev/zero", "../../../../../../dev/zero", "/proc/self/exe"] {
        symlink(target, directory.passwd()).unwrap();
        assert_eq!(directory.names().1, Outcome::Absent, "{target}");
        fs::remove_file(directory.passwd()).unwrap();
    }
    symlink("passwd", directory.passwd()).unwrap();
    assert_eq!(directory.names().1, Outcome::Failed(Errno::LOOP));
}

#[test]
fn a_link_inside_is_followed() {
    let directory = Directory::new("inside");
    fs::write(directory.0.join("real"), "a:x:1:\n").unwrap();
    for target in ["/real", "../real", "../../../real"] {
        symlink(target, directory.passwd()).unwrap();
        assert_eq!(directory.names().0.get(1), Some("a"), "{target}");
        fs::remove_file(directory.passwd()).unwrap();
    }
}

#[test]
fn a_link_of_the_kernel_is_not_followed() {
    let (names, outcome) = names_below(Path::new("/"), "proc/self/exe");
    assert_eq!((names.len(), outcome), (0, Outcome::Failed(Errno::LOOP)));
}
