//! The kernel's memory, read and written behind the kernel's back, as an exploit would.
//!
//! The host that emulates this machine does it, at the other end of a serial port: its protocol is
//! in `xtask/src/vm/channel.rs`.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};

use anyhow::{Context as _, Result, bail, ensure};
use sensor::kernel::btf::Btf;

/// The kernel's memory, and where a process's credentials are in it.
pub struct KernelMemory {
    channel: BufReader<File>,
    /// Address of the first task, of which all others can be found.
    first_task: u64,
    offsets: Offsets,
}

/// Offsets of the members of kernel structures, in bytes.
struct Offsets {
    tasks: u64,
    pid: u64,
    real_cred: u64,
    cred: u64,
    usage: u64,
    ids: u64,
    capabilities: u64,
    /// Where a thread's work at system calls is told, and the bit for tracing them: in the flags
    /// before 5.11.
    traced: (u64, u32),
}

/// A process, as the kernel keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    address: u64,
    cred: u64,
}

/// `include/linux/thread_info.h`
const SYSCALL_WORK_SYSCALL_TRACEPOINT: u32 = 1 << 1;
/// `arch/x86/include/asm/thread_info.h`
const TIF_SYSCALL_TRACEPOINT: u32 = 1 << 28;
/// Eight ids.
const IDS: usize = 32;
/// Bytes of a set of capabilities.
const SET: u64 = 8;

impl KernelMemory {
    /// Nothing where no host offers it.
    pub fn open() -> Result<Option<Self>> {
        let Some(port) = env::var_os("SENSOR_VM_CHANNEL") else {
            return Ok(None);
        };
        let channel = File::options()
            .read(true)
            .write(true)
            .open(&port)
            .with_context(|| format!("cannot open {}", port.display()))?;
        let types =
            fs::read("/sys/kernel/btf/vmlinux").context("cannot read the kernel's types")?;
        let types = Btf::parse(types, &["task_struct", "cred"])?;
        let offset = |path: &str| -> Result<u64> {
            let member = types.member(path)?;
            Ok(u64::from(member.bit_offset / 8))
        };
        Ok(Some(Self {
            channel: BufReader::new(channel),
            first_task: symbol("init_task")?,
            offsets: Offsets {
                tasks: offset("task_struct.tasks")?,
                pid: offset("task_struct.pid")?,
                real_cred: offset("task_struct.real_cred")?,
                cred: offset("task_struct.cred")?,
                usage: offset("cred.usage")?,
                ids: offset("cred.uid")?,
                capabilities: offset("cred.cap_inheritable")?,
                traced: match offset("task_struct.thread_info.syscall_work") {
                    Ok(work) => (work, SYSCALL_WORK_SYSCALL_TRACEPOINT),
                    Err(_) => (
                        offset("task_struct.thread_info.flags")?,
                        TIF_SYSCALL_TRACEPOINT,
                    ),
                },
            },
        }))
    }

    /// Finds a process.
    pub fn task(&mut self, pid: u32) -> Result<Task> {
        /// More processes than a test machine has.
        const MOST: usize = 500;
        let (tasks, offset) = (self.offsets.tasks, self.offsets.pid);
        let mut task = self.first_task;
        for _ in 0..MOST {
            // The list's previous entry: the newest processes come last.
            task = self.pointer(task + tasks + 8)? - tasks;
            let found = self.peek(task + offset, 4)?;
            if found == pid.to_le_bytes() {
                return self.as_task(task);
            }
        }
        bail!("process {pid} is not in the kernel's list")
    }

    /// The first process of all, which never lost a right.
    pub fn first(&mut self) -> Result<Task> {
        self.as_task(self.first_task)
    }

    fn as_task(&mut self, address: u64) -> Result<Task> {
        let cred = self.pointer(address + self.offsets.real_cred)?;
        let subjective = self.pointer(address + self.offsets.cred)?;
        ensure!(
            cred == subjective,
            "the task acts with borrowed credentials"
        );
        Ok(Task { address, cred })
    }

    /// Makes a process root's, by writing to its credentials: all ids are 0.
    pub fn overwrite_ids(&mut self, task: Task) -> Result<()> {
        self.poke(task.cred + self.offsets.ids, &[0; IDS])
    }

    /// Gives a process capabilities, permitted and effective, by writing to its credentials.
    pub fn overwrite_capabilities(&mut self, task: Task, set: u64) -> Result<()> {
        // Of the sets, which lie side by side, the inheritable one is the first.
        let place = task.cred + self.offsets.capabilities + SET;
        self.poke(place, &[set.to_le_bytes(), set.to_le_bytes()].concat())
    }

    /// Gives a process the credentials of another, by making it point to them.
    pub fn share(&mut self, task: Task, from: Task) -> Result<()> {
        // They have two users more from now on, each of which counts when the process ends.
        let place = from.cred + self.offsets.usage;
        let usage: [u8; 4] = self.peek(place, 4)?.try_into().ok().context("no count")?;
        let usage = u32::from_le_bytes(usage) + 2;
        self.poke(place, &usage.to_le_bytes())?;
        for member in [self.offsets.real_cred, self.offsets.cred] {
            self.poke(task.address + member, &from.cred.to_le_bytes())?;
        }
        Ok(())
    }

    /// Whether the kernel runs tracers at each of a thread's system calls.
    pub fn traces_system_calls(&mut self, task: Task) -> Result<bool> {
        let (offset, bit) = self.offsets.traced;
        let flags: [u8; 4] = self
            .peek(task.address + offset, 4)?
            .try_into()
            .ok()
            .context("no flags")?;
        Ok(u32::from_le_bytes(flags) & bit != 0)
    }

    fn pointer(&mut self, address: u64) -> Result<u64> {
        let bytes: [u8; 8] = self.peek(address, 8)?.try_into().ok().context("too few")?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn peek(&mut self, address: u64, length: usize) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("peek {address:x} {length:x}"))?;
        let bytes = from_hexadecimal(&answer).context("the host answers no bytes")?;
        ensure!(bytes.len() == length, "the host answers other bytes");
        Ok(bytes)
    }

    fn poke(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        let bytes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.ask(&format!("poke {address:x} {bytes}"))?;
        Ok(())
    }

    fn ask(&mut self, request: &str) -> Result<String> {
        writeln!(self.channel.get_mut(), "{request}").context("cannot ask the host")?;
        let mut answer = String::new();
        self.channel
            .read_line(&mut answer)
            .context("the host does not answer")?;
        match answer.trim_end().split_once(' ') {
            _ if answer == "ok\n" => Ok(String::new()),
            Some(("ok", bytes)) => Ok(bytes.to_owned()),
            _ => bail!("the host refused {request}: {answer}"),
        }
    }
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The address of a symbol of the kernel.
fn symbol(name: &str) -> Result<u64> {
    let symbols = fs::read_to_string("/proc/kallsyms").context("cannot read the symbols")?;
    let address = symbols.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (address, found) = (words.next()?, words.nth(1)?);
        (found == name).then_some(address)
    });
    let address = address.with_context(|| format!("the kernel has no symbol {name}"))?;
    let address = u64::from_str_radix(address, 16)?;
    ensure!(address != 0, "the kernel hides its addresses");
    Ok(address)
}
