//! Executables that are not simply a file with a name.

use std::fs::{self, File as OpenFile, Permissions};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, XattrFlags, memfd_create, openat, setxattr};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde_json::json;

use crate::compat::is_refusal;
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Actor, Played};
use crate::{sys, tiny};

use super::image::{self, File, c_path, c_strings};
use super::spawn::{check_exec, check_exec_event, only_exec, seven, tell_error};

/// The deeds.
pub const ACTS: &[Act] = &[MEMFD, DELETED, EXEC_FD, EXEC_AT, AS_NOBODY];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/memfd",
        play: |context| memfd(context, "/dev/fd"),
    },
    Scenario {
        name: "exec/memfd-by-link",
        play: |context| memfd(context, LINKS),
    },
    Scenario {
        name: "exec/deleted",
        play: deleted,
    },
    Scenario {
        name: "exec/script",
        play: script,
    },
    Scenario {
        name: "exec/script-of-script",
        play: script_of_script,
    },
    Scenario {
        name: "exec/loader-as-program",
        play: loader_as_program,
    },
    Scenario {
        name: "exec/loader-named-by-program",
        play: loader_named_by_program,
    },
    Scenario {
        name: "exec/execveat-file",
        play: execveat_file,
    },
    Scenario {
        name: "exec/execveat-folder",
        play: execveat_folder,
    },
    Scenario {
        name: "exec/i386",
        play: |context| other_machine(context, &tiny::exits_i386(7), "i386"),
    },
    Scenario {
        name: "exec/x32",
        play: |context| other_machine(context, &tiny::exits_x32(7), "x32"),
    },
    Scenario {
        name: "exec/setuid",
        play: |context| set_id(context, 0o4755),
    },
    Scenario {
        name: "exec/setgid",
        play: |context| set_id(context, 0o2755),
    },
    Scenario {
        name: "exec/setuid-and-setgid",
        play: |context| set_id(context, 0o6755),
    },
    Scenario {
        name: "exec/file-capabilities",
        play: file_capabilities,
    },
];

/// The user and group that unprivileged deeds are done as.
const NOBODY: u32 = 65534;

/// A process's descriptors, as links to what is open.
const LINKS: &str = "/proc/self/fd";

/// Executes a copy of the program that it is given, which has no name, by its descriptor, or by the
/// link to it in the folder that is the second argument. Tells of the `file`, and by which descriptor
/// it is executed.
const MEMFD: Act = Act {
    name: "exec/memfd",
    play: |actor| {
        let program = fs::read(actor.text(0)?)?;
        let memory = memfd_create(c"payload", MemfdFlags::CLOEXEC)?;
        rustix::io::write(&memory, &program)?;
        exec_open(actor, &memory)
    },
};

/// Executes the program that it is given after it has deleted it.
const DELETED: Act = Act {
    name: "exec/deleted",
    play: |actor| {
        let path = Path::new(actor.text(0)?);
        let program = OwnedFd::from(OpenFile::open(path)?);
        fs::remove_file(path)?;
        exec_open(actor, &program)
    },
};

/// Executes the program that it is given, by a descriptor.
const EXEC_FD: Act = Act {
    name: "exec/exec-fd",
    play: |actor| {
        let program = OwnedFd::from(OpenFile::open(actor.text(0)?)?);
        exec_open(actor, &program)
    },
};

fn exec_open(actor: &mut Actor, program: &OwnedFd) -> Result<()> {
    let number = program.as_raw_fd();
    let link = format!("{LINKS}/{number}");
    let file = File::at(Path::new(&link))?;
    actor.tell(&json!({"descriptor": number, "file": file.to_json()}))?;
    let arguments = c_strings(["hidden"])?;
    let error = match actor.text(1) {
        Ok(LINKS) => sys::exec(&c_path(Path::new(&link))?, &arguments),
        _ => sys::exec_at(program.as_fd(), c"", &arguments),
    };
    tell_error(actor, &error)
}

/// Executes the second argument, a name in the folder which is the first, by a descriptor that an
/// exec closes and that is the lowest free one, so that the next file that is opened gets it.
const EXEC_AT: Act = Act {
    name: "exec/exec-at",
    play: |actor| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, actor.text(0)?, flags, Mode::empty())?;
        actor.tell(&json!({"descriptor": folder.as_raw_fd()}))?;
        let name = c_path(Path::new(actor.text(1)?))?;
        let error = sys::exec_at(folder.as_fd(), &name, &c_strings([name.as_bytes()])?);
        tell_error(actor, &error)
    },
};

