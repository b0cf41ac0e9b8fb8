//! What is expected of the family's events, beyond what all events have.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{major, minor};
use serde_json::{Value, json};

use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::scenario::Context;

/// A file, by its inode.
#[derive(Clone, Copy, Debug)]
pub struct File {
    inode: u64,
    device: u64,
    links: u64,
    mode: u32,
    uid: u32,
    gid: u32,
}

impl File {
    /// The file at this path.
    pub fn at(path: &Path) -> Result<Self> {
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot stat {}", path.display()))?;
        Ok(Self {
            inode: metadata.ino(),
            device: metadata.dev(),
            links: metadata.nlink(),
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
        })
    }

    /// As it can be told by an act.
    pub fn to_json(self) -> Value {
        json!([
            self.inode,
            self.device,
            self.links,
            self.mode,
            self.uid,
            self.gid
        ])
    }

    /// As an act told it.
    pub fn from_json(value: &Value) -> Result<Self> {
        let number = |index| {
            value
                .get(index)
                .and_then(Value::as_u64)
                .context("no file was told")
        };
        Ok(Self {
            inode: number(0)?,
            device: number(1)?,
            links: number(2)?,
            mode: number(3)?.try_into()?,
            uid: number(4)?.try_into()?,
            gid: number(5)?.try_into()?,
        })
    }
}

impl Expect {
    /// Everything below `sensor.exec.file`.
    #[must_use]
    pub fn file(self, file: File) -> Self {
        self.is("sensor.exec.file.inode", file.inode)
            .is("sensor.exec.file.device.major", major(file.device))
            .is("sensor.exec.file.device.minor", minor(file.device))
            .is("sensor.exec.file.links", file.links)
            .is("sensor.exec.file.mode", format!("{:04o}", file.mode))
            .is("sensor.exec.file.uid", file.uid)
            .is("sensor.exec.file.gid", file.gid)
    }
}

/// A process that executed a program, from a file that was asked for by this name. Its arguments are
/// UTF-8 and were captured whole, and its standard input, output and error are pipes.
pub fn exec(context: &Context<'_>, who: &Portrait, file: File, filename: &str) -> Expect {
    let bytes: usize = who.args.iter().map(|arg| arg.len() + 1).sum();
    context
        .expect("exec")
        .process(context.host, who)
        .file(file)
        .is("sensor.exec.filename", filename)
        .is("sensor.exec.stdio", json!(["pipe", "pipe", "pipe"]))
        .is("sensor.exec.args_bytes", bytes)
        .is("sensor.exec.args_captured_bytes", bytes)
}

/// A new process, made by this one's first thread.
pub fn fork(context: &Context<'_>, child: &Portrait, caller: &Portrait) -> Expect {
    context
        .expect("fork")
        .process(context.host, child)
        .is("sensor.fork.caller.pid", caller.pid)
        .is(
            "sensor.fork.caller.entity_id",
            context.host.entity_id(caller.pid, caller.start),
        )
        .is("sensor.fork.caller.thread.id", caller.thread)
}

/// A process that ended by itself, with this exit code.
pub fn exit(context: &Context<'_>, who: &Portrait, code: u64) -> Expect {
    context
        .expect("exit")
        .process(context.host, who)
        .is("process.exit_code", code)
        .meets("process.end", "as @timestamp", |end, event| {
            Some(end) == event.get("@timestamp")
        })
}

/// A process that a signal ended.
pub fn killed(context: &Context<'_>, who: &Portrait, signal: u64) -> Expect {
    exit(context, who, 128 + signal).is("sensor.exit.signal", signal)
}

/// A path as the kernel takes it.
pub fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).context("a path holds a NUL")
}

/// Arguments as the kernel takes them.
pub fn c_strings<T: AsRef<[u8]>>(arguments: impl IntoIterator<Item = T>) -> Result<Vec<CString>> {
    arguments
        .into_iter()
        .map(|argument| CString::new(argument.as_ref()).context("an argument holds a NUL"))
        .collect()
}
