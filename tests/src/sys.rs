//! The system calls that no library wraps safely. The only module with `unsafe`.

mod ring;

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fs;
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, setrlimit};

pub use ring::{Doer, Ring};

/// Ends this process with SIGALRM after so many seconds, also after an exec; its children are not
/// affected.
pub fn alarm(seconds: u32) {
    // SAFETY: alarm takes no pointer and cannot fail; the signal's disposition is the default.
    unsafe { libc::alarm(seconds) };
}

/// How a process is to be copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fork {
    /// `CLONE_PARENT`: the copy is a sibling, not a child.
    pub sibling: bool,
    /// The id that the copy must get; the kernel chooses where there is none.
    pub pid: Option<u32>,
    /// `CLONE_NEW...`: the namespaces that are new.
    pub namespaces: u64,
}

/// Copies this process, which must have one thread. The copy runs `child` and ends with what that
/// returns. Returns the copy's process id.
pub fn fork(how: Fork, child: impl FnOnce() -> u8) -> Result<u32> {
    let threads = fs::read_dir("/proc/self/task").context("cannot count the threads")?;
    ensure!(
        threads.count() == 1,
        "only a process with one thread can be copied"
    );
    let pid = how.pid.map(u32::cast_signed);
    // SAFETY: zero is a valid value of each of the numbers that this struct consists of.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = how.namespaces;
    if how.sibling {
        // The copy's end is told with this process's own exit signal.
        arguments.flags |= libc::CLONE_PARENT as u64;
    } else {
        arguments.exit_signal = libc::SIGCHLD as u64;
    }
    if let Some(pid) = &pid {
        arguments.set_tid = ptr::from_ref(pid).addr() as u64;
        arguments.set_tid_size = 1;
    }
    // SAFETY: without CLONE_VM both processes go on with a stack and a memory of their own, as after
    // fork; there is no other thread whose locks the copy could find taken. `arguments`, and `pid`
    // that it points to, live until the call returns.
    let copied = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            ptr::from_ref(&arguments),
            size_of::<libc::clone_args>(),
        )
    };
    match copied {
        0 => {
            let code = child();
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(c_int::from(code)) }
        }
        error if error < 0 => bail!(io::Error::last_os_error()),
        pid => Ok(u32::try_from(pid)?),
    }
}

/// Ends the calling thread alone. The process goes on if it has other threads, and keeps this code
/// as its own if this is the first.
pub fn end_thread(code: u8) -> ! {
    loop {
        // SAFETY: the thread never returns to anything that would miss it: its stack stays as it is,
        // so what other threads borrowed from it stays valid.
        unsafe { libc::syscall(libc::SYS_exit, c_long::from(code)) };
    }
}

/// Replaces the program, with any number of arguments, even none. Returns only where that fails.
pub fn exec(program: &CStr, arguments: &[CString]) -> io::Error {
    let arguments = pointers(arguments);
    let environment = [ptr::null()];
    // SAFETY: the path ends with NUL; both arrays end with a null pointer, and what they point to
    // are C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Replaces the program by the one at `path` below an open folder, or by an open file itself if
/// `path` is empty. Returns only where that fails.
pub fn exec_at(place: BorrowedFd<'_>, path: &CStr, arguments: &[CString]) -> io::Error {
    let arguments = pointers(arguments);
    let environment = [ptr::null::<c_char>()];
    let flags = if path.is_empty() {
        libc::AT_EMPTY_PATH
    } else {
        0
    };
    // SAFETY: as in `exec`; the descriptor is borrowed for as long as the call takes.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            place.as_raw_fd(),
            path.as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            flags,
        )
    };
    io::Error::last_os_error()
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// Runs a program whose path another thread may change at any time, with the path as its only
/// argument. The path must end with NUL. Returns the process id.
pub fn spawn_racing(path: &[AtomicU8], argument: &CStr) -> Result<u32> {
    let last = path.last().context("an empty path")?;
    ensure!(
        last.load(std::sync::atomic::Ordering::Relaxed) == 0,
        "the path does not end with NUL"
    );
    let mut pid = 0;
    let arguments = [argument.as_ptr().cast_mut(), ptr::null_mut()];
    let environment = [ptr::null_mut()];
    // SAFETY: the new process shares this memory and hands the path to the kernel as it is, which
    // copies it while another thread may write to it, atomically, byte by byte; the last byte was
    // NUL and `path` has a reader's right to it. The arrays end with a null pointer.
    let error = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            path.as_ptr().cast(),
            ptr::null(),
            ptr::null(),
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    if error != 0 {
        bail!(io::Error::from_raw_os_error(error));
    }
    Ok(u32::try_from(pid)?)
}

