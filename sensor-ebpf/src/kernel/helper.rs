//! Helpers that not every kernel has, called by their number.
//!
//! A setting says whether the kernel has one. Where it has not, the branch that calls it is not
//! verified, and so the unknown number is not seen.

use super::memory::Pointer;

/// `bpf_skc_to_tcp_sock`, from 5.9.
const SKC_TO_TCP_SOCK: usize = 137;
/// `bpf_get_current_task_btf`, from 5.11.
const GET_CURRENT_TASK_BTF: usize = 158;

/// The task that runs, as a pointer whose type the verifier knows.
#[inline(always)]
pub fn current_task_typed() -> Pointer {
    // SAFETY: a helper is called through its number; this one takes no arguments.
    let helper: extern "C" fn() -> *const u8 =
        unsafe { core::mem::transmute(GET_CURRENT_TASK_BTF) };
    Pointer::from_raw(helper())
}

/// A TCP socket as what it is, or null if it is none.
#[inline(always)]
pub fn skc_to_tcp_sock(sk: Pointer) -> Pointer {
    // SAFETY: as above; this one takes a pointer to a socket, which the verifier checks.
    let helper: extern "C" fn(*const u8) -> *const u8 =
        unsafe { core::mem::transmute(SKC_TO_TCP_SOCK) };
    Pointer::from_raw(helper(sk.raw()))
}
