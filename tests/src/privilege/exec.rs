//! Changes of credentials by an exec: of files that give rights, and of files that give none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustix::fs::{XattrFlags, setxattr};

use crate::event::{Event, Events, of};
use crate::exec::image::{self, File};
use crate::exec::spawn::only_exec;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::changes::{committed, is_of_credentials, observed};
use super::credentials::Change;
use super::subject::Subject;

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/exec-setuid",
        play: |context| set_id(context, 0o4755),
    },
    Scenario {
        name: "privilege/exec-setgid",
        play: |context| set_id(context, 0o2755),
    },
    Scenario {
        name: "privilege/exec-setuid-and-setgid",
        play: |context| set_id(context, 0o6755),
    },
    Scenario {
        name: "privilege/exec-file-capabilities",
        play: file_capabilities,
    },
    Scenario {
        name: "privilege/exec-drops-capabilities",
        play: drops_capabilities,
    },
    Scenario {
        name: "privilege/exec-keeps-ambient",
        play: keeps_ambient,
    },
    Scenario {
        name: "privilege/exec-plain",
        play: plain,
    },
    Scenario {
        name: "privilege/exec-set-id-by-root",
        play: set_id_of_the_same,
    },
];

/// The user and group that unprivileged deeds are done as.
const NOBODY: u32 = 65534;

/// What an exec event says of the rights that its file gave; each only if true.
#[derive(Clone, Copy, Debug, Default)]
struct Gave {
    secure: bool,
    setuid: bool,
    setgid: bool,
    file_capabilities: bool,
}

/// A program that waits for its input, and belongs to root.
fn waiting(context: &Context<'_>, mode: u32) -> Result<PathBuf> {
    let program = context.folder.join("waits");
    tiny::write(&program, &tiny::waits(7))?;
    fs::set_permissions(&program, Permissions::from_mode(mode))?;
    Ok(program)
}

/// A process that has become nobody, which the sensor has noticed.
fn nobody(context: &Context<'_>) -> Result<Subject> {
    let mut subject = Subject::start(context)?;
    subject.does("setgroups")?;
    subject.does(&format!("setresgid {NOBODY} {NOBODY} {NOBODY}"))?;
    subject.does(&format!("setresuid {NOBODY} {NOBODY} {NOBODY}"))?;
    subject.is_noticed(context)?;
    Ok(subject)
}

fn set_id(context: &Context<'_>, mode: u32) -> Result<Outcome> {
    let (setuid, setgid) = (mode & 0o4000 != 0, mode & 0o2000 != 0);
    let program = waiting(context, mode)?;
    let mut subject = nobody(context)?;
    let change = subject.executes(&program)?;
    let [_, user, ..] = change.after.uids;
    let [_, group, ..] = change.after.gids;
    context.claim_eq("the user is root", &(user == 0), &setuid);
    context.claim_eq("the group is root", &(group == 0), &setgid);
    let action = if setuid { "uid_change" } else { "gid_change" };
    let gave = Gave {
        secure: true,
        setuid,
        setgid,
        // Its capabilities come with the user, not with the file.
        file_capabilities: false,
    };
    check(context, subject, &program, Some((&change, action)), gave)
}

fn file_capabilities(context: &Context<'_>) -> Result<Outcome> {
    const NET_BIND_SERVICE: u32 = 1 << 10;
    let program = waiting(context, 0o755)?;
    give_capabilities(&program, NET_BIND_SERVICE)?;
    let mut subject = nobody(context)?;
    let change = subject.executes(&program)?;
    let got = u64::from(NET_BIND_SERVICE);
    context.claim_eq("effective capabilities", &change.after.effective, &got);
    let gave = Gave {
        secure: true,
        file_capabilities: true,
        ..Gave::default()
    };
    let change = Some((&change, "capabilities_change"));
    check(context, subject, &program, change, gave)
}

/// Writes `struct vfs_cap_data`, version 2, with the bit that makes them effective at once.
pub fn give_capabilities(program: &Path, permitted: u32) -> Result<()> {
    let mut value = 0x0200_0001_u32.to_le_bytes().to_vec();
    for half in [permitted, 0, 0, 0] {
        value.extend(half.to_le_bytes());
    }
    setxattr(program, "security.capability", &value, XattrFlags::empty())
        .context("this file system keeps no capabilities")
}

