//! Linux's audit: an exec as its records `EXECVE` and `SYSCALL` have it.
//!
//! Of audit's own making are, in `EXECVE`, the arguments `a0`, `a1`, ...; they are found by number.

use super::{
    Classes, Field, accounts::accounts, accounts::terminal, field, number, process::process_name,
    text,
};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::{
            class::{AUDIT_EXECVE, AUDIT_SYSCALL},
            observed_fields::Slot,
        },
    },
    event::Device,
};

const EXECVE: Classes = Classes::these(&[AUDIT_EXECVE]);
const SYSCALL: Classes = Classes::these(&[AUDIT_SYSCALL]);

/// What audit shows where an id is not set.
const UNSET: u32 = u32::MAX;

/// An id of the process.
macro_rules! id {
    ($name:literal, $from:literal, $id:ident) => {
        field(&[$name], SYSCALL, $from, |fields| {
            number(fields.exec()?.credentials.$id)
        })
    };
}

/// The name of a user.
macro_rules! user {
    ($name:literal, $from:literal, $id:ident) => {
        field(&[$name], SYSCALL, $from, |fields| {
            text(accounts(fields)?.user(fields.exec()?.credentials.$id)?)
        })
    };
}

pub(super) const FIELDS: &[Field] = &[
    field(&["type"], EXECVE, "`EXECVE`", |fields| {
        fields.exec().and_then(|_| text("EXECVE"))
    })
    .always("EXECVE"),
    field(
        &["argc"],
        EXECVE,
        "how many arguments there were",
        |fields| number(fields.exec()?.argc),
    ),
    field(&["type"], SYSCALL, "`SYSCALL`", |fields| {
        fields.exec().and_then(|_| text("SYSCALL"))
    })
    .always("SYSCALL"),
    field(
        &["SYSCALL"],
        SYSCALL,
        "`execve`, for `execveat` too",
        |fields| fields.exec().and_then(|_| text("execve")),
    )
    .always("execve")
    .instead_of("execveat"),
    field(
        &["success"],
        SYSCALL,
        "`yes`: an exec that fails is not told",
        |fields| fields.exec().and_then(|_| text("yes")),
    )
    .always("yes"),
    field(&["exit"], SYSCALL, "`0`", |fields| {
        fields.exec().and_then(|_| text("0"))
    })
    .always("0"),
    field(
        &["exe"],
        SYSCALL,
        "the path of the executable, as `Image`",
        |fields| {
            let exec = fields.exec()?;
            fields
                .bytes(Slot::Image, &exec.executable.bytes)
                .map(Value::Text)
        },
    )
    .path(),
    field(
        &["comm"],
        SYSCALL,
        "the first 15 bytes of the last component of the path that was asked for",
        |fields| {
            let path = &*fields.exec()?.filename.bytes;
            let last = path.rsplit(|byte| *byte == b'/').next()?;
            let kept = last.get(..15).unwrap_or(last);
            fields
                .bytes(Slot::Comm, kept)
                .or(process_name(fields))
                .map(Value::Text)
        },
    ),
    field(&["pid"], SYSCALL, "the process's id", |fields| {
        number(fields.observed.event.subject()?.tgid.0)
    }),
    field(&["ppid"], SYSCALL, "the parent's id", |fields| {
        number(fields.exec()?.parent.tgid.0)
    }),
    id!("uid", "the real user's id", uid),
    id!("euid", "the effective user's id", euid),
    id!("suid", "the saved user's id", suid),
    id!("fsuid", "the file system user's id", fsuid),
    id!("gid", "the real group's id", gid),
    id!("egid", "the effective group's id", egid),
    id!("sgid", "the saved group's id", sgid),
    id!("fsgid", "the file system group's id", fsgid),
    user!("UID", "the real user's name, if it is known", uid),
    user!("EUID", "the effective user's name, if it is known", euid),
    field(
        &["auid"],
        SYSCALL,
        "the login uid; 4294967295 while it is not set",
        |fields| number(fields.exec()?.login_uid.unwrap_or(UNSET)),
    ),
    field(
        &["AUID"],
        SYSCALL,
        "that user's name, `unset`, or absent if it is not known",
        |fields| match fields.exec()?.login_uid {
            Some(uid) => text(accounts(fields)?.user(uid)?),
            None => text("unset"),
        },
    ),
    field(
        &["ses"],
        SYSCALL,
        "the session; 4294967295 while it is not set",
        |fields| number(fields.exec()?.audit_session.unwrap_or(UNSET)),
    ),
    field(
        &["tty"],
        SYSCALL,
        "the controlling terminal: `pts0`, `tty1`, `ttyS0`; `(none)` without one",
        |fields| {
            fields.exec()?;
            let Some(device) = terminal(fields) else {
                return text("(none)");
            };
            let name = fields.written(Slot::Terminal, |text| text.push_str(&terminal_name(device)));
            name.map(Value::Text)
        },
    ),
];

/// What the kernel calls a terminal (`Documentation/admin-guide/devices.txt`).
fn terminal_name(device: Device) -> String {
    const TTY: u32 = 4;
    const SERIAL: u32 = 64;
    const PTS: std::ops::RangeInclusive<u32> = 136..=143;
    let Device { major, minor } = device;
    if PTS.contains(&major) {
        format!("pts{}", (major - PTS.start()) * 256 + minor)
    } else if major == TTY && minor < SERIAL {
        format!("tty{minor}")
    } else if major == TTY {
        format!("ttyS{}", minor - SERIAL)
    } else {
        format!("{major}:{minor}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_have_the_kernels_names() {
        let name = |major, minor| terminal_name(Device { major, minor });
        assert_eq!(name(136, 3), "pts3");
        assert_eq!(name(137, 0), "pts256");
        assert_eq!(name(4, 1), "tty1");
        assert_eq!(name(4, 64), "ttyS0");
        assert_eq!(name(5, 1), "5:1");
    }
}
