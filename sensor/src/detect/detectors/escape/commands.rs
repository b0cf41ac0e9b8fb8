//! Arguments that lead out of a container.

use super::super::programs::base_name;

/// Paths of the kernel's that have it run a program on the host, or let whoever writes there do so.
const KERNEL_PATHS: [(&str, &str); 6] = [
    (
        "/proc/sys/kernel/core_pattern",
        "the program that the kernel runs for crashes",
    ),
    (
        "/proc/sys/kernel/modprobe",
        "the program that the kernel loads modules with",
    ),
    (
        "kernel.core_pattern",
        "the program that the kernel runs for crashes",
    ),
    ("/proc/sysrq-trigger", "the kernel's commands by key"),
    (
        "/sys/kernel/uevent_helper",
        "the program that the kernel runs for devices",
    ),
    (
        "release_agent",
        "the program that the kernel runs for empty cgroups",
    ),
];

/// Sockets of container runtimes.
const SOCKETS: [&str; 6] = [
    "docker.sock",
    "containerd.sock",
    "crio.sock",
    "podman.sock",
    "cri-dockerd.sock",
    "containerd.sock.ttrpc",
];

/// Which way out of a container a command takes, in words.
pub(super) fn way_out(program: &str, arguments: &[String]) -> Option<String> {
    let arguments = arguments.get(1..).unwrap_or_default();
    let tool = match program {
        "nsenter" => enters(arguments),
        "chroot" => chroot(arguments),
        "mount" => mounts(arguments),
        "debugfs" | "mknod" => disk(arguments).map(|disk| format!("the disk {disk}")),
        "unshare" => unshares(arguments),
        "sh" | "ash" | "bash" | "dash" | "ksh" | "zsh" => by_shell(arguments),
        _ => None,
    };
    tool.or_else(|| mentions(arguments))
}

/// What a shell is told to do by `-c`: some have such commands built in, and then there is no exec of
/// theirs.
fn by_shell(arguments: &[String]) -> Option<String> {
    let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
    let (_, commands) = pairs.find(|(option, _)| *option == "-c")?;
    commands.split([';', '|', '&', '\n']).find_map(|command| {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        match base_name(words.first()?) {
            "sh" | "ash" | "bash" | "dash" | "ksh" | "zsh" => None,
            program => way_out(program, &words),
        }
    })
}

/// Whether a path is a container runtime's socket.
pub(super) fn is_runtime_socket(path: &str) -> bool {
    SOCKETS.contains(&base_name(path))
}

/// `nsenter -t 1`, `--target=1`, or a file of the host's first process.
fn enters(arguments: &[String]) -> Option<String> {
    let mut pairs = arguments
        .iter()
        .zip(arguments.iter().skip(1).map(Some).chain([None]));
    let is_first = pairs.any(|(argument, next)| {
        let next = next.is_some_and(|next| next == "1");
        match &**argument {
            "-t" | "--target" => next,
            "-t1" | "--target=1" => true,
            // Letters may be written together: -at 1.
            letters if letters.starts_with('-') && !letters.starts_with("--") => {
                letters.ends_with('t') && next || letters.ends_with("t1")
            }
            _ => argument.contains("/proc/1/ns/"),
        }
    });
    is_first.then(|| "the namespaces of process 1".to_owned())
}

/// `chroot /host`: where the host's root directory is by custom, or by its first process.
fn chroot(arguments: &[String]) -> Option<String> {
    let root = arguments
        .iter()
        .find(|argument| !argument.starts_with('-'))?;
    let trimmed = root.trim_end_matches('/');
    let is_host = matches!(
        trimmed,
        "/host" | "/hostfs" | "/host-root" | "/hostroot" | "/rootfs" | "/mnt/host" | "/proc/1/root"
    );
    is_host.then(|| format!("the host's root directory at {root}"))
}

/// A disk, the host's first process's root, or a hierarchy of cgroups that has a release agent.
fn mounts(arguments: &[String]) -> Option<String> {
    if let Some(disk) = disk(arguments) {
        return Some(format!("the disk {disk}"));
    }
    if arguments
        .iter()
        .any(|argument| argument.starts_with("/proc/1/root"))
    {
        return Some("the root directory of process 1".to_owned());
    }
    let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
    let is_old_cgroup = pairs.any(|(option, kind)| option == "-t" && kind == "cgroup")
        || arguments.iter().any(|argument| argument == "-tcgroup");
    is_old_cgroup.then(|| "a hierarchy of cgroups that has a release agent".to_owned())
}

