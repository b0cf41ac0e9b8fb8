//! What was found out beside what the kernel told.
//!
//! The pipeline learns it from outside, from workers or a recording, and never looks itself: so a
//! replay says what was said when it happened.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    accounts::NamespaceAccounts, containers::ContainerId, execs::Part, hashing::Missing,
    runtimes::Details,
};
use crate::{
    clock::BootTime,
    process::fingerprint::{ExecId, Fingerprint},
};

/// Something that was found out.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Which executable a process began to run.
    Executable(ExecId, Result<Arc<Fingerprint>, Missing>),
    /// Which script it did.
    Script(ExecId, Result<Arc<Fingerprint>, Missing>),
    /// Which of them was not found out until the exec was written. Told to recordings alone.
    Pending(ExecId, Part),
    /// The users and groups of namespaces, and when they were read; none if nobody could.
    Accounts(Realm, BootTime, Option<Arc<NamespaceAccounts>>),
    /// What its runtime says of a container; none if it says nothing.
    Container(ContainerId, Option<Arc<Details>>),
    /// How often something was not found out until now, by the reasons' names. Comes last.
    Unanswered(BTreeMap<String, u64>),
}

/// Where users and groups have names: a mount namespace, whose files say them, and the user namespace
/// that it was made for, whose ids they are. By their inode numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Realm {
    /// The mount namespace.
    pub mount: u32,
    /// The user namespace.
    pub user: u32,
}
