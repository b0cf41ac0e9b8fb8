//! The arguments of the functions and tracepoints that programs are attached to.

use core::arch::asm;

use aya_ebpf::{
    EbpfContext,
    programs::{
        BtfTracePointContext, FEntryContext, FExitContext, ProbeContext, RawTracePointContext,
        RetProbeContext, SockAddrContext,
    },
};
use sensor_common::network::Address;

use super::{
    memory::{Access, Pointer, Probed, Typed},
    settings::setting,
};

/// A program's context: what it was called with, and how it may read what that points to.
pub trait Hook {
    /// How arguments may be read.
    type Access: Access;

    /// The `n`th argument as an address, from 0.
    fn pointer(&self, n: usize) -> Pointer;

    /// The `n`th argument as a number, from 0.
    fn number(&self, n: usize) -> u64;
}

/// Contexts that are an array of arguments. Read one by one and volatile: the compiler may not
/// choose between two of them by their address, which the kernel would not let it read from.
macro_rules! array {
    ($context:ty, $access:ty) => {
        impl Hook for $context {
            type Access = $access;

            #[inline(always)]
            fn pointer(&self, n: usize) -> Pointer {
                // SAFETY: the verifier proves that there is such an argument.
                Pointer::from_raw(unsafe {
                    self.as_ptr().cast::<*const u8>().add(n).read_volatile()
                })
            }

            #[inline(always)]
            fn number(&self, n: usize) -> u64 {
                // SAFETY: as above.
                unsafe { self.as_ptr().cast::<u64>().add(n).read_volatile() }
            }
        }
    };
}
array!(BtfTracePointContext, Typed);
array!(FEntryContext, Typed);
array!(FExitContext, Typed);
array!(RawTracePointContext, Probed);

/// What `inet_csk_accept` returned: it comes after its parameters, of which there are four, or two
/// from 6.10.
///
/// Each read is written out with its offset, because the compiler would otherwise choose an offset
/// and read once, which the kernel refuses for a context.
#[inline(always)]
pub fn accepted(context: &FExitContext) -> Pointer {
    let arguments = context.as_ptr();
    let socket: u64;
    // SAFETY: the verifier proves that there is such an argument.
    unsafe {
        if setting::ACCEPT_RETURN.get() == 2 {
            asm!("{0} = *(u64 *)({1} + 16)", out(reg) socket, in(reg) arguments);
        } else {
            asm!("{0} = *(u64 *)({1} + 32)", out(reg) socket, in(reg) arguments);
        }
    }
    Pointer::from_address(socket)
}

impl Hook for ProbeContext {
    type Access = Probed;

    #[inline(always)]
    fn pointer(&self, n: usize) -> Pointer {
        Pointer::from_address(self.number(n))
    }

    #[inline(always)]
    fn number(&self, n: usize) -> u64 {
        self.arg::<u64>(n).unwrap_or(0)
    }
}

/// A return probe sees no arguments: each is the return value.
impl Hook for RetProbeContext {
    type Access = Probed;

    #[inline(always)]
    fn pointer(&self, n: usize) -> Pointer {
        Pointer::from_address(self.number(n))
    }

    #[inline(always)]
    fn number(&self, _n: usize) -> u64 {
        self.ret::<u64>()
    }
}

/// The address that a cgroup socket program is asked about.
pub trait SockAddr {
    /// `AF_*` of the address asked for: a socket for IPv6 may be given one of IPv4.
    fn family(&self) -> u16;
    /// `IPPROTO_*` of the socket.
    fn protocol(&self) -> u16;
    /// The IPv4 address asked for; only where the program is attached to IPv4.
    fn address4(&self) -> Address;
    /// The IPv6 address asked for; only where the program is attached to IPv6.
    fn address6(&self) -> Address;
    /// The port asked for.
    fn port(&self) -> u16;
    /// The address of the kernel's `struct sock`, where the context gives it.
    fn sock(&self) -> Pointer;
}

impl SockAddr for SockAddrContext {
    #[inline(always)]
    fn family(&self) -> u16 {
        // SAFETY: the verifier rewrites the access to what the kernel has there.
        unsafe { (*self.sock_addr).user_family as u16 }
    }

    #[inline(always)]
    fn protocol(&self) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.sock_addr).protocol as u16 }
    }

    #[inline(always)]
    fn address4(&self) -> Address {
        // SAFETY: as above.
        Address::v4(unsafe { (*self.sock_addr).user_ip4 })
    }

    #[inline(always)]
    fn address6(&self) -> Address {
        // SAFETY: as above; volatile, so that each word is read whole and on its own, which is
        // the only form that the kernel allows.
        unsafe {
            let words = (&raw const (*self.sock_addr).user_ip6).cast::<u32>();
            Address {
                words: [
                    pair(words.read_volatile(), words.add(1).read_volatile()),
                    pair(words.add(2).read_volatile(), words.add(3).read_volatile()),
                ],
            }
        }
    }

    #[inline(always)]
    fn port(&self) -> u16 {
        // SAFETY: as above.
        u16::from_be(unsafe { (*self.sock_addr).user_port } as u16)
    }

    #[inline(always)]
    fn sock(&self) -> Pointer {
        // SAFETY: as above.
        let sock = unsafe { (*self.sock_addr).__bindgen_anon_1.sk };
        // The verifier allows no arithmetic on a pointer that it knows to be a socket; once it has
        // been copied by a helper it is a number like any other.
        Pointer::from_address(Pointer::from_raw((&raw const sock).cast()).read())
    }
}

#[inline(always)]
const fn pair(low: u32, high: u32) -> u64 {
    (low as u64) | ((high as u64) << 32)
}
