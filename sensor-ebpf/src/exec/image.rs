//! What a new image is: its file, and the process that it replaces.

use core::marker::PhantomData;

use sensor_common::{
    credentials::Credentials,
    exec::{Exec, File, flags},
    namespaces::Namespaces,
    state::task_flags,
};

use super::{descriptors, namespace_pid, read_parent};
use crate::{
    kernel::{Access, Pointer, TASKS, field, setting},
    path::Place,
};

/// A process's new image.
pub struct Image<A: Access> {
    task: Pointer,
    bprm: Pointer,
    previous_tid: u32,
    exec_flags: u32,
    access: PhantomData<A>,
}

/// The bytes of a new process's arguments, in its own memory.
pub struct Arguments {
    /// Where they begin.
    pub start: Pointer,
    /// How many there are.
    pub length: u64,
}

impl Arguments {
    /// How many are to be captured.
    #[inline(always)]
    pub fn wanted(&self) -> u32 {
        let limit = setting::ARGV_LIMIT.get();
        if self.length > u64::from(limit) {
            limit
        } else {
            self.length as u32
        }
    }
}

/// `enum pid_type` (`include/linux/pid.h`).
const PIDTYPE_PGID: u32 = 2;
const PIDTYPE_SID: u32 = 3;

/// `I_CTIME_QUERIED` (`include/linux/fs.h`, from 6.13): somebody has seen this time of change.
const CTIME_QUERIED: u32 = 1 << 31;

impl<A: Access> Image<A> {
    /// The image of a task that execs, as `bprm` describes it.
    #[inline(always)]
    pub fn new(task: Pointer, bprm: Pointer, previous_tid: u32, exec_flags: u32) -> Self {
        Self {
            task,
            bprm,
            previous_tid,
            exec_flags,
            access: PhantomData,
        }
    }

    /// The arguments. Read again whenever they are needed, so that the verifier does not follow
    /// what lies in between once for each range that their length was found to be in.
    #[inline(always)]
    pub fn arguments(&self) -> Arguments {
        let mm = field::TASK_MM.follow::<A>(self.task);
        let start: u64 = field::MM_ARG_START.get::<A, _>(mm);
        let end: u64 = field::MM_ARG_END.get::<A, _>(mm);
        Arguments {
            start: Pointer::from_address(start),
            length: end.wrapping_sub(start),
        }
    }

    /// The file that is mapped as the image.
    #[inline(always)]
    fn file(&self) -> Pointer {
        field::MM_EXE_FILE.follow::<A>(field::TASK_MM.follow::<A>(self.task))
    }

    /// Where that file lies, if there is one.
    #[inline(always)]
    pub fn executable(&self) -> Option<Place> {
        let file = self.file();
        if file.is_null() {
            return None;
        }
        Some(Place {
            mount: field::FILE_PATH_MNT.follow::<A>(file),
            dentry: field::FILE_PATH_DENTRY.follow::<A>(file),
        })
    }

    /// Where the process works.
    #[inline(always)]
    pub fn working_directory(&self) -> Option<Place> {
        let fs = field::TASK_FS.follow::<A>(self.task);
        Some(Place {
            mount: field::FS_PWD_MNT.follow::<A>(fs),
            dentry: field::FS_PWD_DENTRY.follow::<A>(fs),
        })
    }

    /// The path that the process asked for, as the kernel copied it.
    #[inline(always)]
    pub fn filename(&self) -> Pointer {
        Pointer::from_address(field::BPRM_FILENAME.get::<A, _>(self.bprm))
    }

    /// The interpreter that a script's first line names; else the same as the file name.
    #[inline(always)]
    pub fn interpreter(&self) -> Pointer {
        Pointer::from_address(field::BPRM_INTERP.get::<A, _>(self.bprm))
    }

    /// Sets the record's fixed part, but for the texts.
    #[inline(always)]
    pub fn describe(&self, record: &mut Exec) {
        let task = self.task;
        self.describe_task(record);
        read_parent::<A>(task, &mut record.parent);
        record.namespace_pid = namespace_pid::<A>(task);
        let signal = field::TASK_SIGNAL.follow::<A>(task);
        record.process_group = signal_pid::<A>(signal, PIDTYPE_PGID);
        record.session_id = signal_pid::<A>(signal, PIDTYPE_SID);
        record.login_uid = field::TASK_LOGINUID.get_or::<A, _>(task, u32::MAX);
        record.audit_session = field::TASK_SESSIONID.get_or::<A, _>(task, u32::MAX);
        record.argc = field::BPRM_ARGC.get::<A, _>(self.bprm);
        record.previous_tid = self.previous_tid;
        record.tty = terminal::<A>(signal);
        record.flags |= self.flags();
        record.stdio = descriptors::standard::<A>(task);
        record.reserved = 0;
        self.describe_file(record);
    }

