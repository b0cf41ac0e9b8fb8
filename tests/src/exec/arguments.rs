//! What a program was started with, however much and however odd.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::base64::base64;
use crate::event::of;
use crate::expect::Expect;
use crate::portrait::{Portrait, command_line};
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;
use crate::stage::Act;
use crate::{sys, tiny};

use super::image::{self, File, c_path, c_strings};
use super::spawn::{child, only_exec, seven};

/// The deeds.
pub const ACTS: &[Act] = &[NO_ARGUMENTS];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/argv-none",
        play: none,
    },
    Scenario {
        name: "exec/argv-one",
        play: |context| usual(context, &[]),
    },
    Scenario {
        name: "exec/argv-empty-strings",
        play: |context| usual(context, &[b"", b"a", b""]),
    },
    Scenario {
        name: "exec/argv-odd-text",
        play: |context| usual(context, ODD),
    },
    Scenario {
        name: "exec/argv-not-utf8",
        play: |context| usual(context, NOT_UTF8),
    },
    Scenario {
        name: "exec/argv-at-the-limit",
        play: at_the_limit,
    },
    Scenario {
        name: "exec/argv-100000-bytes",
        play: |context| usual(context, &[&[b'x'; 100_000]]),
    },
    Scenario {
        name: "exec/argv-5000-arguments",
        play: |context| usual(context, &[b"x" as &[u8]; 5000]),
    },
    Scenario {
        name: "exec/argv-limit-32768",
        play: raised_limit,
    },
    Scenario {
        name: "exec/argv-remembered",
        play: remembered,
    },
];

/// What could break a line, a quoted string or a terminal.
pub const ODD: &[&[u8]] = &[
    b"two words",
    b"new\nline\r\n",
    b"tab\tand \"quotes\" 'both' \\ `and` $(more)",
    b"\x1b[31mred\x1b[0m\x07\x08",
    b"\x01\x7f",
    "\u{202e}right to left, \u{2028} and \u{1f980}".as_bytes(),
    b"{\"json\":[null]}",
    b"--",
];

const NOT_UTF8: &[&[u8]] = &[
    b"\xff\xfe",
    b"ok",
    b"cut \xe2\x82",
    b"\xed\xa0\x80 surrogate",
    b"\xc0\xaf overlong",
];

/// What the sensor captures of the arguments, in bytes, unless it is told otherwise.
const LIMIT: usize = 4096;

/// Executes the program that it is given, without any argument, not even its name.
const NO_ARGUMENTS: Act = Act {
    name: "exec/no-arguments",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        bail!(sys::exec(&program, &[]))
    },
};

