//! Process 1 of the test machines that `cargo xtask vm` boots.
//!
//! It makes the machine look like an ordinary host (its root is a file system of its own, the
//! kernel's file systems are mounted, the loopback device is up, the random generator is seeded),
//! runs one command, reports how that ended, and powers the machine off.
//!
//! What it is to run stands in the initramfs:
//!
//! | file | content |
//! | --- | --- |
//! | `/etc/sensor-vm/command` | the command's arguments, each ended by a NUL |
//! | `/etc/sensor-vm/modules` | paths of kernel modules to load first, one a line, in order |
//! | `/etc/sensor-vm/init` | if it is there: the program that takes over as process 1, systemd say |
//!
//! In the last case a second one of these programs runs the command beside it, as soon as systemd says
//! that the host has started.
//!
//! Its reports go to the second serial port, as frames of *kind* (one byte), *length* (four bytes,
//! little-endian) and *payload*, after one greeting line. `xtask/src/vm/report.rs` reads them.
//!
//! | kind | payload |
//! | --- | --- |
//! | `b` | the kernel's release; the command starts now |
//! | `o`, `e` | bytes the command wrote to its standard output, to its standard error |
//! | `x` | how the command ended: `exit N` or `signal N` |
//! | `f` | why the machine could not run the command |
//!
//! Its own words go to the kernel's console.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::mount::{MountFlags, mount, mount_move};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, chroot, kill_process_group, wait};
use rustix::system::RebootCommand;
use rustix::termios::{ControlModes, OptionalActions, tcdrain, tcgetattr, tcsetattr};

const REPORTS: &str = "/dev/ttyS1";
const CHANNEL: &str = "/dev/ttyS2";
/// Names the program that takes over as process 1.
const INIT: &str = "/etc/sensor-vm/init";
/// The argument of the process that runs the command beside it.
const BESIDE: &str = "beside";
/// Under emulation on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(240);
const GREETING: &[u8] = b"\nsensor-vm 1\n";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a Linux host has mounted, in the order that makes each mount point exist.
const MOUNTS: &[(&str, &str, &str)] = &[
    ("proc", "/proc", ""),
    ("sysfs", "/sys", ""),
    ("devtmpfs", "/dev", "mode=755"),
    ("devpts", "/dev/pts", "mode=620,ptmxmode=666"),
    ("tmpfs", "/dev/shm", "mode=1777"),
    ("tmpfs", "/run", "mode=755"),
    ("tmpfs", "/tmp", "mode=1777"),
    ("securityfs", "/sys/kernel/security", ""),
    ("debugfs", "/sys/kernel/debug", ""),
    ("tracefs", "/sys/kernel/tracing", ""),
    ("bpf", "/sys/fs/bpf", "mode=700"),
    ("cgroup2", "/sys/fs/cgroup", ""),
];

/// Which process this is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Process 1.
    First,
    /// One beside it.
    Beside,
}

fn main() {
    let is_beside = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == BESIDE);
    if std::process::id() != 1 && !is_beside {
        eprintln!("init: this is process 1 of a test machine; `cargo xtask vm` starts it");
        std::process::exit(2);
    }
    let ended = if is_beside {
        report_and_run(Role::Beside)
    } else {
        prepare_and_run()
    };
    if let Err(error) = ended {
        eprintln!("init: {error:#}");
    }
    // Nothing to flush: every file system of the machine is in its memory.
    if let Err(error) = rustix::system::reboot(RebootCommand::PowerOff) {
        // Process 1 ending is a kernel panic, which ends the machine too.
        eprintln!("init: cannot power off: {error}");
    }
}

fn prepare_and_run() -> Result<()> {
    leave_the_initramfs()?;
    for (kind, target, options) in MOUNTS {
        // A kernel of one's own may lack some of them; what the machine cannot do without fails below.
        if let Err(error) = mount_one(kind, target, options) {
            eprintln!("init: {error:#}");
        }
    }
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, link).with_context(|| format!("cannot make {link}"))?;
    }
    match fs::read(INIT) {
        Ok(path) => hand_over(OsStr::from_bytes(&path)),
        Err(_) => report_and_run(Role::First),
    }
}

/// Leaves the rest to a process beside this one, which becomes another program.
fn hand_over(init: &OsStr) -> Result<()> {
    Command::new("/init")
        .arg(BESIDE)
        .spawn()
        .context("cannot start a second process")?;
    // The kernel started this one with the console and the arguments that it wants.
    let error = Command::new(init).exec();
    bail!("cannot become {}: {error}", init.display())
}

