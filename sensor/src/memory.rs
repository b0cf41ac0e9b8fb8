//! Calls of the C library that no crate wraps: for the process's own memory, a thread's I/O and what
//! a socket has on its way. The only module with `unsafe`.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// Gives memory that is allocated no more back to the kernel.
///
/// Loading the programs takes some 20 MB for a moment, for the kernel's types and the object. The C
/// library keeps such memory as long as anything behind it lives: on 6.12 that was 7 MB for good.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number of bytes to keep and no pointers, may be called by any thread at any
    // time, and touches only memory that nobody has allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has all threads take memory from one heap. To be called before there are others.
///
/// Documents are made by one thread and dropped by the sinks' threads. With a heap for each of them, as
/// the C library has it, what one gave up cannot be used by the next: 71 MiB instead of 62 with five
/// sinks and 200,000 events.
pub fn share_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two integers and no pointers, and sets a limit that is looked at when a thread
    // allocates for the first time.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Lets the calling thread read from disks only when nobody else does (the "idle" class).
///
/// The threads that it starts are as it is. I/O schedulers other than BFQ and mq-deadline take no
/// notice.
///
/// # Errors
///
/// If the kernel refuses.
pub fn idle_io_priority() -> io::Result<()> {
    // Of include/uapi/linux/ioprio.h; the C library has none of it.
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    const IOPRIO_CLASS_IDLE: libc::c_int = 3;
    const IOPRIO_CLASS_SHIFT: u32 = 13;
    let calling_thread: libc::c_int = 0;
    let priority = IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT;
    // SAFETY: the call takes three integers and no pointers; it changes a number of the calling
    // thread in the kernel, and no memory of this process.
    let result = unsafe {
        libc::syscall(
            libc::SYS_ioprio_set,
            IOPRIO_WHO_PROCESS,
            calling_thread,
            priority,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What was written to a socket and is on its way: for TCP the bytes that the other end's kernel has
/// not acknowledged, for a Unix socket an amount of memory that is zero when the other end has read
/// everything, or is gone.
///
/// # Errors
///
/// If it is no socket, or one that listens.
pub fn on_its_way(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut amount: libc::c_int = 0;
    // SAFETY: `TIOCOUTQ`, which is `SIOCOUTQ` for a socket, writes one `int` to where the third
    // argument points, and that is a live one of our own; the descriptor is open while it is borrowed.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut amount) };
    if result == 0 {
        Ok(u64::try_from(amount).unwrap_or(0))
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, Write},
        os::{fd::AsFd, unix::net::UnixStream},
    };

    use super::*;

    #[test]
    fn what_nobody_read_is_on_its_way() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        assert_eq!(on_its_way(here.as_fd()).unwrap(), 0);
        here.write_all(b"abc").unwrap();
        assert!(on_its_way(here.as_fd()).unwrap() > 0);
        there.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(on_its_way(here.as_fd()).unwrap(), 0);
        on_its_way(File::open("/dev/null").unwrap().as_fd()).unwrap_err();
    }

    #[test]
    fn a_thread_may_read_last() {
        let result = std::thread::spawn(idle_io_priority).join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    }
}
