//! Digests of what is executed.

use std::fs::{self, File as OpenFile};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::event::{Event, of};
use crate::exec::image::{self, File, c_path, c_strings};
use crate::exec::spawn::{only_exec, seven, tell_error};
use crate::host::inode;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::sensor::Sensor;
use crate::stage::{Act, Stage};
use crate::{sys, tiny};

/// The deeds.
pub const ACTS: &[Act] = &[OVERLAY];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/hash",
        play: hash,
    },
    Scenario {
        name: "enrich/hash-script",
        play: hash_script,
    },
    Scenario {
        name: "enrich/hash-rewritten",
        play: rewritten,
    },
    Scenario {
        name: "enrich/hash-overlay-lower",
        play: |context| overlay(context, "lower"),
    },
    Scenario {
        name: "enrich/hash-overlay-copied-up",
        play: |context| overlay(context, "copied"),
    },
    Scenario {
        name: "enrich/hash-overlay-upper",
        play: |context| overlay(context, "upper"),
    },
    Scenario {
        name: "enrich/hash-deleted",
        play: |context| nameless(context, "exec/deleted"),
    },
    Scenario {
        name: "enrich/hash-memfd",
        play: |context| nameless(context, "exec/memfd"),
    },
    Scenario {
        name: "enrich/hash-deleted-after-exec",
        play: deleted_after_exec,
    },
];

/// A configuration under which an event waits long enough for its digest on a slow machine.
pub const PATIENT: &str = "[enrich]\nwait_milliseconds = 1000\n";

/// Longer than the time of two changes of a file can be the same.
const SETTLED: Duration = Duration::from_millis(100);

/// In a mount namespace of its own: mounts an overlay on `mounted` in the folder that it is given,
/// brings `program` there in one of the ways that there are, and executes it. Tells of the namespace
/// and the `file`, or of the `refused` mount.
const OVERLAY: Act = Act {
    name: "enrich/overlay",
    play: |actor| {
        let folder = PathBuf::from(actor.text(0)?);
        sys::unshare(libc::CLONE_NEWNS)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).context("cannot make the mounts private")?;
        let options = std::ffi::CString::new(format!(
            "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work",
            folder.display()
        ))?;
        let mounted = folder.join("mounted");
        let flags = MountFlags::empty();
        if let Err(error) = mount("overlay", &mounted, "overlay", flags, options.as_c_str()) {
            return actor.tell(&json!({"refused": error.to_string()}));
        }
        let program = mounted.join("program");
        match actor.text(1)? {
            "copied" => fs::OpenOptions::new()
                .append(true)
                .open(&program)
                .map(drop)?,
            "upper" => {
                fs::remove_file(&program)?;
                tiny::write(&program, &tiny::waits(7))?;
            }
            _ => (),
        }
        sleep(SETTLED);
        actor.tell(&json!({
            "namespace": inode("/proc/self/ns/mnt")?,
            "file": File::at(&program)?.to_json(),
        }))?;
        let path = c_path(&program)?;
        let error = sys::exec(&path, &c_strings([path.as_bytes()])?);
        tell_error(actor, &error)
    },
};

/// A digest's hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for the exec of a stage's program.
pub fn exec_of(sensor: &Sensor, pid: u32, executable: &Path) -> Result<Arc<Event>> {
    let executable = executable.to_string_lossy().into_owned();
    let is_it = move |event: &Event| {
        event.code() == "exec"
            && of(pid)(event)
            && event.text("process.executable") == Some(&executable)
    };
    sensor
        .wait_for(is_it, PATIENCE)
        .context("no exec of the program")
}

/// Lets the program of a stage end, which waits for that, and stops the sensor.
pub fn end(context: &Context<'_>, mut stage: Stage, sensor: Sensor) -> Result<()> {
    stage.tell("end")?;
    let played = stage.finish()?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    stop(context, sensor)
}

/// Stops the sensor, whose output must be in order as a whole.
pub fn stop(context: &Context<'_>, sensor: Sensor) -> Result<()> {
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    Ok(())
}