/// Waits until systemd says that the host has started, whatever failed meanwhile.
fn wait_for_systemd() -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < LONGEST_START {
        let state = Command::new("systemctl")
            .arg("is-system-running")
            .env("PATH", PATH)
            .output();
        if let Ok(output) = state
            && [&b"running\n"[..], b"degraded\n"].contains(&&*output.stdout)
        {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
    bail!("systemd has not started the host within {LONGEST_START:?}")
}

fn report_and_run(role: Role) -> Result<()> {
    let mut port = raw_serial_port(REPORTS)?;
    port.write_all(GREETING)
        .with_context(|| format!("cannot write to {REPORTS}"))?;
    let reports = Reports(Arc::new(Mutex::new(port)));
    // Its settings last only as long as somebody has it open; the command may open it at any time.
    let channel = raw_serial_port(CHANNEL)?;

    let ended = seed_and_run(&reports, role);
    let told = match ended {
        Ok(status) => reports.send(b'x', describe(status).as_bytes()),
        Err(error) => reports.send(b'f', format!("{error:#}").as_bytes()),
    };
    drop(channel);
    told.and_then(|()| reports.drain())
        .with_context(|| format!("cannot report on {REPORTS}"))
}

fn seed_and_run(reports: &Reports, role: Role) -> Result<WaitStatus> {
    rustix::system::sethostname(b"sensor-vm").context("cannot set the host's name")?;
    bring_up_loopback().context("cannot bring up the loopback device")?;
    // Until the random generator is seeded a connect takes twice as long and an exec longer too.
    let mut block = [0; 64];
    File::open("/dev/random")
        .and_then(|mut random| random.read_exact(&mut block))
        .context("cannot read /dev/random")?;
    load_modules()?;
    if role == Role::Beside {
        wait_for_systemd()?;
    }

    let release = rustix::system::uname();
    reports.send(b'b', release.release().to_bytes())?;
    run_command(reports, role)
}

/// Makes a file system in memory the root, as a host's root is: the initramfs's own cannot be
/// pivoted away from or unmounted, and its files do not behave like those of a mounted file system.
fn leave_the_initramfs() -> Result<()> {
    let root = Path::new("/new-root");
    fs::create_dir(root).context("cannot make the new root")?;
    mount("tmpfs", root, "tmpfs", MountFlags::empty(), c"mode=755")
        .context("cannot mount the new root")?;
    for entry in fs::read_dir("/").context("cannot list the initramfs")? {
        let name = entry.context("cannot list the initramfs")?.file_name();
        // `/dev` holds the console that the kernel opened for us; the new root gets a devtmpfs.
        if name == "new-root" || name == "dev" {
            continue;
        }
        let from = Path::new("/").join(&name);
        move_tree(&from, &root.join(&name))
            .with_context(|| format!("cannot move {} to the new root", from.display()))?;
    }
    rustix::process::chdir(root).context("cannot enter the new root")?;
    mount_move(".", "/").context("cannot move the new root to /")?;
    chroot(".").context("cannot change root")?;
    rustix::process::chdir("/").context("cannot enter /")
}

/// Moves file by file, so that memory never holds more than one file twice.
fn move_tree(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
        fs::remove_file(from)
    } else if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            move_tree(&from.join(&name), &to.join(&name))?;
        }
        fs::set_permissions(to, kind.permissions())?;
        fs::remove_dir(from)
    } else {
        fs::copy(from, to)?;
        fs::set_permissions(to, kind.permissions())?;
        fs::remove_file(from)
    }
}

fn mount_one(kind: &str, target: &str, options: &str) -> Result<()> {
    // Mount points under /sys and /proc are the kernel's; the others may be missing.
    if !Path::new(target).exists() {
        fs::create_dir_all(target)
            .with_context(|| format!("cannot make the mount point {target} of {kind}"))?;
    }
    let options = std::ffi::CString::new(options).context("a mount option holds a NUL")?;
    mount(kind, target, kind, MountFlags::empty(), options.as_c_str())
        .with_context(|| format!("cannot mount {kind} on {target}"))
}

/// Opens a serial port that passes every byte as it is, in both directions, without a modem.
fn raw_serial_port(path: &str) -> Result<File> {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open the serial port {path}"))?;
    let mut settings = tcgetattr(&port).with_context(|| format!("{path} is no serial port"))?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings
        .set_speed(115_200)
        .with_context(|| format!("cannot set the speed of {path}"))?;
    tcsetattr(&port, OptionalActions::Now, &settings)
        .with_context(|| format!("cannot set up {path}"))?;
    Ok(port)
}

