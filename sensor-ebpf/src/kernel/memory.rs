//! Reading kernel and user memory.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user,
};
use sensor_common::fields::MISSING;
use zerocopy::FromBytes;

/// A kernel address: an allegation.
///
/// Having one proves that the kernel, or a kernel structure, said that something is there. It
/// does not prove that it still is: every read goes through an [`Access`], which answers zeros
/// for memory that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Pointer(*const u8);

impl Pointer {
    /// From what a helper or a program's context gave.
    #[inline(always)]
    pub const fn from_raw(raw: *const u8) -> Self {
        Self(raw)
    }

    /// From a number.
    #[inline(always)]
    pub const fn from_address(address: u64) -> Self {
        Self(address as *const u8)
    }

    /// As a helper takes it.
    #[inline(always)]
    pub const fn raw(self) -> *const u8 {
        self.0
    }

    /// As a number.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0 as u64
    }

    /// As a number that can be calculated with, of an address that is not null.
    ///
    /// The verifier allows no arithmetic on a pointer whose type it knows. Once a byte of it was
    /// overwritten in memory it is a number like any other; so one is, by what it is: the first
    /// byte of every kernel address.
    #[inline(always)]
    pub fn key(self) -> u64 {
        /// Where the first byte of an address lies.
        const FIRST: usize = if cfg!(target_endian = "little") { 7 } else { 0 };
        let mut place = MaybeUninit::<*const u8>::uninit();
        // SAFETY: writes and reads one word on the stack; volatile, so that it really does.
        unsafe {
            place.as_mut_ptr().write_volatile(self.0);
            place
                .as_mut_ptr()
                .cast::<u8>()
                .add(FIRST)
                .write_volatile(0xff);
            place.as_ptr().cast::<u64>().read_volatile()
        }
    }

    /// Whether it points nowhere.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The address `bytes` further on.
    #[inline(always)]
    pub fn offset(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes as usize))
    }

    /// The address `bytes` before, which is how one gets from a member to its structure.
    #[inline(always)]
    pub fn before(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes as usize))
    }

    /// Reads a value by the helper that any program may call.
    #[inline(always)]
    pub fn read<T: FromBytes + Copy>(self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the destination has the size that is passed. The helper fills it with zeros if
        // the source cannot be read, and every bit pattern is a value of T.
        unsafe {
            bpf_probe_read_kernel(
                value.as_mut_ptr().cast(),
                size_of::<T>() as u32,
                self.0.cast(),
            );
            value.assume_init()
        }
    }

    /// Fills a place: for what is too large to pass by value.
    #[inline(always)]
    pub fn fill(self, place: &mut [u8]) {
        // SAFETY: the destination has the size that is passed.
        unsafe {
            bpf_probe_read_kernel(place.as_mut_ptr().cast(), place.len() as u32, self.0.cast());
        }
    }

    /// Reads a NUL-terminated string of at most `limit` bytes, NUL included, to `target + offset`.
    /// The bytes written, NUL included; 0 or less when the string cannot be read.
    ///
    /// The verifier checks that `target` has room for `offset + limit` bytes.
    #[inline(always)]
    pub fn read_text(self, target: *mut u8, offset: usize, limit: u32) -> i64 {
        // SAFETY: the verifier refuses the program if the destination may be too small.
        unsafe {
            bpf_probe_read_kernel_str(target.wrapping_add(offset).cast(), limit, self.0.cast())
        }
    }

    /// Reads `bytes` of this kernel memory to `target + offset`; whether that worked.
    #[inline(always)]
    pub fn read_bytes(self, target: *mut u8, offset: usize, bytes: u32) -> bool {
        // SAFETY: the verifier refuses the program if the destination may be too small.
        unsafe {
            bpf_probe_read_kernel(target.wrapping_add(offset).cast(), bytes, self.0.cast()) == 0
        }
    }

    /// Reads `bytes` of the current process's memory to `target + offset`; whether that worked.
    #[inline(always)]
    pub fn read_user_bytes(self, target: *mut u8, offset: usize, bytes: u32) -> bool {
        // SAFETY: the verifier refuses the program if the destination may be too small.
        unsafe {
            bpf_probe_read_user(target.wrapping_add(offset).cast(), bytes, self.0.cast()) == 0
        }
    }
}

/// A value on the stack that is written piece by piece: initialising it first would cost more than
/// reading it.
#[repr(transparent)]
pub struct Buffer<T>(MaybeUninit<T>);

impl<T: FromBytes> Buffer<T> {
    /// A value with nothing written yet.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    /// The value, of which the caller writes what is not written yet before it reads it.
    #[inline(always)]
    pub fn written(&mut self) -> &mut T {
        // SAFETY: any bytes are a T, and the verifier refuses a program that reads a byte of its
        // stack which it has not written.
        unsafe { self.0.assume_init_mut() }
    }
}

