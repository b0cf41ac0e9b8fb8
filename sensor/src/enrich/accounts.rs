//! The names of users and groups: in each mount namespace its own.
//!
//! The kernel knows numbers only. The names are in `/etc/passwd` and `/etc/group` of the process's
//! own root, and a user namespace numbers users anew: a container's root may be user 100000 of the
//! host. So names belong to a pair of a mount and a user namespace:
//!
//! - [`Accounts`]: the names in the two files;
//! - [`IdMap`]: what a user namespace calls the host's ids;
//! - [`read`]: both, of a process in given namespaces;
//! - [`AccountsReader`]: the same, from a thread of its own.
//!
//! Users of a directory service (LDAP, SSSD) are not in the files, and so have no names here.

mod id_map;
mod names;
mod namespace;
mod reader;

pub use id_map::{Extent, IdMap};
pub use names::{Counters, Limits, Names};
pub use namespace::{NamespaceAccounts, Outcome, Root, Why, read};
pub use reader::{AccountsReader, Answer, Full, Request};

/// The users and groups of a mount namespace, by the ids inside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// From `/etc/passwd`.
    pub users: Names,
    /// From `/etc/group`.
    pub groups: Names,
}

impl Accounts {
    /// The name of a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(uid)
    }

    /// The name of a group.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(gid)
    }
}
