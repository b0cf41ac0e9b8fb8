//! The clocks.

use aya_ebpf::helpers::generated::{bpf_ktime_get_boot_ns, bpf_ktime_get_ns};

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub fn boot_time() -> u64 {
    // SAFETY: the helper takes no arguments and always answers.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Nanoseconds of `CLOCK_MONOTONIC`, which is cheaper.
#[inline(always)]
pub fn monotonic_time() -> u64 {
    // SAFETY: the helper takes no arguments and always answers.
    unsafe { bpf_ktime_get_ns() }
}
