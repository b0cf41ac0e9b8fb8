//! Credentials, namespaces, ptrace, and code that enters the kernel.

#![forbid(unsafe_code)]

use core::hint::black_box;

use sensor_common::{
    credentials::Credentials,
    privilege::{
        BpfProgram, Cause, CredentialChange, GROUPS_MAX, ModuleLoad, NamespaceOperation,
        PTRACE_MODE_ATTACH, Ptrace, PtraceOperation, bpf_flags,
    },
    record::{Kind, Text},
    state::{Owner, TaskState, task_flags},
};
use zerocopy::IntoBytes;

use crate::{
    actor,
    credentials::{self, Reading},
    kernel::{
        Access, Growing, Hook, Pointer, Probed, Record, TASKS, Typed, current_task,
        current_task_typed, field, setting, wanted,
    },
    namespaces,
    spare::Run,
};

/// `commit_creds(new)`, `kernel/cred.c`: the only way by which the kernel itself gives a task
/// other credentials.
#[inline(always)]
pub fn commit<H: Hook>(hook: &H, run: Run) {
    let new = hook.pointer(0);
    let task = current_task();
    if run.is_needless(task, task_flags::COMMIT_SEEN) {
        return;
    }
    // Most commits are an exec's and change nothing.
    if let Some(state) = TASKS.find(task.key())
        && credentials::are_apart::<H::Access>(new, &state.credentials)
        && field::CRED_GROUP_INFO.get::<H::Access, u64>(new) == state.group_info
        && field::CRED_USER_NS.get::<H::Access, u64>(new) == state.user_ns
    {
        state.cred = new.address();
        run.saw(state, task_flags::COMMIT_SEEN, Kind::CredentialChange);
        return;
    }
    if H::Access::TYPED && setting::CURRENT_TASK_BTF.get() != 0 {
        change::<Typed>(current_task_typed(), new);
    } else {
        change::<Probed>(task, Pointer::from_address(new.address()));
    }
    if let Some(state) = TASKS.find(task.key()) {
        run.saw(state, task_flags::COMMIT_SEEN, Kind::CredentialChange);
    }
}

#[inline(always)]
fn change<A: Access>(task: Pointer, new: Pointer) {
    if let Some(mut actor) = actor::of_task::<A>(task, Kind::CredentialChange) {
        committed::<A>(task, new, actor.state, &mut actor.owner);
    }
}

/// A function of its own, so that its stack is not below that of the search for the actor.
#[inline(never)]
fn committed<A: Access>(task: Pointer, new: Pointer, state: &mut TaskState, owner: &mut Owner) {
    let mut after = Reading::new();
    let after = after.of::<A>(new);
    owner.credentials = after.digest();
    owner.uid = after.uid;
    let cause = if field::TASK_IN_EXECVE.is_set::<A>(task) {
        state.flags |= exec_flags(&state.credentials, after);
        Cause::Exec
    } else {
        Cause::Call
    };
    let groups = [state.group_info, field::CRED_GROUP_INFO.get::<A, _>(new)];
    report_change(&state.credentials, after, &groups, cause as u32, owner);
    state.credentials = *after;
    state.digest = owner.credentials;
    state.cred = new.address();
    state.group_info = groups[1];
    state.user_ns = field::CRED_USER_NS.get::<A, _>(new);
    if after.user_namespace != state.namespaces.user {
        namespaces::entered_user_namespace(state, owner);
    }
}

#[inline(always)]
fn exec_flags(before: &Credentials, after: &Credentials) -> u32 {
    let mut flags = 0;
    if before.euid != after.euid {
        flags |= task_flags::EXEC_SETUID;
    }
    if before.egid != after.egid {
        flags |= task_flags::EXEC_SETGID;
    }
    // Who becomes root has its capabilities from that.
    let is_root = after.uid == 0 || after.euid == 0;
    if !is_root && after.cap_permitted & !before.cap_permitted != 0 {
        flags |= task_flags::EXEC_CAPABILITIES;
    }
    flags
}

