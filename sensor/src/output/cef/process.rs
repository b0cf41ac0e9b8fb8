//! Who acted, as whom, and where.
//!
//! An event has two parties. The process that acted is the destination of what its parent did when it
//! made it or had it run something. On the network it stands on the side of this host's end, and
//! under ptrace it is the source. What it runs is under the same keys in all of them: `filePath`,
//! `fname`, `fileHash`, `cs1`.

use sensor_common::{credentials::Credentials, record::Family};

use super::{
    Context,
    keys::{self, DESTINATION, Key, Party, SOURCE},
    line::Line,
    network::Source,
};
use crate::{
    event::{Body, Exec, ProcessId, Tgid},
    observed::Observed,
    output::arguments::{Arguments, CommandLine},
    process::{EntityId, Process, fingerprint::Fingerprint},
};

/// The party that the process is.
fn party(body: &Body) -> Party {
    match Source::of(body) {
        Some(Source::Remote) => DESTINATION,
        Some(_) => SOURCE,
        None if matches!(body, Body::Ptrace(_)) => SOURCE,
        None => DESTINATION,
    }
}

/// Whether nobody else is the source, so that the parent can be.
fn parent_is_party(body: &Body) -> bool {
    Source::of(body).is_none() && !matches!(body, Body::Ptrace(_))
}

/// The process that the event is about, and its parent.
pub(super) fn process(observed: &Observed<'_>, context: Context, line: &mut Line<'_>) {
    let event = observed.event;
    let Some(id) = event.subject() else {
        return;
    };
    let party = party(&event.body);
    line.number(party.pid, id.tgid.0);
    if let Body::Exec(exec) = &event.body {
        exec_program(party, exec, line);
    } else {
        program(party, observed.process, line);
    }
    if let Some(fingerprint) = fingerprint(observed) {
        line.word(keys::FILE_HASH, fingerprint.digest.digits());
    }
    entity_id(keys::ENTITY_ID, id, observed.process, context, line);
    parent(observed, context, line);
    if let Some(process) = observed.process {
        session(process, line);
    }
}

fn parent(observed: &Observed<'_>, context: Context, line: &mut Line<'_>) {
    let body = &observed.event.body;
    let id = match body {
        Body::Exec(exec) => Some(exec.parent),
        Body::Fork(fork) => Some(fork.parent),
        _ => observed.process.and_then(|process| process.parent),
    };
    // The first process's parent is the idle task, which is no process.
    let Some(id) = id.filter(|id| id.tgid != Tgid(0)) else {
        return;
    };
    let (pid, path) = if parent_is_party(body) {
        (SOURCE.pid, SOURCE.process)
    } else {
        (Key::own("sensorParentPid"), Key::own("sensorParentProcess"))
    };
    line.number(pid, id.tgid.0);
    line.text(path, path_of(observed.parent));
    let key = Key::own("sensorParentEntityId");
    entity_id(key, id, observed.parent, context, line);
    if let Some(image) = observed.parent.and_then(|parent| parent.image.as_ref()) {
        let arguments = Arguments::Remembered(&image.arguments);
        command_line(Key::own("sensorParentCommandLine"), arguments, line);
    }
}

/// What a process runs from an exec on.
fn exec_program(party: Party, exec: &Exec, line: &mut Line<'_>) {
    let path = if exec.executable.bytes.is_empty() {
        &exec.filename.bytes
    } else {
        &exec.executable.bytes
    };
    line.bytes(party.process, path);
    line.bytes(keys::FILE_PATH, &exec.executable.bytes);
    let name = path.rsplit(|byte| *byte == b'/').next();
    line.bytes(keys::FILE_NAME, name.unwrap_or_default());
    let arguments = Arguments::Captured(&exec.arguments.bytes);
    command_line(keys::COMMAND_LINE, arguments, line);
    line.number(Key::own("sensorArgsCount"), exec.argc);
    line.bytes(keys::WORKING_DIRECTORY, &exec.working_directory.bytes);
}

/// What it runs, as the table has it.
fn program(party: Party, known: Option<&Process>, line: &mut Line<'_>) {
    let Some(image) = known.and_then(|process| process.image.as_ref()) else {
        return;
    };
    line.text(party.process, path_of(known));
    line.text(keys::FILE_PATH, &image.executable);
    line.text(keys::FILE_NAME, &image.name);
    let arguments = Arguments::Remembered(&image.arguments);
    command_line(keys::COMMAND_LINE, arguments, line);
    if image.argument_count != 0 {
        line.number(Key::own("sensorArgsCount"), image.argument_count);
    }
    line.text(keys::WORKING_DIRECTORY, &image.working_directory);
}

fn command_line(key: Key, arguments: Arguments<'_>, line: &mut Line<'_>) {
    line.pieces(key, |text| {
        CommandLine(arguments).pieces(|piece| text(piece));
    });
}

/// The path of what a process runs, or its name where it has none.
pub(super) fn path_of(process: Option<&Process>) -> &str {
    let image = process.and_then(|process| process.image.as_deref());
    match image {
        Some(image) if image.executable.is_empty() => &image.name,
        Some(image) => &image.executable,
        None => "",
    }
}

/// What is known of the executable.
pub(super) fn fingerprint<'a>(observed: &Observed<'a>) -> Option<&'a Fingerprint> {
    let image = observed.process?.image.as_deref()?;
    image.fingerprint.get().map(|fingerprint| &**fingerprint)
}

