//! Ancestors that are no parents, and ids that are used again.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::net::connect;
use rustix::process::{Pid, WaitOptions, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use serde_json::Value;

use crate::detect::watch::Found;
use crate::exec::image::{c_path, c_strings};
use crate::network::turns::tcp;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;
use crate::{sys, tiny};

/// The deeds.
pub const ACTS: &[Act] = &[CONNECTED];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t14-server-that-forks-twice",
        play: server,
    },
    Scenario {
        name: "detect/t14-reverse-shell-that-forks-twice",
        play: reverse_shell,
    },
    Scenario {
        name: "detect/t14-id-used-again",
        play: id_used_again,
    },
];

/// Connects to the address that is the first argument, makes the connection its standard streams, and
/// executes the other arguments.
const CONNECTED: Act = Act {
    name: "detect/connected",
    play: |actor| {
        let address: SocketAddr = actor.text(0)?.parse()?;
        let program = c_path(Path::new(actor.text(1)?))?;
        let words = actor.arguments.get(1..).unwrap_or_default();
        let words = c_strings(words.iter().map(|word| word.as_encoded_bytes()))?;
        let socket = tcp()?;
        connect(&socket, &address)?;
        dup2_stdin(&socket)?;
        dup2_stdout(&socket)?;
        dup2_stderr(&socket)?;
        Err(sys::exec(&program, &words).into())
    },
};

/// How a process gets another parent: who is adopted by whom is told by the deed's own scenarios.
const WAYS: [&[&str]; 3] = [
    &["exec/orphan", "init"],
    &["exec/orphan", "subreaper"],
    &["exec/sibling"],
];

fn shell(context: &Context<'_>) -> Result<PathBuf> {
    let shell = context.folder.join("sh");
    tiny::write(&shell, &tiny::exits(7))?;
    Ok(shell)
}

/// A process as which a deed told of itself or another one.
fn told(line: &str) -> Result<u32> {
    let value: Value = serde_json::from_str(line)?;
    let id = value.get("orphan").or_else(|| value.get("sibling"));
    let id = id
        .and_then(Value::as_u64)
        .with_context(|| line.to_owned())?;
    Ok(id.try_into()?)
}

/// Waits for the last of these processes, if it is this one's child.
fn reap(way: &[&str], shells: &[(&str, u32)]) -> Result<()> {
    let last = shells.last().and_then(|(_, pid)| i32::try_from(*pid).ok());
    if way.contains(&"exec/sibling") {
        let pid = last.and_then(Pid::from_raw).context("it told no process")?;
        waitpid(Some(pid), WaitOptions::empty())?;
    }
    Ok(())
}

/// A web server's process whose parent is not the server.
fn server(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let shell = shell(context)?;
    // This program under a server's name.
    let nginx = context.folder.join("nginx");
    fs::copy(std::env::current_exe()?, &nginx)?;
    let mut expected = Vec::new();
    for way in WAYS {
        let mut child = Command::new(&nginx)
            .arg("act")
            .args(way)
            .arg(&shell)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the server")?;
        let mut input = child.stdin.take().context("no input")?;
        input.write_all(b"go\n")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        for line in output.lines() {
            let line = line?;
            if line.contains("orphan") || line.contains("sibling") {
                expected.push(("web-server-shell", told(&line)?));
            }
        }
        ensure!(child.wait()?.success(), "the server failed");
        reap(way, &expected)?;
    }
    context.claim_eq("shells", &expected.len(), &WAYS.len());
    let found = Found::by(context, watch)?;
    found.claim(context, "shells of a server", &expected);
    for alert in &found.alerts {
        let reason = alert.text("event.reason").unwrap_or_default();
        context.claim(reason.contains("nginx"), format!("the server: {reason}"));
    }
    Ok(Outcome::Passed)
}

/// A program connects, forks twice, and is a shell on the connection.
fn reverse_shell(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let shell = shell(context)?;
    let program = std::env::current_exe()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut expected = Vec::new();
    for way in WAYS {
        let mut words = vec![address.as_ref(), program.as_os_str(), "act".as_ref()];
        words.extend(way.iter().map(std::ffi::OsStr::new));
        words.push(shell.as_os_str());
        let mut stage = context.stage("detect/connected", &words)?;
        stage.go()?;
        let (mut connection, _) = listener.accept()?;
        connection.write_all(b"go\n")?;
        for line in BufReader::new(connection).lines() {
            let line = line?;
            if line.contains("orphan") || line.contains("sibling") {
                expected.push(("reverse-shell", told(&line)?));
            }
        }
        stage.finish()?.success()?;
        reap(way, &expected)?;
    }
    context.claim_eq("shells", &expected.len(), &WAYS.len());
    let found = Found::by(context, watch)?;
    found.claim(context, "shells on a connection", &expected);
    for alert in &found.alerts {
        let reason = alert.text("event.reason").unwrap_or_default();
        context.claim(reason.contains(&address), format!("the address: {reason}"));
    }
    Ok(Outcome::Passed)
}

/// A shell that has the id which a server had is not the server's.
fn id_used_again(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let server = context.folder.join("nginx");
    tiny::write(&server, &tiny::exits(1))?;
    let programs = [server, shell(context)?];
    let played = context.act("exec/twice", &programs)?.success()?;
    let (first, second) = (played.pid("child")?, played.pid("second")?);
    context.claim_eq("the id", &second, &first);
    let found = Found::by(context, watch)?;
    found.claim(context, "a shell with a server's id", &[]);
    let execs = found.events.all("exec", crate::event::of(first));
    context.claim_eq("execs of that id", &execs.len(), &2);
    Ok(Outcome::Passed)
}
