//! Another path, another moment, another name: what is found is the file that ran.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use serde_json::Value;

use crate::detect::watch::{ARGUMENT, FILE, Found, LOADER, PROGRAM, SCRIPT, forbidden_file};
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t1-swapped-path",
        play: swapped_path,
    },
    Scenario {
        name: "detect/t2-swapped-folder",
        play: swapped_folder,
    },
    Scenario {
        name: "detect/t4-loader-and-script",
        play: loader_and_script,
    },
    Scenario {
        name: "detect/t5-fileless",
        play: fileless,
    },
    Scenario {
        name: "detect/t6-other-names",
        play: other_names,
    },
    Scenario {
        name: "detect/t6-other-mounts",
        play: other_mounts,
    },
];

/// How often a program runs while its path changes.
const RUNS: &str = "30";

/// How often one runs while its folder's descriptor changes.
const STAGES: usize = 6;

const FILELESS: &str = "fileless-execution";

/// A program that rules look for, in the scenario's folder or one in it.
pub fn forbidden(context: &Context<'_>, folder: &str) -> Result<PathBuf> {
    let folder = context.folder.join(folder);
    fs::create_dir_all(&folder)?;
    let program = folder.join("forbidden");
    tiny::write(&program, &tiny::exits(7))?;
    Ok(program)
}

/// The rule is about one of two programs: it finds each process in which that one ran, and no other,
/// whatever the path was before and afterwards.
fn swapped_path(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let [allowed, found] = ["racer-a", "racer-b"].map(|name| context.folder.join(name));
    tiny::write(&allowed, &tiny::exits(1))?;
    tiny::write(&found, &tiny::exits(2))?;
    let words = [&*allowed.to_string_lossy(), RUNS];
    let played = context.act("exec/changing-path", &words)?.success()?;
    let mut expected = Vec::new();
    for told in &played.told {
        let number = |name| told.get(name).and_then(Value::as_u64).context("untold");
        if number("code")? == 2 {
            expected.push((PROGRAM, u32::try_from(number("child")?)?));
        }
    }
    if expected.is_empty() || expected.len() == played.told.len() {
        context.note("the race was never won: only one of the two programs ran");
    }
    let alerts = Found::by(context, watch)?;
    alerts.claim(context, "the program that ran", &expected);
    for alert in &alerts.alerts {
        let executable = alert.text("process.executable");
        context.claim_eq("what was found", &executable, &found.to_str());
    }
    Ok(Outcome::Passed)
}

/// The same with a path that is relative to a descriptor, which is another folder's or closed when
/// somebody looks.
fn swapped_folder(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let folders = ["first", "second"].map(|name| context.folder.join(name));
    for (folder, code) in folders.iter().zip([1, 2]) {
        fs::create_dir(folder)?;
        tiny::write(&folder.join("racer"), &tiny::exits(code))?;
    }
    let mut expected = Vec::new();
    for _ in 0..STAGES {
        let played = context.act("exec/changing-folder", &folders)?;
        match played.status.code() {
            Some(1) => (),
            Some(2) => expected.push((PROGRAM, played.portrait.pid)),
            _ => bail!("the program ended with {}", played.status),
        }
    }
    let program = forbidden(context, "closed")?;
    let folder = program.parent().context("no folder")?;
    let closed = context.act("exec/exec-at", &[folder, Path::new("forbidden")])?;
    expected.push((PROGRAM, closed.portrait.pid));
    let by_descriptor = context.act("exec/exec-fd", &[&program])?;
    expected.push((PROGRAM, by_descriptor.portrait.pid));
    Found::by(context, watch)?.claim(context, "the program that ran", &expected);
    Ok(Outcome::Passed)
}

/// A program that the dynamic linker is told to run, one that names a loader, a script, and a script of
/// a script.
fn loader_and_script(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let file = |name: &str| context.folder.join(name);
    let (linker, target) = (file("ld-linux-x86-64.so.2"), file("forbidden-argument"));
    tiny::write(&linker, &tiny::exits(7))?;
    tiny::write(&target, &tiny::exits(8))?;
    let told = context.act("exec/exec", &[&linker, &target])?;
    let program = forbidden(context, "loaded")?;
    tiny::write(&program, &tiny::loaded_by(&linker, 8))?;
    let loaded = context.act("exec/exec", &[&program])?;

    let interpreter = file("interpreter");
    tiny::write(&interpreter, &tiny::exits(7))?;
    let script = forbidden(context, "script")?;
    tiny::write(&script, format!("#!{}\n", interpreter.display()).as_bytes())?;
    let script_ran = context.act("exec/exec", &[&script])?;
    let inner = file("inner");
    tiny::write(&inner, format!("#!{}\n", interpreter.display()).as_bytes())?;
    let outer = forbidden(context, "outer")?;
    tiny::write(&outer, format!("#!{}\n", inner.display()).as_bytes())?;
    let outer_ran = context.act("exec/exec", &[&outer])?;
    for played in [&told, &loaded, &script_ran, &outer_ran] {
        context.claim_eq("the exit code", &played.status.code(), &Some(7));
    }

    let found = Found::by(context, watch)?;
    let expected = [
        (LOADER, told.portrait.pid),
        (ARGUMENT, told.portrait.pid),
        (PROGRAM, loaded.portrait.pid),
        (SCRIPT, script_ran.portrait.pid),
        (SCRIPT, outer_ran.portrait.pid),
    ];
    found.claim(context, "what was loaded and interpreted", &expected);
    let alert = found.of(SCRIPT)?;
    let script = script.to_str();
    context.claim_eq("the script", &alert.text("sensor.script.path"), &script);
    Ok(Outcome::Passed)
}