/// Executes the program that it is given, as a user without any right.
const AS_NOBODY: Act = Act {
    name: "exec/as-nobody",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        let (user, group) = (
            rustix::process::Uid::from_raw(NOBODY),
            rustix::process::Gid::from_raw(NOBODY),
        );
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        let error = sys::exec(&program, &c_strings([program.as_bytes()])?);
        tell_error(actor, &error)
    },
};

fn memfd(context: &Context<'_>, asked_in: &str) -> Result<Outcome> {
    let program = seven(context)?;
    let played = context.act("exec/memfd", &[program.as_path(), Path::new(asked_in)])?;
    let filename = format!("{asked_in}/{}", played.number("descriptor")?);
    let expect = by_descriptor(context, &played, Path::new("/memfd:payload"))?
        .is("sensor.exec.filename", filename)
        .is("sensor.exec.fileless", true)
        .is("sensor.exec.deleted", true)
        .is("sensor.exec.executable_detached", true);
    let event = only_exec(&context.settle()?, played.portrait.pid)?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn deleted(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let played = context.act("exec/deleted", &[&program])?;
    let expect = by_descriptor(context, &played, &program)?
        .is("sensor.exec.fileless", true)
        .is("sensor.exec.deleted", true);
    let event = only_exec(&context.settle()?, played.portrait.pid)?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn execveat_file(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let played = context.act("exec/exec-fd", &[&program])?;
    let expect = by_descriptor(context, &played, &program)?;
    let event = only_exec(&context.settle()?, played.portrait.pid)?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// An exec of what [`exec_open`] told of.
fn by_descriptor(context: &Context<'_>, played: &Played, executable: &Path) -> Result<Expect> {
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = played.portrait.clone().executed(executable, &["hidden"]);
    let file = File::from_json(played.value("file")?)?;
    let filename = format!("/dev/fd/{}", played.number("descriptor")?);
    Ok(image::exec(context, &who, file, &filename))
}

fn execveat_folder(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let folder = context.folder.to_string_lossy();
    let played = context.act("exec/exec-at", &[&folder, "seven"])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = played.portrait.clone().executed(&program, &["seven"]);
    let filename = format!("/dev/fd/{}/seven", played.number("descriptor")?);
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &filename);
    Ok(Outcome::Passed)
}

fn script(context: &Context<'_>) -> Result<Outcome> {
    let interpreter = seven(context)?;
    let interpreter_path = interpreter.to_string_lossy();
    let script = context.folder.join("script");
    tiny::write(&script, format!("#!{interpreter_path} -x y\n").as_bytes())?;
    let path = script.to_string_lossy();
    let played = context.act("exec/exec", &[&path, "argument"])?;
    // All that follows the interpreter on the first line is one argument.
    let who = played.portrait.clone().executed(
        &interpreter,
        &[&interpreter_path, "-x y", &path, "argument"],
    );
    let event = only_exec(&context.settle()?, who.pid)?;
    let expect = image::exec(context, &who, File::at(&interpreter)?, &path)
        .is("sensor.exec.interpreter", interpreter_path.as_ref())
        .is("sensor.script.kind", "file")
        .is("sensor.script.path", path.as_ref());
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// The interpreter of a script may be a script itself: the last one is mapped.
fn script_of_script(context: &Context<'_>) -> Result<Outcome> {
    let interpreter = seven(context)?;
    let interpreter_path = interpreter.to_string_lossy();
    let inner = context.folder.join("inner");
    tiny::write(&inner, format!("#!{interpreter_path}\n").as_bytes())?;
    let inner_path = inner.to_string_lossy();
    let outer = context.folder.join("outer");
    tiny::write(&outer, format!("#!{inner_path} o\n").as_bytes())?;
    let path = outer.to_string_lossy();
    let played = context.act("exec/exec", &[&path, "argument"])?;
    let who = played.portrait.clone().executed(
        &interpreter,
        &[&interpreter_path, &inner_path, "o", &path, "argument"],
    );
    let event = only_exec(&context.settle()?, who.pid)?;
    let expect = image::exec(context, &who, File::at(&interpreter)?, &path)
        .is("sensor.exec.interpreter", interpreter_path.as_ref())
        .is("sensor.script.kind", "file")
        .is("sensor.script.path", path.as_ref());
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// `ld.so /path/to/program`: the loader is what the kernel executes, and the arguments say what it
/// loads.
fn loader_as_program(context: &Context<'_>) -> Result<Outcome> {
    let (loader, program) = loader_and_program(context)?;
    let path = program.to_string_lossy();
    let played = check_exec(context, &loader.to_string_lossy(), &[&path], &loader)?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    Ok(Outcome::Passed)
}

/// The program is what the kernel executes, though the loader's instructions come first.
fn loader_named_by_program(context: &Context<'_>) -> Result<Outcome> {
    let (_, program) = loader_and_program(context)?;
    let played = check_exec(context, &program.to_string_lossy(), &[], &program)?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    Ok(Outcome::Passed)
}

fn loader_and_program(context: &Context<'_>) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let loader = context.folder.join("loader");
    tiny::write(&loader, &tiny::exits(7))?;
    let program = context.folder.join("program");
    tiny::write(&program, &tiny::loaded_by(&loader, 8))?;
    Ok((loader, program))
}

fn other_machine(context: &Context<'_>, code: &[u8], machine: &str) -> Result<Outcome> {
    let program = context.folder.join(machine);
    tiny::write(&program, code)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/exec", &[&*path])?;
    if let Ok(error) = played.value("error") {
        ensure!(
            is_refusal(error) && program.exists(),
            "exec failed with error {error}"
        );
        return Ok(Outcome::Skipped(format!(
            "this kernel runs no {machine} programs"
        )));
    }
    // A kernel that takes such a program but not its system calls ends it otherwise.
    let ran = played.status.code() == Some(7);
    if !ran {
        context.note(format!(
            "this kernel starts {machine} programs but refuses their system calls: {}",
            played.status
        ));
    }
    let who = played.portrait.clone().executed(&program, &[&path]);
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    if ran {
        let event = events.one("exit", crate::event::of(who.pid))?;
        context.check(&event, &image::exit(context, &who, 7));
    }
    Ok(Outcome::Passed)
}

/// Lets nobody execute a program that is root's.
fn set_id(context: &Context<'_>, mode: u32) -> Result<Outcome> {
    let program = seven(context)?;
    fs::set_permissions(&program, Permissions::from_mode(mode))?;
    let (played, mut who, expect) = as_nobody(context, &program)?;
    let (setuid, setgid) = (mode & 0o4000 != 0, mode & 0o2000 != 0);
    if setuid {
        who.uids = [NOBODY, 0, 0, 0];
        // The bounding set: all that the kernel knows.
        (who.effective, who.permitted) = (played.portrait.permitted, played.portrait.permitted);
    }
    if setgid {
        who.gids = [NOBODY, 0, 0, 0];
    }
    let expect = expect(&who)?
        .is("sensor.exec.secure", true)
        .has("sensor.exec.setuid", setuid.then_some(true))
        .has("sensor.exec.setgid", setgid.then_some(true));
    let event = only_exec(&context.settle()?, who.pid)?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// Lets nobody execute a program that has a right of its own.
fn file_capabilities(context: &Context<'_>) -> Result<Outcome> {
    const NET_BIND_SERVICE: u32 = 1 << 10;
    let program = seven(context)?;
    // `struct vfs_cap_data`: version 2, with the bit that makes them effective at once.
    let mut value = 0x0200_0001_u32.to_le_bytes().to_vec();
    for half in [NET_BIND_SERVICE, 0, 0, 0] {
        value.extend(half.to_le_bytes());
    }
    setxattr(&program, "security.capability", &value, XattrFlags::empty())
        .context("this file system keeps no capabilities")?;
    let (_, mut who, expect) = as_nobody(context, &program)?;
    let set = u64::from(NET_BIND_SERVICE);
    (who.effective, who.permitted) = (set, set);
    let expect = expect(&who)?
        .is("sensor.exec.secure", true)
        .is("sensor.exec.file_capabilities", true);
    let event = only_exec(&context.settle()?, who.pid)?;
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

type ExpectOf<'a> = Box<dyn Fn(&Portrait) -> Result<Expect> + 'a>;

/// Has nobody execute a program. Returns what nobody is after that, but for what the file gave.
fn as_nobody<'a>(
    context: &'a Context<'_>,
    program: &'a Path,
) -> Result<(Played, Portrait, ExpectOf<'a>)> {
    let path = program.to_string_lossy().into_owned();
    let played = context.act("exec/as-nobody", &[&path])?;
    if let Ok(error) = played.value("error") {
        bail!("nobody cannot execute {path}: error {error}");
    }
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = Portrait {
        uids: [NOBODY; 4],
        gids: [NOBODY; 4],
        effective: 0,
        permitted: 0,
        ..played.portrait.clone().executed(program, &[&path])
    };
    let expect = move |who: &Portrait| Ok(image::exec(context, who, File::at(program)?, &path));
    Ok((played, who, Box::new(expect)))
}
