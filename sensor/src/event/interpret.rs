//! What only a look at earlier events, or at the ladder, can tell.
//!
//! - Whether credentials that nobody was seen to commit were overwritten in memory, or changed by a
//!   call that this rung of the ladder does not see.
//! - Whether a BPF program is new.

use std::collections::BTreeSet;

use sensor_common::{credentials::Credentials, record::Kind};
use serde::{Deserialize, Serialize};

use super::{Body, BpfAccess, BpfProgram, CredentialDivergence, Event, Exec, Tgid, Verdict};

/// Completes events in the order in which they happened.
#[derive(Debug)]
pub struct Interpreter {
    commits: Commits,
    programs: Programs,
}

/// What an interpreter needs to know of the kernel side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Premises {
    /// Whether every commit of credentials is seen.
    pub commits: Commits,
    /// The highest id of a BPF program when the hook began to watch: the kernel gives ids in
    /// ascending order (`bpf_prog_alloc_id`, kernel/bpf/syscall.c).
    pub newest_program: u32,
    /// The sensor itself, if its connections are not to be told: what it sends to a SIEM is nothing
    /// that the host does.
    #[serde(default)]
    pub own: Option<Tgid>,
}

/// Whether every commit of credentials is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Commits {
    /// `commit_creds` is hooked.
    Seen,
    /// It cannot be hooked here, or the kernel has skipped a run of the hook.
    Unseen,
}

impl Interpreter {
    /// An interpreter under these premises.
    #[must_use]
    pub const fn new(premises: Premises) -> Self {
        Self {
            commits: premises.commits,
            programs: Programs {
                newest_at_start: premises.newest_program,
                seen: BTreeSet::new(),
            },
        }
    }

    /// From now on commits may be missed.
    pub const fn doubt_commits(&mut self) {
        self.commits = Commits::Unseen;
    }

    /// Completes an event.
    pub fn interpret(&mut self, event: &mut Event) {
        match &mut event.body {
            Body::CredentialDivergence(divergence) => {
                divergence.verdict = self.judge(divergence);
            }
            Body::Exec(exec) if self.commits == Commits::Unseen => complete_exec(exec),
            Body::BpfProgram(program) => program.access = self.programs.access(program),
            _ => {}
        }
    }

    fn judge(&self, divergence: &CredentialDivergence) -> Verdict {
        let by_call = call_can_change(&divergence.before, &divergence.after);
        let by_exec = divergence.found_by == Kind::Exec
            && exec_can_change(&divergence.before, &divergence.after);
        // That it is the same object says nothing where commits are not seen: after two of them a
        // new one can lie where the old one was.
        if self.commits == Commits::Unseen && (by_call || by_exec) {
            Verdict::Observed
        } else {
            Verdict::Overwritten
        }
    }
}

/// What the commit's hook would have said of the exec, as far as its outcome tells: who called has
/// the real ids, and what an ordinary file leaves of capabilities are the ambient ones
/// (`capabilities(7)`).
fn complete_exec(exec: &mut Exec) {
    const S_ISUID: u32 = 0o4000;
    const S_ISGID: u32 = 0o2000;
    let (file, now) = (&exec.file, &exec.credentials);
    exec.setuid |= file.mode & S_ISUID != 0 && now.euid == file.uid && now.euid != now.uid;
    exec.setgid |= file.mode & S_ISGID != 0 && now.egid == file.gid && now.egid != now.gid;
    // Who becomes root has its capabilities from that.
    let is_root = now.uid == 0 || now.euid == 0;
    exec.file_capabilities |= !is_root && now.cap_permitted & !now.cap_ambient != 0;
}

const CAP_SETGID: u64 = 1 << 6;
const CAP_SETUID: u64 = 1 << 7;
const CAP_SETPCAP: u64 = 1 << 8;

/// Whether a process with these credentials can give itself those by system calls.
pub(crate) fn call_can_change(before: &Credentials, after: &Credentials) -> bool {
    // A process that makes or joins a user namespace has all capabilities in it.
    if before.user_namespace != after.user_namespace {
        return true;
    }
    let uids = [before.uid, before.euid, before.suid, before.fsuid];
    let gids = [before.gid, before.egid, before.sgid, before.fsgid];
    let may = |capability| before.cap_permitted & capability != 0;
    let uids_can = may(CAP_SETUID)
        || [after.uid, after.euid, after.suid, after.fsuid]
            .iter()
            .all(|id| uids.contains(id));
    let gids_can = may(CAP_SETGID)
        || [after.gid, after.egid, after.sgid, after.fsgid]
            .iter()
            .all(|id| gids.contains(id));
    let within = |part: u64, whole: u64| part & !whole == 0;
    let inheritable_can = within(
        after.cap_inheritable,
        before.cap_inheritable | before.cap_permitted,
    ) || may(CAP_SETPCAP);
    uids_can
        && gids_can
        && inheritable_can
        && within(after.cap_permitted, before.cap_permitted)
        && within(after.cap_effective, after.cap_permitted)
        && within(
            after.cap_ambient,
            after.cap_permitted & after.cap_inheritable,
        )
        && within(after.cap_bset, before.cap_bset)
}

