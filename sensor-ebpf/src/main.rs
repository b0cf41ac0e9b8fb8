//! The kernel programs.
//!
//! This file is the list of entry points: one per hook and rung of the ladder, each a single call
//! into the event family's module. What the rungs share is written once, generic over how a
//! program may read memory.
//!
//! | suffix | attached to | reads by |
//! | --- | --- | --- |
//! | `_tp_btf` | raw tracepoint, with argument types | plain loads |
//! | `_raw_tp` | raw tracepoint | helper |
//! | `_fentry`, `_fexit` | a kernel function's begin or end | plain loads |
//! | `_kprobe`, `_kret` | the same | helper |
//! | `_cgroup` | a cgroup's socket addresses | helper |
//! | `_spare`, `_third`, `_last` before these | the same as a first program: see [`spare`] | as the first |
//!
//! No entry point is attached to the system-call boundary.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a register is 64 bits wide and most of the kernel's types are not; a checked conversion \
              is a branch that the verifier follows and nobody takes"
)]

mod actor;
mod cgroup;
mod credentials;
mod datagram;
mod exec;
mod kernel;
mod namespaces;
mod network;
mod path;
mod privilege;
mod spare;

use aya_ebpf::{
    macros::{btf_tracepoint, cgroup_sock_addr, fentry, fexit, kprobe, kretprobe, raw_tracepoint},
    programs::{
        BtfTracePointContext, FEntryContext, FExitContext, ProbeContext, RawTracePointContext,
        RetProbeContext, SockAddrContext,
    },
};
use sensor_common::{cgroup::Operation, network::Direction, record::Kind};

use kernel::{Hook, SockAddr, accepted};
use spare::Run;

/// Declares entry points of one program type: a name, and the call that it makes with its context.
macro_rules! entry_points {
    ($type:ident, $context:ty: $($name:ident => |$argument:ident| $call:expr;)*) => {
        $(
            #[$type]
            fn $name($argument: $context) -> u32 {
                $call;
                0
            }
        )*
    };
}

entry_points! { btf_tracepoint, BtfTracePointContext:
    fork_tp_btf => |context| exec::fork::fork(&context, Run::First);
    fork_spare_btf => |context| exec::fork::fork(&context, Run::Spare);
    exec_tp_btf => |context| exec::exec(&context, Run::First);
    exec_spare_btf => |context| exec::exec(&context, Run::Spare);
    exit_tp_btf => |context| exec::exit::exit(&context, Run::First);
    exit_spare_btf => |context| exec::exit::exit(&context, Run::Spare);
    state_tp_btf => |context| network::state_change(&context);
    module_tp_btf => |context| privilege::module(&context);
}

entry_points! { raw_tracepoint, RawTracePointContext:
    fork_raw_tp => |context| exec::fork::fork(&context, Run::First);
    fork_spare_raw => |context| exec::fork::fork(&context, Run::Spare);
    fork_third_raw => |context| exec::fork::fork(&context, Run::Spare);
    fork_last_raw => |context| exec::fork::fork(&context, Run::Last);
    exec_raw_tp => |context| exec::exec(&context, Run::First);
    exec_spare_raw => |context| exec::exec(&context, Run::Spare);
    exec_third_raw => |context| exec::exec(&context, Run::Spare);
    exec_last_raw => |context| exec::exec(&context, Run::Last);
    exit_raw_tp => |context| exec::exit::exit(&context, Run::First);
    exit_spare_raw => |context| exec::exit::exit(&context, Run::Spare);
    exit_third_raw => |context| exec::exit::exit(&context, Run::Spare);
    exit_last_raw => |context| exec::exit::exit(&context, Run::Last);
    state_raw_tp => |context| network::state_change(&context);
    module_raw_tp => |context| privilege::module(&context);
    cgroup_made => |context| cgroup::cgroup(&context, Operation::Made);
    cgroup_removed => |context| cgroup::cgroup(&context, Operation::Removed);
}

