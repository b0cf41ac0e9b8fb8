//! Which fields of an event tell what of a process.

use super::{Parent, Portrait, capabilities};
use crate::clock;
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
            .is("process.group_leader.pid", who.group_leader)
            // No process leads a session that began before the first one asked for a session.
            .has(
                "process.session_leader.pid",
                (who.session_leader != 0).then_some(who.session_leader),
            )
            .parent(host, &who.parent)
            .is("sensor.process.cgroup.id", who.cgroup)
            .has("sensor.process.login_uid", who.login_uid)
            .has("sensor.process.audit_session", who.audit_session);
        for (kind, inode) in &who.namespaces {
            expect = expect.is(format!("sensor.process.namespaces.{kind}"), *inode);
        }
        expect
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