/// Whether an exec can: the file's owner becomes the effective and saved user, never the real one.
fn exec_can_change(before: &Credentials, after: &Credentials) -> bool {
    before.user_namespace == after.user_namespace
        && before.uid == after.uid
        && before.gid == after.gid
        && after.suid == after.euid
        && after.fsuid == after.euid
        && after.sgid == after.egid
        && after.fsgid == after.egid
        && before.cap_bset == after.cap_bset
        && before.cap_inheritable == after.cap_inheritable
}

/// Which BPF programs were there before.
#[derive(Debug)]
struct Programs {
    newest_at_start: u32,
    seen: BTreeSet<u32>,
}

/// Ids of programs that are remembered. The oldest go first, and would pass for new again.
const PROGRAMS_KEPT: usize = 16_384;

impl Programs {
    fn access(&mut self, program: &BpfProgram) -> BpfAccess {
        if program.id <= self.newest_at_start || !self.seen.insert(program.id) {
            return BpfAccess::Open;
        }
        if self.seen.len() > PROGRAMS_KEPT {
            self.seen.pop_first();
        }
        BpfAccess::Load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = (1 << 41) - 1;

    fn user(uid: u32) -> Credentials {
        Credentials {
            uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            gid: uid,
            egid: uid,
            sgid: uid,
            fsgid: uid,
            cap_bset: ALL,
            user_namespace: 7,
            ..Credentials::default()
        }
    }

    fn root() -> Credentials {
        Credentials {
            cap_permitted: ALL,
            cap_effective: ALL,
            ..user(0)
        }
    }

    fn judged(
        commits: Commits,
        before: Credentials,
        after: Credentials,
        found_by: Kind,
    ) -> Verdict {
        let premises = Premises {
            own: None,
            commits,
            newest_program: 0,
        };
        Interpreter::new(premises).judge(&CredentialDivergence {
            before,
            after,
            same_object: false,
            found_by,
            verdict: Verdict::Observed,
        })
    }

    #[test]
    fn where_commits_are_seen_every_other_change_is_an_overwrite() {
        let verdict = judged(Commits::Seen, root(), user(1000), Kind::Fork);
        assert_eq!(verdict, Verdict::Overwritten);
    }

    #[test]
    fn dropping_privileges_is_possible_by_calls_and_gaining_them_is_not() {
        let judge = |before, after| judged(Commits::Unseen, before, after, Kind::Connect);
        assert_eq!(judge(root(), user(1000)), Verdict::Observed);
        assert_eq!(judge(user(1000), user(1001)), Verdict::Overwritten);
        assert_eq!(judge(user(1000), root()), Verdict::Overwritten);
        let mut capable = user(1000);
        capable.cap_permitted = 1;
        assert_eq!(judge(user(1000), capable), Verdict::Overwritten);
        let mut swapped = user(1000);
        swapped.suid = 5;
        let mut back = swapped;
        back.euid = 5;
        assert_eq!(judge(swapped, back), Verdict::Observed);
        let mut inside = root();
        inside.uid = 1000;
        inside.euid = 1000;
        inside.user_namespace = 8;
        assert_eq!(judge(user(1000), inside), Verdict::Observed);
    }

    #[test]
    fn a_setuid_exec_keeps_the_real_user() {
        let mut after = root();
        after.uid = 1000;
        after.gid = 1000;
        after.egid = 1000;
        after.sgid = 1000;
        after.fsgid = 1000;
        let judge = |after| judged(Commits::Unseen, user(1000), after, Kind::Exec);
        assert_eq!(judge(after), Verdict::Observed);
        assert_eq!(judge(root()), Verdict::Overwritten);
    }

    #[test]
    fn a_program_is_loaded_once() {
        let program = |id| BpfProgram {
            id,
            program_type: 0,
            attach_type: 0,
            instructions: 0,
            tag: [0; 8],
            overrides_return: false,
            gpl_compatible: true,
            name: bytes::Bytes::new(),
            function: bytes::Bytes::new(),
            access: BpfAccess::Load,
        };
        let mut programs = Programs {
            newest_at_start: 10,
            seen: BTreeSet::new(),
        };
        assert_eq!(programs.access(&program(10)), BpfAccess::Open);
        assert_eq!(programs.access(&program(12)), BpfAccess::Load);
        assert_eq!(programs.access(&program(11)), BpfAccess::Load);
        assert_eq!(programs.access(&program(12)), BpfAccess::Open);
    }
}
