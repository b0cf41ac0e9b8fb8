//! Fork, exec and exit.
//!
//! - [`fork`], [`exit`]: a process's begin and end.
//! - this file: exec, and how much room its record takes.
//! - [`image`]: what the new image is; [`text`]: its paths and arguments.

#![forbid(unsafe_code)]

mod descriptors;
pub mod exit;
pub mod fork;
mod image;
mod text;

use sensor_common::{
    exec::Exec,
    record::{Kind, ProcessKey},
    state::task_flags,
};

use crate::{
    actor,
    kernel::{Access, Growing, Hook, Pointer, field, wanted},
    spare::Run,
};

use image::Image;
use text::Tail;

/// `sched_process_exec(task, old_pid, bprm)`, `fs/exec.c`: after the new image, credentials and
/// arguments are in place, before the first instruction of the new program.
#[inline(always)]
pub fn exec<H: Hook>(hook: &H, run: Run) {
    let task = hook.pointer(0);
    if run.is_needless(task, task_flags::EXEC_SEEN) {
        return;
    }
    let Some(actor) = actor::of_task::<H::Access>(task, Kind::Exec) else {
        return;
    };
    // The exec in progress ends here, whether it is reported or not.
    let exec_flags = actor.state.flags & task_flags::EXEC;
    actor.state.flags &= !task_flags::EXEC;
    run.saw(actor.state, task_flags::EXEC_SEEN, Kind::Exec);
    if !wanted(Kind::Exec) {
        return;
    }
    let Some(growing) = Growing::open(Kind::Exec) else {
        return;
    };
    let image = Image::<H::Access>::new(task, hook.pointer(2), hook.number(1) as u32, exec_flags);
    let mut size = Size::of_arguments(image.arguments().wanted());
    // Once with what is enough nearly always, and once with what is enough for the longest paths.
    for _ in 0..2 {
        let Some(mut record) = growing.reserve::<Exec>(size.total, &actor.owner) else {
            return;
        };
        record.flags = 0;
        match text::write_tail(&image, &mut record, &size) {
            Tail::Written(length) => {
                image.describe(&mut record);
                record.submit_with_length(length);
                return;
            }
            Tail::NoRoom => growing.retry(record),
        }
        size = Size::LARGEST;
    }
}

/// How much room a record takes: classes, because the verifier wants constants.
#[derive(Clone, Copy)]
struct Size {
    /// Bytes of the record.
    total: u64,
    /// Where the last string may begin.
    limit: usize,
    /// Longest file name as the process gave it, NUL included.
    filename: u32,
    /// Most bytes of arguments.
    argv: u32,
}

impl Size {
    const SMALL: Self = Self::new(1 << 10, 256, 256);
    const LARGE: Self = Self::new(6 << 10, 1 << 10, 4 << 10);
    /// Paths of `PATH_MAX` and as many bytes of arguments as can be asked for.
    const LARGEST: Self = Self::new(48 << 10, 4 << 10, 32 << 10);

    const fn new(total: u64, filename: u32, argv: u32) -> Self {
        Self {
            total,
            limit: total as usize - argv as usize,
            filename,
            argv,
        }
    }

    /// The class with room for so many bytes of arguments.
    #[inline(always)]
    fn of_arguments(bytes: u32) -> Self {
        if bytes <= Self::SMALL.argv {
            Self::SMALL
        } else if bytes <= Self::LARGE.argv {
            Self::LARGE
        } else {
            Self::LARGEST
        }
    }

    /// Whether this is the last resort.
    #[inline(always)]
    const fn is_largest(&self) -> bool {
        self.total == Self::LARGEST.total
    }
}

/// A task's id in its own pid namespace (`task_pid_nr_ns`).
#[inline(always)]
fn namespace_pid<A: Access>(task: Pointer) -> u32 {
    /// `sizeof(struct upid)`: an id, padding, and a namespace.
    const UPID: u32 = 16;
    let pid = field::TASK_THREAD_PID.follow::<A>(task);
    let level: u32 = field::PID_LEVEL.get::<A, _>(pid);
    if level == 0 {
        return field::TASK_PID.get::<A, _>(task);
    }
    let numbers = field::PID_NUMBERS.of(Pointer::from_address(pid.address()));
    numbers.offset((level & 0x3f) * UPID).read()
}

/// The process that will be told of a task's end.
#[inline(always)]
fn read_parent<A: Access>(task: Pointer, key: &mut ProcessKey) {
    let parent = field::TASK_REAL_PARENT.follow::<A>(task);
    let leader = field::TASK_GROUP_LEADER.follow::<A>(parent);
    key.start = field::TASK_START_BOOTTIME.get::<A, _>(leader);
    key.tgid = field::TASK_TGID.get::<A, _>(parent);
    key.tid = field::TASK_PID.get::<A, _>(parent);
}
