//! The cgroups of the host, by id: what each one's path says of the processes in it.
//!
//! The kernel tells of every cgroup when it is made, before a process can be in it. So a process's
//! container and unit are known however short it lived, without asking anybody, also when the cgroup
//! has been removed meanwhile. Those that were there before are read once.

use std::{
    collections::{HashMap, VecDeque},
    fs, io,
    os::unix::fs::DirEntryExt,
    path::Path,
    sync::Arc,
};

use sensor_common::cgroup::Operation;

use super::placement::{Placement, Shape, placement};
use crate::{
    event::{CgroupChange, CgroupId},
    kernel::cgroups::Mount,
};

/// Removed cgroups that are remembered. Nobody is in them, and what happened in them before comes out
/// within moments; the processes remember for themselves where they were.
const REMOVED_MAX: usize = 2_048;

/// The cgroups of the host.
#[derive(Debug)]
pub struct Cgroups {
    limit: usize,
    known: HashMap<CgroupId, Known>,
    /// Those that were removed, the first to be removed first.
    removed: VecDeque<(CgroupId, u64)>,
    /// Those that exist, the first to be made first; some may have been removed since.
    made: VecDeque<(CgroupId, u64)>,
    /// Cgroups that became known so far.
    total: u64,
    counters: Counters,
}

#[derive(Debug)]
struct Known {
    /// How many became known before it.
    number: u64,
    placement: Arc<Placement>,
    is_removed: bool,
}

/// What the limits of [`Cgroups`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Existing cgroups that were forgotten for want of room. Their next process is looked up.
    pub evicted: u64,
    /// Paths that were cut by the kernel or are no text, and say nothing.
    pub unreadable: u64,
    /// Paths of which not all is understood ([`Shape::Unknown`]): a container may have been made by hand.
    pub unknown: u64,
}

/// A cgroup that was there before the sensor, or that was not known when a process in it acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub id: CgroupId,
    /// Its path from the hierarchy's root; none if nobody can say it any longer.
    pub path: Option<String>,
}

impl Cgroups {
    /// Room for so many cgroups, removed ones included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            known: HashMap::new(),
            removed: VecDeque::new(),
            made: VecDeque::new(),
            total: 0,
            counters: Counters::default(),
        }
    }

    /// What is known of the processes in a cgroup.
    #[must_use]
    pub fn get(&self, id: CgroupId) -> Option<&Arc<Placement>> {
        self.known.get(&id).map(|known| &known.placement)
    }

    /// How many are known, removed ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What the limits did.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Adds a cgroup that was found in the file system, unless it is known.
    pub fn add(&mut self, found: &Found) {
        if !self.known.contains_key(&found.id) {
            let placement = match &found.path {
                Some(path) => placement(path),
                None => Placement::default(),
            };
            self.insert(found.id, placement);
        }
    }

    /// Notes what became of a cgroup.
    pub fn observe(&mut self, change: &CgroupChange) {
        match change.operation {
            // The kernel gives no id twice: it was found in the file system a moment ago.
            Operation::Made if self.known.contains_key(&change.id) => {}
            Operation::Made => {
                let placement = self.read(change);
                self.insert(change.id, placement);
            }
            Operation::Removed => {
                // Its last processes may not have been told of yet.
                if !self.known.contains_key(&change.id) {
                    let placement = self.read(change);
                    self.insert(change.id, placement);
                }
                if let Some(known) = self.known.get_mut(&change.id)
                    && !known.is_removed
                {
                    known.is_removed = true;
                    self.removed.push_back((change.id, known.number));
                    if self.removed.len() > REMOVED_MAX {
                        self.make_room();
                    }
                }
            }
        }
    }

    fn read(&mut self, change: &CgroupChange) -> Placement {
        // A path that fills the kernel's buffer has lost its end, which is what matters.
        let is_whole = change.path.bytes.len() < sensor_common::cgroup::PATH_BYTES_MAX - 1;
        match std::str::from_utf8(&change.path.bytes) {
            Ok(path) if is_whole && !path.is_empty() => placement(path),
            _ => {
                self.counters.unreadable += 1;
                Placement::default()
            }
        }
    }

    fn insert(&mut self, id: CgroupId, placement: Placement) {
        self.counters.unknown += u64::from(placement.shape == Shape::Unknown);
        let number = self.total;
        self.total += 1;
        let known = Known {
            number,
            placement: Arc::new(placement),
            is_removed: false,
        };
        self.known.insert(id, known);
        self.made.push_back((id, number));
        while self.known.len() > self.limit {
            self.make_room();
        }
        // Ids of cgroups that are gone from the table stay behind in the order.
        if self.made.len() > 2 * self.limit {
            let known = &self.known;
            self.made.retain(|(id, number)| {
                let known = known.get(id).filter(|known| known.number == *number);
                known.is_some_and(|known| !known.is_removed)
            });
        }
    }

    fn make_room(&mut self) {
        let is_that = |known: &HashMap<CgroupId, Known>, (id, number)| {
            known.get(&id).is_some_and(|known| known.number == number)
        };
        while let Some(first) = self.removed.pop_front() {
            if is_that(&self.known, first) {
                self.known.remove(&first.0);
                return;
            }
        }
        while let Some(first) = self.made.pop_front() {
            if is_that(&self.known, first) {
                self.known.remove(&first.0);
                self.counters.evicted += 1;
                return;
            }
        }
    }
}

