//! Arguments that stop the sensor or take something from it.

use crate::event::Tgid;

/// The sensor as commands name it.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    /// Its process, if that is known and the command means the host's ids.
    pub(super) process: Option<Tgid>,
    /// Its program's name.
    pub(super) name: &'a str,
    /// Its files and directories, the executable among them.
    pub(super) files: &'a [String],
}

/// Whether a program's arguments can matter at all: those of most need not be looked at.
pub(super) fn may_harm(program: &str) -> bool {
    matches!(program, "service" | "systemctl" | "rc-service" | "bpftool")
        || is_killer(program)
        || is_remover(program)
}

fn is_killer(program: &str) -> bool {
    matches!(program, "kill" | "pkill" | "killall" | "killall5" | "skill")
}

fn is_remover(program: &str) -> bool {
    matches!(
        program,
        "rm" | "unlink" | "rmdir" | "shred" | "mv" | "truncate" | "chattr" | "umount" | "chmod"
    )
}

impl Target<'_> {
    /// Whether a command sends a signal to the sensor, or has its unit stopped.
    pub(super) fn is_stopped_by(&self, program: &str, arguments: &[String]) -> bool {
        let mut words = arguments.iter().skip(1).map(|word| &**word);
        match program {
            "kill" => self.is_killed_by(arguments),
            program if is_killer(program) => {
                let only_asks = words
                    .clone()
                    .any(|word| matches!(word, "-0" | "-l" | "-L" | "--list"));
                !only_asks && words.any(|word| self.is_name(word))
            }
            "systemctl" => {
                let stops =
                    |word: &str| matches!(word, "stop" | "kill" | "disable" | "mask" | "freeze");
                words.clone().any(stops) && words.any(|word| self.is_unit(word))
            }
            "service" | "rc-service" => {
                words.clone().any(|word| word == "stop") && words.any(|word| self.is_unit(word))
            }
            _ => false,
        }
    }

    fn is_killed_by(&self, arguments: &[String]) -> bool {
        let Some(process) = self.process else {
            return false;
        };
        let (one, group) = (process.to_string(), format!("-{process}"));
        let words = arguments.get(1..).unwrap_or_default();
        let [first, rest @ ..] = words else {
            return false;
        };
        // A signal's number stands where a group could: only the first word may be one.
        let only_asks = matches!(&**first, "-0" | "-l" | "-L" | "--list")
            || (matches!(&**first, "-s" | "-n" | "--signal")
                && rest.first().is_some_and(|next| next == "0"));
        !only_asks && (*first == one || rest.iter().any(|word| *word == one || *word == group))
    }

    fn is_name(&self, word: &str) -> bool {
        let word = word.trim_start_matches('^').trim_end_matches('$');
        let first = word.split_whitespace().next().unwrap_or_default();
        first == self.name || self.files.iter().any(|file| file == first)
    }

    fn is_unit(&self, word: &str) -> bool {
        word.strip_suffix(".service").unwrap_or(word) == self.name
    }

    /// The file of the sensor's, or the pin, that a command removes, moves, cuts or locks.
    pub(super) fn file_lost_by<'a>(
        &self,
        program: &str,
        arguments: &'a [String],
    ) -> Option<&'a str> {
        let is_tool = is_remover(program);
        let mut words = arguments.iter().skip(1).map(|word| &**word);
        words.find(|word| is_tool && (self.is_file(word) || is_pin(word)))
    }

    fn is_file(&self, word: &str) -> bool {
        let word = word.trim_end_matches('/');
        self.files.iter().any(|file| {
            let file = file.trim_end_matches('/');
            word == file
                || word
                    .strip_prefix(file)
                    .is_some_and(|rest| rest.starts_with('/'))
                || (!word.is_empty()
                    && word != "."
                    && file
                        .strip_prefix(word)
                        .is_some_and(|rest| rest.starts_with('/')))
        })
    }
}

fn is_pin(word: &str) -> bool {
    let rest = word.strip_prefix("/sys/fs/bpf");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether bpftool is to detach something or to write to a map.
pub(super) fn detaches(program: &str, arguments: &[String]) -> bool {
    let mut words = arguments
        .iter()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    let (Some(object), Some(verb)) = (words.next(), words.next()) else {
        return false;
    };
    // Both may be cut to any length.
    let is = |word: &str, whole: &str, least: usize| word.len() >= least && whole.starts_with(word);
    program == "bpftool"
        && (is(verb, "detach", 3)
            || (is(object, "map", 1)
                && (is(verb, "update", 1) || is(verb, "delete", 2) || is(verb, "freeze", 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn who_stops_the_sensor() {
        let files = ["/usr/bin/sensor".to_owned(), "/var/lib/sensor".to_owned()];
        let target = Target {
            process: Some(Tgid(600)),
            name: "sensor",
            files: &files,
        };
        for (line, expected) in [
            ("kill -9 600", true),
            ("kill 600", true),
            ("kill -STOP 12 600", true),
            ("kill -s KILL -- -600", true),
            ("pkill -9 sensor", true),
            ("pkill -f ^sensor", true),
            ("killall sensor", true),
            ("systemctl stop sensor", true),
            ("systemctl --now disable sensor.service", true),
            ("service sensor stop", true),
            ("kill -0 600", false),
            ("kill -600 12", false),
            ("kill 6000", false),
            ("kill", false),
            ("pkill sensors", false),
            ("systemctl restart sensor", false),
            ("systemctl status sensor", false),
            ("systemctl stop nginx", false),
            ("echo kill 600", false),
        ] {
            let words = words(line);
            assert_eq!(target.is_stopped_by(&words[0], &words), expected, "{line}");
        }
        for (line, expected) in [
            ("rm -f /usr/bin/sensor", true),
            ("rm -rf /var/lib/sensor/spool", true),
            ("rm -rf /var/lib", true),
            ("umount /sys/fs/bpf", true),
            ("rm /sys/fs/bpf/x", true),
            ("mv /usr/bin/sensor /tmp", true),
            ("rm -rf /var/lib/sensors", false),
            ("rm x", false),
            ("ls /usr/bin/sensor", false),
            ("rm /sys/fs/bpfx", false),
        ] {
            let words = words(line);
            assert_eq!(
                target.file_lost_by(&words[0], &words).is_some(),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn what_bpftool_takes_away() {
        for (line, expected) in [
            ("bpftool link detach id 7", true),
            ("bpftool -d prog det id 7", true),
            ("bpftool map update id 7 key 0 value 0", true),
            ("bpftool prog list", false),
            ("bpftool map dump id 7", false),
            ("bpftool", false),
        ] {
            let words = words(line);
            assert_eq!(detaches(&words[0], &words), expected, "{line}");
        }
    }
}
