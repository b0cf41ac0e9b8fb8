//! What a process runs, told so that it can be compared with what others know: its digest and its
//! package.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    clock::BootTime,
    event::{Event, ProcessId, Tgid},
    hexadecimal,
};

/// What is known of an executable or a script that a process began to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Its digest.
    pub digest: Sha256,
    /// What ties the digest to what was executed.
    pub evidence: Evidence,
    /// The package that it belongs to, by its path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub package: Option<Arc<Package>>,
}

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Its 64 hexadecimal digits.
    #[must_use]
    pub fn digits(&self) -> [u8; 64] {
        let mut digits = [b'0'; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            for (place, half) in pair.iter_mut().zip([byte >> 4, byte & 0xf]) {
                *place = hexadecimal::digit(half.into()).unwrap_or(b'0');
            }
        }
        digits
    }
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// The architecture that it was built for; `all` for any.
    pub architecture: Box<str>,
}

/// What ties a digest to what was executed, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// All of the file's key was the same after reading as at the exec, and a change in between
    /// would have changed it. Of a script, whose key nobody knew: it was not changed since the exec.
    Unchanged,
    /// The file's inode was changed after the exec (deleted, renamed, other permissions), and the
    /// process still ran it then; the kernel lets nobody write to a running executable. Not proven
    /// is that the process had not run another executable in between, which gave back this one
    /// changed, with its old size and time of modification.
    Running,
    /// As [`Evidence::Unchanged`], but the file was changed so shortly before the exec (less than
    /// [`crate::clock::file_time_granularity`]) that a change shortly after it could have had the same
    /// time. Not proven is that there was none.
    Young,
    /// The process had ended, and its script was looked up from another process's root directory:
    /// not proven is that it had the same (`chroot`), or that no mount has since hidden the script.
    LookedUp,
}

impl Evidence {
    /// Its name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Running => "running",
            Self::Young => "young",
            Self::LookedUp => "looked_up",
        }
    }
}

/// An exec: unique until the host boots again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecId {
    /// The process.
    pub process: ProcessId,
    /// When.
    pub time: BootTime,
}

impl ExecId {
    /// That of an exec.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(Self {
            process: event.actor?.id,
            time: event.origin.time,
        })
    }

    /// By numbers, as recordings keep it: the process's id and start, and the exec's time.
    #[must_use]
    pub const fn to_numbers(self) -> (u32, u64, u64) {
        (self.process.tgid.0, self.process.start.0, self.time.0)
    }

    /// From what [`Self::to_numbers`] gave.
    #[must_use]
    pub const fn from_numbers((tgid, start, time): (u32, u64, u64)) -> Self {
        Self {
            process: ProcessId {
                tgid: Tgid(tgid),
                start: BootTime(start),
            },
            time: BootTime(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_64_digits() {
        let mut digest = Sha256([0; 32]);
        digest.0[0] = 0xab;
        digest.0[31] = 0x0c;
        let text = String::from_utf8(digest.digits().to_vec()).unwrap();
        assert!(text.starts_with("ab00") && text.ends_with("0c"), "{text}");
    }
}
