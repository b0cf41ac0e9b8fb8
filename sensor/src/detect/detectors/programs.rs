//! What programs are, by their names and by where they lie.
//!
//! A name proves nothing: whoever may write to a system directory may call a program as he likes. So a
//! name makes something suspicious, and makes it unsuspicious only beside where it lies
//! ([`is_in_writable_place`]).

use crate::process::{Image, Process};

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It runs what is typed.
    Shell,
    /// It runs programs of a language.
    Interpreter,
    /// It joins sockets to pipes, terminals and programs.
    Relay,
    /// It fetches files from the network.
    Downloader,
    /// It tells who and where one is.
    Reconnaissance,
    /// It serves the web, or the programs behind it.
    WebServer,
    /// It serves data.
    Database,
    /// It looks into other processes for a living.
    Debugger,
    /// It lets people in, or runs what they ask for under another name.
    Login,
    /// It runs services.
    ServiceManager,
    /// It runs containers.
    ContainerRuntime,
    /// It installs software.
    PackageManager,
}

/// What a program is for, by its name; none if it is none of these.
pub(super) fn class(name: &str) -> Option<Class> {
    Some(match stem(name) {
        "sh" | "bash" | "rbash" | "dash" | "ash" | "hush" | "zsh" | "ksh" | "mksh" | "fish"
        | "csh" | "tcsh" => Class::Shell,
        "python" | "pypy" | "perl" | "ruby" | "php" | "lua" | "luajit" | "node" | "nodejs"
        | "bun" | "deno" | "tclsh" | "expect" | "awk" | "gawk" | "mawk" | "pwsh" | "java" => {
            Class::Interpreter
        }
        "nc" | "ncat" | "netcat" | "nc.traditional" | "nc.openbsd" | "socat" | "telnet"
        | "openssl" | "cryptcat" => Class::Relay,
        "curl" | "wget" | "aria2c" | "axel" | "tftp" | "ftp" | "lftp" | "lwp-download" => {
            Class::Downloader
        }
        "id" | "whoami" | "who" | "w" | "last" | "ifconfig" | "netstat" | "ss" | "arp" | "lsof"
        | "nmap" | "masscan" | "uname" | "getent" => Class::Reconnaissance,
        "nginx" | "openresty" | "apache" | "httpd" | "lighttpd" | "caddy" | "h2o" | "haproxy"
        | "php-fpm" | "php-cgi" | "uwsgi" | "litespeed" | "lshttpd" => Class::WebServer,
        "mysqld" | "mariadbd" | "postgres" | "postmaster" | "mongod" | "redis-server"
        | "valkey-server" | "memcached" | "clickhouse-server" | "sqlservr" | "influxd" => {
            Class::Database
        }
        "gdb"
        | "gdbserver"
        | "strace"
        | "ltrace"
        | "lldb"
        | "lldb-server"
        | "rr"
        | "perf"
        | "dlv"
        | "delve"
        | "bpftrace"
        | "vgdb"
        | "gcore"
        | "eu-stack"
        | "pstack"
        | "criu"
        | "py-spy"
        | "rbspy"
        | "jmap"
        | "jstack"
        | "jcmd"
        | "apport"
        | "systemd-coredump"
        | "systemd-coredum"
        | "abrt-hook-ccpp"
        | "crashpad_handler"
        | "chrome_crashpad_handler"
        | "wineserver"
        | "rust-gdb"
        | "valgrind" => Class::Debugger,
        "sshd" | "sshd-session" | "sshd-auth" | "dropbear" | "in.rshd" | "in.rlogind"
        | "in.telnetd" | "telnetd" | "login" | "cockpit-bridge" | "mosh-server" => Class::Login,
        "systemd" | "systemd-executor" | "init" | "xinetd" | "inetd" | "runit" | "runsv"
        | "s6-supervise" | "s6-svscan" | "supervisord" | "openrc" | "openrc-run" => {
            Class::ServiceManager
        }
        "runc"
        | "crun"
        | "youki"
        | "conmon"
        | "containerd-shim"
        | "containerd-shim-runc-v"
        | "containerd"
        | "dockerd"
        | "docker-init"
        | "podman"
        | "crio"
        | "kubelet"
        | "lxc-attach"
        | "lxc-start"
        | "lxd"
        | "incusd"
        | "buildkitd"
        | "buildkit-runc"
        | "runsc"
        | "systemd-nspawn" => Class::ContainerRuntime,
        "dpkg" | "apt" | "apt-get" | "rpm" | "dnf" | "yum" | "zypper" | "pacman" | "apk"
        | "snapd" | "unattended-upgrade" | "dkms" | "packagekitd" => Class::PackageManager,
        _ => return None,
    })
}

