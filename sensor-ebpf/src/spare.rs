//! Spare programs, for kernels on which a program can be preempted.
//!
//! While a program runs on a CPU the kernel skips every other run of it there (`prog->active`,
//! kernel/bpf/trampoline.c and kernel/trace/bpf_trace.c, from 5.12). If a task is preempted in a
//! program, and the next one on that CPU comes to the same hook, its event would be missed. So the
//! important programs have three spares, each with a count of its own, that work only where those
//! before them were skipped. They learn that from a mark on the acting task.
//!
//! Three, because a CPU with many tasks to run preempts one in a spare too: on an emulated machine,
//! where programs take long, one spare left 1 of 2,000 execs unseen. To hold off preemption in the
//! program (`bpf_preempt_disable`, from 6.10) does not help: the task then loses the CPU where it
//! takes that back, which is in the program still.

#![forbid(unsafe_code)]

use sensor_common::{record::Kind, state::TaskState};

use crate::kernel::{Pointer, TASKS, setting, spared};

/// Which of a hook's programs runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The one that the kernel calls first.
    First,
    /// One after it.
    Spare,
    /// The one after all others.
    Last,
}

impl Run {
    /// Whether this is a spare and one before it has run, of which `mark` on the task tells. The
    /// last takes the mark away.
    #[inline(always)]
    pub fn is_needless(self, task: Pointer, mark: u32) -> bool {
        if self == Self::First {
            return false;
        }
        match TASKS.find(task.key()) {
            Some(state) if state.flags & mark != 0 => {
                if self == Self::Last {
                    state.flags &= !mark;
                }
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
            Self::Spare => {
                state.flags |= mark;
                spared(kind);
            }
            Self::Last => spared(kind),
        }
    }
}
