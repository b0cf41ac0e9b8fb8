//! The tools that ask for a password, and whether they will.

use crate::event::Text;

/// A tool that asks for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// `su`.
    Su,
    /// `sudo`.
    Sudo,
    /// `doas`.
    Doas,
    /// `unix_chkpwd`.
    Chkpwd,
}

/// Options of `sudo` whose value is the next argument.
const SUDO_VALUES: &[u8] = b"CDghpRrTtUu";

impl Tool {
    /// The tool that a program is.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "su" => Self::Su,
            "sudo" | "sudo-rs" => Self::Sudo,
            "doas" => Self::Doas,
            "unix_chkpwd" => Self::Chkpwd,
            _ => return None,
        })
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Su => "su",
            Self::Sudo => "sudo",
            Self::Doas => "doas",
            Self::Chkpwd => "unix_chkpwd",
        }
    }
}

/// Whether a tool with these arguments may ask for a password: `sudo -n` and `doas -n` never do. Prompts
/// of shells run them all the time, only to know whether they would.
pub(super) fn asks(tool: Tool, arguments: &Text) -> bool {
    if !matches!(tool, Tool::Sudo | Tool::Doas) {
        return true;
    }
    let mut arguments = arguments.bytes.split(|&byte| byte == 0).skip(1);
    while let Some(argument) = arguments.next() {
        match argument {
            b"--non-interactive" => return false,
            // An option's value may follow, but none of those is an option itself.
            [b'-', b'-', _, ..] => {}
            [b'-', options @ ..] if !options.is_empty() && options != b"-" => {
                let value = options
                    .iter()
                    .position(|option| SUDO_VALUES.contains(option));
                let before = value.and_then(|at| options.get(..at)).unwrap_or(options);
                if before.contains(&b'n') {
                    return false;
                }
                if value == Some(options.len() - 1) {
                    arguments.next();
                }
            }
            // What is to be run begins here.
            _ => break,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::detectors::scene::arguments;

    #[test]
    fn sudo_may_be_told_not_to_ask() {
        let silent: [&[&str]; 5] = [
            &["sudo", "-n", "true"],
            &["sudo", "-nv"],
            &["sudo", "-u", "root", "-n", "id"],
            &["sudo", "-uroot", "-En", "id"],
            &["sudo", "--non-interactive", "id"],
        ];
        for argv in silent {
            assert!(!asks(Tool::Sudo, &arguments(argv)), "{argv:?}");
        }
        let asking: [&[&str]; 7] = [
            &[],
            &["sudo"],
            &["sudo", "-S", "cat", "-n"],
            &["sudo", "-u", "-n", "id"],
            &["sudo", "-unobody", "id"],
            &["sudo", "--", "-n"],
            &["sudo", "-"],
        ];
        for argv in asking {
            assert!(asks(Tool::Sudo, &arguments(argv)), "{argv:?}");
        }
        assert!(asks(Tool::Su, &arguments(&["su", "-n"])));
    }
}
