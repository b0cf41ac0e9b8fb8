//! What the sensor must have said of each situation.

use anyhow::{Context as _, Result, ensure};

use crate::Verdict;
use crate::situations::{BURST, Happened};
use crate::told::{Event, Told};

/// Judges all.
pub fn all(happened: &Happened, told: &Told) -> Vec<Verdict> {
    vec![
        ("nothing lost", told.nothing_lost()),
        ("service", service(told)),
        ("ssh", ssh(told)),
        ("cron", cron(told)),
        (
            "runc with systemd",
            scope_of(told, "runc", &happened.runc)
                .and_then(|()| contained(told, "runc", &happened.runc, Some("docker"), "busybox")),
        ),
        (
            "runc exec",
            contained(
                told,
                "runc-exec",
                &happened.runc,
                Some("docker"),
                "mark-runc-exec",
            ),
        ),
        (
            "runc with cgroupfs",
            contained(
                told,
                "cgroupfs",
                &happened.cgroupfs,
                Some("docker"),
                "busybox",
            ),
        ),
        (
            "crun",
            contained(told, "crun", &happened.crun, Some("docker"), "busybox"),
        ),
        ("podman", podman(told)),
        (
            "systemd-nspawn",
            contained(told, "nspawn", "m1", Some("systemd-nspawn"), "busybox"),
        ),
        ("machinectl shell", machinectl(told)),
        ("names in a container", names(told)),
        (
            "2,000 of a millisecond",
            burst(told, &happened.burst, happened.burst_is_gone),
        ),
        ("script", script(told, happened)),
        ("hash", hash(told, happened)),
    ]
}

/// What an event says, for people.
fn seen(event: Event<'_>) -> String {
    let text = |path| event.text(path).unwrap_or("-");
    format!(
        "{} by {} of {} in {} ({})",
        text("process.entry_leader.entry_meta.type"),
        text("process.entry_leader.name"),
        text("user.name"),
        text("sensor.systemd.unit"),
        event.ancestors().join(" < "),
    )
}

fn service(told: &Told) -> Result<String> {
    let event = told.exec("service")?;
    event.must_be("sensor.systemd.unit", "probe.service")?;
    event.must_be("sensor.systemd.slice", "system.slice")?;
    event.must_be("process.entry_leader.entry_meta.type", "init")?;
    event.must_be("process.entry_leader.name", "dash")?;
    event.must_be("user.name", "root")?;
    event.must_lack("container")?;
    event.must_descend(&["dash"])?;
    let entity = event.text("process.entity_id").context("no entity_id")?;
    let same = told.of_entity(entity);
    ensure!(same.len() >= 3, "it has no fork, exec and exit");
    for other in same {
        other.must_be("sensor.systemd.unit", "probe.service")?;
        other.must_be("process.entry_leader.entry_meta.type", "init")?;
    }
    Ok(seen(event))
}

fn ssh(told: &Told) -> Result<String> {
    let event = told.exec("ssh")?;
    event.must_be("process.entry_leader.entry_meta.type", "sshd")?;
    event.must_be("process.entry_leader.name", "bash")?;
    event.must_be("sensor.systemd.owner_uid", "1000")?;
    event.must_be("user.name", "alice")?;
    event.must_descend(&["bash", "sshd"])?;
    event.must_lack("container")?;
    let session = event.text("sensor.systemd.session");
    ensure!(session.is_some(), "it has no session");
    event.must_be("sensor.process.login_user", "alice")?;
    Ok(seen(event))
}

fn cron(told: &Told) -> Result<String> {
    let event = told.exec("cron")?;
    event.must_be("process.entry_leader.entry_meta.type", "cron")?;
    event.must_be("sensor.systemd.unit", "cron.service")?;
    event.must_descend(&["cron"])?;
    event.must_lack("container")?;
    Ok(seen(event))
}

/// The unit that systemd made for a container.
fn scope_of(told: &Told, name: &str, id: &str) -> Result<()> {
    let event = told.exec(name)?;
    event.must_be("sensor.systemd.unit", &format!("docker-{id}.scope"))?;
    event.must_be("sensor.systemd.slice", "system.slice")
}

