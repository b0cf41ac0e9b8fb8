//! A process ends.

use sensor_common::{
    exec::Exit,
    record::{Kind, ProcessKey},
    state::task_flags,
};

use crate::{
    actor,
    kernel::{Access, EXITED, Hook, Pointer, Record, TASKS, field, setting, wanted},
    spare::Run,
};

/// `sched_process_exit(task)`, with `group_dead` from 6.16, `kernel/exit.c`: each thread's end,
/// before its files are closed.
#[inline(always)]
pub fn exit<H: Hook>(hook: &H, run: Run) {
    let task = hook.pointer(0);
    if !run.is_needless(task, task_flags::EXIT_SEEN)
        && wanted(Kind::Exit)
        && is_group_dead(hook, task)
    {
        report::<H::Access>(task);
        if let Some(state) = TASKS.find(task.key()) {
            run.saw(state, task_flags::EXIT_SEEN, Kind::Exit);
        }
    }
    // Spares still look at the mark.
    if run == Run::Last || setting::SPARES.get() == 0 {
        TASKS.remove(task.key());
    }
}

/// Whether this thread is the last of its process.
///
/// Where the tracepoint does not say so, `live` does; but it is counted down some way before the
/// tracepoint, so that two threads that end at once may both find it to be 0. Then the first to
/// claim the process reports its end.
#[inline(always)]
fn is_group_dead<H: Hook>(hook: &H, task: Pointer) -> bool {
    if setting::EXIT_SAYS_GROUP_DEAD.get() != 0 {
        return hook.number(1) & 0xff != 0;
    }
    let signal = field::TASK_SIGNAL.follow::<H::Access>(task);
    let live: u32 = field::SIGNAL_LIVE.get::<H::Access, _>(signal);
    if live != 0 {
        return false;
    }
    // One thread is left, and no other was ever released: their run times would be in this sum
    // (`__exit_signal`, `kernel/exit.c`).
    let threads: u32 = field::SIGNAL_NR_THREADS.get::<H::Access, _>(signal);
    let released: u64 = field::SIGNAL_SUM_SCHED_RUNTIME.get::<H::Access, _>(signal);
    if threads == 1 && released == 0 {
        return true;
    }
    let leader = field::TASK_GROUP_LEADER.follow::<H::Access>(task);
    let tgid = field::TASK_TGID.get::<H::Access, _>(task);
    let process = ProcessKey {
        start: field::TASK_START_BOOTTIME.get::<H::Access, _>(leader),
        tgid,
        tid: tgid,
    };
    EXITED.claim(&process, &0)
}

/// `SIGNAL_GROUP_EXIT` (`include/linux/sched/signal.h`): the group ends as one, with one code.
const SIGNAL_GROUP_EXIT: u32 = 0x4;

#[inline(always)]
fn report<A: Access>(task: Pointer) {
    let Some(actor) = actor::of_task::<A>(task, Kind::Exit) else {
        return;
    };
    if let Some(mut record) = Record::<Exit>::open(Kind::Exit, &actor.owner) {
        let signal = field::TASK_SIGNAL.follow::<A>(task);
        let signal_flags: u32 = field::SIGNAL_FLAGS.get::<A, _>(signal);
        record.status = if signal_flags & SIGNAL_GROUP_EXIT != 0 {
            field::SIGNAL_GROUP_EXIT_CODE.get::<A, _>(signal)
        } else {
            let leader = field::TASK_GROUP_LEADER.follow::<A>(task);
            field::TASK_EXIT_CODE.get::<A, _>(leader)
        };
        record.reserved = 0;
        record.submit();
    }
}
