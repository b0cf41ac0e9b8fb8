//! Calls of the C library that no crate wraps: for the process's own memory and a thread's I/O.
//! The only module with `unsafe`.

use std::io;

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

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_may_read_last() {
        let result = std::thread::spawn(super::idle_io_priority).join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    }
}
