//! Containers of which no runtime tells, and ways out of them.

use std::fs;

use anyhow::{Context as _, Result};

use crate::detect::watch::Found;
use crate::enrich::cgroup::{Container, refusal};
use crate::network::puppet::Puppet;
use crate::privilege::subject::Subject;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;
use crate::tiny;

use super::sees;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t15-containers-without-runtime",
        play: without_runtime,
    },
    Scenario {
        name: "detect/t20-privileged-container",
        play: privileged,
    },
];

const COMMAND: &str = "container-escape-command";

/// Commands that lead out, in containers that are known by their cgroups only.
fn without_runtime(context: &Context<'_>) -> Result<Outcome> {
    const COMMANDS: [&[&str]; 3] = [
        &["nsenter", "-t", "1", "-m", "sh"],
        &["chroot", "/host", "sh"],
        &["tee", "/proc/sys/kernel/core_pattern"],
    ];
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let watch = context.watch()?;
    let makers: [fn(&Context<'_>) -> Result<Container>; 3] =
        [Container::docker, Container::unit, Container::of_pod];
    let (mut expected, mut ids) = (Vec::new(), Vec::new());
    for (make, words) in makers.into_iter().zip(COMMANDS) {
        let container = make(context)?;
        let (name, arguments) = words.split_first().context("no command")?;
        let tool = context.folder.join(name);
        tiny::write(&tool, &tiny::exits(7))?;
        let tool = tool.to_string_lossy();
        let words = [&[&*tool], arguments].concat();
        // Outside of a container they are nothing of note.
        context.act("exec/exec", &words)?;
        let mut stage = context.stage("exec/exec", &words)?;
        container.cgroup.take(&mut stage)?;
        expected.push((COMMAND, stage.pid()));
        ids.push(container.id.clone());
        stage.go()?;
        stage.finish()?;
    }
    let found = Found::by(context, watch)?;
    found.claim(context, "commands in containers", &expected);
    for (alert, id) in found.alerts.iter().zip(&ids) {
        context.claim_eq("the container", &alert.text("container.id"), &Some(id));
    }
    Ok(Outcome::Passed)
}

/// A process with all rights in a container, and a mount namespace of its own: it connects to the
/// runtime, reaches into a process outside, and enters the host's mounts.
fn privileged(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let watch = context.watch()?;
    let container = Container::docker(context)?;
    let members = container.cgroup.folder.join("cgroup.procs");
    let mut expected = Vec::new();
    talks_to_runtime(context, watch, &members, &mut expected)?;

    let victim = Subject::start(context)?;
    let mut inside = Subject::start(context)?;
    fs::write(&members, inside.pid().to_string())?;
    inside.does(&format!("unshare {}", libc::CLONE_NEWNS))?;
    inside.is_noticed(context)?;
    inside.does(&format!("attach {}", victim.pid()))?;
    if sees(context, watch, "ptrace") {
        expected.push(("container-traces-outside", inside.pid()));
    }
    inside.does("setns /proc/1/ns/mnt")?;
    inside.is_noticed(context)?;
    expected.push(("container-enters-host", inside.pid()));
    inside.finish()?.success()?;
    victim.finish()?.success()?;
    let found = Found::by(context, watch)?;
    found.claim(context, "a privileged container", &expected);
    let alert = found.of("container-enters-host")?;
    let severity = alert.text("sensor.alert.severity");
    context.claim_eq("its severity", &severity, &Some("critical"));
    Ok(Outcome::Passed)
}

/// Connects to a socket that is called as Docker's, which is seen where the kernel's function can be
/// hooked: no program of a cgroup is asked about unix sockets.
fn talks_to_runtime(
    context: &Context<'_>,
    watch: &Sensor,
    members: &std::path::Path,
    expected: &mut Vec<(&str, u32)>,
) -> Result<()> {
    let socket = context.folder.join("docker.sock");
    let socket = socket.to_string_lossy();
    let mut server = Puppet::start(context)?;
    server.does("socket l unix stream 0")?;
    server.does(format!("bind l {socket}"))?;
    server.does("listen l 1")?;
    let mut client = Puppet::start(context)?;
    fs::write(members, client.pid().to_string())?;
    client.does("socket c unix stream 0")?;
    client.does(format!("connect c {socket}"))?;
    match watch.means("connect") {
        Some("cgroup") | None => context.note("unix sockets are not hooked here"),
        Some(_) => expected.push(("container-runtime-socket", client.pid())),
    }
    Ok(())
}