fn none(context: &Context<'_>) -> Result<Outcome> {
    let program = context.folder.join("waits");
    tiny::write(&program, &tiny::waits(7))?;
    let path = program.to_string_lossy();
    let mut stage = context.stage("exec/no-arguments", &[&*path])?;
    stage.go()?;
    wait_for_image(stage.pid(), &program)?;
    let arguments = fs::read(format!("/proc/{}/cmdline", stage.pid()))?;
    stage.tell("end")?;
    let played = stage.finish()?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let file = File::at(&program)?;
    let event = only_exec(&context.settle()?, played.portrait.pid)?;
    let expect = match arguments.as_slice() {
        [] => {
            let who = played.portrait.executed(&program, &[]);
            image::exec(context, &who, file, &path).absent("process.command_line")
        }
        // Newer kernels let no program start without: they add an empty one.
        [0] => {
            let who = played.portrait.executed(&program, &[""]);
            image::exec(context, &who, file, &path)
        }
        other => bail!("/proc shows arguments: {other:?}"),
    };
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// Waits until a process runs this program, and waits in it: `/proc` shows the new program before it
/// shows the new arguments.
fn wait_for_image(pid: u32, program: &Path) -> Result<()> {
    for _ in 0..2000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        if fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|image| image == program)
            && stat.contains(") S ")
        {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    bail!("process {pid} does not execute {}", program.display())
}

/// Runs a program with these arguments after its name.
fn usual(context: &Context<'_>, arguments: &[&[u8]]) -> Result<Outcome> {
    run_and_check(context, context.sensor, arguments, LIMIT)?;
    Ok(Outcome::Passed)
}

/// One byte below, at, and above the limit.
fn at_the_limit(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let rest = LIMIT - program.as_os_str().len() - 2;
    for length in [rest - 1, rest, rest + 1] {
        run_and_check(context, context.sensor, &[&vec![b'y'; length]], LIMIT)?;
    }
    Ok(Outcome::Passed)
}

fn raised_limit(context: &Context<'_>) -> Result<Outcome> {
    const RAISED: usize = 32_768;
    let sensor = context.own_sensor("[capture]\nargv_bytes = 32768\n")?;
    let five_thousand = [b"x" as &[u8]; 5000];
    run_and_check(context, &sensor, &five_thousand, RAISED)?;
    run_and_check(context, &sensor, &[&[b'z'; 30_000]], RAISED)?;
    run_and_check(context, &sensor, &[&[b'z'; 100_000]], RAISED)?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq(
        "problems with the output",
        &ended.stream.problems().to_vec(),
        &Vec::new(),
    );
    Ok(Outcome::Passed)
}

/// Of a long argument vector other events than the exec tell only the beginning.
fn remembered(context: &Context<'_>) -> Result<Outcome> {
    const KEPT: usize = 1024;
    let program = seven(context)?;
    let path = program.to_string_lossy().into_owned();
    let long = "r".repeat(600);
    let played = context
        .act("exec/spawn", &[&path, &long, &long, &long])?
        .success()?;
    let count = played.portrait.args.len();
    let all = played.portrait.args.join("\0") + "\0";
    let kept = all.get(..KEPT).unwrap_or(&all);
    let mut who = played.portrait.clone();
    who.args = kept.split('\0').map(str::to_owned).collect();
    let child = child(&played)?;
    let child = Portrait {
        parent: who.as_parent(),
        args: who.args.clone(),
        ..child
    };
    let events = context.settle()?;
    let event = events.one("fork", of(child.pid))?;
    let expect = image::fork(context, &child, &who)
        .is("process.args_count", count)
        .is("process.parent.args_count", count);
    context.check(&event, &expect);
    let event = events.one("exit", of(who.pid))?;
    let expect = image::exit(context, &who, 0).is("process.args_count", count);
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn run_and_check(
    context: &Context<'_>,
    sensor: &Sensor,
    arguments: &[&[u8]],
    limit: usize,
) -> Result<()> {
    let program = seven(context)?;
    let path = program.as_os_str();
    let words: Vec<OsString> = [path]
        .into_iter()
        .chain(arguments.iter().map(|argument| OsStr::from_bytes(argument)))
        .map(OsStr::to_owned)
        .collect();
    let played = context.act("exec/exec", &words)?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let who = played.portrait;
    let event = only_exec(&sensor.settle()?, who.pid)?;
    let words: Vec<Vec<u8>> = words.into_iter().map(OsString::into_vec).collect();
    let expect =
        with_arguments(context, &who, &program, &words, limit)?.is("agent.id", sensor.agent());
    context.check(&event, &expect);
    Ok(())
}

/// What is expected of an exec with these arguments, of which so many bytes are captured.
fn with_arguments(
    context: &Context<'_>,
    who: &Portrait,
    program: &Path,
    words: &[Vec<u8>],
    limit: usize,
) -> Result<Expect> {
    let all: Vec<u8> = c_strings(words)?
        .iter()
        .flat_map(|word| word.to_bytes_with_nul().to_vec())
        .collect();
    let captured = all.get(..limit).unwrap_or(&all);
    let mut seen: Vec<&[u8]> = captured.split(|byte| *byte == 0).collect();
    if captured.ends_with(b"\0") {
        seen.pop();
    }
    let texts: Vec<String> = seen
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let lossless = seen.iter().all(|word| std::str::from_utf8(word).is_ok());

    let mut who = who.clone().executed(program, &[]);
    who.args.clone_from(&texts);
    let expect = image::exec(
        context,
        &who,
        File::at(program)?,
        &program.to_string_lossy(),
    )
    .is("process.args_count", words.len())
    .is("process.command_line", command_line(&texts))
    .is("sensor.exec.args_bytes", all.len())
    .is("sensor.exec.args_captured_bytes", captured.len())
    .has(
        "sensor.exec.args_truncated",
        (captured.len() < all.len()).then_some(true),
    )
    .has(
        "sensor.exec.args_base64",
        (!lossless).then(|| base64(captured)),
    );
    Ok(expect)
}
