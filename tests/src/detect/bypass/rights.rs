//! Rights that nobody asked the kernel for, and code in it that lies.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::detect::watch::Found;
use crate::privilege::code::{KPROBE, SOCKET_FILTER};
use crate::privilege::exec::give_capabilities;
use crate::privilege::integrity::{in_place, pointers, prepare};
use crate::privilege::subject::Subject;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::names::ran;
use super::sees;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "detect/t11-files-with-rights",
        play: files,
    },
    Scenario {
        name: "detect/t11-root-by-a-capability",
        play: by_capability,
    },
    Scenario {
        name: "detect/t11-overwritten",
        play: overwritten,
    },
    Scenario {
        name: "detect/t13-bpf-programs",
        play: bpf_programs,
    },
];

const OUT_OF_PLACE: &str = "setuid-out-of-place";

const CAP_NET_BIND_SERVICE: u32 = 1 << 10;
const CAP_SYS_ADMIN: u32 = 1 << 21;

/// The user that becomes root.
const USER: u32 = 1001;

/// A program with this mode, which is root's.
fn program(context: &Context<'_>, name: &str, mode: u32) -> Result<PathBuf> {
    let program = context.folder.join(name);
    tiny::write(&program, &tiny::exits(7))?;
    fs::set_permissions(&program, Permissions::from_mode(mode))?;
    Ok(program)
}

/// A file in a folder of everybody's makes nobody root, or as good as root. One that lets him bind a low
/// port, or gives root's group, is not what the rule is about.
fn files(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let (admin, port) = (
        program(context, "admin", 0o755)?,
        program(context, "port", 0o755)?,
    );
    give_capabilities(&admin, CAP_SYS_ADMIN)?;
    give_capabilities(&port, CAP_NET_BIND_SERVICE)?;
    let mut expected = Vec::new();
    for (program, found) in [
        (program(context, "setuid", 0o4755)?, true),
        (program(context, "setgid", 0o2755)?, false),
        (admin, true),
        (port, false),
    ] {
        let pid = ran(context, "exec/as-nobody", &[&program.to_string_lossy()])?;
        expected.extend(found.then_some((OUT_OF_PLACE, pid)));
    }
    Found::by(context, watch)?.claim(context, "files with rights", &expected);
    Ok(Outcome::Passed)
}

/// A user who kept one capability makes himself root by it; one who is root of a user namespace of his
/// own is not root.
fn by_capability(context: &Context<'_>) -> Result<Outcome> {
    const CAP_SETUID: u64 = 1 << 7;
    let watch = context.watch()?;
    let mut user = Subject::start(context)?;
    user.does("keep-capabilities")?;
    user.does(&format!("setresuid {USER} {USER} {USER}"))?;
    user.does(&format!("capset {CAP_SETUID} {CAP_SETUID} 0"))?;
    user.is_noticed(context)?;
    user.changes(context, "setresuid 0 0 0")?;
    let pid = user.pid();
    user.finish()?.success()?;

    let mut other = Subject::start(context)?;
    other.does(&format!("setresuid {USER} {USER} {USER}"))?;
    other.is_noticed(context)?;
    other.changes(context, &format!("unshare {}", libc::CLONE_NEWUSER))?;
    other.finish()?.success()?;
    let rule = match context.rung {
        Rung::Tracing | Rung::Kprobes => "privilege-escalation",
        // What is not hooked may have been such a call.
        Rung::LockedDown => "unseen-root",
    };
    Found::by(context, watch)?.claim(context, "root by a capability", &[(rule, pid)]);
    Ok(Outcome::Passed)
}

/// Credentials in the kernel's memory, written to or shared with root's: found at whatever the process
/// does next.
fn overwritten(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let mut expected = Vec::new();
    for exploit in [in_place, pointers] {
        let Some((mut memory, mut victim)) = prepare(context)? else {
            return Ok(Outcome::Skipped(
                "only the host of a test machine can write to the kernel's memory".to_owned(),
            ));
        };
        exploit(&mut memory, &victim)?;
        victim.does("fork")?;
        // The sensor of all scenarios says so too.
        context.sensor.expect_alert();
        expected.push(("credential-overwrite", victim.pid()));
        victim.finish()?.success()?;
    }
    let found = Found::by(context, watch)?;
    // The event is an alert by itself as well.
    let told = found.events.all("credential_divergence", |event| {
        event.text("event.kind") == Some("alert")
    });
    for _ in &told {
        watch.expect_alert();
    }
    context.claim_eq("events that are alerts", &told.len(), &expected.len());
    found.claim(context, "credentials that were overwritten", &expected);
    Ok(Outcome::Passed)
}

/// Programs that can change what the kernel's functions return, that write to a process's memory, that
/// watch the kernel, and one that only filters a socket.
fn bpf_programs(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let sees = sees(context, watch, "bpf program");
    let mut expected = Vec::new();
    for (kind, what, rule) in [
        (KPROBE, "override", Some("bpf-override")),
        (KPROBE, "write-user", Some("bpf-load-unexpected")),
        (KPROBE, "nothing", Some("bpf-load-unexpected")),
        (SOCKET_FILTER, "nothing", None),
    ] {
        let words = [&kind.to_string(), "GPL", "scenario", what];
        let played = context.act("privilege/bpf", &words)?.success()?;
        if let Ok(error) = played.value("error") {
            if what == "nothing" {
                bail!("the kernel refused a program: error {error}");
            }
            context.note(format!("this kernel loads no program with {what}: {error}"));
            continue;
        }
        let rule = rule.filter(|_| sees);
        expected.extend(rule.map(|rule| (rule, played.portrait.pid)));
    }
    Found::by(context, watch)?.claim(context, "BPF programs", &expected);
    Ok(Outcome::Passed)
}
