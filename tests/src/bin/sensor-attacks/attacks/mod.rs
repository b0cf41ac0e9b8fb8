//! The attacks, written from ATT&CK's descriptions of the techniques.
//!
//! Each is a shell script that does harm to nobody: what it would steal is made for it, and the
//! attacker's host is an address of this machine ([`crate::attacker`]).

mod access;
mod escalation;
mod evasion;
mod execution;
mod exfiltration;
mod movement;

/// An attack.
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// ATT&CK's id of what it does.
    pub technique: &'static str,
    /// Who does it.
    pub user: User,
    /// What the shell is told to do. It may fail: whoever attacks tries.
    pub script: &'static str,
}

/// Who attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Somebody who has taken over root's account or a service that runs as root.
    Root,
    /// Somebody with a login.
    Alice,
    /// Somebody who has taken over a web server.
    WebServer,
}

impl User {
    /// The account's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Alice => "alice",
            Self::WebServer => "www-data",
        }
    }
}

/// Every attack.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        execution::ATTACKS,
        escalation::ATTACKS,
        evasion::ATTACKS,
        access::ATTACKS,
        movement::ATTACKS,
        exfiltration::ATTACKS,
    ]
    .into_iter()
    .flatten()
}