/// Reports a change, unless it is one of groups that are the same as before.
#[inline(never)]
fn report_change(
    before: &Credentials,
    after: &Credentials,
    group_infos: &[u64; 2],
    cause: u32,
    owner: &Owner,
) {
    /// Bytes of a full list of groups.
    const LIST: u32 = (GROUPS_MAX * 4) as u32;
    /// The fixed part and two full lists.
    const TOTAL: u64 = size_of::<CredentialChange>() as u64 + 2 * LIST as u64;
    let groups_before = Groups::read(group_infos[0]);
    // Nearly every change leaves them alone.
    let groups_after = if group_infos[0] == group_infos[1] {
        groups_before
    } else {
        Groups::read(group_infos[1])
    };
    if after.same(before) && groups_before.same(&groups_after) {
        return;
    }
    if !wanted(Kind::CredentialChange) {
        return;
    }
    let Some(growing) = Growing::open(Kind::CredentialChange) else {
        return;
    };
    let Some(mut record) = growing.reserve::<CredentialChange>(TOTAL, owner) else {
        return;
    };
    record.before = *before;
    record.after = *after;
    record.cause = cause;
    record.reserved = 0;
    record.groups_before = groups_before.text();
    record.groups_after = groups_after.text();
    let target = record.bytes();
    let mut offset = size_of::<CredentialChange>();
    for groups in [&groups_before, &groups_after] {
        // The bound stands right before its use, because the compiler would otherwise prove it far
        // away, and kernels up to 6.1 have forgotten it by then.
        let mut length = black_box(groups.bytes());
        if length > LIST {
            length = LIST;
        }
        if length > 0 {
            groups.gids.read_bytes(target, offset, length);
        }
        offset += length as usize;
    }
    record.submit_with_length(offset as u32);
}

/// A `struct group_info`: its list is never written to once a task uses it.
#[derive(Clone, Copy)]
struct Groups {
    count: u32,
    gids: Pointer,
}

impl Groups {
    #[inline(always)]
    fn read(group_info: u64) -> Self {
        let group_info = Pointer::from_address(group_info);
        Self {
            count: field::GROUP_INFO_NGROUPS.get::<Probed, _>(group_info),
            gids: field::GROUP_INFO_GID.of(group_info),
        }
    }

    /// How many are captured.
    #[inline(always)]
    fn captured(&self) -> u32 {
        if self.count > GROUPS_MAX as u32 {
            GROUPS_MAX as u32
        } else {
            self.count
        }
    }

    /// How many bytes that is.
    #[inline(always)]
    fn bytes(&self) -> u32 {
        self.captured() * 4
    }

    #[inline(always)]
    fn text(&self) -> Text {
        Text {
            captured: self.captured(),
            original: self.count,
        }
    }

    /// Whether two lists are known to be the same.
    #[inline(always)]
    fn same(&self, other: &Self) -> bool {
        if self.count != other.count {
            return false;
        }
        if self.gids == other.gids {
            return true;
        }
        if self.count > GROUPS_MAX as u32 {
            return false;
        }
        let mut difference = 0;
        for index in 0..GROUPS_MAX as u32 {
            if index < self.count {
                let mine: u32 = self.gids.offset(index * 4).read();
                let theirs: u32 = other.gids.offset(index * 4).read();
                difference |= mine ^ theirs;
            }
        }
        difference == 0
    }
}

/// A child that was made in other namespaces than its parent's, with the capabilities that the
/// first task of a user namespace has.
#[inline(never)]
pub fn cloned<A: Access>(child: Pointer, tid: u32, parent: &TaskState, by: &Owner) {
    let Some(state) = TASKS.add(child.key(), |state| actor::read_state::<A>(child, state)) else {
        return;
    };
    let owner = Owner {
        start: state.leader_start,
        cgroup: by.cgroup,
        credentials: state.digest,
        tgid: state.tgid,
        tid,
        uid: state.credentials.uid,
        flags: 0,
    };
    let groups = [parent.group_info, state.group_info];
    let operation = NamespaceOperation::Clone;
    namespaces::report(&parent.namespaces, &state.namespaces, operation, &owner);
    report_change(
        &parent.credentials,
        &state.credentials,
        &groups,
        Cause::Clone as u32,
        &owner,
    );
}

