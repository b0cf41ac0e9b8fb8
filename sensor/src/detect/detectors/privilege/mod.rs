//! Root by other ways than those that are made for it.
//!
//! Credentials are judged by the host's ids and user namespace: root of a user namespace is not root.
//! [`rules`]: the rules.

mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sensor_common::{credentials::Credentials, privilege::Cause};

use super::{
    INITIAL_USERS,
    finding::{alert, command, quoted, who},
    programs::{Class, class, is_in_writable_place, program},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    event::{Body, CredentialChange, Exec, interpret::call_can_change},
    observed::Observed,
};

const CAP_SETUID: u64 = 1 << 7;
/// Capabilities that are as good as root's id to whoever may run what he likes: CHOWN, DAC_OVERRIDE,
/// DAC_READ_SEARCH, FOWNER, SETGID, SETUID, SETPCAP, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SETFCAP, BPF.
const AS_GOOD_AS_ROOT: u64 = 1
    | 1 << 1
    | 1 << 2
    | 1 << 3
    | 1 << 6
    | CAP_SETUID
    | 1 << 8
    | 1 << 16
    | 1 << 17
    | 1 << 19
    | 1 << 21
    | 1 << 31
    | 1 << 39;

/// Finds root by other ways.
#[derive(Debug)]
pub(super) struct Privilege {
    rules: [Arc<RuleDescription>; 4],
}

/// Whether somebody is root on the host.
pub(super) const fn is_root(credentials: &Credentials) -> bool {
    credentials.user_namespace == INITIAL_USERS && (credentials.uid == 0 || credentials.euid == 0)
}

/// Whether none of the user ids is root's, on the host.
pub(super) const fn is_without_root(credentials: &Credentials) -> bool {
    credentials.user_namespace == INITIAL_USERS
        && credentials.uid != 0
        && credentials.euid != 0
        && credentials.suid != 0
        && credentials.fsuid != 0
}

/// The user ids in words.
pub(super) fn users(credentials: &Credentials) -> String {
    if credentials.uid == credentials.euid {
        format!("user id {}", credentials.uid)
    } else {
        format!(
            "user id {}, effective {}",
            credentials.uid, credentials.euid
        )
    }
}

impl Privilege {
    pub(super) fn new() -> Self {
        Self {
            rules: [
                rules::BY_CALL.rule(),
                rules::FORGED.rule(),
                rules::OUT_OF_PLACE.rule(),
                rules::SHELL.rule(),
            ],
        }
    }

    fn committed(&self, change: &CredentialChange, observed: &Observed<'_>) -> Option<Alert> {
        let [by_call, forged, ..] = &self.rules;
        let (before, after) = (&change.before, &change.after);
        if change.cause != Cause::Call {
            return None;
        }
        let origin = observed.event.origin;
        let process = who(observed.process);
        if !call_can_change(before, after) {
            let reason = format!(
                "{process} with {} and capabilities {:#x} committed {} and capabilities {:#x}, which no \
                 call allows.",
                users(before),
                before.cap_permitted,
                users(after),
                after.cap_permitted
            );
            return Some(alert(forged, reason, None, origin));
        }
        (is_without_root(before) && is_root(after)).then(|| {
            let reason = format!(
                "{process} with {} made itself {} by a call, with capabilities {:#x}.",
                users(before),
                users(after),
                before.cap_permitted
            );
            alert(by_call, reason, None, origin)
        })
    }

    fn executed(&self, exec: &Exec, observed: &Observed<'_>) -> Option<Alert> {
        let [.., out_of_place, shell] = &self.rules;
        let credentials = &exec.credentials;
        let becomes_root = exec.setuid
            && exec.file.uid == 0
            && credentials.uid != 0
            && credentials.user_namespace == INITIAL_USERS;
        let gains = credentials.cap_permitted & AS_GOOD_AS_ROOT;
        let is_capable = exec.file_capabilities
            && gains != 0
            && credentials.uid != 0
            && credentials.user_namespace == INITIAL_USERS;
        if !becomes_root && !is_capable {
            return None;
        }
        let executable = String::from_utf8_lossy(&exec.executable.bytes);
        let image = observed.process?.image.as_deref()?;
        let rule = if is_in_writable_place(&executable) {
            out_of_place
        } else if runs_what_it_is_told(program(image)) {
            shell
        } else {
            return None;
        };
        let what = if becomes_root {
            "root's id".to_owned()
        } else {
            format!("capabilities {gains:#x}")
        };
        let reason = format!(
            "{} gave {what} to user {}: {}, started by {}.",
            quoted(&executable),
            credentials.uid,
            command(exec),
            who(observed.parent)
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }
}

/// Whether a program runs, reads or writes whatever it is told.
fn runs_what_it_is_told(name: &str) -> bool {
    let class = class(name);
    matches!(
        class,
        Some(
            Class::Shell | Class::Interpreter | Class::Relay | Class::Debugger | Class::Downloader
        )
    ) || matches!(
        name,
        "find"
            | "vim"
            | "vi"
            | "vim.basic"
            | "vim.tiny"
            | "nvim"
            | "nano"
            | "ed"
            | "emacs"
            | "less"
            | "more"
            | "man"
            | "cp"
            | "mv"
            | "dd"
            | "tee"
            | "cat"
            | "head"
            | "tail"
            | "sed"
            | "tar"
            | "zip"
            | "rsync"
            | "env"
            | "nice"
            | "timeout"
            | "taskset"
            | "setarch"
            | "stdbuf"
            | "xargs"
            | "watch"
            | "time"
            | "flock"
            | "ionice"
            | "chroot"
            | "unshare"
            | "nsenter"
            | "make"
            | "git"
            | "docker"
            | "systemctl"
            | "busybox"
            | "capsh"
            | "start-stop-daemon"
            | "chmod"
            | "chown"
            | "install"
            | "base64"
            | "xxd"
    )
}

impl Detector for Privilege {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        alerts.extend(match &observed.event.body {
            Body::CredentialChange(change) => self.committed(change, observed),
            Body::Exec(exec) => self.executed(exec, observed),
            _ => None,
        });
    }

    /// It remembers nothing.
    fn limits(&self, _limit: &mut dyn FnMut(&'static str, u64)) {}
}
