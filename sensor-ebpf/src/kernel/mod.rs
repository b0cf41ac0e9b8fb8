//! Everything that touches kernel memory, maps and helpers. The only module with `unsafe`: the
//! rest of the crate says what to read and what to send, this says how.

#![expect(
    unsafe_code,
    reason = "what the kernel gives is only reached through it"
)]

mod argument;
mod helper;
mod map;
mod memory;
mod ring;
mod settings;
mod time;

pub use argument::{Hook, SockAddr, accepted};
pub use helper::{current_task_typed, skc_to_tcp_sock};
pub use map::{EXITED, LISTENERS, SOCKETS, TASKS, is_new_peer, known_file, learn_file};
pub use memory::{Access, Buffer, Field, Forgotten, Pointer, Probed, Typed, field};
pub use ring::{Growing, Record, degraded, is_hooked, spared, wanted};
pub use settings::setting;
pub use time::boot_time;

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_task};

/// The task that runs, as a plain address.
#[inline(always)]
pub fn current_task() -> Pointer {
    // SAFETY: the helper takes no arguments and always answers.
    Pointer::from_address(unsafe { bpf_get_current_task() })
}

/// The id of the process that runs.
#[inline(always)]
pub fn current_tgid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}
