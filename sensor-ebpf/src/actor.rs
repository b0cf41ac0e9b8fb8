//! Who acts: the process behind a hook, checked against what was last known of it.
//!
//! Every hook that runs in a process's context asks here first. It learns whether the process is
//! in scope and what a record's header says of it; and, because everybody asks, a change of
//! credentials that nobody committed is noticed at whatever the process does next.

#![forbid(unsafe_code)]

use sensor_common::{
    privilege::CredentialDivergence,
    record::{Kind, flags},
    state::{Owner, TaskState},
};

use crate::{
    credentials::{self, Reading},
    kernel::{
        Access, Pointer, Probed, Record, TASKS, Typed, current_task, current_task_typed, field,
        setting, wanted,
    },
    namespaces,
};

/// `PF_KTHREAD` (`include/linux/sched.h`): a thread of the kernel's own.
pub const PF_KTHREAD: u32 = 0x0020_0000;

/// The process behind a hook.
pub struct Actor {
    /// What was last known of the thread, brought up to date.
    pub state: &'static mut TaskState,
    /// What a record's header says.
    pub owner: Owner,
}

/// The process that runs, if it is in scope. `found_by` says which hook asks.
#[inline(always)]
pub fn current<A: Access>(found_by: Kind) -> Option<Actor> {
    if A::TYPED && setting::CURRENT_TASK_BTF.get() != 0 {
        of_task::<Typed>(current_task_typed(), found_by)
    } else {
        of_task::<Probed>(current_task(), found_by)
    }
}

/// The process that runs, if it is in scope, where the hook was given its task.
#[inline(always)]
pub fn of_task<A: Access>(task: Pointer, found_by: Kind) -> Option<Actor> {
    let mut owner = Owner::NOBODY;
    let state = identify::<A>(task, found_by as u32, &mut owner)?;
    Some(Actor { state, owner })
}

/// Finds a task's state and fills in the owner; nothing if the task is not in scope.
///
/// A function of its own, so that it is in each program once, whatever calls it.
#[inline(never)]
fn identify<A: Access>(
    task: Pointer,
    found_by: u32,
    owner: &mut Owner,
) -> Option<&'static mut TaskState> {
    let task_flags: u32 = field::TASK_FLAGS.get::<A, _>(task);
    if task_flags & PF_KTHREAD != 0 {
        return identify_borrowed(task, found_by, owner);
    }
    if task_flags & setting::IO_WORKER_FLAG.get() != 0 {
        owner.flags = u32::from(flags::IO_WORKER);
    }
    identify_process::<A>(task, found_by, owner)
}

/// Before 5.12 a request that io_uring cannot finish at once is finished by a kernel thread that
/// borrows the process's memory: the process is the owner of that memory.
#[inline(always)]
fn identify_borrowed(
    thread: Pointer,
    found_by: u32,
    owner: &mut Owner,
) -> Option<&'static mut TaskState> {
    if setting::IO_WORKER_FLAG.get() != 0 || !field::MM_OWNER.exists() {
        return None;
    }
    let mm = field::TASK_MM.follow::<Probed>(thread);
    if mm.is_null() {
        return None;
    }
    let task = field::MM_OWNER.follow::<Probed>(mm);
    if task.is_null() {
        return None;
    }
    owner.flags = u32::from(flags::IO_WORKER);
    identify_process::<Probed>(task, found_by, owner)
}

#[inline(always)]
fn identify_process<A: Access>(
    task: Pointer,
    found_by: u32,
    owner: &mut Owner,
) -> Option<&'static mut TaskState> {
    let cgroup = field::CSS_SET_DFL_CGRP.follow::<A>(field::TASK_CGROUPS.follow::<A>(task));
    if setting::SCOPE_CGROUP.get() != 0 && !is_in_scope::<A>(cgroup) {
        return None;
    }
    if setting::CGROUP_HIERARCHY.get() == 0 {
        owner.cgroup = cgroup_id::<A>(cgroup);
    } else {
        owner.cgroup = cgroup_v1_id(field::TASK_CGROUPS.follow::<A>(task));
    }
    owner.tid = field::TASK_PID.get::<A, _>(task);
    let state = match TASKS.find(task.key()) {
        Some(state) if is_same_task::<A>(task, state) => {
            describe(state, owner);
            check_credentials::<A>(task, state, owner, found_by);
            namespaces::check::<A>(task, state, owner);
            state
        }
        _ => first_sight::<A>(task, owner)?,
    };
    Some(state)
}

/// Whether a cgroup is the scope or below it. A cgroup lists its ancestors by depth: their ids
/// before 6.1, pointers to them since.
#[inline(always)]
fn is_in_scope<A: Access>(cgroup: Pointer) -> bool {
    let level: u32 = field::CGROUP_LEVEL.get::<A, _>(cgroup);
    let scope = setting::SCOPE_LEVEL.get();
    if level < scope {
        return false;
    }
    let entry = scope.wrapping_mul(8);
    let id = if field::CGROUP_ANCESTORS.exists() {
        let list = field::CGROUP_ANCESTORS.of(cgroup);
        cgroup_id::<Probed>(Probed::load_pointer(list.offset(entry)))
    } else {
        field::CGROUP_ANCESTOR_IDS.of(cgroup).offset(entry).read()
    };
    id == setting::SCOPE_CGROUP.get()
}

