//! Which fields of an event tell what of a process.

use serde_json::Value;

use super::{Parent, Portrait, capabilities};
use crate::clock;
use crate::event::Event;
use crate::expect::Expect;
use crate::host::Host;

impl Expect {
    /// The process that acted is this one: everything at and below `process`, `user`, `group` and
    /// `sensor.process`.
    #[must_use]
    pub fn process(self, host: &Host, who: &Portrait) -> Self {
        let [real_user, user, saved_user, _] = who.uids.map(|id| id.to_string());
        let [real_group, group, saved_group, _] = who.gids.map(|id| id.to_string());
        let tty = |pick: fn((u32, u32)) -> u32| who.tty.map(pick);
        let mut expect = self
            .is("process.pid", who.pid)
            .is("process.entity_id", host.entity_id(who.pid, who.start))
            .started("process.start", who.start)
            .is("process.vpid", who.vpid)
            .is("process.thread.id", who.thread)
            .image(
                "process",
                &who.executable,
                &who.args,
                &who.working_directory,
            )
            .capabilities(who)
            .is("user.id", user.clone())
            .is("group.id", group.clone())
            .is("process.user.id", user)
            .is("process.group.id", group)
            .is("process.real_user.id", real_user)
            .is("process.real_group.id", real_group)
            .is("process.saved_user.id", saved_user)
            .is("process.saved_group.id", saved_group)
            .is("process.interactive", who.tty.is_some())
            .has("process.tty.char_device.major", tty(|tty| tty.0))
            .has("process.tty.char_device.minor", tty(|tty| tty.1))
            .leader(host, "process.group_leader", who.group_leader)
            .leader(host, "process.session_leader", who.session_leader)
            .lineage(host, who)
            .names(host, who)
            .parent(host, &who.parent)
            .is("sensor.process.cgroup.id", who.cgroup)
            .has(
                "sensor.container.unknown",
                who.cgroup_is_plain.then_some(true),
            )
            .has("sensor.process.login_uid", who.login_uid)
            .has("sensor.process.audit_session", who.audit_session);
        for (kind, inode) in &who.namespaces {
            expect = expect.is(format!("sensor.process.namespaces.{kind}"), *inode);
        }
        expect
    }

    /// What leads a process, below `prefix`. No process leads a session that began before the first
    /// one asked for a session.
    fn leader(self, host: &Host, prefix: &str, pid: u32) -> Self {
        if pid == 0 {
            return self;
        }
        let expect = self.is(format!("{prefix}.pid"), pid);
        let Ok(start) = super::start(pid) else {
            // It has ended, and whether the sensor ever saw it is not known here.
            return expect.relative(host, prefix, pid);
        };
        expect
            .is(format!("{prefix}.entity_id"), host.entity_id(pid, start))
            .started(&format!("{prefix}.start"), start)
            .relative(host, prefix, pid)
    }

    /// What is told of a relative that is not looked at closer.
    fn relative(self, host: &Host, prefix: &str, pid: u32) -> Self {
        let is_text = |value: &Value, _: &Event| value.is_string();
        let mut expect = self
            .may(format!("{prefix}.vpid"), "a number", |vpid, _| {
                vpid.is_u64()
            })
            .may(format!("{prefix}.name"), "a text", is_text)
            .may(format!("{prefix}.executable"), "a text", is_text);
        if expect.value(&format!("{prefix}.entity_id")).is_none() {
            let begin = format!("{}-{pid:x}-", host.boot());
            expect = expect
                .may(
                    format!("{prefix}.entity_id"),
                    format!("{begin}..."),
                    move |id, _| id.as_str().is_some_and(|id| id.starts_with(&begin)),
                )
                .may(format!("{prefix}.start"), "a time", is_text);
        }
        expect
    }

    /// Where a process comes from: everything here was started by the first process, through these
    /// scenarios.
    fn lineage(self, host: &Host, who: &Portrait) -> Self {
        let scenarios = std::process::id();
        let begin = |pid: u32| format!("{}-{pid:x}-", host.boot());
        let (first, entry) = (begin(1), begin(scenarios));
        let is_entry = who.pid == scenarios;
        let as_many = |value: &Value, event: &Event| {
            let ids = event.get("sensor.process.ancestors.entity_id");
            let count = |value: &Value| value.as_array().map(Vec::len);
            count(value) == ids.and_then(count)
        };
        self.leader(host, "process.entry_leader", scenarios)
            .is("process.entry_leader.entry_meta.type", "init")
            .meets(
                "sensor.process.ancestors.entity_id",
                format!("through {entry}... up to {first}..."),
                move |value, _| {
                    let ids: Vec<&str> = value
                        .as_array()
                        .map(|ids| ids.iter().filter_map(Value::as_str).collect())
                        .unwrap_or_default();
                    let through = ids.iter().any(|id| id.starts_with(&entry));
                    ids.last().is_some_and(|last| last.starts_with(&first)) && through != is_entry
                },
            )
            .meets("sensor.process.ancestors.name", "as many names", as_many)
            .meets(
                "sensor.process.ancestors.executable",
                "as many paths",
                as_many,
            )
    }

