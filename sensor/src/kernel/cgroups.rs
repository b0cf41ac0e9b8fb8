//! Which cgroup hierarchy tells containers and units apart.
//!
//! Where the controllers are on version 2, it is that one. Where they are on version 1 (also beside
//! a version 2 hierarchy, "hybrid"), container runtimes make their cgroups there, and it is the
//! hierarchy of a controller that all of them use.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::scope::unescape;

/// The hierarchy, and where it can be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `hierarchy_id` of `struct cgroup_root`: 0 for version 2.
    pub hierarchy: u32,
    /// The controller of version 1.
    pub controller: Option<Controller>,
    /// Where it is mounted, if it is.
    pub mount: Option<Mount>,
}

/// A controller of a version 1 hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its name.
    pub name: &'static str,
    /// Its index in `enum cgroup_subsys_id`.
    pub index: u32,
}

/// A mount of a cgroup hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The directory.
    pub point: PathBuf,
    /// The cgroup that is mounted there.
    pub root: PathBuf,
}

/// Controllers that every runtime and systemd put their processes in, best first.
pub(super) const CONTROLLERS: [&str; 4] = ["pids", "memory", "devices", "cpu"];

impl Tree {
    /// The running host's; `number` says that of a controller, if the kernel has it.
    ///
    /// # Errors
    ///
    /// If `/proc` does not show the hierarchies.
    pub fn of_this_host(number: impl Fn(&str) -> Option<u32>) -> io::Result<Self> {
        let controllers = match fs::read_to_string("/proc/cgroups") {
            Ok(text) => text,
            // A kernel without version 1.
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mounts = fs::read("/proc/self/mountinfo")?;
        let mounts = String::from_utf8_lossy(&mounts);
        Ok(Self::read(&controllers, &mounts, number))
    }

    /// By `/proc/cgroups` and `/proc/self/mountinfo`.
    fn read(controllers: &str, mounts: &str, number: impl Fn(&str) -> Option<u32>) -> Self {
        // A hierarchy that is mounted nowhere is what is left of one: nobody makes cgroups in it.
        let of = |name: &&'static str| {
            let controller = Controller {
                name,
                index: number(name)?,
            };
            let hierarchy = hierarchy(controllers, name)?;
            Some((hierarchy, find_mount(mounts, Some(name))?, controller))
        };
        match CONTROLLERS.iter().find_map(of) {
            Some((hierarchy, mount, controller)) => Self {
                hierarchy,
                mount: Some(mount),
                controller: Some(controller),
            },
            None => Self {
                hierarchy: 0,
                controller: None,
                mount: find_mount(mounts, None),
            },
        }
    }

    /// A process's cgroup, by its `/proc/PID/cgroup`: the path from the hierarchy's root.
    #[must_use]
    pub fn path_in<'a>(&self, cgroups: &'a str) -> Option<&'a str> {
        cgroups.lines().find_map(|line| {
            let (hierarchy, rest) = line.split_once(':')?;
            let (_, path) = rest.split_once(':')?;
            (hierarchy.parse() == Ok(self.hierarchy)).then_some(path)
        })
    }
}

impl Mount {
    /// The directory of a cgroup, by its path from the hierarchy's root.
    #[must_use]
    pub fn directory(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        Some(self.point.join(below))
    }
}

/// The hierarchy of a controller, if it is one of version 1.
fn hierarchy(controllers: &str, wanted: &str) -> Option<u32> {
    let mut rows = controllers.lines().map(str::split_whitespace);
    let mut row = rows.find(|row| row.clone().next() == Some(wanted))?;
    row.nth(1)?.parse().ok().filter(|id| *id != 0)
}

/// The first mount of a controller's hierarchy, or of version 2 (format: `proc(5)`).
fn find_mount(mounts: &str, controller: Option<&str>) -> Option<Mount> {
    mounts.lines().find_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        let mut rest = rest.split(' ');
        let kind = rest.next()?;
        let is_it = match controller {
            None => kind == "cgroup2",
            Some(controller) => {
                kind == "cgroup" && rest.nth(1)?.split(',').any(|option| option == controller)
            }
        };
        if !is_it {
            return None;
        }
        let mut fields = fields.split(' ').skip(3);
        let root = unescape(fields.next()?);
        let point = unescape(fields.next()?);
        Some(Mount { point, root })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `enum cgroup_subsys_id` numbers them.
    fn number(controller: &str) -> Option<u32> {
        [("cpu", 1), ("memory", 4), ("pids", 11)]
            .iter()
            .find(|(name, _)| *name == controller)
            .map(|(_, number)| *number)
    }

    const V1: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
        cpuset\t3\t1\t1\ncpu\t5\t1\t1\nmemory\t6\t80\t1\npids\t9\t80\t1\n";
    const V2: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
        cpuset\t0\t1\t1\ncpu\t0\t1\t1\nmemory\t0\t80\t1\npids\t0\t80\t1\n";
    const MOUNTS: &str = "\
        31 30 0:27 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw\n\
        33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";

    #[test]
    fn version_1_counts_where_controllers_are_on_it() {
        let tree = Tree::read(V1, MOUNTS, number);
        assert_eq!(tree.hierarchy, 9);
        let controller = tree.controller.as_ref().unwrap();
        assert_eq!((controller.name, controller.index), ("pids", 11));
        let mount = tree.mount.as_ref().unwrap();
        assert_eq!(mount.point, Path::new("/sys/fs/cgroup/pids"));
        assert_eq!(
            tree.path_in("9:pids:/docker/a:b\n1:name=systemd:/x\n0::/y\n"),
            Some("/docker/a:b")
        );
    }

    #[test]
    fn version_2_counts_otherwise() {
        let tree = Tree::read(V2, MOUNTS, number);
        assert_eq!(tree.hierarchy, 0);
        assert_eq!(tree.controller, None);
        let mount = tree.mount.as_ref().unwrap();
        assert_eq!(mount.point, Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(tree.path_in("1:name=systemd:/x\n0::/y\n"), Some("/y"));
        assert_eq!(Tree::read("", "", number).mount, None);
    }

    #[test]
    fn a_hierarchy_that_is_mounted_nowhere_does_not_count() {
        let (unified, _) = MOUNTS.split_once('\n').unwrap();
        let tree = Tree::read(V1, unified, number);
        assert_eq!((tree.hierarchy, tree.controller), (0, None));
        let point = tree.mount.map(|mount| mount.point);
        assert_eq!(point.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_mount_of_a_part_shows_that_part() {
        let mount = Mount {
            point: "/cg".into(),
            root: "/a".into(),
        };
        assert_eq!(mount.directory("/a/b"), Some("/cg/b".into()));
        assert_eq!(mount.directory("/c"), None);
    }

    proptest! {
        #[test]
        fn never_panics(controllers: String, mounts: String, cgroups: String) {
            let _ = Tree::read(&controllers, &mounts, number).path_in(&cgroups);
        }
    }
}