    /// Sets what is known of the task. Looked up again, because the verifier would otherwise follow
    /// the loops over paths once for each place where the state was found.
    #[inline(always)]
    fn describe_task(&self, record: &mut Exec) {
        if let Some(state) = TASKS.find(self.task.key()) {
            record.credentials = state.credentials;
            record.namespaces = state.namespaces;
        } else {
            record.credentials = Credentials::default();
            record.namespaces = Namespaces::default();
        }
    }

    #[inline(always)]
    fn flags(&self) -> u32 {
        let mut result = 0;
        if field::BPRM_SECUREEXEC.is_set::<A>(self.bprm) {
            result |= flags::SECURE;
        }
        if self.exec_flags & task_flags::EXEC_SETUID != 0 {
            result |= flags::SETUID;
        }
        if self.exec_flags & task_flags::EXEC_SETGID != 0 {
            result |= flags::SETGID;
        }
        if self.exec_flags & task_flags::EXEC_CAPABILITIES != 0 {
            result |= flags::CAPABILITIES;
        }
        result
    }

    #[inline(always)]
    fn describe_file(&self, record: &mut Exec) {
        let file = self.file();
        if file.is_null() {
            record.file = File::default();
            return;
        }
        let inode = field::FILE_INODE.follow::<A>(file);
        let super_block = field::INODE_SB.follow::<A>(inode);
        record.file.inode = field::INODE_INO.get::<A, _>(inode);
        record.file.device = field::SUPER_BLOCK_DEV.get::<A, _>(super_block);
        record.file.links = field::INODE_NLINK.get::<A, _>(inode);
        record.file.mode = u32::from(field::INODE_MODE.get::<A, u16>(inode));
        record.file.uid = field::INODE_UID.get::<A, _>(inode);
        record.file.gid = field::INODE_GID.get::<A, _>(inode);
        record.file.size = field::INODE_SIZE.get::<A, _>(inode);
        record.file.modified = field::INODE_MODIFIED.get_or::<A, _>(inode, 0);
        record.file.modified_nanoseconds = field::INODE_MODIFIED_NSEC.get_or::<A, _>(inode, 0);
        record.file.changed = field::INODE_CHANGED.get_or::<A, _>(inode, 0);
        record.file.changed_nanoseconds =
            field::INODE_CHANGED_NSEC.get_or::<A, u32>(inode, 0) & !CTIME_QUERIED;
        record.file.reserved = 0;
        let dentry = field::FILE_PATH_DENTRY.follow::<A>(file);
        if field::DENTRY_HASH_PPREV.get::<A, u64>(dentry) == 0 {
            record.flags |= flags::EXECUTABLE_UNLINKED;
        }
    }
}

/// The id, in the initial namespace, of a process's group or session.
#[inline(always)]
fn signal_pid<A: Access>(signal: Pointer, which: u32) -> u32 {
    let pid = A::load_pointer(field::SIGNAL_PIDS.of(signal).offset(which * 8));
    field::PID_NUMBERS.get::<A, _>(pid)
}

/// The device number of a process's controlling terminal.
#[inline(always)]
fn terminal<A: Access>(signal: Pointer) -> u32 {
    if !field::SIGNAL_TTY.exists()
        || !field::TTY_INDEX.exists()
        || !field::TTY_DRIVER.exists()
        || !field::TTY_DRIVER_MAJOR.exists()
        || !field::TTY_DRIVER_MINOR_START.exists()
    {
        return 0;
    }
    let tty = field::SIGNAL_TTY.follow::<A>(signal);
    if tty.is_null() {
        return 0;
    }
    let driver = field::TTY_DRIVER.follow::<A>(tty);
    let major: u32 = field::TTY_DRIVER_MAJOR.get::<A, _>(driver);
    let minor: u32 = field::TTY_DRIVER_MINOR_START.get::<A, _>(driver);
    let index: u32 = field::TTY_INDEX.get::<A, _>(tty);
    (major << 20) | (minor.wrapping_add(index) & 0xf_ffff)
}
