//! What a process has beside its program: descriptors, terminal, session, cgroup, namespaces.

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::fs::{CWD, Mode, OFlags, major, minor, openat};
use rustix::process::{WaitOptions, ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use serde_json::{Value, json};

use crate::event::of;
use crate::host::{inode, line};
use crate::portrait::{NAMESPACES, cgroup_folder};
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;
use crate::sys::{self, Fork};

use super::image::{self, File, c_path, c_strings};
use super::spawn::{check_exec_event, child, only_exec, seven};

/// The deeds.
pub const ACTS: &[Act] = &[
    STDIO,
    TERMINAL,
    AUDITED,
    UNSHARED,
    FIRST_OF_NAMESPACE,
    RETITLED,
];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/stdio",
        play: stdio,
    },
    Scenario {
        name: "exec/terminal",
        play: terminal,
    },
    Scenario {
        name: "exec/login",
        play: login,
    },
    Scenario {
        name: "exec/cgroup",
        play: cgroup,
    },
    Scenario {
        name: "exec/namespaces",
        play: namespaces,
    },
    Scenario {
        name: "exec/pid-namespace",
        play: pid_namespace,
    },
    Scenario {
        name: "exec/retitled",
        play: retitled,
    },
];

/// Executes the program that is the first argument. The others say what standard input, output and
/// error are to be: `closed`, `pipe`, `socket` or `other`.
const STDIO: Act = Act {
    name: "exec/stdio",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        let kinds = [actor.text(1)?, actor.text(2)?, actor.text(3)?].map(str::to_owned);
        let (socket, _peer) = UnixStream::pair()?;
        let socket = OwnedFd::from(socket);
        let null = openat(CWD, "/dev/null", OFlags::RDWR, Mode::empty())?;
        for (number, kind) in (0..).zip(&kinds) {
            let file = match kind.as_str() {
                "socket" => &socket,
                "other" => &null,
                _ => continue, // a pipe already, or closed when nothing is opened any more
            };
            match number {
                0 => dup2_stdin(file)?,
                1 => dup2_stdout(file)?,
                _ => dup2_stderr(file)?,
            }
        }
        for (number, kind) in (0..).zip(&kinds) {
            if kind == "closed" {
                sys::close_standard(number);
            }
        }
        bail!(sys::exec(&program, &c_strings([program.as_bytes()])?))
    },
};

/// Becomes the leader of a session with a terminal, tells which, and executes the program that it
/// is given.
const TERMINAL: Act = Act {
    name: "exec/terminal",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        setsid()?;
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let terminal = openat(CWD, &name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        ioctl_tiocsctty(&terminal)?;
        let device = fs::metadata(name.to_str()?)?.rdev();
        actor.tell(&json!({"major": major(device), "minor": minor(device)}))?;
        bail!(sys::exec(&program, &c_strings([program.as_bytes()])?))
    },
};

/// Logs in, as audit sees it, and executes the program that it is given.
const AUDITED: Act = Act {
    name: "exec/audited",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        if let Err(error) = fs::write("/proc/self/loginuid", "1000") {
            return actor.tell(&json!({"refused": error.to_string()}));
        }
        let session: u32 = line("/proc/self/sessionid")?.parse()?;
        actor.tell(&json!({"session": session}))?;
        bail!(sys::exec(&program, &c_strings([program.as_bytes()])?))
    },
};

/// Moves itself to new namespaces, tells of them, and executes the program that it is given.
const UNSHARED: Act = Act {
    name: "exec/unshared",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        sys::unshare(
            libc::CLONE_NEWNS
                | libc::CLONE_NEWUTS
                | libc::CLONE_NEWIPC
                | libc::CLONE_NEWNET
                | libc::CLONE_NEWCGROUP,
        )?;
        actor.tell(&own_namespaces()?)?;
        bail!(sys::exec(&program, &c_strings([program.as_bytes()])?))
    },
};

/// Makes the first process of a pid namespace, which tells of its namespaces and executes the
/// program that is given.
const FIRST_OF_NAMESPACE: Act = Act {
    name: "exec/first-of-namespace",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        let how = Fork {
            namespaces: u64::from(libc::CLONE_NEWPID.cast_unsigned()),
            ..Fork::default()
        };
        let child = sys::fork(how, || {
            let mut run = || -> Result<()> {
                actor.tell(&json!({"own_id": std::process::id()}))?;
                actor.tell(&own_namespaces()?)?;
                bail!(sys::exec(&program, &c_strings([program.as_bytes()])?))
            };
            u8::from(run().is_err())
        })?;
        actor.tell_child("child", child)?;
        rustix::process::wait(WaitOptions::empty())?;
        Ok(())
    },
};

/// Overwrites its arguments and its name as daemons do, tells what `/proc` says then, and makes a
/// process that ends at once with exit code 3.
const RETITLED: Act = Act {
    name: "exec/retitled",
    play: |actor| {
        let stat = line("/proc/self/stat")?;
        let (_, rest) = stat.rsplit_once(") ").context("no name")?;
        let place: u64 = rest
            .split(' ')
            .nth(48 - 3)
            .context("no arg_start")?
            .parse()?;
        let memory = fs::OpenOptions::new().write(true).open("/proc/self/mem")?;
        memory.write_all_at(b"[kworker/0:0]", place)?;
        rustix::thread::set_name(c"kworker/0:0")?;
        let title = fs::read("/proc/self/cmdline")?;
        let title = String::from_utf8_lossy(&title).into_owned();
        actor.tell(&json!({"title": title, "name": line("/proc/self/comm")?}))?;
        let child = sys::fork(Fork::default(), || 3)?;
        actor.tell_child("child", child)?;
        rustix::process::wait(WaitOptions::empty())?;
        Ok(())
    },
};

