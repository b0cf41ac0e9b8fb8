//! What execs, forks and exits say beside the process itself.

use std::str;

use super::{
    keys::{self, Key},
    line::Line,
    process::fingerprint,
};
use crate::{
    enrich::{
        asking::{script_of, script_path},
        script::Script,
    },
    event::{Exec, Exit, ExitStatus},
    observed::Observed,
};

/// Who called, which is not the parent under `CLONE_PARENT`.
pub(super) fn fork(observed: &Observed<'_>, line: &mut Line<'_>) {
    if let Some(actor) = observed.event.actor {
        line.number(Key::own("sensorCallerPid"), actor.id.tgid.0);
    }
    line.word(keys::OUTCOME, "success");
}

/// What was executed, and how.
pub(super) fn exec(exec: &Exec, observed: &Observed<'_>, line: &mut Line<'_>) {
    let file = &exec.file;
    line.number(keys::FILE_ID, file.inode);
    line.word(keys::FILE_PERMISSION, mode(file.mode));
    line.number(keys::FILE_SIZE, file.size);
    // The path that was asked for, where the file is another one: a link, or a script.
    if exec.filename.bytes != exec.executable.bytes {
        line.bytes(Key::own("sensorFilename"), &exec.filename.bytes);
    }
    line.bytes(Key::own("sensorInterpreter"), &exec.interpreter.bytes);
    arguments(exec, line);
    line.words(Key::own("sensorExecFlags"), flags(exec));
    line.set(Key::own("sensorCapEff"), exec.credentials.cap_effective);
    script(exec, observed, line);
    let about = observed.about;
    if let Some(missing) = about.and_then(|about| about.executable.missing()) {
        line.word(Key::own("sensorHashMissing"), missing);
    }
    let package = fingerprint(observed).and_then(|known| known.package.as_deref());
    if let Some(package) = package {
        line.text(Key::own("sensorPackage"), &package.name);
        line.text(Key::own("sensorPackageVersion"), &package.version);
    }
    line.word(keys::OUTCOME, "success");
}

fn arguments(exec: &Exec, line: &mut Line<'_>) {
    let arguments = &exec.arguments;
    if arguments.is_truncated() {
        line.word(Key::own("sensorArgsTruncated"), "true");
        if let Some(bytes) = arguments.original {
            line.number(Key::own("sensorArgsBytes"), bytes);
        }
    }
    if str::from_utf8(&arguments.bytes).is_err() {
        line.base64(Key::own("sensorArgsBase64"), &arguments.bytes);
    }
}

/// What is special about it.
fn flags(exec: &Exec) -> impl Iterator<Item = &'static str> {
    [
        ("secure", exec.secure),
        ("setuid", exec.setuid),
        ("setgid", exec.setgid),
        ("file_capabilities", exec.file_capabilities),
        ("fileless", exec.file.links == 0),
        ("deleted", exec.deleted),
        ("executable_truncated", exec.executable.truncated),
        ("executable_detached", exec.executable.detached),
        (
            "working_directory_truncated",
            exec.working_directory.truncated,
        ),
        (
            "working_directory_detached",
            exec.working_directory.detached,
        ),
    ]
    .into_iter()
    .filter_map(|(name, is_so)| is_so.then_some(name))
}

/// The script that an interpreter runs.
fn script(exec: &Exec, observed: &Observed<'_>, line: &mut Line<'_>) {
    let kind = match script_of(exec) {
        None => return,
        Some(Script::File(given)) => {
            match script_path(exec) {
                Some(path) => line.bytes(keys::SCRIPT, &path),
                None => line.bytes(keys::SCRIPT, given),
            }
            "file"
        }
        Some(Script::Inline) => "inline",
        Some(Script::Module(name)) => {
            line.bytes(keys::SCRIPT, name);
            "module"
        }
        Some(Script::StandardInput) => "stdin",
    };
    line.word(Key::own("sensorScriptKind"), kind);
    let answered = observed.about.map(|about| &about.script);
    if let Some(fingerprint) = answered.and_then(|answered| answered.fingerprint()) {
        line.word(Key::own("sensorScriptHash"), fingerprint.digest.digits());
    }
}

/// The permission and set-id bits in octal.
fn mode(mode: u32) -> [u8; 4] {
    [9, 6, 3, 0].map(|shift| b'0' + (mode >> shift & 7) as u8)
}

/// How it ended.
pub(super) fn exit(exit: &Exit, line: &mut Line<'_>) {
    match exit.status {
        ExitStatus::Code(code) => line.number(keys::EXIT_CODE, code),
        ExitStatus::Signal {
            number,
            core_dumped,
        } => {
            // As a shell shows it.
            line.number(keys::EXIT_CODE, 128 + u32::from(number));
            line.number(Key::own("sensorSignal"), number);
            line.flag(Key::own("sensorCoreDumped"), core_dumped);
        }
    }
}
