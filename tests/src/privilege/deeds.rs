//! A process that does small deeds, one after the other, as it is told: changes of what it may do.
//!
//! It reads a line, `DEED ARGUMENT...`, does the deed, and tells `{"done": true}` with what the deed
//! has to tell, or `{"error": NUMBER}` if the kernel refused. With each answer come its `securebits`,
//! which nobody else can read. After `end` it ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{Gid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, ThreadNameSpaceType,
    capabilities_secure_bits, clear_ambient_capability_set, configure_capability_in_ambient_set,
    gettid, move_into_link_name_space, move_into_thread_name_spaces,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_keep_capabilities, set_thread_groups,
};
use serde_json::{Map, Value, json};

use crate::exec::image::{c_path, c_strings};
use crate::stage::{Act, Actor};
use crate::sys::{self, Fork, SetIds, Trace};

/// The deeds.
pub const ACTS: &[Act] = &[SUBJECT, THREAD];

/// Does deeds in the process's only thread.
const SUBJECT: Act = Act {
    name: "privilege/subject",
    play: |actor| obey(actor),
};

/// Does deeds in the process's second thread.
const THREAD: Act = Act {
    name: "privilege/thread",
    play: |actor| {
        let mut second = Actor {
            arguments: actor.arguments.clone(),
        };
        let thread = thread::spawn(move || obey(&mut second));
        thread.join().ok().context("the thread died")?
    },
};

/// Children that live until they are told to end, by the end of a pipe.
type Children = Vec<(u32, OwnedFd)>;

type Deed = fn(&mut Children, &[&str]) -> Result<Value>;

const DEEDS: &[(&str, Deed)] = &[
    ("setuid", |_, words| set_ids(SetIds::User, words)),
    ("setreuid", |_, words| set_ids(SetIds::RealUser, words)),
    ("setresuid", |_, words| set_ids(SetIds::AllUsers, words)),
    ("setfsuid", |_, words| {
        set_ids(SetIds::FilesystemUser, words)
    }),
    ("setgid", |_, words| set_ids(SetIds::Group, words)),
    ("setregid", |_, words| set_ids(SetIds::RealGroup, words)),
    ("setresgid", |_, words| set_ids(SetIds::AllGroups, words)),
    ("setfsgid", |_, words| {
        set_ids(SetIds::FilesystemGroup, words)
    }),
    ("setgroups", set_groups),
    ("capset", set_capability_sets),
    ("ambient", |_, words| {
        configure_capability_in_ambient_set(capability(words)?, true)?;
        nothing()
    }),
    ("ambient-clear", |_, _| {
        clear_ambient_capability_set()?;
        nothing()
    }),
    ("bounding-drop", |_, words| {
        remove_capability_from_bounding_set(capability(words)?)?;
        nothing()
    }),
    ("securebits", |_, words| {
        let bits = CapabilitiesSecureBits::from_bits_retain(number(words, 0)?);
        set_capabilities_secure_bits(bits)?;
        nothing()
    }),
    ("keep-capabilities", |_, _| {
        set_keep_capabilities(true)?;
        nothing()
    }),
    ("exec", execute),
    ("unshare", |_, words| {
        sys::unshare(number::<u32>(words, 0)?.cast_signed())?;
        nothing()
    }),
    ("setns", |_, words| {
        let link = std::fs::File::open(word(words, 0)?)?;
        move_into_link_name_space(link.as_fd(), None)?;
        nothing()
    }),
    ("setns-of-process", |_, words| {
        let process = pidfd_open(pid(words)?, PidfdFlags::empty())?;
        let kinds = ThreadNameSpaceType::from_bits_retain(number(words, 1)?);
        move_into_thread_name_spaces(process.as_fd(), kinds)?;
        nothing()
    }),
    ("clone", clone),
    ("fork", |_, _| {
        let child = sys::fork(Fork::default(), || 0)?;
        wait_for(child)?;
        nothing()
    }),
    ("connect", |_, _| {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9))?;
        nothing()
    }),
    ("attach", |_, words| trace(Trace::Attach, words)),
    ("seize", |_, words| {
        sys::ptrace(Trace::Seize, number(words, 0)?)?;
        nothing()
    }),
    ("trace-me", |_, _| trace_me()),
    ("read-memory", |_, words| {
        sys::read_process(number(words, 0)?, number(words, 1)?, &mut [0; 8])?;
        nothing()
    }),
    ("write-memory", |_, words| {
        let (other, address) = (number(words, 0)?, number(words, 1)?);
        let mut bytes = [0; 8];
        sys::read_process(other, address, &mut bytes)?;
        sys::write_process(other, address, &bytes)?;
        nothing()
    }),
    ("open", |_, words| {
        std::fs::File::open(word(words, 0)?)?;
        nothing()
    }),
    ("take-descriptor", |_, words| {
        let process = pidfd_open(pid(words)?, PidfdFlags::empty())?;
        let flags = rustix::process::PidfdGetfdFlags::empty();
        rustix::process::pidfd_getfd(&process, 0, flags)?;
        nothing()
    }),
];