/// Connects to an IPv4 address that another thread may change at any time: the first eight bytes of
/// `struct sockaddr_in`, and those that mean nothing.
pub fn connect_racing(socket: BorrowedFd<'_>, address: &[AtomicU64; 2]) -> io::Result<()> {
    const LENGTH: libc::socklen_t = 16;
    const _: () = assert!(size_of::<libc::sockaddr_in>() == LENGTH as usize);
    // SAFETY: the kernel copies sixteen bytes, to which `address` has a reader's right, while
    // another thread may write to them, atomically.
    let answer = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), LENGTH) };
    success(answer.into())
}

/// Closes standard input, output or error (0, 1 or 2): the next file that is opened takes its place.
pub fn close_standard(number: c_int) {
    if (0..3).contains(&number) {
        // SAFETY: nobody owns these descriptors; the library's own use of them reports an error from
        // now on.
        unsafe { libc::close(number) };
    }
}

/// Moves this process, which must have one thread, to new namespaces (`CLONE_NEW...`).
pub fn unshare(namespaces: c_int) -> Result<()> {
    // SAFETY: namespaces are no memory; descriptors stay shared, since CLONE_FILES is masked.
    let failed = unsafe { libc::unshare(namespaces & !libc::CLONE_FILES) };
    if failed != 0 {
        bail!(io::Error::last_os_error());
    }
    Ok(())
}

/// A system call that changes a thread's ids. The C library's functions change those of all
/// threads.
#[derive(Clone, Copy, Debug)]
pub enum SetIds {
    /// `setuid(id)`
    User,
    /// `setreuid(real, effective)`
    RealUser,
    /// `setresuid(real, effective, saved)`
    AllUsers,
    /// `setfsuid(id)`
    FilesystemUser,
    /// `setgid(id)`
    Group,
    /// `setregid(real, effective)`
    RealGroup,
    /// `setresgid(real, effective, saved)`
    AllGroups,
    /// `setfsgid(id)`
    FilesystemGroup,
}

/// Changes ids of the calling thread; -1 leaves one as it is.
pub fn set_ids(call: SetIds, ids: [i32; 3]) -> io::Result<()> {
    let number = match call {
        SetIds::User => libc::SYS_setuid,
        SetIds::RealUser => libc::SYS_setreuid,
        SetIds::AllUsers => libc::SYS_setresuid,
        SetIds::FilesystemUser => libc::SYS_setfsuid,
        SetIds::Group => libc::SYS_setgid,
        SetIds::RealGroup => libc::SYS_setregid,
        SetIds::AllGroups => libc::SYS_setresgid,
        SetIds::FilesystemGroup => libc::SYS_setfsgid,
    };
    let [first, second, third] = ids;
    // SAFETY: ids are no memory; a call takes as many of them as it has parameters.
    let answer = unsafe { libc::syscall(number, first, second, third) };
    match call {
        // These answer what the id was before.
        SetIds::FilesystemUser | SetIds::FilesystemGroup => Ok(()),
        _ => success(answer),
    }
}

/// What ptrace is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Trace {
    /// `PTRACE_ATTACH`, which stops the thread.
    Attach,
    /// `PTRACE_SEIZE`, which does not.
    Seize,
    /// `PTRACE_DETACH` from a thread that is stopped.
    Detach,
    /// `PTRACE_TRACEME`: the parent is to trace this process.
    Me,
}

/// Traces a thread, or stops doing so.
pub fn ptrace(request: Trace, thread: u32) -> io::Result<()> {
    let request = match request {
        Trace::Attach => libc::PTRACE_ATTACH,
        Trace::Seize => libc::PTRACE_SEIZE,
        Trace::Detach => libc::PTRACE_DETACH,
        Trace::Me => libc::PTRACE_TRACEME,
    };
    let nothing = ptr::null_mut::<libc::c_void>();
    // SAFETY: these requests touch no memory of either process; no options and no signal are given.
    let answer = unsafe { libc::ptrace(request, thread.cast_signed(), nothing, nothing) };
    success(answer)
}

/// Reads another process's memory with `process_vm_readv`, as much as `bytes` has room for.
pub fn read_process(pid: u32, address: usize, bytes: &mut [u8]) -> io::Result<()> {
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: ptr::without_provenance_mut(address),
        iov_len: bytes.len(),
    };
    // SAFETY: the kernel writes to `bytes` alone, which is borrowed for as long as the call takes;
    // the other address is one of another process, and checked there.
    let read = unsafe { libc::process_vm_readv(pid.cast_signed(), &local, 1, &remote, 1, 0) };
    whole(read, bytes.len())
}