fn contained(
    told: &Told,
    name: &str,
    id: &str,
    runtime: Option<&str>,
    leader: &str,
) -> Result<String> {
    let event = told.exec(name)?;
    event.must_be("container.id", id)?;
    if let Some(runtime) = runtime {
        event.must_be("container.runtime", runtime)?;
    }
    event.must_be("process.entry_leader.entry_meta.type", "container")?;
    event.must_be("process.entry_leader.name", leader)?;
    event.must_descend(&[])?;
    let entity = event.text("process.entity_id").context("no entity_id")?;
    for other in told.of_entity(entity) {
        // Whoever joins a container was made outside of it.
        let joins = leader.starts_with("mark-");
        if !joins || other.text("event.code") != Some("fork") {
            other.must_be("container.id", id)?;
        }
    }
    Ok(seen(event))
}

fn podman(told: &Told) -> Result<String> {
    let event = told.exec("podman")?;
    let id = event
        .text("container.id")
        .context("it has no container.id")?;
    ensure!(
        id.len() == 64 && id.chars().all(|digit| digit.is_ascii_hexdigit()),
        "{id} is no container's id"
    );
    let unit = format!("libpod-{id}.scope");
    event.must_be("sensor.systemd.unit", &unit)?;
    contained(told, "podman", id, Some("podman"), "busybox")
}

fn machinectl(told: &Told) -> Result<String> {
    let event = told.exec("machinectl")?;
    event.must_be("process.entry_leader.entry_meta.type", "init")?;
    event.must_be("user.name", "alice")?;
    event.must_lack("container")?;
    event.must_descend(&[])?;
    Ok(seen(event))
}

/// User 1000 is somebody else in the container than on the host.
fn names(told: &Told) -> Result<String> {
    let event = told.exec("inner")?;
    event.must_be("user.id", "1000")?;
    event.must_be("user.name", "inner")?;
    Ok(seen(event))
}

/// All of the container's short processes, of which nothing was left a second later.
fn burst(told: &Told, id: &str, is_gone: bool) -> Result<String> {
    ensure!(is_gone, "its cgroup was there a second later");
    let unit = format!("docker-{id}.scope");
    let mut counts = Vec::new();
    for code in ["exec", "exit"] {
        let events = told.of(code, "burst");
        ensure!(
            events.len() == BURST,
            "{} {code} events came of {BURST}",
            events.len()
        );
        for event in &events {
            event.must_be("container.id", id)?;
            event.must_be("container.runtime", "docker")?;
            event.must_be("sensor.systemd.unit", &unit)?;
            event.must_be("sensor.systemd.slice", "system.slice")?;
            event.must_be("process.entry_leader.entry_meta.type", "container")?;
            event.must_be("process.entry_leader.name", "busybox")?;
            event.must_descend(&["busybox"])?;
        }
        counts.push(format!("{} {code}", events.len()));
    }
    // They have another name until they exec, and are found by what they became.
    let entities: Vec<&str> = told
        .of("exec", "burst")
        .iter()
        .filter_map(|event| event.text("process.entity_id"))
        .collect();
    let forks = told.forks_of(&entities);
    ensure!(
        forks.len() == BURST,
        "{} fork events came of {BURST}",
        forks.len()
    );
    for fork in forks {
        fork.must_be("container.id", id)?;
        fork.must_be("sensor.systemd.unit", &unit)?;
    }
    counts.push(format!("{BURST} fork"));
    Ok(format!(
        "{}: all with container, unit and ancestors",
        counts.join(", ")
    ))
}

fn script(told: &Told, happened: &Happened) -> Result<String> {
    let event = told.script(&happened.script)?;
    event.must_be("sensor.script.kind", "file")?;
    event.must_be("sensor.script.hash.sha256", &happened.script_digest)?;
    Ok(format!("{} is {}", happened.script, happened.script_digest))
}

fn hash(told: &Told, happened: &Happened) -> Result<String> {
    let event = told.exec("hash")?;
    event.must_be("process.hash.sha256", &happened.digest)?;
    let package = told.package("perl-base")?;
    Ok(format!(
        "mark-hash is {}; perl is of {} {}",
        happened.digest,
        package.text("package.name").unwrap_or("-"),
        package.text("package.version").unwrap_or("-"),
    ))
}
