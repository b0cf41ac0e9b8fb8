//! The namespaces that a task lives in, and how it comes into others.

#![forbid(unsafe_code)]

use sensor_common::{
    namespaces::Namespaces,
    privilege::{Namespace, NamespaceOperation},
    record::Kind,
    state::{Owner, TaskState, task_flags},
};

use crate::{
    actor,
    kernel::{Access, Buffer, Field, Hook, Pointer, Probed, Record, field, wanted},
};

/// Reads the inode numbers of a `struct nsproxy`'s namespaces; the user namespace, which is not
/// among them, is left as it is.
#[inline(always)]
pub fn read<A: Access>(nsproxy: Pointer, namespaces: &mut Namespaces) {
    namespaces.mnt = inum::<A>(&field::NSPROXY_MNT, &field::MNT_NS_INUM, nsproxy);
    namespaces.pid = inum::<A>(&field::NSPROXY_PID, &field::PID_NS_INUM, nsproxy);
    namespaces.net = inum::<A>(&field::NSPROXY_NET, &field::NET_INUM, nsproxy);
    namespaces.uts = inum::<A>(&field::NSPROXY_UTS, &field::UTS_NS_INUM, nsproxy);
    namespaces.ipc = inum::<A>(&field::NSPROXY_IPC, &field::IPC_NS_INUM, nsproxy);
    namespaces.cgroup = 0;
    namespaces.time = 0;
    if field::NSPROXY_CGROUP.exists() && field::CGROUP_NS_INUM.exists() {
        namespaces.cgroup = inum::<A>(&field::NSPROXY_CGROUP, &field::CGROUP_NS_INUM, nsproxy);
    }
    if field::NSPROXY_TIME.exists() && field::TIME_NS_INUM.exists() {
        namespaces.time = inum::<A>(&field::NSPROXY_TIME, &field::TIME_NS_INUM, nsproxy);
    }
}

#[inline(always)]
fn inum<A: Access>(member: &Field, number: &Field, nsproxy: Pointer) -> u32 {
    let namespace = member.follow::<A>(nsproxy);
    // A kernel without a kind of namespace has the member all the same, and nothing in it.
    if namespace.is_null() {
        return 0;
    }
    number.get::<A, u32>(namespace)
}

/// Where changes of namespaces are not hooked, or the kernel skipped the hook's program, they are
/// noticed at whatever the task does next.
#[inline(always)]
pub fn check<A: Access>(task: Pointer, state: &mut TaskState, owner: &Owner) {
    let nsproxy = field::TASK_NSPROXY.follow::<A>(task);
    let user = state.credentials.user_namespace;
    // A task that is about to end has no namespaces any more.
    if nsproxy.is_null() || (nsproxy.address() == state.nsproxy && user == state.namespaces.user) {
        return;
    }
    observed(nsproxy.address(), state, owner);
}

#[inline(never)]
fn observed(nsproxy: u64, state: &mut TaskState, owner: &Owner) {
    let mut now = Buffer::new();
    let now: &mut Namespaces = now.written();
    read::<Probed>(Pointer::from_address(nsproxy), now);
    now.user = state.credentials.user_namespace;
    report(&state.namespaces, now, NamespaceOperation::Observed, owner);
    state.namespaces = *now;
    state.nsproxy = nsproxy;
}

/// `ksys_unshare(flags)`, `kernel/fork.c`: what happens until it returns is an unshare.
#[inline(always)]
pub fn unshare_begins<H: Hook>() {
    mark::<H>(task_flags::UNSHARING, task_flags::UNSHARING);
}

/// `ksys_unshare` returns.
#[inline(always)]
pub fn unshare_ends<H: Hook>() {
    mark::<H>(task_flags::UNSHARING, 0);
}

#[inline(always)]
fn mark<H: Hook>(mask: u32, value: u32) {
    if let Some(actor) = actor::current::<H::Access>(Kind::Namespace) {
        actor.state.flags = (actor.state.flags & !mask) | value;
    }
}

/// How a task comes into other namespaces by a call of its own.
#[inline(always)]
pub fn operation(state: &TaskState) -> NamespaceOperation {
    if state.flags & task_flags::UNSHARING != 0 {
        NamespaceOperation::Unshare
    } else {
        NamespaceOperation::Setns
    }
}

/// `switch_task_namespaces(task, new)`, `kernel/nsproxy.c`: by unshare and setns; up to 6.18 also
/// when a task ends, with nothing new.
#[inline(always)]
pub fn switch<H: Hook>(hook: &H) {
    let new = hook.pointer(1);
    if new.is_null() {
        return;
    }
    let Some(actor) = actor::current::<H::Access>(Kind::Namespace) else {
        return;
    };
    let state = actor.state;
    if new.address() == state.nsproxy {
        return;
    }
    let mut now = Buffer::new();
    let now: &mut Namespaces = now.written();
    read::<H::Access>(new, now);
    now.user = state.namespaces.user;
    report(&state.namespaces, now, operation(state), &actor.owner);
    state.namespaces = *now;
    state.nsproxy = new.address();
}

/// A task has committed the credentials of another user namespace.
#[inline(never)]
pub fn entered_user_namespace(state: &mut TaskState, owner: &Owner) {
    let mut now = state.namespaces;
    now.user = state.credentials.user_namespace;
    report(&state.namespaces, &now, operation(state), owner);
    state.namespaces.user = now.user;
}

/// Reports that a process came into other namespaces.
#[inline(always)]
pub fn report(
    before: &Namespaces,
    after: &Namespaces,
    operation: NamespaceOperation,
    owner: &Owner,
) {
    // A new set of namespaces can have the same ones in it.
    if before.same(after) || !wanted(Kind::Namespace) {
        return;
    }
    if let Some(mut record) = Record::<Namespace>::open(Kind::Namespace, owner) {
        record.before = *before;
        record.after = *after;
        record.operation = operation as u32;
        record.reserved = 0;
        record.submit();
    }
}