/// Writes to another process's memory with `process_vm_writev`.
pub fn write_process(pid: u32, address: usize, bytes: &[u8]) -> io::Result<()> {
    let local = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: ptr::without_provenance_mut(address),
        iov_len: bytes.len(),
    };
    // SAFETY: the kernel only reads `bytes`; the other address is one of another process, and checked
    // there. What that process makes of the change is the caller's responsibility.
    let written = unsafe { libc::process_vm_writev(pid.cast_signed(), &local, 1, &remote, 1, 0) };
    whole(written, bytes.len())
}

fn whole(answer: isize, length: usize) -> io::Result<()> {
    match usize::try_from(answer) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(moved) if moved == length => Ok(()),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A BPF program that is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct BpfProgram<'a> {
    /// `BPF_PROG_TYPE_...`
    pub kind: u32,
    /// `BPF_...`, what it is to be attached to; 0 where the type says that.
    pub attach_type: u32,
    /// Its instructions.
    pub instructions: &'a [u64],
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// Its licence.
    pub licence: &'a CStr,
}

/// The part of `union bpf_attr` that loads a program (`include/uapi/linux/bpf.h`).
#[repr(C)]
struct LoadAttributes {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

/// Loads a BPF program.
pub fn bpf_load(program: &BpfProgram<'_>) -> io::Result<OwnedFd> {
    const PROG_LOAD: c_int = 5;
    let mut name = [0; 16];
    for (place, byte) in name.iter_mut().take(15).zip(program.name.bytes()) {
        *place = byte;
    }
    let attributes = LoadAttributes {
        kind: program.kind,
        instruction_count: u32::try_from(program.instructions.len()).map_err(io::Error::other)?,
        instructions: program.instructions.as_ptr().addr() as u64,
        licence: program.licence.as_ptr().addr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name,
        interface: 0,
        attach_type: program.attach_type,
    };
    // Before 5.11 programs count as locked memory of their user's.
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let _or_the_kernel_refuses = setrlimit(Resource::Memlock, unlimited);
    // SAFETY: the attributes have no padding, and what they point to is borrowed for as long as the
    // call takes, with its length or an end of its own; without a log the kernel writes nothing.
    unsafe { bpf(PROG_LOAD, &attributes) }
}

/// A program on a cgroup's socket calls.
pub const BPF_CGROUP_SOCK_ADDR: u32 = 18;
/// Attached to connect of IPv4.
pub const BPF_CGROUP_INET4_CONNECT: u32 = 10;

/// Attaches a program to a cgroup, so that no other can be.
pub fn bpf_attach_alone(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    attach_type: u32,
) -> io::Result<()> {
    const PROG_ATTACH: c_int = 8;
    let number = |descriptor: BorrowedFd<'_>| descriptor.as_raw_fd().cast_unsigned();
    // Target, program, type and flags.
    let attributes = [number(cgroup), number(program), attach_type, 0];
    // SAFETY: the attributes are four numbers of 32 bits without pointers, in an array that outlives
    // the call.
    let attached = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            PROG_ATTACH,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    success(attached)
}

/// Opens the BPF program with this id.
pub fn bpf_open(id: u32) -> io::Result<OwnedFd> {
    const PROG_GET_FD_BY_ID: c_int = 13;
    // The id, the one to go on with, and flags.
    let attributes = [id, 0, 0];
    // SAFETY: there are no pointers in these attributes.
    unsafe { bpf(PROG_GET_FD_BY_ID, &attributes) }
}

/// A command of bpf(2) that makes a descriptor.
///
/// # Safety
///
/// The attributes must have no padding, and every pointer in them must be valid for the command.
unsafe fn bpf<Attributes>(command: c_int, attributes: &Attributes) -> io::Result<OwnedFd> {
    // SAFETY: the attributes are borrowed for as long as the call takes, and have the length that is
    // given; the caller vouches for what they point to.
    let made = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            ptr::from_ref(attributes),
            size_of::<Attributes>(),
        )
    };
    success(made)?;
    let made = c_int::try_from(made).map_err(io::Error::other)?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

fn success(answer: c_long) -> io::Result<()> {
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Waits until a thread that this process traces has stopped, whichever thread of its process it is.
pub fn wait_for_stop(thread: u32) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: the kernel writes a number to `status`, which outlives the call.
    let waited = unsafe { libc::waitpid(thread.cast_signed(), &raw mut status, libc::__WALL) };
    success(waited.into())?;
    if !libc::WIFSTOPPED(status) {
        return Err(io::Error::other("the thread did not stop"));
    }
    Ok(())
}