fn disk(arguments: &[String]) -> Option<&str> {
    let is_disk = |argument: &&String| {
        argument.strip_prefix("/dev/").is_some_and(|name| {
            ["sd", "vd", "xvd", "hd", "nvme", "mmcblk", "dm-", "mapper/"]
                .iter()
                .any(|kind| name.starts_with(kind))
        })
    };
    arguments.iter().find(is_disk).map(|disk| &**disk)
}

/// A user namespace with a cgroup namespace, in which an old hierarchy can be mounted.
fn unshares(arguments: &[String]) -> Option<String> {
    let is_letter = |letter: char| {
        arguments.iter().any(|argument| {
            argument.starts_with('-') && !argument.starts_with("--") && argument.contains(letter)
        })
    };
    let is_word = |word: &str| arguments.iter().any(|argument| argument.starts_with(word));
    let cgroup = is_letter('C') || is_word("--cgroup");
    let root = is_letter('r') || is_letter('U') || is_word("--map-root-user") || is_word("--user");
    (cgroup && root).then(|| "a user namespace in which cgroups can be mounted".to_owned())
}

/// Arguments of any program that name a way out: a shell's command too.
fn mentions(arguments: &[String]) -> Option<String> {
    arguments.iter().find_map(|argument| {
        let path = KERNEL_PATHS
            .iter()
            .find(|(path, _)| argument.contains(path))
            .map(|(path, what)| format!("{path}, {what}"));
        let socket = || {
            let socket = SOCKETS
                .iter()
                .find(|socket| names_socket(argument, socket))?;
            Some(format!("the container runtime's socket {socket}"))
        };
        path.or_else(socket)
    })
}

/// Whether a text has a path that ends with a socket's name: what follows is no more of the name.
fn names_socket(text: &str, socket: &str) -> bool {
    text.match_indices(socket).any(|(at, _)| {
        let (before, rest) = text.split_at_checked(at).unwrap_or_default();
        let after = rest
            .strip_prefix(socket)
            .and_then(|rest| rest.chars().next());
        let goes_on = |next: char| next.is_alphanumeric() || matches!(next, '.' | '-' | '_');
        before.ends_with('/') && !after.is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_may_have_the_command_built_in() {
        let way = |commands: &str| {
            let arguments = ["sh", "-c", commands].map(str::to_owned);
            way_out("sh", &arguments)
        };
        assert!(way("id; chroot /host /bin/sh -c id").is_some());
        assert!(way("true && /bin/nsenter -t 1 -m sh").is_some());
        for commands in [
            "chroot /srv/jail sh",
            "echo chroot /host",
            "",
            ";;",
            "sh -c x",
        ] {
            assert_eq!(way(commands), None, "{commands}");
        }
    }

    #[test]
    fn ways_out_and_what_looks_like_them() {
        let way = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            way_out(&arguments[0].clone(), &arguments)
        };
        for line in [
            "nsenter -t 1 -m -u sh",
            "nsenter --target=1 --all",
            "nsenter -at 1 sh",
            "nsenter --mount=/proc/1/ns/mnt sh",
            "chroot /host sh",
            "chroot /proc/1/root/ sh",
            "mount /dev/sda1 /mnt",
            "mount -t cgroup -o rdma cgroup /tmp/x",
            "mount --bind /proc/1/root /mnt",
            "debugfs /dev/vda1",
            "unshare -UrmC bash",
            "sh -c echo>/x/release_agent",
            "tee /proc/sys/kernel/core_pattern",
            "sysctl -w kernel.core_pattern=|/x",
            "curl --unix-socket /var/run/docker.sock http://x/containers/json",
            "docker -H unix:///var/run/docker.sock ps",
        ] {
            assert!(way(line).is_some(), "{line}");
        }
        for line in [
            "nsenter -t 4711 -n ip addr",
            "nsenter -t 12 sh",
            "chroot /var/empty sshd",
            "mount -t tmpfs none /tmp/x",
            "mount -t proc proc /proc",
            "unshare -r sh",
            "cat /proc/self/cgroup",
            "curl http://docker.sock.example/",
            "sh",
        ] {
            assert_eq!(way(line), None, "{line}");
        }
    }
}