/// `security_ptrace_access_check(child, mode)`, `security/security.c`: after the ids were found to
/// allow it. Mere looks (`/proc/PID/environ` and the like) are not reported.
#[inline(always)]
pub fn ptrace<H: Hook>(hook: &H) {
    let mode = hook.number(1) as u32;
    if mode & PTRACE_MODE_ATTACH == 0 {
        return;
    }
    report_ptrace::<H>(hook.pointer(0), mode, PtraceOperation::Access);
}

/// `security_ptrace_traceme(parent)`, `security/security.c`.
#[inline(always)]
pub fn traceme<H: Hook>(hook: &H) {
    report_ptrace::<H>(hook.pointer(0), 0, PtraceOperation::TraceMe);
}

#[inline(always)]
fn report_ptrace<H: Hook>(target: Pointer, mode: u32, operation: PtraceOperation) {
    let Some(actor) = actor::current::<H::Access>(Kind::Ptrace) else {
        return;
    };
    if let Some(mut record) = Record::<Ptrace>::open(Kind::Ptrace, &actor.owner) {
        let leader = field::TASK_GROUP_LEADER.follow::<H::Access>(target);
        record.target.start = field::TASK_START_BOOTTIME.get::<H::Access, _>(leader);
        record.target.tgid = field::TASK_TGID.get::<H::Access, _>(target);
        record.target.tid = field::TASK_PID.get::<H::Access, _>(target);
        let cred = field::TASK_REAL_CRED.follow::<H::Access>(target);
        record.target_uid = field::CRED_UID.get::<Probed, _>(cred);
        record.mode = mode;
        record.operation = operation as u32;
        record.reserved = 0;
        record.submit();
    }
}

/// `module_load(mod)`, `kernel/module`: the module is in memory and about to be initialised.
#[inline(always)]
pub fn module<H: Hook>(hook: &H) {
    let Some(actor) = actor::current::<H::Access>(Kind::ModuleLoad) else {
        return;
    };
    if let Some(mut record) = Record::<ModuleLoad>::open(Kind::ModuleLoad, &actor.owner) {
        let module = hook.pointer(0);
        record.taints = field::MODULE_TAINTS.get::<Probed, _>(module);
        field::MODULE_NAME
            .of(module)
            .fill(record.name.as_mut_bytes());
        record.submit();
    }
}

/// `security_bpf_prog(prog)`, `security/security.c`: a descriptor of a program is about to be
/// made, at its load or for whoever opens it by id or pin.
#[inline(always)]
pub fn bpf_program<H: Hook>(hook: &H) {
    let Some(actor) = actor::current::<H::Access>(Kind::BpfProgram) else {
        return;
    };
    if let Some(mut record) = Record::<BpfProgram>::open(Kind::BpfProgram, &actor.owner) {
        let program = hook.pointer(0);
        let aux = field::BPF_PROG_AUX.follow::<Probed>(program);
        record.id = field::BPF_AUX_ID.get::<Probed, _>(aux);
        record.program_type = field::BPF_PROG_TYPE.get::<Probed, _>(program);
        record.attach_type = field::BPF_PROG_ATTACH_TYPE.get::<Probed, _>(program);
        record.instructions = field::BPF_PROG_LEN.get::<Probed, _>(program);
        field::BPF_PROG_TAG.of(program).fill(&mut record.tag);
        field::BPF_AUX_NAME.of(aux).fill(&mut record.name);
        record.flags = 0;
        if field::BPF_PROG_KPROBE_OVERRIDE.is_set::<Probed>(program) {
            record.flags |= bpf_flags::OVERRIDES_RETURN;
        }
        if field::BPF_PROG_GPL_COMPATIBLE.is_set::<Probed>(program) {
            record.flags |= bpf_flags::GPL_COMPATIBLE;
        }
        record.reserved = 0;
        record.function = [0; 64];
        if field::BPF_AUX_ATTACH_FUNC_NAME.exists() {
            let function = field::BPF_AUX_ATTACH_FUNC_NAME.follow::<Probed>(aux);
            if !function.is_null() {
                function.fill(&mut record.function);
            }
        }
        record.submit();
    }
}
