//! What a thread may do, by `/proc`, and how an event tells of it.

use std::fs;

use anyhow::{Context as _, Result};

use crate::expect::Expect;
use crate::host::inode;
use crate::portrait::{Portrait, capabilities};

/// Groups of each list that the sensor captures.
const GROUPS_CAPTURED: usize = 32;

/// A thread's credentials. Ids are those of the initial user namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User ids: real, effective, saved, file system's.
    pub uids: [u32; 4],
    /// Group ids: real, effective, saved, file system's.
    pub gids: [u32; 4],
    /// Supplementary groups, in ascending order.
    pub groups: Vec<u32>,
    /// Capabilities, a bit each.
    pub inheritable: u64,
    /// Capabilities, a bit each.
    pub permitted: u64,
    /// Capabilities, a bit each.
    pub effective: u64,
    /// Capabilities, a bit each.
    pub bounding: u64,
    /// Capabilities, a bit each.
    pub ambient: u64,
    /// `SECBIT_...`
    pub securebits: u32,
    /// Inode number of the user namespace.
    pub user_namespace: u64,
}

/// What a thread held before a deed and after it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Before the deed.
    pub before: Credentials,
    /// After the deed.
    pub after: Credentials,
}

impl Credentials {
    /// Reads `/proc/PID/task/THREAD`. It does not tell the secure bits, which the thread alone knows.
    pub fn of(pid: u32, thread: u32, securebits: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}/task/{thread}");
        let path = format!("{folder}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let words = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(|line| line.split_whitespace().collect::<Vec<_>>())
                .with_context(|| format!("{path} has no {name}"))
        };
        let numbers = |name: &str| -> Result<Vec<u32>> {
            words(name)?
                .into_iter()
                .map(|word| word.parse().with_context(|| format!("{name} is no number")))
                .collect()
        };
        let four = |name: &str| -> Result<[u32; 4]> {
            let ids: Option<[u32; 4]> = numbers(name)?.try_into().ok();
            ids.with_context(|| format!("{name} in {path} is not four ids"))
        };
        let set = |name: &str| -> Result<u64> {
            let words = words(name)?;
            let word = words.first().with_context(|| format!("{name} is empty"))?;
            Ok(u64::from_str_radix(word, 16)?)
        };
        Ok(Self {
            uids: four("Uid")?,
            gids: four("Gid")?,
            groups: numbers("Groups")?,
            inheritable: set("CapInh")?,
            permitted: set("CapPrm")?,
            effective: set("CapEff")?,
            bounding: set("CapBnd")?,
            ambient: set("CapAmb")?,
            securebits,
            user_namespace: inode(format!("{folder}/ns/user"))?,
        })
    }

    /// A process that holds these.
    pub fn held_by(&self, who: &Portrait) -> Portrait {
        let mut who = who.clone();
        (who.uids, who.gids) = (self.uids, self.gids);
        (who.effective, who.permitted) = (self.effective, self.permitted);
        who
    }

    fn groups_captured(&self) -> Vec<String> {
        let groups = self.groups.iter().take(GROUPS_CAPTURED);
        groups.map(u32::to_string).collect()
    }
}

impl Change {
    /// Whether anything but the supplementary groups is different.
    pub fn is_more_than_groups(&self) -> bool {
        let mut after = self.after.clone();
        after.groups.clone_from(&self.before.groups);
        after != self.before
    }

    fn is_cut(&self) -> bool {
        [&self.before, &self.after]
            .iter()
            .any(|credentials| credentials.groups.len() > GROUPS_CAPTURED)
    }
}

impl Expect {
    /// Everything below `sensor.credentials` but why it changed, and what follows from an
    /// `event.action` of this name.
    #[must_use]
    pub fn changed(self, change: &Change, action: &str) -> Self {
        let effective = (action == "uid_change").then(|| {
            let [_, effective, _, _] = change.after.uids;
            effective.to_string()
        });
        self.is("event.action", action)
            .has("user.changes.id", effective)
            .credentials("sensor.credentials.before", &change.before)
            .credentials("sensor.credentials.after", &change.after)
    }

    /// The supplementary groups before and after, which not every hook sees.
    #[must_use]
    pub fn groups(self, change: &Change) -> Self {
        self.is(
            "sensor.credentials.before.supplemental_groups",
            change.before.groups_captured(),
        )
        .is(
            "sensor.credentials.after.supplemental_groups",
            change.after.groups_captured(),
        )
        .has(
            "sensor.credentials.supplemental_groups_truncated",
            change.is_cut().then_some(true),
        )
    }

    /// Everything below `prefix` but the supplementary groups.
    fn credentials(mut self, prefix: &str, held: &Credentials) -> Self {
        for (kind, ids) in [("user", held.uids), ("group", held.gids)] {
            let names = ["id", "effective.id", "saved.id", "filesystem.id"];
            for (name, id) in names.into_iter().zip(ids) {
                self = self.is(format!("{prefix}.{kind}.{name}"), id.to_string());
            }
        }
        for (name, set) in [
            ("inheritable", held.inheritable),
            ("permitted", held.permitted),
            ("effective", held.effective),
            ("bounding", held.bounding),
            ("ambient", held.ambient),
        ] {
            self = self.is(format!("{prefix}.capabilities.{name}"), capabilities(set));
        }
        self.is(format!("{prefix}.securebits"), held.securebits)
            .is(format!("{prefix}.user_namespace"), held.user_namespace)
    }
}