/// What a process is called across hosts.
pub(super) fn entity_id(
    key: Key,
    id: ProcessId,
    known: Option<&Process>,
    context: Context,
    line: &mut Line<'_>,
) {
    match known {
        Some(process) => line.text(key, process.entity_id.as_str()),
        None => line.text(key, EntityId::new(context.boot, id).as_str()),
    }
}

fn session(process: &Process, line: &mut Line<'_>) {
    if let Some(session) = process.session_id {
        line.number(Key::own("sensorSessionPid"), session.0);
    }
    if let Some(entry) = &process.lineage.entry {
        line.word(Key::own("sensorEntryType"), entry.way.name());
    }
}

/// As whom the two parties acted.
pub(super) fn users(observed: &Observed<'_>, line: &mut Line<'_>) {
    let event = observed.event;
    let actor = event.actor.map(|actor| actor.uid);
    let known = credentials(observed);
    match &event.body {
        Body::CredentialChange(change) => {
            became(&change.before, &change.after, observed, line);
        }
        Body::CredentialDivergence(divergence) => {
            became(&divergence.before, &divergence.after, observed, line);
        }
        Body::Ptrace(ptrace) => {
            if let Some(id) = known.map(|known| known.euid).or(actor) {
                user(SOURCE, id, observed, line);
            }
            user(DESTINATION, ptrace.target_uid, observed, line);
        }
        body if event.kind().family() == Family::Network => {
            if let Some(id) = known.map(|known| known.euid).or(actor) {
                user(party(body), id, observed, line);
            }
        }
        _ => match known {
            Some(known) => {
                user(SOURCE, known.uid, observed, line);
                user(DESTINATION, known.euid, observed, line);
            }
            None => {
                if let Some(id) = actor {
                    user(SOURCE, id, observed, line);
                }
            }
        },
    }
    let accounts = observed.surroundings.accounts;
    if let Some(known) = known {
        line.number(Key::own("sensorGid"), known.egid);
        if let Some(name) = accounts.and_then(|accounts| accounts.group(known.egid)) {
            line.text(Key::own("sensorGroup"), name);
        }
    }
    let login = match (&event.body, observed.process) {
        (Body::Exec(exec), _) => exec.login_uid,
        (_, process) => process.and_then(|process| process.login_uid),
    };
    if let Some(login) = login {
        line.number(Key::own("sensorLoginUid"), login);
        if let Some(name) = accounts.and_then(|accounts| accounts.user(login)) {
            line.text(Key::own("sensorLoginUser"), name);
        }
    }
}

/// As whom before, and as whom after.
fn became(before: &Credentials, after: &Credentials, observed: &Observed<'_>, line: &mut Line<'_>) {
    for (party, credentials) in [(SOURCE, before), (DESTINATION, after)] {
        user(party, credentials.euid, observed, line);
        // The words that the dictionary has for it.
        let privileges = match credentials.euid {
            0 => "Administrator",
            _ => "User",
        };
        line.word(party.privileges, privileges);
    }
}

fn user(party: Party, id: u32, observed: &Observed<'_>, line: &mut Line<'_>) {
    line.number(party.user_id, id);
    let accounts = observed.surroundings.accounts;
    if let Some(name) = accounts.and_then(|accounts| accounts.user(id)) {
        line.text(party.user, name);
    }
}

/// The credentials of the process, after the event.
fn credentials<'a>(observed: &Observed<'a>) -> Option<&'a Credentials> {
    match &observed.event.body {
        Body::Exec(exec) => Some(&exec.credentials),
        Body::CredentialChange(change) => Some(&change.after),
        Body::CredentialDivergence(divergence) => Some(&divergence.after),
        _ => observed.process?.credentials.as_ref(),
    }
}

/// The container, the pod and the unit that the process runs in.
pub(super) fn placement(observed: &Observed<'_>, line: &mut Line<'_>) {
    let Some(placement) = observed
        .process
        .and_then(|process| process.placement.as_deref())
    else {
        return;
    };
    let details = observed.surroundings.details.map(|details| &**details);
    if let Some(container) = &placement.container {
        line.text(keys::CONTAINER_ID, &container.id);
        let told = details.map(|details| details.runtime.name());
        if let Some(runtime) = container.runtime.map(|runtime| runtime.name()).or(told) {
            line.word(Key::own("sensorContainerRuntime"), runtime);
        }
        if let Some(details) = details {
            optional("sensorContainerName", details.name.as_deref(), line);
            line.pieces(keys::CONTAINER_IMAGE, |text| {
                if let Some(name) = &details.image_name {
                    text(name);
                }
                if let Some(tag) = &details.image_tag {
                    text(":");
                    text(tag);
                }
            });
        }
    }
    let pod = details.and_then(|details| details.pod.as_ref());
    if let Some(pod) = pod {
        optional("sensorPodNamespace", pod.namespace.as_deref(), line);
        optional("sensorPodName", pod.name.as_deref(), line);
    }
    let uid = placement.pod.as_ref().map(|pod| &*pod.uid);
    optional(
        "sensorPodUid",
        uid.or(pod.and_then(|pod| pod.uid.as_deref())),
        line,
    );
    optional("sensorUnit", placement.systemd.unit.as_deref(), line);
}

fn optional(key: &'static str, text: Option<&str>, line: &mut Line<'_>) {
    line.text(Key::own(key), text.unwrap_or_default());
}
