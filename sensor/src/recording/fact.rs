//! Facts as JSON.

use std::{collections::BTreeMap, io::Cursor, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    clock::BootTime,
    enrich::{
        accounts::{Accounts, IdMap, Limits, Names, NamespaceAccounts},
        containers::ContainerId,
        execs::Part,
        fact::{Fact, Realm},
        hashing::Missing,
        runtimes::Details,
    },
    process::fingerprint::{ExecId, Fingerprint},
};

/// Entries of a file of accounts that a recording keeps: a frame has a limit. The names of others
/// are missing in a replay.
pub(super) const ENTRIES_KEPT: usize = 8_192;

/// What a recording keeps of a fact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FactForm {
    Executable(Exec, Found),
    Script(Exec, Found),
    Pending(Exec, Part),
    Accounts {
        realm: Realm,
        read: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        accounts: Option<AccountsForm>,
    },
    Container {
        container: ContainerId,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        details: Option<Arc<Details>>,
    },
    Unanswered(BTreeMap<String, u64>),
}

/// Process id and start, and the time of the exec.
type Exec = (u32, u64, u64);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Found {
    Fingerprint(Arc<Fingerprint>),
    Missing(Missing),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountsForm {
    users: Vec<(u32, String)>,
    groups: Vec<(u32, String)>,
    /// First id inside, first id outside, how many.
    user_map: Vec<(u32, u32, u32)>,
    group_map: Vec<(u32, u32, u32)>,
}

impl From<&Fact> for FactForm {
    fn from(fact: &Fact) -> Self {
        match fact {
            Fact::Executable(exec, found) => Self::Executable(exec.to_numbers(), found.into()),
            Fact::Script(exec, found) => Self::Script(exec.to_numbers(), found.into()),
            Fact::Pending(exec, part) => Self::Pending(exec.to_numbers(), *part),
            Fact::Accounts(realm, read, accounts) => Self::Accounts {
                realm: *realm,
                read: read.0,
                accounts: accounts.as_deref().map(Into::into),
            },
            Fact::Container(container, details) => Self::Container {
                container: container.clone(),
                details: details.clone(),
            },
            Fact::Unanswered(counts) => Self::Unanswered(counts.clone()),
        }
    }
}

impl From<FactForm> for Fact {
    fn from(form: FactForm) -> Self {
        match form {
            FactForm::Executable(exec, found) => {
                Self::Executable(ExecId::from_numbers(exec), found.into())
            }
            FactForm::Script(exec, found) => Self::Script(ExecId::from_numbers(exec), found.into()),
            FactForm::Pending(exec, part) => Self::Pending(ExecId::from_numbers(exec), part),
            FactForm::Accounts {
                realm,
                read,
                accounts,
            } => Self::Accounts(
                realm,
                BootTime(read),
                accounts.map(|form| Arc::new(form.into())),
            ),
            FactForm::Container { container, details } => Self::Container(container, details),
            FactForm::Unanswered(counts) => Self::Unanswered(counts),
        }
    }
}

impl From<&Result<Arc<Fingerprint>, Missing>> for Found {
    fn from(found: &Result<Arc<Fingerprint>, Missing>) -> Self {
        match found {
            Ok(fingerprint) => Self::Fingerprint(fingerprint.clone()),
            Err(missing) => Self::Missing(*missing),
        }
    }
}

impl From<Found> for Result<Arc<Fingerprint>, Missing> {
    fn from(found: Found) -> Self {
        match found {
            Found::Fingerprint(fingerprint) => Ok(fingerprint),
            Found::Missing(missing) => Err(missing),
        }
    }
}

impl From<&NamespaceAccounts> for AccountsForm {
    fn from(accounts: &NamespaceAccounts) -> Self {
        let entries = |names: &Names| {
            let kept = names.iter().take(ENTRIES_KEPT);
            kept.map(|(id, name)| (id, name.to_owned())).collect()
        };
        let map = |map: &IdMap| {
            let extents = map.extents().iter();
            extents
                .map(|extent| (extent.inside, extent.outside, extent.count))
                .collect()
        };
        Self {
            users: entries(&accounts.accounts.users),
            groups: entries(&accounts.accounts.groups),
            user_map: map(&accounts.user_map),
            group_map: map(&accounts.group_map),
        }
    }
}

impl From<AccountsForm> for NamespaceAccounts {
    fn from(form: AccountsForm) -> Self {
        Self {
            accounts: Accounts {
                users: names(&form.users),
                groups: names(&form.groups),
            },
            user_map: id_map(&form.user_map),
            group_map: id_map(&form.group_map),
            ..Self::default()
        }
    }
}

/// From what a file with these entries says. One that no file can have is left out.
fn names(entries: &[(u32, String)]) -> Names {
    let lines: String = entries
        .iter()
        .filter(|(_, name)| !name.contains([':', '\n']))
        .map(|(id, name)| format!("{name}:x:{id}:\n"))
        .collect();
    Names::read(Cursor::new(lines), Limits::default()).unwrap_or_default()
}

fn id_map(extents: &[(u32, u32, u32)]) -> IdMap {
    let lines: String = extents
        .iter()
        .map(|(inside, outside, count)| format!("{inside} {outside} {count}\n"))
        .collect();
    IdMap::parse(&lines).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::process::fingerprint::{Evidence, Package, Sha256};

    fn through_json(fact: &Fact) -> Fact {
        let json = serde_json::to_vec(&FactForm::from(fact)).unwrap();
        serde_json::from_slice::<FactForm>(&json).unwrap().into()
    }

    #[test]
    fn facts_are_read_as_they_were_written() {
        let exec = ExecId::from_numbers((7, 8, 9));
        let fingerprint = Fingerprint {
            digest: Sha256([7; 32]),
            evidence: Evidence::Running,
            package: Some(Arc::new(Package {
                name: "coreutils".into(),
                version: "9.1-1".into(),
                architecture: "amd64".into(),
            })),
        };
        let realm = Realm { mount: 4, user: 5 };
        let accounts = NamespaceAccounts::from(AccountsForm {
            users: vec![(0, "root".into()), (1000, "inner".into())],
            groups: vec![(5, "tty".into())],
            user_map: vec![(0, 100_000, 65_536)],
            group_map: vec![(0, 0, u32::MAX)],
        });
        assert_eq!(accounts.user(101_000), Some("inner"));
        for fact in [
            Fact::Executable(exec, Ok(Arc::new(fingerprint))),
            Fact::Script(exec, Err(Missing::Unreadable(13))),
            Fact::Pending(exec, Part::Script),
            Fact::Accounts(realm, BootTime(3), Some(Arc::new(accounts))),
            Fact::Accounts(realm, BootTime(3), None),
            Fact::Container(
                ContainerId {
                    id: "abc".into(),
                    owner: Some(5),
                },
                None,
            ),
            Fact::Unanswered([("hash_gone".to_owned(), 3)].into()),
        ] {
            assert_eq!(through_json(&fact), fact);
        }
    }

    proptest! {
        #[test]
        fn any_accounts_can_be_read(
            users in proptest::collection::vec((any::<u32>(), any::<String>()), 0..20),
            user_map in proptest::collection::vec(any::<(u32, u32, u32)>(), 0..5),
        ) {
            let form = AccountsForm { users, groups: Vec::new(), user_map, group_map: Vec::new() };
            let _ = NamespaceAccounts::from(form).user(5);
        }
    }
}
