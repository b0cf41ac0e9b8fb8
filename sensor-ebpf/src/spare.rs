//! Spare programs, for kernels on which a program can be preempted.
//!
//! While a program runs on a CPU the kernel skips every other run of it there (`prog->active`,
//! kernel/bpf/trampoline.c and kernel/trace/bpf_trace.c, from 5.12). If a task is preempted in a
//! program, and the next one on that CPU comes to the same hook, its event would be missed. So the
//! important programs are attached twice: the second is a spare, with a count of its own, that
//! works only where the first was skipped. It learns that from a mark on the acting task.

#![forbid(unsafe_code)]

use sensor_common::{record::Kind, state::TaskState};

use crate::kernel::{Pointer, TASKS, setting, spared};

/// Which of a hook's programs runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The one that the kernel calls first.
    First,
    /// The one after it.
    Spare,
}

impl Run {
    /// Whether this is a spare and the first has run, of which `mark` on the task tells. The mark
    /// is taken away.
    #[inline(always)]
    pub fn is_needless(self, task: Pointer, mark: u32) -> bool {
        if self == Self::First {
            return false;
        }
        match TASKS.find(task.key()) {
            Some(state) if state.flags & mark != 0 => {
                state.flags &= !mark;
                true
            }
            _ => false,
        }
    }

    /// Notes that the event was seen.
    #[inline(always)]
    pub fn saw(self, state: &mut TaskState, mark: u32, kind: Kind) {
        match self {
            Self::First if setting::SPARES.get() != 0 => state.flags |= mark,
            Self::First => {}
            Self::Spare => spared(kind),
        }
    }
}