fn own_namespaces() -> Result<Value> {
    let mut own = serde_json::Map::new();
    for kind in NAMESPACES {
        let path = format!("/proc/self/ns/{kind}");
        if Path::new(&path).exists() {
            own.insert(kind.to_owned(), inode(path)?.into());
        }
    }
    Ok(json!({"namespaces": own}))
}

fn stdio(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    for kinds in [
        ["closed", "socket", "other"],
        ["socket", "other", "closed"],
        ["other", "closed", "pipe"],
        ["closed", "closed", "closed"],
    ] {
        let [input, output, error] = kinds;
        let played = context.act("exec/stdio", &[&path, input, output, error])?;
        context.claim_eq("the exit code", &played.status.code(), &Some(7));
        let event = only_exec(&context.settle()?, played.portrait.pid)?;
        let who = played.portrait.executed(&program, &[&path]);
        let expect = image::exec(context, &who, File::at(&program)?, &path)
            .is("sensor.exec.stdio", json!(kinds));
        context.check(&event, &expect);
    }
    Ok(Outcome::Passed)
}

fn terminal(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/terminal", &[&*path])?;
    let mut who = played.portrait.clone().executed(&program, &[&path]);
    who.tty = Some((
        played.number("major")?.try_into()?,
        played.number("minor")?.try_into()?,
    ));
    who.group_leader = who.pid;
    who.session_leader = who.pid;
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    let event = events.one("exit", of(who.pid))?;
    // The kernel hangs up a session when its leader ends, which may kill the leader's own group.
    context.check(&event, &image::exit(context, &who, 7));
    Ok(Outcome::Passed)
}

fn login(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/audited", &[&*path])?;
    if let Ok(error) = played.text("refused") {
        return Ok(Outcome::Skipped(format!(
            "nobody can log in on this kernel: {error}"
        )));
    }
    let mut who = played.portrait.clone().executed(&program, &[&path]);
    who.login_uid = Some(1000);
    let session = u32::try_from(played.number("session")?)?;
    who.audit_session = (session != u32::MAX).then_some(session);
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    Ok(Outcome::Passed)
}

fn cgroup(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let mut stage = context.stage("exec/exec", &[&*path])?;
    let folder = cgroup_folder(context.host, stage.pid())?.join("exec-cgroup");
    fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::File::options()
        .write(true)
        .open(folder.join("cgroup.procs"))?
        .write_all(stage.pid().to_string().as_bytes())?;
    stage.go()?;
    let played = stage.finish()?;
    let mut who = played.portrait.clone().executed(&program, &[&path]);
    who.cgroup = inode(&folder)?;
    who.cgroup_is_plain = true;
    context.claim(who.cgroup != played.portrait.cgroup, "the cgroup changed");
    fs::remove_dir(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    let event = events.one("exit", of(who.pid))?;
    context.check(&event, &image::exit(context, &who, 7));
    Ok(Outcome::Passed)
}

fn namespaces(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/unshared", &[&*path])?;
    let mut who = played.portrait.clone().executed(&program, &[&path]);
    take_namespaces(&mut who.namespaces, played.value("namespaces")?)?;
    let changed = who
        .namespaces
        .iter()
        .filter(|(kind, inode)| played.portrait.namespaces.get(*kind) != Some(inode))
        .count();
    context.claim_eq("namespaces that changed", &changed, &5);
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    Ok(Outcome::Passed)
}

fn pid_namespace(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context
        .act("exec/first-of-namespace", &[&*path])?
        .success()?;
    context.claim_eq("its own id", &played.number("own_id")?, &1);
    let mut who = child(&played)?.executed(&program, &[&path]);
    who.vpid = 1;
    take_namespaces(&mut who.namespaces, played.value("namespaces")?)?;
    let events = context.settle()?;
    check_exec_event(context, &events, &who, File::at(&program)?, &path);
    let event = events.one("exit", of(who.pid))?;
    context.check(&event, &image::exit(context, &who, 7));
    Ok(Outcome::Passed)
}

fn take_namespaces(
    known: &mut std::collections::BTreeMap<&'static str, u64>,
    told: &Value,
) -> Result<()> {
    for (kind, inode) in known {
        *inode = told
            .get(*kind)
            .and_then(Value::as_u64)
            .with_context(|| format!("it did not tell of its {kind} namespace"))?;
    }
    Ok(())
}

/// What a program makes of its title after its exec changes nothing.
fn retitled(context: &Context<'_>) -> Result<Outcome> {
    let nothing: [&str; 0] = [];
    let played = context.act("exec/retitled", &nothing)?.success()?;
    context.claim(
        played.text("title")?.starts_with("[kworker/0:0]"),
        "/proc shows the new title",
    );
    context.claim_eq("the name in /proc", &played.text("name")?, &"kworker/0:0");
    let who = played.portrait.clone();
    let child = child(&played)?;
    let events = context.settle()?;
    let event = events.one("fork", of(child.pid))?;
    context.check(&event, &image::fork(context, &child, &who));
    let event = events.one("exit", of(child.pid))?;
    context.check(&event, &image::exit(context, &child, 3));
    let event = events.one("exit", of(who.pid))?;
    context.check(&event, &image::exit(context, &who, 0));
    Ok(Outcome::Passed)
}