    /// The names of users and groups, by this machine's files. In another user namespace an id means
    /// somebody else.
    fn names(mut self, host: &Host, who: &Portrait) -> Self {
        let [real_user, user, saved_user, _] = who.uids;
        let [real_group, group, saved_group, _] = who.gids;
        let at_home = who.namespaces.get("user") == host.namespaces.get("user")
            && who.namespaces.get("mnt") == host.namespaces.get("mnt");
        for (path, name) in [
            ("user", host.users.get(&user)),
            ("process.user", host.users.get(&user)),
            ("process.real_user", host.users.get(&real_user)),
            ("process.saved_user", host.users.get(&saved_user)),
            ("group", host.groups.get(&group)),
            ("process.group", host.groups.get(&group)),
            ("process.real_group", host.groups.get(&real_group)),
            ("process.saved_group", host.groups.get(&saved_group)),
        ] {
            let path = format!("{path}.name");
            self = if at_home {
                self.has(path, name.cloned())
            } else {
                self.may(path, "a name", |name, _| name.is_string())
            };
        }
        for (path, of_files, effective) in
            [("user", who.uids[3], user), ("group", who.gids[3], group)]
        {
            let path = format!("sensor.process.filesystem_{path}.id");
            self = self.has(path, (of_files != effective).then(|| of_files.to_string()));
        }
        self
    }

    /// The process's parent is this one: everything below `process.parent`.
    #[must_use]
    pub fn parent(self, host: &Host, parent: &Parent) -> Self {
        self.is("process.parent.pid", parent.pid)
            .is(
                "process.parent.entity_id",
                host.entity_id(parent.pid, parent.start),
            )
            .started("process.parent.start", parent.start)
            .is("process.parent.vpid", parent.vpid)
            .image(
                "process.parent",
                &parent.executable,
                &parent.args,
                &parent.working_directory,
            )
    }

    /// What a process runs, below `prefix`.
    #[must_use]
    pub fn image(self, prefix: &str, executable: &str, args: &[String], directory: &str) -> Self {
        self.is(format!("{prefix}.name"), last_component(executable))
            .is(format!("{prefix}.executable"), executable)
            .is(format!("{prefix}.args"), args)
            .is(format!("{prefix}.args_count"), args.len())
            .is(format!("{prefix}.command_line"), command_line(args))
            .is(format!("{prefix}.working_directory"), directory)
    }

    /// A moment whose tick of 10 ms since boot is known.
    #[must_use]
    pub fn started(self, path: &str, ticks: u64) -> Self {
        // The clocks are measured by the sensor and by us: each measurement has its error.
        const ERROR: i64 = 1_000_000;
        const TICK: i64 = 10_000_000;
        let earliest = clock::boot_moment() + i64::try_from(ticks).unwrap_or_default() * TICK;
        self.meets(
            path,
            format!("the moment of tick {ticks} since boot"),
            move |value, _| {
                value
                    .as_str()
                    .and_then(|text| clock::parse(text).ok())
                    .is_some_and(|got| got > earliest - ERROR && got < earliest + TICK + ERROR)
            },
        )
    }

    /// `process.thread.capabilities`: only where they decide something, in execs and privilege events.
    fn capabilities(self, who: &Portrait) -> Self {
        const TOLD: [&str; 7] = [
            "exec",
            "credential_change",
            "credential_divergence",
            "namespace",
            "ptrace",
            "module_load",
            "bpf_program",
        ];
        let told = self
            .value("event.code")
            .and_then(|code| code.as_str())
            .is_some_and(|code| TOLD.contains(&code));
        if !told {
            return self;
        }
        self.is(
            "process.thread.capabilities.effective",
            capabilities(who.effective),
        )
        .is(
            "process.thread.capabilities.permitted",
            capabilities(who.permitted),
        )
    }
}

/// Arguments as one line: those that white space would take apart are in quotes, as are empty ones.
pub fn command_line(args: &[String]) -> String {
    const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];
    args.iter()
        .map(|arg| match arg.as_str() {
            plain if !plain.is_empty() && !plain.contains(WHITE_SPACE) => plain.to_owned(),
            quoted if quoted.contains('"') => format!("'{quoted}'"),
            other => format!("\"{other}\""),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_taken_apart() {
        let line = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            command_line(&args)
        };
        assert_eq!(line(&["ls", "-l", ""]), "ls -l \"\"");
        assert_eq!(line(&["a\nb", "say \"x\""]), "\"a\nb\" 'say \"x\"'");
    }
}