/// The id of the cgroup in the version 1 hierarchy that tells containers apart.
#[inline(always)]
fn cgroup_v1_id(cgroups: Pointer) -> u64 {
    let controllers = field::CSS_SET_SUBSYS.of(Pointer::from_address(cgroups.address()));
    let place = setting::CGROUP_SUBSYS.get().wrapping_mul(8);
    let state = Probed::load_pointer(controllers.offset(place));
    cgroup_id::<Probed>(field::CSS_CGROUP.follow::<Probed>(state))
}

/// A cgroup's id.
#[inline(always)]
pub fn cgroup_id<A: Access>(cgroup: Pointer) -> u64 {
    field::KERNFS_NODE_ID.get::<A, _>(field::CGROUP_KN.follow::<A>(cgroup))
}

/// A task that was there before the sensor.
#[inline(never)]
fn first_sight<A: Access>(task: Pointer, owner: &mut Owner) -> Option<&'static mut TaskState> {
    let state = TASKS.add(task.key(), |state| read_state::<A>(task, state))?;
    describe(state, owner);
    owner.flags |= u32::from(flags::FIRST_SIGHT);
    Some(state)
}

/// Reads all that is kept of a task.
#[inline(always)]
pub fn read_state<A: Access>(task: Pointer, state: &mut TaskState) {
    let leader = field::TASK_GROUP_LEADER.follow::<A>(task);
    let cred = field::TASK_REAL_CRED.follow::<A>(task);
    let nsproxy = field::TASK_NSPROXY.follow::<A>(task);
    state.start = field::TASK_START_BOOTTIME.get::<A, _>(task);
    state.leader_start = field::TASK_START_BOOTTIME.get::<A, _>(leader);
    state.tgid = field::TASK_TGID.get::<A, _>(task);
    state.flags = 0;
    state.cred = cred.address();
    state.group_info = field::CRED_GROUP_INFO.get::<A, _>(cred);
    state.user_ns = field::CRED_USER_NS.get::<A, _>(cred);
    state.nsproxy = nsproxy.address();
    credentials::read::<A>(cred, &mut state.credentials);
    namespaces::read::<A>(nsproxy, &mut state.namespaces);
    state.namespaces.user = state.credentials.user_namespace;
    state.digest = state.credentials.digest();
}

/// Whether a state is that of this task, and not of an earlier one whose end went unnoticed. A
/// thread that execs takes over its leader's id and start time (`de_thread`, `fs/exec.c`); the
/// state keeps the thread's own, and so remembers both.
#[inline(always)]
fn is_same_task<A: Access>(task: Pointer, state: &TaskState) -> bool {
    let start: u64 = field::TASK_START_BOOTTIME.get::<A, _>(task);
    if state.start == start {
        return true;
    }
    state.leader_start == start && state.tgid == field::TASK_TGID.get::<A, u32>(task)
}

/// Completes a record's owner from what is known of the task.
#[inline(always)]
fn describe(state: &TaskState, owner: &mut Owner) {
    owner.start = state.leader_start;
    owner.credentials = state.digest;
    owner.tgid = state.tgid;
    owner.uid = state.credentials.uid;
}

#[inline(always)]
fn check_credentials<A: Access>(
    task: Pointer,
    state: &mut TaskState,
    owner: &mut Owner,
    found_by: u32,
) {
    let cred = field::TASK_REAL_CRED.follow::<A>(task);
    let user_ns: u64 = field::CRED_USER_NS.get::<A, _>(cred);
    if !credentials::are::<A>(cred, &state.credentials) || user_ns != state.user_ns {
        diverged(cred.address(), state, owner, found_by);
    }
    state.cred = cred.address();
}

/// Reports credentials that differ from the last committed, and keeps them as the new state, so
/// that one change is one record.
#[inline(never)]
fn diverged(cred: u64, state: &mut TaskState, owner: &mut Owner, found_by: u32) {
    let cred = Pointer::from_address(cred);
    let mut found = Reading::new();
    let found = found.of::<Probed>(cred);
    state.user_ns = field::CRED_USER_NS.get::<Probed, _>(cred);
    if found.same(&state.credentials) {
        return;
    }
    let digest = found.digest();
    owner.credentials = digest;
    owner.uid = found.uid;
    if wanted(Kind::CredentialDivergence)
        && let Some(mut record) =
            Record::<CredentialDivergence>::open(Kind::CredentialDivergence, owner)
    {
        record.before = state.credentials;
        record.after = *found;
        record.same_object = u32::from(state.cred == cred.address());
        record.found_by = found_by;
        record.submit();
    }
    state.credentials = *found;
    state.digest = digest;
}