/// A program in memory by a descriptor and by a link to it, one whose file is deleted, and one with a
/// file that is named by a descriptor only.
fn fileless(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let program = context.folder.join("seven");
    tiny::write(&program, &tiny::exits(7))?;
    let mut expected = Vec::new();
    for link in ["/dev/fd", "/proc/self/fd"] {
        let words = [program.as_path(), Path::new(link)];
        let played = context.act("exec/memfd", &words)?;
        expected.push((FILELESS, played.portrait.pid));
    }
    let deleted = forbidden(context, "deleted")?;
    let played = context.act("exec/deleted", &[&deleted])?;
    expected.push((FILELESS, played.portrait.pid));
    // Its path is known all the same.
    expected.push((PROGRAM, played.portrait.pid));
    let open = context.act("exec/exec-fd", &[forbidden(context, "open")?])?;
    expected.push((PROGRAM, open.portrait.pid));
    Found::by(context, watch)?.claim(context, "programs without a file", &expected);
    Ok(Outcome::Passed)
}

/// A relative path, one with dots, a symbolic link and another root lead to the same path; another
/// name, by a hard link or since it was renamed, leads to the same file.
fn other_names(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let program = forbidden(context, "")?;
    let folder = context.folder.to_string_lossy();
    fs::create_dir(context.folder.join("sub"))?;
    let link = context.folder.join("link");
    symlink(&program, &link)?;
    let root = context.folder.join("root");
    forbidden(context, "root/bin")?;
    let (dots, link) = (
        format!("{folder}/sub/..//./forbidden"),
        link.to_string_lossy(),
    );
    let mut expected = Vec::new();
    for (act, words) in [
        ("exec/exec-in", [&*folder, "./forbidden"].as_slice()),
        ("exec/exec", &[&dots]),
        ("exec/exec", &[&link]),
        (
            "exec/chrooted",
            &[&root.to_string_lossy(), "/bin/forbidden"],
        ),
    ] {
        expected.push((PROGRAM, ran(context, act, words)?));
    }

    let file = forbidden_file(context)?;
    let (innocent, renamed) = (
        context.folder.join("innocent"),
        context.folder.join("renamed"),
    );
    fs::hard_link(&file, &innocent)?;
    expected.push((
        FILE,
        ran(context, "exec/exec", &[&innocent.to_string_lossy()])?,
    ));
    fs::rename(&innocent, &renamed)?;
    expected.push((
        FILE,
        ran(context, "exec/exec", &[&renamed.to_string_lossy()])?,
    ));
    Found::by(context, watch)?.claim(context, "one program by many names", &expected);
    Ok(Outcome::Passed)
}

/// Another mount of the same folder, other file systems in a mount namespace that nobody else sees, and
/// one that is mounted nowhere any longer.
fn other_mounts(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    for name in ["mounted", "lower", "upper", "work", "bound", "detached"] {
        fs::create_dir(context.folder.join(name))?;
    }
    tiny::write(&context.folder.join("lower/seven"), &tiny::exits(7))?;
    forbidden(context, "source")?;
    let mut expected = Vec::new();
    let bound = context.folder.join("bound");
    mount_bind(context.folder.join("source"), &bound)?;
    let by_bind = ran(
        context,
        "exec/exec",
        &[&bound.join("forbidden").to_string_lossy()],
    );
    unmount(&bound, UnmountFlags::empty())?;
    expected.push((PROGRAM, by_bind?));
    let folder = context.folder.to_string_lossy();
    for kind in ["tmpfs", "overlay"] {
        let played = context.act("exec/mount-and-exec", &[kind, &folder])?;
        match played.text("refused") {
            Ok(error) => context.note(format!("this kernel does not mount {kind}: {error}")),
            Err(_) => expected.push((PROGRAM, played.portrait.pid)),
        }
    }
    let detached = context
        .folder
        .join("detached")
        .to_string_lossy()
        .into_owned();
    expected.push((PROGRAM, ran(context, "exec/detached", &[&detached])?));
    Found::by(context, watch)?.claim(context, "programs in other mounts", &expected);
    Ok(Outcome::Passed)
}

/// Has a program run that ends with exit code 7; returns its process.
pub fn ran(context: &Context<'_>, act: &str, words: &[&str]) -> Result<u32> {
    let played = context.act(act, words)?;
    let what = format!("the exit code of {act} {words:?}");
    context.claim_eq(&what, &played.status.code(), &Some(7));
    Ok(played.portrait.pid)
}
