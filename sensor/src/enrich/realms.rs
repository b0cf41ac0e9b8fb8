//! The users and groups of the host and of the containers that are known.
//!
//! Names belong to a mount namespace, whose files say them. A process of a container is told by the
//! container's names; every other by the host's, whatever namespaces it is in: anybody may make a user
//! namespace in which he is called root.

use std::sync::Arc;

use super::{accounts::NamespaceAccounts, cache::Cache, fact::Realm};
use crate::clock::BootTime;

/// Most mount namespaces of which names are remembered.
const REALMS_MAX: usize = 1_024;

/// Most entries of all their files together; some 16 bytes and a name each.
const ENTRIES_MAX: usize = 262_144;

/// How long what was read is held to be so: accounts that are added meanwhile have no name, those
/// that are renamed the old one.
const READ_AGAIN_NANOSECONDS: u64 = 60_000_000_000;

/// What is known of the users and groups of mount namespaces.
#[derive(Debug)]
pub struct Realms {
    known: Cache<MountNamespace, Known>,
    /// The host's: the first that is learned.
    host: Option<Realm>,
    entries: usize,
    evicted: u64,
}

/// By its inode number.
type MountNamespace = u32;

#[derive(Debug)]
struct Known {
    /// Those that are in it later may be in another.
    user_namespace: u32,
    accounts: Option<Arc<NamespaceAccounts>>,
    read: BootTime,
}

impl Default for Realms {
    fn default() -> Self {
        Self {
            known: Cache::new(REALMS_MAX),
            host: None,
            entries: 0,
            evicted: 0,
        }
    }
}

impl Realms {
    /// Where the names of a process are that is in these namespaces, and in a container or not. The
    /// user namespace is that of the first process that was seen there.
    #[must_use]
    pub fn home(&self, realm: Realm, is_contained: bool) -> Option<Realm> {
        if !is_contained {
            return self.host;
        }
        let known = self.known.peek(&realm.mount);
        let user = known.map_or(realm.user, |known| known.user_namespace);
        Some(Realm { user, ..realm })
    }

    /// Whether it is the host's own mount namespace.
    #[must_use]
    pub fn is_hosts(&self, realm: Realm) -> bool {
        self.host.is_some_and(|host| host.mount == realm.mount)
    }

    /// Whether the accounts need not be read now.
    pub fn is_known(&mut self, realm: Realm, now: BootTime) -> bool {
        let known = self.known.get(&realm.mount);
        known.is_some_and(|known| now.0.saturating_sub(known.read.0) < READ_AGAIN_NANOSECONDS)
    }

    /// Notes what was read, and when. What was known before stays, if nobody could read it again: the
    /// last process of a container may have ended.
    pub fn learn(
        &mut self,
        realm: Realm,
        read: BootTime,
        accounts: Option<Arc<NamespaceAccounts>>,
    ) {
        self.host.get_or_insert(realm);
        let before = self
            .known
            .get(&realm.mount)
            .and_then(|known| known.accounts.clone());
        self.entries -= weight(before.as_ref());
        let known = Known {
            user_namespace: realm.user,
            accounts: accounts.or(before),
            read,
        };
        self.entries += weight(known.accounts.as_ref());
        if let Some((_, oldest)) = self.known.insert(realm.mount, known) {
            self.forgot(&oldest);
        }
        while self.entries > ENTRIES_MAX && self.known.len() > 1 {
            let Some((_, oldest)) = self.known.remove_oldest() else {
                break;
            };
            self.forgot(&oldest);
        }
    }

    fn forgot(&mut self, oldest: &Known) {
        self.entries -= weight(oldest.accounts.as_ref());
        self.evicted += 1;
    }

    /// The accounts of a mount namespace.
    #[must_use]
    pub fn get(&self, realm: Realm) -> Option<&NamespaceAccounts> {
        self.known.peek(&realm.mount)?.accounts.as_deref()
    }

    /// How many were forgotten for want of room.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Entries of the files.
fn weight(accounts: Option<&Arc<NamespaceAccounts>>) -> usize {
    let accounts = accounts.map(|known| &known.accounts);
    accounts.map_or(0, |accounts| accounts.users.len() + accounts.groups.len())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::enrich::accounts::{Accounts, Limits, Names};

    fn accounts(users: usize) -> Arc<NamespaceAccounts> {
        use std::fmt::Write;
        let mut text = String::new();
        for id in 0..users {
            writeln!(text, "u{id}:x:{id}:0::/:").unwrap();
        }
        let users = Names::read(Cursor::new(text), Limits::default()).unwrap();
        Arc::new(NamespaceAccounts {
            accounts: Accounts {
                users,
                groups: Names::default(),
            },
            ..NamespaceAccounts::default()
        })
    }

    const fn realm(mount: u32) -> Realm {
        Realm { mount, user: 1 }
    }

    #[test]
    fn what_could_not_be_read_again_is_still_known() {
        let mut realms = Realms::default();
        realms.learn(realm(1), BootTime(5), Some(accounts(3)));
        realms.learn(realm(1), BootTime(9), None);
        assert_eq!(realms.get(realm(1)).unwrap().accounts.users.len(), 3);
        assert!(realms.is_known(realm(1), BootTime(10)));
        assert!(!realms.is_known(realm(1), BootTime(READ_AGAIN_NANOSECONDS + 10)));
        assert!(!realms.is_known(realm(2), BootTime(10)));
    }

    #[test]
    fn who_makes_namespaces_keeps_his_name() {
        let mut realms = Realms::default();
        assert_eq!(realms.home(realm(9), false), None);
        realms.learn(realm(1), BootTime(5), Some(accounts(3)));
        realms.learn(realm(2), BootTime(5), Some(accounts(3)));
        let unshared = |mount| Realm { mount, user: 77 };
        assert_eq!(realms.home(unshared(1), false), Some(realm(1)));
        assert_eq!(realms.home(unshared(9), false), Some(realm(1)));
        assert_eq!(realms.home(unshared(2), true), Some(realm(2)));
        assert_eq!(realms.home(unshared(9), true), Some(unshared(9)));
    }

    #[test]
    fn many_entries_push_out_others() {
        let mut realms = Realms::default();
        let large = accounts(60_000);
        for mount in 1..=6 {
            realms.learn(realm(mount), BootTime(1), Some(large.clone()));
            assert!(realms.entries <= ENTRIES_MAX);
        }
        assert_eq!(realms.evicted(), 2);
        assert!(realms.get(realm(1)).is_none() && realms.get(realm(6)).is_some());
    }
}