/// Sets the loopback device up with one netlink message; the kernel gives it its addresses itself.
fn bring_up_loopback() -> Result<()> {
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketType, netlink, recv, sendto, socket,
    };

    const RTM_NEWLINK: u16 = 16;
    const NLMSG_ERROR: u16 = 2;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 0x1 | 0x4;
    const LOOPBACK: i32 = 1; // the first device of every network namespace
    const IFF_UP: u32 = 1;

    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes()); // length
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]); // sequence, port
    message.extend([0; 4]); // struct ifinfomsg: family, padding, type
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes()); // flags
    message.extend(IFF_UP.to_ne_bytes()); // which flags change

    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &message, SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 256];
    recv(&socket, &mut answer, RecvFlags::empty())?;

    let [
        _,
        _,
        _,
        _,
        kind_low,
        kind_high,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        e0,
        e1,
        e2,
        e3,
        ..,
    ] = answer;
    ensure!(
        u16::from_ne_bytes([kind_low, kind_high]) == NLMSG_ERROR,
        "netlink did not acknowledge"
    );
    match i32::from_ne_bytes([e0, e1, e2, e3]) {
        0 => Ok(()),
        error => bail!(io::Error::from_raw_os_error(error.saturating_neg())),
    }
}

fn load_modules() -> Result<()> {
    let list = Path::new("/etc/sensor-vm/modules");
    if !list.exists() {
        return Ok(());
    }
    for line in fs::read(list)
        .context("cannot read the list of modules")?
        .lines()
    {
        let path = line.context("cannot read the list of modules")?;
        let module = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        match rustix::system::finit_module(&module, c"", 0) {
            // A dependency of two modules is loaded by the first.
            Ok(()) | Err(rustix::io::Errno::EXIST) => (),
            Err(error) => bail!("the kernel refused the module {path}: {error}"),
        }
    }
    Ok(())
}

/// Runs the command and reaps every orphan until it ends; then ends what it left behind.
fn run_command(reports: &Reports, role: Role) -> Result<WaitStatus> {
    let words = fs::read("/etc/sensor-vm/command").context("cannot read the command to run")?;
    let mut words = words.split(|byte| *byte == 0).map(OsStr::from_bytes);
    let program = words.next().context("no command to run")?;
    let mut arguments: Vec<&OsStr> = words.collect();
    arguments.pop(); // what follows the last NUL

    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("RUST_BACKTRACE", "1")
        .env("SENSOR_VM_CHANNEL", CHANNEL)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;

    let (finished, all_finished) = mpsc::channel::<()>();
    if let Some(stdout) = child.stdout.take() {
        reports.follow(b'o', stdout, finished.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        reports.follow(b'e', stderr, finished.clone());
    }
    drop(finished);

    let command = Pid::from_child(&child);
    let status = loop {
        match wait(WaitOptions::empty()).context("cannot wait for the command")? {
            Some((pid, status)) if pid == command => break status,
            _ => (), // an orphan
        }
    };
    if role == Role::First {
        end_what_is_left(&all_finished);
    } else {
        let _said_all = all_finished.recv_timeout(Duration::from_secs(2));
    }
    Ok(status)
}

/// The command is over and so is the machine: whatever still runs would only keep its output open.
fn end_what_is_left(all_finished: &Receiver<()>) {
    // To "the group of process 1" means to every process but this one.
    if kill_process_group(Pid::INIT, Signal::KILL).is_ok() {
        while wait(WaitOptions::empty()).is_ok() {}
    }
    // The threads that follow the output hang up once they have passed on the last of it. A process
    // that cannot even be killed must not keep the machine.
    let _hung_up = all_finished.recv_timeout(Duration::from_secs(10));
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "exit 255".to_owned(),
    }
}

/// The serial port that the host reads, shared by the threads that write to it.
#[derive(Clone)]
struct Reports(Arc<Mutex<File>>);

impl Reports {
    fn send(&self, kind: u8, payload: &[u8]) -> Result<()> {
        let length = u32::try_from(payload.len()).context("a report is longer than 4 GiB")?;
        let mut frame = vec![kind];
        frame.extend(length.to_le_bytes());
        frame.extend(payload);
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        port.write_all(&frame).context("cannot write a report")
    }

    /// Passes on what a pipe of the command delivers, in a thread of its own, until its end.
    fn follow(&self, kind: u8, mut pipe: impl Read + Send + 'static, finished: Sender<()>) {
        let reports = self.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let passed_on = buffer.get(..length).map(|bytes| reports.send(kind, bytes));
                if !matches!(passed_on, Some(Ok(()))) {
                    break;
                }
            }
            drop(finished);
        });
    }

    /// Waits until the last byte has left the port: powering off does not.
    fn drain(&self) -> Result<()> {
        let port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tcdrain(&*port).context("cannot drain the port")
    }
}