fn obey(actor: &mut Actor) -> Result<()> {
    let mut children = Children::new();
    answer(actor, json!({"thread": gettid().as_raw_nonzero().get()}))?;
    loop {
        let line = actor.hear()?;
        let words: Vec<&str> = line.split(' ').collect();
        let (name, words) = words.split_first().context("which deed?")?;
        if *name == "end" {
            return release(children);
        }
        let (_, deed) = DEEDS
            .iter()
            .find(|(known, _)| known == name)
            .with_context(|| format!("there is no deed {name}"))?;
        match deed(&mut children, words) {
            Ok(value) => answer(actor, value)?,
            Err(error) => match refusal(&error) {
                Some(number) => answer(actor, json!({"error": number}))?,
                None => return Err(error.context(line)),
            },
        }
    }
}

/// The number of the error with which the kernel refused.
fn refusal(error: &anyhow::Error) -> Option<i32> {
    let errno = error.downcast_ref::<rustix::io::Errno>();
    errno.map(|errno| errno.raw_os_error()).or_else(|| {
        error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error)
    })
}

fn answer(actor: &mut Actor, value: Value) -> Result<()> {
    let mut answer = Map::new();
    answer.insert("done".to_owned(), value.get("error").is_none().into());
    answer.insert(
        "securebits".to_owned(),
        capabilities_secure_bits()?.bits().into(),
    );
    if let Value::Object(more) = value {
        answer.extend(more);
    }
    actor.tell(&answer.into())
}

fn nothing() -> Result<Value> {
    Ok(json!({}))
}

fn word<'a>(words: &[&'a str], index: usize) -> Result<&'a str> {
    let word = words.get(index).copied();
    word.with_context(|| format!("argument {index} is missing"))
}

fn number<T>(words: &[&str], index: usize) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let word = word(words, index)?;
    word.parse()
        .with_context(|| format!("{word} is not the number that it should be"))
}

fn pid(words: &[&str]) -> Result<rustix::process::Pid> {
    rustix::process::Pid::from_raw(number(words, 0)?).context("0 is no process id")
}

/// A capability, by its number.
fn capability(words: &[&str]) -> Result<CapabilitySet> {
    Ok(CapabilitySet::from_bits_retain(
        1 << number::<u32>(words, 0)?,
    ))
}

fn set_ids(call: SetIds, words: &[&str]) -> Result<Value> {
    let mut ids = [0; 3];
    for (index, id) in ids.iter_mut().enumerate().take(words.len()) {
        *id = number(words, index)?;
    }
    sys::set_ids(call, ids)?;
    nothing()
}

fn set_groups(_: &mut Children, words: &[&str]) -> Result<Value> {
    let mut groups = Vec::new();
    for index in 0..words.len() {
        groups.push(Gid::from_raw(number(words, index)?));
    }
    set_thread_groups(&groups)?;
    nothing()
}

/// Effective, permitted and inheritable capabilities, as numbers.
fn set_capability_sets(_: &mut Children, words: &[&str]) -> Result<Value> {
    let set =
        |index| Ok::<_, anyhow::Error>(CapabilitySet::from_bits_retain(number(words, index)?));
    let sets = CapabilitySets {
        effective: set(0)?,
        permitted: set(1)?,
        inheritable: set(2)?,
    };
    set_capabilities(None, sets)?;
    nothing()
}

fn execute(_: &mut Children, words: &[&str]) -> Result<Value> {
    let path = c_path(Path::new(word(words, 0)?))?;
    let error = sys::exec(&path, &c_strings([path.as_bytes()])?);
    Err(error.into())
}

/// Makes a child in new namespaces, if any are named, which lives until `end`.
fn clone(children: &mut Children, words: &[&str]) -> Result<Value> {
    let (reader, writer) = rustix::pipe::pipe()?;
    let how = Fork {
        namespaces: number(words, 0)?,
        ..Fork::default()
    };
    let mut writer = Some(writer);
    let child = sys::fork(how, || {
        drop(writer.take());
        let over = rustix::io::read(&reader, &mut [0; 1]);
        u8::from(over != Ok(0))
    })?;
    let start = crate::portrait::start(child)?;
    let writer = writer.context("only the child closed it")?;
    children.push((child, writer));
    Ok(json!({"child": child, "child_start": start}))
}

/// Ends what `clone` made.
fn release(children: Children) -> Result<()> {
    // All pipes first: a child holds those of the children that were made before it.
    let (children, writers): (Vec<_>, Vec<_>) = children.into_iter().unzip();
    drop(writers);
    // The first of a pid namespace ends only when all others of it have been waited for.
    for child in children.into_iter().rev() {
        wait_for(child)?;
    }
    Ok(())
}

fn wait_for(child: u32) -> Result<()> {
    let pid = rustix::process::Pid::from_raw(child.cast_signed()).context("no child")?;
    let ended = waitpid(Some(pid), WaitOptions::empty())?;
    let code = ended.and_then(|(_, status)| status.exit_status());
    ensure!(code == Some(0), "the child ended with {code:?}");
    Ok(())
}

/// Stops a thread as a debugger does, and lets it go on.
fn trace(request: Trace, words: &[&str]) -> Result<Value> {
    let thread = number(words, 0)?;
    sys::ptrace(request, thread)?;
    // A thread that is no leader is waited for only by its own id and with this option, `__WALL`.
    sys::wait_for_stop(thread)?;
    sys::ptrace(Trace::Detach, thread)?;
    nothing()
}

/// Makes a child that offers itself to this process.
fn trace_me() -> Result<Value> {
    let child = sys::fork(Fork::default(), || {
        u8::from(sys::ptrace(Trace::Me, 0).is_err())
    })?;
    let start = crate::portrait::start(child)?;
    wait_for(child)?;
    Ok(json!({"child": child, "child_start": start}))
}
