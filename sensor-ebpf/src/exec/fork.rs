//! A process is made.

use sensor_common::{
    exec::Fork,
    record::{Kind, ProcessKey},
    state::task_flags,
};

use super::{namespace_pid, read_parent};
use crate::{
    actor::{self, Actor, PF_KTHREAD},
    kernel::{Access, Hook, Pointer, Record, TASKS, field, wanted},
    privilege,
    spare::Run,
};

/// `sched_process_fork(parent, child)`, `kernel/fork.c`: before the child runs for the first time,
/// for threads too.
#[inline(always)]
pub fn fork<H: Hook>(hook: &H, run: Run) {
    let parent = hook.pointer(0);
    let child = hook.pointer(1);
    let child_flags: u32 = field::TASK_FLAGS.get::<H::Access, _>(child);
    if child_flags & PF_KTHREAD != 0 {
        return;
    }
    if run.is_needless(parent, task_flags::FORK_SEEN) {
        return;
    }
    let Some(actor) = actor::of_task::<H::Access>(parent, Kind::Fork) else {
        return;
    };
    run.saw(actor.state, task_flags::FORK_SEEN, Kind::Fork);
    let key = ProcessKey {
        start: field::TASK_START_BOOTTIME.get::<H::Access, _>(child),
        tgid: field::TASK_TGID.get::<H::Access, _>(child),
        tid: field::TASK_PID.get::<H::Access, _>(child),
    };
    if key.tgid == key.tid && wanted(Kind::Fork) {
        report::<H::Access>(child, &key, &actor);
    }
    inherit::<H::Access>(child, &key, &actor);
}

#[inline(always)]
fn report<A: Access>(child: Pointer, key: &ProcessKey, actor: &Actor) {
    if let Some(mut record) = Record::<Fork>::open(Kind::Fork, &actor.owner) {
        record.child.start = key.start;
        record.child.tgid = key.tgid;
        record.child.tid = key.tid;
        read_parent::<A>(child, &mut record.parent);
        record.namespace_pid = namespace_pid::<A>(child);
        record.reserved = 0;
        record.submit();
    }
}

/// Keeps the child's state: its parent's, but for what a new task has of its own. A child that was
/// made in other namespaces is reported as such.
#[inline(always)]
fn inherit<A: Access>(child: Pointer, key: &ProcessKey, actor: &Actor) {
    let parent = &*actor.state;
    let cred = field::TASK_REAL_CRED.follow::<A>(child);
    let user_ns: u64 = field::CRED_USER_NS.get::<A, _>(cred);
    let nsproxy: u64 = field::TASK_NSPROXY.get::<A, _>(child);
    if user_ns != parent.user_ns || nsproxy != parent.nsproxy {
        privilege::cloned::<A>(child, key.tid, parent, &actor.owner);
        return;
    }
    let _ = TASKS.add(child.key(), |state| {
        *state = *parent;
        state.start = key.start;
        if key.tgid == key.tid {
            state.leader_start = key.start;
        }
        state.tgid = key.tgid;
        state.flags = 0;
        state.cred = cred.address();
    });
}
