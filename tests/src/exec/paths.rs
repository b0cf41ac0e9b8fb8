//! Where an executable and a working directory are, whatever a process calls them.

use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::process::{chdir, chroot};
use serde_json::json;

use crate::expect::Expect;
use crate::host::inode;
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Actor, Played};
use crate::{sys, tiny};

use super::image::{self, File, c_path, c_strings};
use super::spawn::{check_exec, check_exec_event, only_exec, seven, tell_error};

/// The deeds.
pub const ACTS: &[Act] = &[CHROOTED, MOUNT_AND_EXEC, DETACHED];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/path-relative",
        play: relative,
    },
    Scenario {
        name: "exec/path-with-dots",
        play: with_dots,
    },
    Scenario {
        name: "exec/path-symlink",
        play: by_symlink,
    },
    Scenario {
        name: "exec/path-hard-link",
        play: by_hard_link,
    },
    Scenario {
        name: "exec/path-renamed-over",
        play: renamed_over,
    },
    Scenario {
        name: "exec/path-deep",
        play: deep,
    },
    Scenario {
        name: "exec/path-too-deep",
        play: too_deep,
    },
    Scenario {
        name: "exec/path-chroot",
        play: chrooted,
    },
    Scenario {
        name: "exec/path-bind-mount",
        play: bind_mount,
    },
    Scenario {
        name: "exec/path-mount-namespace",
        play: |context| mount_namespace(context, "tmpfs"),
    },
    Scenario {
        name: "exec/path-overlay",
        play: |context| mount_namespace(context, "overlay"),
    },
    Scenario {
        name: "exec/path-detached-mount",
        play: detached,
    },
];

/// Changes its root to the folder that is the first argument, and executes the second.
const CHROOTED: Act = Act {
    name: "exec/chrooted",
    play: |actor| {
        let program = c_path(Path::new(actor.text(1)?))?;
        chroot(actor.text(0)?)?;
        chdir("/")?;
        let error = sys::exec(&program, &c_strings([program.as_bytes()])?);
        tell_error(actor, &error)
    },
};

/// In a mount namespace of its own: mounts a file system of the kind that is the first argument on
/// the folder `mounted` in the second, writes a program to it, and executes that. Tells of the
/// namespace and the program's `file`, or of the `refused` mount.
const MOUNT_AND_EXEC: Act = Act {
    name: "exec/mount-and-exec",
    play: |actor| {
        let folder = PathBuf::from(actor.text(1)?);
        let kind = actor.text(0)?.to_owned();
        sys::unshare(libc::CLONE_NEWNS)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).context("cannot make the mounts private")?;
        let mounted = folder.join("mounted");
        let options = if kind == "overlay" {
            format!(
                "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work",
                folder.display()
            )
        } else {
            String::new()
        };
        let options = std::ffi::CString::new(options)?;
        if let Err(error) = mount(
            &*kind,
            &mounted,
            &*kind,
            MountFlags::empty(),
            options.as_c_str(),
        ) {
            return actor.tell(&json!({"refused": error.to_string()}));
        }
        let program = mounted.join("seven");
        if !program.exists() {
            tiny::write(&program, &tiny::exits(7))?;
        }
        actor.tell(&json!({
            "namespace": inode("/proc/self/ns/mnt")?,
            "file": File::at(&program)?.to_json(),
        }))?;
        exec_path(actor, &program)
    },
};

/// In a mount namespace of its own: mounts a file system on the folder that it is given, writes a
/// program to `a/seven` in it, enters `a`, unmounts it lazily, and executes the program.
const DETACHED: Act = Act {
    name: "exec/detached",
    play: |actor| {
        let mounted = PathBuf::from(actor.text(0)?);
        sys::unshare(libc::CLONE_NEWNS)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).context("cannot make the mounts private")?;
        mount("tmpfs", &mounted, "tmpfs", MountFlags::empty(), None)?;
        let folder = mounted.join("a");
        fs::create_dir(&folder)?;
        let program = folder.join("seven");
        tiny::write(&program, &tiny::exits(7))?;
        chdir(&folder)?;
        let opened = openat(CWD, &program, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        actor.tell(&json!({
            "namespace": inode("/proc/self/ns/mnt")?,
            "file": File::at(&program)?.to_json(),
            "descriptor": std::os::fd::AsRawFd::as_raw_fd(&opened),
        }))?;
        unmount(&mounted, UnmountFlags::DETACH)?;
        let error = sys::exec_at(opened.as_fd(), c"", &c_strings(["detached"])?);
        tell_error(actor, &error)
    },
};