/// A number that is kept in a record's memory, of whose contents the verifier knows nothing.
///
/// What the verifier knows of a number makes states that differ only in it distinct, and it follows
/// each of them: of an offset that grows in a loop it would know the least value of every round.
pub struct Forgotten<'a, T>(&'a mut T);

impl<'a, T: Copy> Forgotten<'a, T> {
    /// Keeps numbers in a place.
    #[inline(always)]
    pub const fn new(place: &'a mut T) -> Self {
        Self(place)
    }

    /// Keeps a number.
    #[inline(always)]
    pub fn set(&mut self, value: T) {
        // SAFETY: writes a place that is borrowed. Volatile, so that the compiler does not keep the
        // number elsewhere.
        unsafe { (&raw mut *self.0).write_volatile(value) }
    }

    /// The number kept last.
    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: reads a place that is borrowed; volatile as above.
        unsafe { (&raw const *self.0).read_volatile() }
    }
}

/// How a program may read a structure's members.
pub trait Access {
    /// Whether the pointers it reads by must have a type.
    const TYPED: bool;

    /// Reads a value at an address.
    fn load<T: FromBytes + Copy>(at: Pointer) -> T;

    /// Reads an address at an address.
    fn load_pointer(at: Pointer) -> Pointer;
}

/// By a plain load: for pointers whose type the verifier knows, in programs that may have such
/// (tp_btf, fentry, fexit). A load from a bad address gives zeros.
pub struct Typed;

impl Access for Typed {
    const TYPED: bool = true;

    #[inline(always)]
    fn load<T: FromBytes + Copy>(at: Pointer) -> T {
        // SAFETY: the verifier proves that a member of the right size lies there, and the kernel
        // handles the fault if the memory is gone. Volatile, because the kernel may change it.
        unsafe { at.0.cast::<T>().read_volatile() }
    }

    #[inline(always)]
    fn load_pointer(at: Pointer) -> Pointer {
        // SAFETY: as above.
        Pointer(unsafe { at.0.cast::<*const u8>().read_volatile() })
    }
}

/// By a helper: works with any address in any program.
pub struct Probed;

impl Access for Probed {
    const TYPED: bool = false;

    #[inline(always)]
    fn load<T: FromBytes + Copy>(at: Pointer) -> T {
        at.read()
    }

    #[inline(always)]
    fn load_pointer(at: Pointer) -> Pointer {
        Pointer::from_address(at.read())
    }
}

/// A member of a kernel structure, by the offset that userspace found in the kernel's BTF.
#[repr(transparent)]
pub struct Field(u32);

impl Field {
    /// The raw global, which is a constant to the verifier.
    #[inline(always)]
    fn raw(&self) -> u32 {
        // SAFETY: reads an initialised static. Volatile, because the loader replaces the value
        // after the compiler has seen it.
        unsafe { (&raw const self.0).read_volatile() }
    }

    /// Whether this kernel has the member.
    #[inline(always)]
    pub fn exists(&self) -> bool {
        self.raw() != MISSING
    }

    /// Its offset in bytes.
    #[inline(always)]
    pub fn offset(&self) -> u32 {
        self.raw()
    }

    /// Where it lies in a structure.
    #[inline(always)]
    pub fn of(&self, structure: Pointer) -> Pointer {
        structure.offset(self.raw())
    }

    /// Its value.
    #[inline(always)]
    pub fn get<A: Access, T: FromBytes + Copy>(&self, structure: Pointer) -> T {
        A::load(self.of(structure))
    }

    /// Its value, an address.
    #[inline(always)]
    pub fn follow<A: Access>(&self, structure: Pointer) -> Pointer {
        A::load_pointer(self.of(structure))
    }

    /// Its value if this kernel has it.
    #[inline(always)]
    pub fn get_or<A: Access, T: FromBytes + Copy>(&self, structure: Pointer, otherwise: T) -> T {
        if self.exists() {
            self.get::<A, T>(structure)
        } else {
            otherwise
        }
    }

    /// The value of a bit field; `false` if this kernel has no such member.
    #[inline(always)]
    pub fn is_set<A: Access>(&self, structure: Pointer) -> bool {
        let raw = self.raw();
        if raw == MISSING {
            return false;
        }
        let byte: u8 = A::load(structure.offset(raw & 0x00ff_ffff));
        byte & (raw >> 24) as u8 != 0
    }
}

macro_rules! declare {
    ($($group:ident { $($global:ident: $need:ident $shape:ident $path:literal,)* })*) => {
        /// The members of [`sensor_common::fields`], by name.
        pub mod field {
            use super::{Field, MISSING};
            $($(
                #[doc = $path]
                #[unsafe(no_mangle)]
                pub static $global: Field = Field(MISSING);
            )*)*
        }
    };
}
sensor_common::for_each_field!(declare);