fn hash(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let digest = sha256(&fs::read(&program)?);
    let path = program.to_string_lossy();
    let file = File::at(&program)?;
    sleep(SETTLED);
    let sensor = context.own_sensor(PATIENT)?;
    // The second is known without reading.
    for _ in 0..2 {
        let played = context.act("exec/exec", &[&*path])?;
        let who = played.portrait.clone().executed(&program, &[&path]);
        let events = sensor.settle()?;
        let exit = events.one("exit", of(who.pid))?;
        for (event, expect) in [
            (
                only_exec(&events, who.pid)?,
                image::exec(context, &who, file, &path),
            ),
            (exit, image::exit(context, &who, 7)),
        ] {
            let expect = expect
                .is("agent.id", sensor.agent())
                .is("process.hash.sha256", &*digest);
            context.check(&event, &expect);
        }
    }
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

fn hash_script(context: &Context<'_>) -> Result<Outcome> {
    let interpreter = seven(context)?;
    let interpreter_path = interpreter.to_string_lossy();
    let script = context.folder.join("script");
    let text = format!("#!{interpreter_path}\n");
    tiny::write(&script, text.as_bytes())?;
    sleep(SETTLED);
    let path = script.to_string_lossy();
    let sensor = context.own_sensor(PATIENT)?;
    let played = context.act("exec/exec", &[&*path])?;
    let who = played
        .portrait
        .clone()
        .executed(&interpreter, &[&interpreter_path, &path]);
    let event = only_exec(&sensor.settle()?, who.pid)?;
    let expect = image::exec(context, &who, File::at(&interpreter)?, &path)
        .is("agent.id", sensor.agent())
        .is("process.hash.sha256", sha256(&fs::read(&interpreter)?))
        .is("sensor.exec.interpreter", interpreter_path.as_ref())
        .is("sensor.script.kind", "file")
        .is("sensor.script.path", path.as_ref())
        .is("sensor.script.hash.sha256", sha256(text.as_bytes()))
        // Unless the process was caught alive.
        .may("sensor.script.hash_evidence", "looked_up", |evidence, _| {
            evidence == "looked_up"
        });
    context.check(&event, &expect);
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// The same file with other content of the same size, whose time of modification is set back each
/// time: no digest of what it was before may be told.
fn rewritten(context: &Context<'_>) -> Result<Outcome> {
    const TIMES: u8 = 8;
    let program = context.folder.join("changing");
    tiny::write(&program, &tiny::exits(0))?;
    let (inode, modified) = (inode(&program)?, fs::metadata(&program)?.modified()?);
    let path = program.to_string_lossy();
    let sensor = context.own_sensor(PATIENT)?;
    for code in 0..TIMES {
        let content = tiny::exits(code);
        fs::write(&program, &content)?;
        OpenFile::options()
            .append(true)
            .open(&program)?
            .set_modified(modified)?;
        // Sometimes the digest is of a file that may still be changed unnoticed, sometimes not.
        if code % 2 == 0 {
            sleep(SETTLED);
        }
        for _ in 0..2 {
            let played = context.act("exec/exec", &[&*path])?;
            context.claim_eq("the exit code", &played.status.code(), &Some(code.into()));
            let event = only_exec(&sensor.settle()?, played.portrait.pid)?;
            context.claim_eq(
                &format!("the digest of version {code}"),
                &event.text("process.hash.sha256"),
                &Some(&*sha256(&content)),
            );
            sensor.clear();
        }
    }
    ensure!(crate::host::inode(&program)? == inode, "it is another file");
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

fn overlay(context: &Context<'_>, way: &str) -> Result<Outcome> {
    for name in ["mounted", "lower", "upper", "work"] {
        fs::create_dir(context.folder.join(name))?;
    }
    tiny::write(&context.folder.join("lower/program"), &tiny::waits(7))?;
    sleep(SETTLED);
    let sensor = context.own_sensor(PATIENT)?;
    let folder = context.folder.to_string_lossy();
    let mut stage = context.stage("enrich/overlay", &[&folder, way])?;
    stage.go()?;
    let told = stage.hear()?;
    if let Some(error) = told.get("refused") {
        return Ok(Outcome::Skipped(format!(
            "this kernel mounts no overlay: {error}"
        )));
    }
    let program = context.folder.join("mounted/program");
    let event = exec_of(&sensor, stage.pid(), &program)?;
    let mut who = stage
        .portrait
        .clone()
        .executed(&program, &[&program.to_string_lossy()]);
    let namespace = told.get("namespace").and_then(Value::as_u64);
    who.namespaces.insert("mnt", namespace.context("untold")?);
    let file = File::from_json(told.get("file").context("untold")?)?;
    let expect = image::exec(context, &who, file, &program.to_string_lossy())
        .is("agent.id", sensor.agent())
        .is("process.hash.sha256", sha256(&tiny::waits(7)));
    context.check(&event, &expect);
    end(context, stage, sensor)?;
    Ok(Outcome::Passed)
}

/// A file without a name can be reached through the process alone, which waits.
fn nameless(context: &Context<'_>, act: &str) -> Result<Outcome> {
    let program = context.folder.join("program");
    tiny::write(&program, &tiny::waits(7))?;
    sleep(SETTLED);
    let sensor = context.own_sensor(PATIENT)?;
    let mut stage = context.stage(act, &[program.as_path(), Path::new("/dev/fd")])?;
    stage.go()?;
    stage.hear()?;
    let executable = match act {
        "exec/memfd" => Path::new("/memfd:payload"),
        _ => program.as_path(),
    };
    let event = exec_of(&sensor, stage.pid(), executable)?;
    context.claim_eq(
        "the digest",
        &event.text("process.hash.sha256"),
        &Some(&*sha256(&tiny::waits(7))),
    );
    context.claim_eq(
        "fileless",
        &event.get("sensor.exec.fileless"),
        &Some(&Value::Bool(true)),
    );
    // Whether the clock moved on between the deletion and the exec is chance.
    let evidence = event.text("sensor.process.hash_evidence");
    context.claim(
        matches!(evidence, None | Some("young")),
        format!("the evidence is none or young: {evidence:?}"),
    );
    end(context, stage, sensor)?;
    Ok(Outcome::Passed)
}

/// What is deleted before anybody could read it is still what the process runs.
fn deleted_after_exec(context: &Context<'_>) -> Result<Outcome> {
    let program = context.folder.join("program");
    tiny::write(&program, &tiny::waits(7))?;
    sleep(SETTLED);
    let sensor = context.own_sensor(PATIENT)?;
    let path = program.to_string_lossy();
    let mut stage = context.stage("exec/exec", &[&*path])?;
    // It has asked about the stage's own program.
    exec_of(&sensor, stage.pid(), Path::new(&stage.portrait.executable))?;
    let suspended = sensor.suspend()?;
    stage.go()?;
    let link = PathBuf::from(format!("/proc/{}/exe", stage.pid()));
    let deadline = std::time::Instant::now() + PATIENCE;
    while fs::read_link(&link)? != program {
        ensure!(std::time::Instant::now() < deadline, "it does not exec");
        sleep(Duration::from_millis(1));
    }
    sleep(SETTLED);
    let is_constant = match OpenFile::options().append(true).open(&program) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ExecutableFileBusy,
    };
    fs::remove_file(&program)?;
    drop(suspended);
    let event = exec_of(&sensor, stage.pid(), &program)?;
    let told = [
        "process.hash.sha256",
        "sensor.process.hash_evidence",
        "sensor.process.hash_missing",
    ]
    .map(|path| event.text(path));
    let digest = sha256(&tiny::waits(7));
    let wanted = if is_constant {
        [Some(&*digest), Some("running"), None]
    } else {
        context.note("this kernel lets a running executable be written to");
        [None, None, Some("replaced")]
    };
    context.claim_eq("what is told", &told, &wanted);
    end(context, stage, sensor)?;
    Ok(Outcome::Passed)
}