fn exec_path(actor: &mut Actor, program: &Path) -> Result<()> {
    let path = c_path(program)?;
    let error = sys::exec(&path, &c_strings([path.as_bytes()])?);
    tell_error(actor, &error)
}

fn relative(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let folder = context.folder.to_string_lossy();
    let played = context.act("exec/exec-in", &[&*folder, "./seven"])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = in_folder(played.portrait, &context.folder).executed(&program, &["./seven"]);
    check_exec_event(
        context,
        &context.settle()?,
        &who,
        File::at(&program)?,
        "./seven",
    );
    Ok(Outcome::Passed)
}

fn with_dots(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    fs::create_dir(context.folder.join("sub"))?;
    let asked = context.folder.join("sub/..//./seven");
    check_exec(context, &asked.to_string_lossy(), &[], &program)?;
    Ok(Outcome::Passed)
}

fn by_symlink(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let link = context.folder.join("link");
    symlink("seven", &link)?;
    check_exec(context, &link.to_string_lossy(), &[], &program)?;
    Ok(Outcome::Passed)
}

fn by_hard_link(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let link = context.folder.join("other-name");
    fs::hard_link(program, &link)?;
    check_exec(context, &link.to_string_lossy(), &[], &link)?;
    Ok(Outcome::Passed)
}

/// The path stays the same, the file does not: the second exec must not be taken for the first, and
/// what was executed first must not be given the name of what lies there now.
fn renamed_over(context: &Context<'_>) -> Result<Outcome> {
    let program = context.folder.join("program");
    let path = program.to_string_lossy();
    tiny::write(&program, &tiny::waits(1))?;
    let old = File::at(&program)?;
    let mut stage = context.stage("exec/exec", &[&*path])?;
    stage.go()?;
    let pid = stage.pid();
    context
        .sensor
        .wait_for(
            |event| {
                event.code() == "exec"
                    && crate::event::of(pid)(event)
                    && event.text("process.executable") == Some(&path)
            },
            crate::scenario::PATIENCE,
        )
        .context("no exec of the first program")?;
    let replacement = context.folder.join("replacement");
    tiny::write(&replacement, &tiny::exits(2))?;
    fs::rename(&replacement, &program)?;
    let new = File::at(&program)?;

    let second = context.act("exec/exec", &[&*path])?;
    context.claim_eq("the second's exit code", &second.status.code(), &Some(2));
    stage.tell("end")?;
    let first = stage.finish()?;
    context.claim_eq("the first's exit code", &first.status.code(), &Some(1));

    let events = context.settle()?;
    for (played, file, code) in [(&first, old, 1), (&second, new, 2)] {
        let who = played.portrait.clone().executed(&program, &[&path]);
        check_exec_event(context, &events, &who, file, &path);
        let event = events.one("exit", crate::event::of(who.pid))?;
        context.check(&event, &image::exit(context, &who, code));
    }
    Ok(Outcome::Passed)
}

/// As deep as is followed in one mount, together with the folders above.
fn deep(context: &Context<'_>) -> Result<Outcome> {
    let (folder, program) = nested(context, 30)?;
    let (folder_path, path) = (folder.to_string_lossy(), program.to_string_lossy());
    let played = context.act("exec/exec-in", &[&*folder_path, &*path])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = in_folder(played.portrait, &folder).executed(&program, &[&path]);
    check_exec_event(
        context,
        &context.settle()?,
        &who,
        File::at(&program)?,
        &path,
    );
    Ok(Outcome::Passed)
}