/// The cgroups that exist below a mount.
///
/// # Errors
///
/// If the mount cannot be read. What vanishes meanwhile is left out: its end is told by the kernel.
pub fn scan(mount: &Mount) -> io::Result<Vec<Found>> {
    use std::os::unix::fs::MetadataExt;
    let root = mount.root.to_string_lossy();
    let mut found = vec![Found {
        id: CgroupId(fs::metadata(&mount.point)?.ino()),
        path: Some(root.clone().into_owned()),
    }];
    let prefix = if root == "/" { "" } else { &*root };
    list(&mount.point, prefix, &mut found)?;
    Ok(found)
}

fn list(directory: &Path, path: &str, found: &mut Vec<Found>) -> io::Result<()> {
    for entry in fs::read_dir(directory)?.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        found.push(Found {
            id: CgroupId(entry.ino()),
            path: Some(path.clone()),
        });
        // It may have been removed meanwhile.
        let _ = list(&entry.path(), &path, found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::event::Text;

    fn change(id: u64, operation: Operation, path: &str) -> CgroupChange {
        CgroupChange {
            id: CgroupId(id),
            operation,
            path: Text {
                original: u32::try_from(path.len()).ok(),
                bytes: Bytes::copy_from_slice(path.as_bytes()),
            },
        }
    }

    fn docker(id: u64) -> (String, String) {
        let container = format!("{id:064x}");
        (format!("/docker/{container}"), container)
    }

    #[test]
    fn a_removed_cgroup_is_still_known() {
        let mut cgroups = Cgroups::new(10);
        let (path, container) = docker(1);
        cgroups.observe(&change(1, Operation::Made, &path));
        cgroups.observe(&change(1, Operation::Removed, &path));
        let placement = cgroups.get(CgroupId(1)).unwrap();
        assert_eq!(*placement.container.as_ref().unwrap().id, *container);
    }

    #[test]
    fn the_first_removed_gives_way() {
        let mut cgroups = Cgroups::new(2);
        for id in 1..=2 {
            cgroups.observe(&change(id, Operation::Made, &docker(id).0));
        }
        cgroups.observe(&change(2, Operation::Removed, &docker(2).0));
        cgroups.observe(&change(3, Operation::Made, &docker(3).0));
        assert!(cgroups.get(CgroupId(2)).is_none());
        assert!(cgroups.get(CgroupId(1)).is_some());
        assert_eq!(cgroups.counters().evicted, 0);
        cgroups.observe(&change(4, Operation::Made, &docker(4).0));
        assert!(cgroups.get(CgroupId(1)).is_none());
        assert_eq!(cgroups.counters().evicted, 1);
    }

    #[test]
    fn what_nobody_understands_is_counted() {
        let mut cgroups = Cgroups::new(9);
        for (id, path) in [(1, "/system.slice/a.service"), (2, "/whatever"), (3, "/")] {
            cgroups.observe(&change(id, Operation::Made, path));
        }
        assert_eq!(cgroups.counters().unknown, 1);
    }

    #[test]
    fn a_path_that_was_cut_says_nothing() {
        let mut cgroups = Cgroups::new(2);
        let long = format!("{}/{}", docker(1).0, "x".repeat(2_000));
        cgroups.observe(&change(1, Operation::Made, &long[..1023]));
        assert_eq!(**cgroups.get(CgroupId(1)).unwrap(), Placement::default());
        assert_eq!(cgroups.counters().unreadable, 1);
    }

    #[test]
    fn scans_a_tree() {
        use std::os::unix::fs::MetadataExt;
        let root = std::env::temp_dir().join(format!("sensor-cgroups-{}", std::process::id()));
        fs::create_dir_all(root.join("a.slice/b.service")).unwrap();
        fs::write(root.join("cgroup.procs"), "").unwrap();
        let mount = Mount {
            point: root.clone(),
            root: "/".into(),
        };
        let mut found = scan(&mount).unwrap();
        let inode = fs::metadata(root.join("a.slice/b.service")).unwrap().ino();
        fs::remove_dir_all(&root).unwrap();
        found.sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<_> = found.iter().filter_map(|one| one.path.as_deref()).collect();
        assert_eq!(paths, ["/", "/a.slice", "/a.slice/b.service"]);
        assert_eq!(found[2].id, CgroupId(inode));
    }

    proptest! {
        /// Whatever comes, no more are kept than there is room for, and one that exists is never
        /// forgotten while a removed one is remembered.
        #[test]
        fn stays_within_its_limit(steps in proptest::collection::vec((1u64..12, any::<bool>()), 1..200)) {
            let mut cgroups = Cgroups::new(5);
            for (id, is_made) in steps {
                let operation = if is_made { Operation::Made } else { Operation::Removed };
                let before = cgroups.counters().evicted;
                let removed = cgroups.known.values().any(|known| known.is_removed);
                cgroups.observe(&change(id, operation, &docker(id).0));
                prop_assert!(cgroups.len() <= 5);
                prop_assert!(cgroups.made.len() <= 11);
                prop_assert!(!removed || cgroups.counters().evicted == before);
                prop_assert!(cgroups.get(CgroupId(id)).is_some());
            }
        }
    }
}
