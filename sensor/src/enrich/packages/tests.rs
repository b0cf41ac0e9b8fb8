use std::{fs, thread};

use super::*;

/// A root directory with a database, removed at its end.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("packages-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for directory in ["usr/bin", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("usr/bin", path.join("bin")).unwrap();
        let host = Self(path);
        host.write("status", &paragraph("coreutils", "9.1-1"));
        host.write("info/coreutils.list", "/.\n/bin\n/bin/ls\n");
        host
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.0.join("var/lib/dpkg").join(name);
        let new = path.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, path).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until a change has another time than those before.
fn settle() {
    thread::sleep(Duration::from_nanos(
        file_time_granularity().unsigned_abs() * 2,
    ));
}

fn paragraph(name: &str, version: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
    )
}

fn version<'a>(packages: &'a Packages, path: &str) -> Option<&'a str> {
    packages
        .owner(path.as_bytes())
        .map(|package| &*package.version)
}

#[test]
fn reads_the_database_again_when_it_changed_and_not_at_once() {
    let host = Host::new("again");
    let mut packages = Packages::new(&host.0);
    settle();
    let start = Instant::now();
    assert!(packages.refresh(start));
    assert_eq!(version(&packages, "/usr/bin/ls"), Some("9.1-1"));
    assert_eq!(packages.counters().packages, 1);
    assert_eq!(packages.counters().paths, 1);

    let update = paragraph("coreutils", "9.2");
    host.write("updates/0001", &update);
    host.write("info/tool:amd64.list", "/opt/tool\n");
    assert!(!packages.refresh(start + Duration::from_secs(1)));
    settle();
    let later = start + Duration::from_secs(3_600);
    assert!(packages.refresh(later));
    assert_eq!(version(&packages, "/usr/bin/ls"), Some("9.2"));
    assert_eq!(version(&packages, "/opt/tool"), None);

    host.write("status", &(update + &paragraph("tool", "3")));
    settle();
    assert!(packages.refresh(later + Duration::from_secs(3_600)));
    assert_eq!(version(&packages, "/opt/tool"), Some("3"));
    assert_eq!(packages.counters().readings, 3);
    assert_eq!(packages.counters().unreadable, 0);
    assert!(!packages.refresh(later + Duration::from_secs(7_200)));
}

#[test]
fn a_state_that_may_have_changed_unseen_is_read_again() {
    let host = Host::new("unsettled");
    // As if dpkg were just at it, for as long as this test takes.
    let info = File::open(host.0.join("var/lib/dpkg/info")).unwrap();
    let soon = std::time::SystemTime::now() + Duration::from_secs(3_600);
    info.set_times(fs::FileTimes::new().set_modified(soon))
        .unwrap();
    let mut packages = Packages::new(&host.0);
    let start = Instant::now();
    assert!(packages.refresh(start));
    assert!(packages.refresh(start + Duration::from_secs(60)));
}

#[test]
fn a_host_without_dpkg_has_no_packages() {
    let mut packages = Packages::new(Path::new("/proc/self/fdinfo"));
    assert!(packages.refresh(Instant::now()));
    assert_eq!(packages.owner(b"/usr/bin/ls"), None);
    assert_eq!(packages.counters().unreadable, 0);
}

#[test]
fn what_cannot_be_read_is_counted() {
    let host = Host::new("unreadable");
    fs::remove_file(host.0.join("var/lib/dpkg/info/coreutils.list")).unwrap();
    fs::create_dir(host.0.join("var/lib/dpkg/info/coreutils.list")).unwrap();
    let mut packages = Packages::new(&host.0);
    assert!(packages.refresh(Instant::now()));
    assert_eq!(packages.counters().unreadable, 1);
    assert_eq!(packages.counters().packages, 1);
}