/// Deeper than is followed: what is told must be the path's end, and said to be no more.
fn too_deep(context: &Context<'_>) -> Result<Outcome> {
    let (folder, program) = nested(context, 70)?;
    let (folder_path, path) = (folder.to_string_lossy(), program.to_string_lossy());
    let played = context.act("exec/exec-in", &[&*folder_path, &*path])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = in_folder(played.portrait, &folder).executed(&program, &[&path]);
    let event = only_exec(&context.settle()?, who.pid)?;
    let expect = image::exec(context, &who, File::at(&program)?, &path)
        .end_of("process.executable", &program, 30)
        .end_of("process.working_directory", &folder, 30)
        .is("sensor.exec.executable_truncated", true)
        .is("sensor.exec.working_directory_truncated", true);
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

impl Expect {
    /// At least so many of the last components of a path.
    #[must_use]
    fn end_of(self, field: &str, path: &Path, components: usize) -> Self {
        let whole: Vec<String> = path
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let wanted = format!(
            "the last {components} or more components of {}",
            path.display()
        );
        self.meets(field, wanted, move |value, _| {
            let told = value.as_str().unwrap_or_default();
            let names: Vec<&str> = told.rsplit('/').take(components).collect();
            names.len() == components && names.iter().zip(whole.iter().rev()).all(|(a, b)| a == b)
        })
    }
}

/// A folder so many levels down, and a program in it. Each name differs from the others.
fn nested(context: &Context<'_>, levels: usize) -> Result<(PathBuf, PathBuf)> {
    let folder = (0..levels).fold(context.folder.clone(), |folder, level| {
        folder.join(format!("level-{level:03}-of-the-tree"))
    });
    fs::create_dir_all(&folder)?;
    let program = folder.join("seven");
    tiny::write(&program, &tiny::exits(7))?;
    Ok((folder, program))
}

fn chrooted(context: &Context<'_>) -> Result<Outcome> {
    let root = context.folder.join("root");
    fs::create_dir_all(root.join("bin"))?;
    let program = root.join("bin/seven");
    tiny::write(&program, &tiny::exits(7))?;
    let root_path = root.to_string_lossy();
    let played = context.act("exec/chrooted", &[&root_path, "/bin/seven"])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = in_folder(played.portrait, &root).executed(&program, &["/bin/seven"]);
    check_exec_event(
        context,
        &context.settle()?,
        &who,
        File::at(&program)?,
        "/bin/seven",
    );
    Ok(Outcome::Passed)
}

fn bind_mount(context: &Context<'_>) -> Result<Outcome> {
    seven(context)?;
    let mounted = context.folder.join("mounted");
    fs::create_dir(&mounted)?;
    mount_bind(&context.folder, &mounted)?;
    let asked = mounted.join("seven");
    let checked = check_exec(context, &asked.to_string_lossy(), &[], &asked);
    unmount(&mounted, UnmountFlags::empty())?;
    checked?;
    Ok(Outcome::Passed)
}

fn mount_namespace(context: &Context<'_>, kind: &str) -> Result<Outcome> {
    for name in ["mounted", "lower", "upper", "work"] {
        fs::create_dir(context.folder.join(name))?;
    }
    tiny::write(&context.folder.join("lower/seven"), &tiny::exits(7))?;
    let folder = context.folder.to_string_lossy();
    let played = context.act("exec/mount-and-exec", &[kind, &folder])?;
    if let Ok(error) = played.text("refused") {
        return Ok(Outcome::Skipped(format!(
            "this kernel does not mount {kind}: {error}"
        )));
    }
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let program = context.folder.join("mounted/seven");
    let path = program.to_string_lossy();
    let who = in_namespace(&played)?.executed(&program, &[&path]);
    let file = File::from_json(played.value("file")?)?;
    check_exec_event(context, &context.settle()?, &who, file, &path);
    Ok(Outcome::Passed)
}

/// Where a tree is mounted nowhere, a path in it begins at its own root.
fn detached(context: &Context<'_>) -> Result<Outcome> {
    let played = context.act("exec/detached", &[&context.folder])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = in_folder(in_namespace(&played)?, Path::new("/a"))
        .executed(Path::new("/a/seven"), &["detached"]);
    let file = File::from_json(played.value("file")?)?;
    let filename = format!("/dev/fd/{}", played.number("descriptor")?);
    let event = only_exec(&context.settle()?, who.pid)?;
    let expect = image::exec(context, &who, file, &filename)
        .is("sensor.exec.executable_detached", true)
        .is("sensor.exec.working_directory_detached", true);
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn in_folder(mut who: Portrait, folder: &Path) -> Portrait {
    who.working_directory = folder.to_string_lossy().into_owned();
    who
}

/// In the mount namespace that the act told of.
fn in_namespace(played: &Played) -> Result<Portrait> {
    let mut who = played.portrait.clone();
    who.namespaces.insert("mnt", played.number("namespace")?);
    Ok(who)
}