entry_points! { fentry, FEntryContext:
    connect_fentry => |context| network::connect(&context);
    bind_fentry => |context| network::bind(&context);
    listen_fentry => |context| network::listen(&context);
    send4_fentry => |context| datagram::sent::<FEntryContext>(context.pointer(1));
    send6_fentry => |context| datagram::sent::<FEntryContext>(context.pointer(0));
    receive_fentry => |context| datagram::received(&context);
    commit_fentry => |context| privilege::commit(&context, Run::First);
    commit_spare => |context| privilege::commit(&context, Run::Spare);
    commit_third => |context| privilege::commit(&context, Run::Spare);
    commit_last => |context| privilege::commit(&context, Run::Last);
    unshare_fentry => |_context| namespaces::unshare_begins::<FEntryContext>();
    nsproxy_fentry => |context| namespaces::switch(&context);
    ptrace_fentry => |context| privilege::ptrace(&context);
    traceme_fentry => |context| privilege::traceme(&context);
    bpf_fentry => |context| privilege::bpf_program(&context);
}

entry_points! { fexit, FExitContext:
    accept_fexit => |context| network::accept::<FExitContext>(accepted(&context));
    unshare_fexit => |_context| namespaces::unshare_ends::<FExitContext>();
}

entry_points! { kprobe, ProbeContext:
    connect_kprobe => |context| network::connect(&context);
    bind_kprobe => |context| network::bind(&context);
    listen_kprobe => |context| network::listen(&context);
    send4_kprobe => |context| datagram::sent::<ProbeContext>(context.pointer(1));
    send6_kprobe => |context| datagram::sent::<ProbeContext>(context.pointer(0));
    receive_kprobe => |context| datagram::received(&context);
    commit_kprobe => |context| privilege::commit(&context, Run::First);
    unshare_kprobe => |_context| namespaces::unshare_begins::<ProbeContext>();
    nsproxy_kprobe => |context| namespaces::switch(&context);
    ptrace_kprobe => |context| privilege::ptrace(&context);
    traceme_kprobe => |context| privilege::traceme(&context);
    bpf_kprobe => |context| privilege::bpf_program(&context);
}

entry_points! { kretprobe, RetProbeContext:
    accept_kret => |context| network::accept::<RetProbeContext>(context.pointer(0));
    unshare_kret => |_context| namespaces::unshare_ends::<RetProbeContext>();
}

/// Declares entry points that the kernel asks for leave: they always give it.
macro_rules! cgroup_entry_points {
    ($($name:ident($attach:ident) => |$argument:ident| $call:expr;)*) => {
        $(
            #[cgroup_sock_addr($attach)]
            fn $name($argument: SockAddrContext) -> i32 {
                $call;
                1
            }
        )*
    };
}

cgroup_entry_points! {
    connect4_cgroup(connect4) => |context| network::cgroup_call(&context, Kind::Connect, context.address4());
    connect6_cgroup(connect6) => |context| network::cgroup_call(&context, Kind::Connect, context.address6());
    bind4_cgroup(bind4) => |context| network::cgroup_call(&context, Kind::Bind, context.address4());
    bind6_cgroup(bind6) => |context| network::cgroup_call(&context, Kind::Bind, context.address6());
    send4_cgroup(sendmsg4) => |context| datagram::cgroup_datagram(&context, Direction::Egress, context.address4());
    send6_cgroup(sendmsg6) => |context| datagram::cgroup_datagram(&context, Direction::Egress, context.address6());
    receive4_cgroup(recvmsg4) => |context| datagram::cgroup_datagram(&context, Direction::Ingress, context.address4());
    receive6_cgroup(recvmsg6) => |context| datagram::cgroup_datagram(&context, Direction::Ingress, context.address6());
}

/// What the kernel asks of programs that call its GPL-only helpers.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Never reached: the verifier refuses programs that could. A loop, because leaving it undefined
/// would let the compiler drop the checks before it.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