/// A program's name without its version: `python3.13`, `php-fpm8.3`, `apache2`.
fn stem(name: &str) -> &str {
    let name = name.strip_suffix("-static").unwrap_or(name);
    name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.')
}

/// The last component of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the program that an image is: of `busybox`, `toybox` and `kmod`, which are many, the one
/// that it was called by.
pub(super) fn program(image: &Image) -> &str {
    if !matches!(&*image.name, "busybox" | "toybox" | "kmod" | "coreutils") {
        return &image.name;
    }
    let mut arguments = image.arguments.iter().map(|argument| base_name(argument));
    let called = arguments.next().unwrap_or(&image.name);
    let called = called.strip_prefix('-').unwrap_or(called);
    if called == image.name {
        arguments.next().unwrap_or(called)
    } else {
        called
    }
}

/// What an image is for.
pub(super) fn class_of(image: &Image) -> Option<Class> {
    class(program(image))
}

/// Whether a program's own children have sockets as standard input and output although nothing is
/// connected to them: those of libuv are pairs of unix sockets.
pub(super) fn gives_children_sockets(image: &Image) -> bool {
    let is_named = matches!(
        stem(&image.name),
        "node"
            | "nodejs"
            | "bun"
            | "deno"
            | "code"
            | "code-insiders"
            | "codium"
            | "electron"
            | "cursor"
    );
    let is_bundled = ["/opt/", "/snap/", "/usr/share/", "/usr/lib/"]
        .iter()
        .any(|place| image.executable.starts_with(place));
    is_named || is_bundled
}

/// Whether a path lies where everybody may write, or in somebody's home.
pub(super) fn is_in_writable_place(path: &str) -> bool {
    const PLACES: [&str; 8] = [
        "/tmp/",
        "/var/tmp/",
        "/dev/shm/",
        "/run/shm/",
        "/home/",
        "/run/user/",
        "/run/lock/",
        "/dev/mqueue/",
    ];
    PLACES.iter().any(|place| path.starts_with(place))
}

/// Whether a path lies in memory that everybody may write to.
pub(super) fn is_in_shared_memory(path: &str) -> bool {
    ["/dev/shm/", "/run/shm/"]
        .iter()
        .any(|place| path.starts_with(place))
}

/// Whether a package manager is at work: it stops what it replaces, and loads what it installs.
pub(super) fn is_installing(process: &Process) -> bool {
    let mut ancestors = process.lineage.ancestors();
    ancestors.any(|ancestor| {
        ancestor.image.as_deref().is_some_and(|image| {
            class_of(image) == Some(Class::PackageManager)
                && !is_in_writable_place(&image.executable)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(executable: &str, arguments: &[&str]) -> Image {
        Image {
            name: base_name(executable).to_owned(),
            executable: executable.to_owned(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            ..Image::default()
        }
    }

    #[test]
    fn versions_are_no_part_of_a_name() {
        for (name, expected) in [
            ("python3.13", Some(Class::Interpreter)),
            ("php8.3", Some(Class::Interpreter)),
            ("php-fpm8.3", Some(Class::WebServer)),
            ("apache2", Some(Class::WebServer)),
            ("bash-static", Some(Class::Shell)),
            ("containerd-shim-runc-v2", Some(Class::ContainerRuntime)),
            ("shred", None),
            ("", None),
        ] {
            assert_eq!(class(name), expected, "{name}");
        }
    }

    #[test]
    fn one_file_of_many_programs_is_what_it_was_called_by() {
        assert_eq!(program(&image("/bin/busybox", &["sh"])), "sh");
        assert_eq!(program(&image("/bin/busybox", &["-ash"])), "ash");
        assert_eq!(program(&image("/bin/busybox", &["busybox", "nc"])), "nc");
        assert_eq!(program(&image("/bin/busybox", &[])), "busybox");
        assert_eq!(
            program(&image("/usr/bin/kmod", &["/sbin/insmod", "x.ko"])),
            "insmod"
        );
        assert_eq!(program(&image("/bin/dash", &["sh"])), "dash");
    }

    #[test]
    fn a_home_is_a_writable_place_and_usr_is_not() {
        assert!(is_in_writable_place("/home/a/x"));
        assert!(is_in_writable_place("/dev/shm/x") && is_in_shared_memory("/dev/shm/x"));
        assert!(!is_in_writable_place("/usr/tmp2/x") && !is_in_shared_memory("/dev/shmx"));
    }
}
