//! What a change of credentials or namespaces amounts to.

use sensor_common::{
    credentials::Credentials,
    namespaces::Namespaces,
    privilege::{
        NamespaceOperation, PTRACE_MODE_ATTACH, PTRACE_MODE_FSCREDS, PTRACE_MODE_REALCREDS,
    },
};

/// What a change of credentials is, by the most telling part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A user id.
    UserId,
    /// A group id, or the supplementary groups.
    GroupId,
    /// A capability set.
    Capabilities,
    /// Something else.
    Other,
}

impl Changed {
    /// What differs between credentials. Whether supplementary groups do, they do not tell.
    #[must_use]
    pub fn between(before: &Credentials, after: &Credentials, groups_differ: bool) -> Self {
        let users = |of: &Credentials| [of.uid, of.euid, of.suid, of.fsuid];
        let groups = |of: &Credentials| [of.gid, of.egid, of.sgid, of.fsgid];
        let capabilities = |of: &Credentials| {
            [
                of.cap_inheritable,
                of.cap_permitted,
                of.cap_effective,
                of.cap_bset,
                of.cap_ambient,
            ]
        };
        if users(before) != users(after) {
            Self::UserId
        } else if groups_differ || groups(before) != groups(after) {
            Self::GroupId
        } else if capabilities(before) != capabilities(after) {
            Self::Capabilities
        } else if before == after {
            // Groups beyond those that were captured.
            Self::GroupId
        } else {
            Self::Other
        }
    }

    /// The change's `event.action`.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::UserId => "uid_change",
            Self::GroupId => "gid_change",
            Self::Capabilities => "capabilities_change",
            Self::Other => "credentials_change",
        }
    }
}

/// A namespace that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedNamespace {
    /// Which: `mnt`, `pid`, ...
    pub name: &'static str,
    /// Its inode number until now.
    pub before: u32,
    /// Its inode number from now on.
    pub after: u32,
}

/// The namespaces that differ.
pub fn namespaces(
    before: &Namespaces,
    after: &Namespaces,
) -> impl Iterator<Item = ChangedNamespace> {
    [
        ("mnt", before.mnt, after.mnt),
        ("pid", before.pid, after.pid),
        ("net", before.net, after.net),
        ("uts", before.uts, after.uts),
        ("ipc", before.ipc, after.ipc),
        ("cgroup", before.cgroup, after.cgroup),
        ("time", before.time, after.time),
        ("user", before.user, after.user),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(name, before, after)| ChangedNamespace {
        name,
        before,
        after,
    })
}

/// How namespaces were entered.
#[must_use]
pub const fn operation(operation: NamespaceOperation) -> &'static str {
    match operation {
        NamespaceOperation::Clone => "clone",
        NamespaceOperation::Unshare => "unshare",
        NamespaceOperation::Setns => "setns",
        NamespaceOperation::Observed => "observed",
    }
}

/// What access a ptrace gives, and by whose ids it was judged.
pub fn ptrace_modes(mode: u32) -> impl Iterator<Item = &'static str> {
    let is_set = move |bit| mode & bit != 0;
    [
        (is_set(PTRACE_MODE_ATTACH), "attach"),
        (!is_set(PTRACE_MODE_ATTACH), "read"),
        (is_set(PTRACE_MODE_FSCREDS), "fscreds"),
        (is_set(PTRACE_MODE_REALCREDS), "realcreds"),
    ]
    .into_iter()
    .filter_map(|(applies, name)| applies.then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_tells_more_than_a_group_and_a_group_more_than_a_capability() {
        let before = Credentials::default();
        let mut after = before;
        let changed =
            |after: &Credentials, groups| Changed::between(&before, after, groups).action();
        after.securebits = 1;
        assert_eq!(changed(&after, false), "credentials_change");
        after.cap_ambient = 1;
        assert_eq!(changed(&after, false), "capabilities_change");
        assert_eq!(changed(&after, true), "gid_change");
        after.fsgid = 1;
        assert_eq!(changed(&after, false), "gid_change");
        after.suid = 1;
        assert_eq!(changed(&after, true), "uid_change");
    }

    #[test]
    fn lists_namespaces_that_differ() {
        let before = Namespaces {
            net: 1,
            user: 2,
            ..Namespaces::default()
        };
        let after = Namespaces { net: 3, ..before };
        let changed: Vec<_> = namespaces(&before, &after).collect();
        let net = ChangedNamespace {
            name: "net",
            before: 1,
            after: 3,
        };
        assert_eq!(changed, [net]);
    }

    #[test]
    fn a_ptrace_that_does_not_attach_reads() {
        let modes = |mode| ptrace_modes(mode).collect::<Vec<_>>();
        assert_eq!(modes(0x12), ["attach", "realcreds"]);
        assert_eq!(modes(0x09), ["read", "fscreds"]);
    }
}