/// A process that is not root loses at an exec what it has not made ambient.
fn drops_capabilities(context: &Context<'_>) -> Result<Outcome> {
    let program = waiting(context, 0o755)?;
    let mut subject = Subject::start(context)?;
    subject.does("keep-capabilities")?;
    subject.does("setresuid 1001 1001 1001")?;
    subject.is_noticed(context)?;
    let change = subject.executes(&program)?;
    context.claim(change.before.permitted != 0, "it has capabilities before");
    context.claim_eq("capabilities after", &change.after.permitted, &0);
    let change = Some((&change, "capabilities_change"));
    check(context, subject, &program, change, Gave::default())
}

fn keeps_ambient(context: &Context<'_>) -> Result<Outcome> {
    const NET_RAW: u64 = 1 << 13;
    let program = waiting(context, 0o755)?;
    let mut subject = Subject::start(context)?;
    subject.does("keep-capabilities")?;
    subject.does("setresuid 1001 1001 1001")?;
    subject.does(&format!("capset {NET_RAW} {NET_RAW} {NET_RAW}"))?;
    subject.does("ambient 13")?;
    subject.is_noticed(context)?;
    let change = subject.executes(&program)?;
    context.claim_eq("capabilities after", &change.after.effective, &NET_RAW);
    // The secure bit KEEP_CAPS, which no exec leaves.
    let change = Some((&change, "credentials_change"));
    check(context, subject, &program, change, Gave::default())
}

/// Most execs change nothing.
fn plain(context: &Context<'_>) -> Result<Outcome> {
    let program = waiting(context, 0o755)?;
    let mut subject = Subject::start(context)?;
    let change = subject.executes(&program)?;
    context.claim_eq("credentials", &change.after, &change.before);
    check(context, subject, &program, None, Gave::default())
}

/// Root's exec of a set-id file of root's gives nothing that was not there before.
fn set_id_of_the_same(context: &Context<'_>) -> Result<Outcome> {
    let program = waiting(context, 0o6755)?;
    let mut subject = Subject::start(context)?;
    let change = subject.executes(&program)?;
    context.claim_eq("credentials", &change.after, &change.before);
    check(context, subject, &program, None, Gave::default())
}

/// Checks the last two events of a process that executed a program: the change of credentials that
/// the exec led to, if any, and the exec itself.
fn check(
    context: &Context<'_>,
    subject: Subject,
    program: &Path,
    change: Option<(&Change, &str)>,
    gave: Gave,
) -> Result<Outcome> {
    let after = subject.credentials()?;
    let before = subject.portrait();
    let played = subject.finish()?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let path = program.to_string_lossy();
    let events = context.settle()?;

    let who = after.held_by(&before).executed(program, &[&path]);
    let exec = only_exec(&events, who.pid)?;
    let flag = |is_set: bool| is_set.then_some(true);
    let expect = image::exec(context, &who, File::at(program)?, &path)
        .has("sensor.exec.secure", flag(gave.secure))
        .has("sensor.exec.setuid", flag(gave.setuid))
        .has("sensor.exec.setgid", flag(gave.setgid))
        .has(
            "sensor.exec.file_capabilities",
            flag(gave.file_capabilities),
        );
    context.check(&exec, &expect);

    let by_exec = changes_since(&events, who.pid);
    context.claim_eq(
        "changes of credentials by the exec",
        &by_exec.len(),
        &usize::from(change.is_some()),
    );
    for (event, (change, action)) in by_exec.iter().zip(change) {
        let expect = match context.rung {
            // Found at the exec, whose program is not known before the event that tells of it.
            Rung::LockedDown => observed(context, &before, change, action, "exec"),
            Rung::Tracing | Rung::Kprobes => committed(context, &before, change, action, "exec"),
        };
        context.check(event, &expect);
        context.claim(
            event.number("event.sequence") < exec.number("event.sequence"),
            "the change comes before the exec",
        );
    }
    Ok(Outcome::Passed)
}

/// The changes of a process's credentials by an exec of its own.
fn changes_since(events: &Events, pid: u32) -> Vec<Arc<Event>> {
    let by_exec = |event: &&Arc<Event>| {
        of(pid)(event)
            && is_of_credentials(event)
            && (event.text("sensor.credentials.cause") == Some("exec")
                || event.text("sensor.credentials.found_by") == Some("exec"))
    };
    events.0.iter().filter(by_exec).cloned().collect()
}
