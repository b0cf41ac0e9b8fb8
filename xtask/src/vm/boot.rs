//! One machine's life: its files are written, it boots, its command runs, it ends or is ended.
//!
//! ```text
//!  guest's init ──ttyS1──▶ reports ──▶ screen        frames, see report.rs
//!  kernel ────────ttyS0──▶ console.log ──▶ verdict   read when all is over
//!  command ◀──────ttyS2──▶ channel ──▶ debugger      lines, see channel.rs
//! ```

use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::gdb::Debugger;
use super::kernel::{self, Kernel};
use super::report::{Decoder, Report, Status};
use super::screen::Screen;
use super::verdict::{self, End, Verdict};
use super::{Guest, Machine, channel, console, initramfs, modules, qemu};

/// Far longer than any kernel takes to boot, on a busy host too.
const LONGEST_BOOT: Duration = Duration::from_secs(300);
/// Powering off takes a second; what hangs then must not hang us.
const LONGEST_POWER_OFF: Duration = Duration::from_secs(20);

/// Boots the kernel, runs the guest's command and waits for the machine's end; all of it once more
/// if the emulator broke the kernel. An error is one of the host's; what went wrong in the guest is
/// in the verdict.
pub(crate) fn boot(
    qemu: &Path,
    kernel: &Kernel,
    machine: &Machine,
    guest: &Guest,
    screen: &mut dyn Screen,
) -> Result<Verdict> {
    verdict::boot_twice_if_emulator_broke(screen, |screen| {
        boot_once(qemu, kernel, machine, guest, screen)
    })
}

fn boot_once(
    qemu: &Path,
    kernel: &Kernel,
    machine: &Machine,
    guest: &Guest,
    screen: &mut dyn Screen,
) -> Result<Verdict> {
    let folder = Folder::create(&kernel.name)?;
    let modules = modules::load_order(kernel, &guest.modules)?;
    let tree = initramfs::tree(guest, &modules)?;
    let size = tree.write(&folder.path.join(qemu::INITRAMFS))?;
    // The kernel unpacks the archive, while that is still in memory, into half of what is left.
    let room = (machine.memory.saturating_sub(128) << 20) / 10 * 3;
    ensure!(
        size < room,
        "the guest's files ({} MiB) do not fit its {} MiB of memory: give it more with `--memory`",
        size >> 20,
        machine.memory
    );

    screen.note(&format!(
        "booting {} with {} CPU(s)",
        kernel.release,
        machine.cpus()
    ));
    let started = Instant::now();
    let mut command = qemu::command(qemu.to_path_buf(), kernel, machine);
    // This thread must stay until the machine ends: `setpriv --pdeathsig` means this thread's death.
    let mut child = command
        .current_dir(&folder.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", qemu.display()))?;
    let (sender, reports) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || pass_on(stdout, &sender));
    }
    serve_channel(&folder, machine.cpus())?;

    let mut verdict = Verdict::new();
    let watched = watch(&reports, machine.timeout, &mut verdict, screen);
    // Whatever happened, nothing of the machine stays behind.
    let _gone_already = child.kill();
    let status = child.wait().context("cannot wait for the emulator")?;
    watched?;
    verdict.took = started.elapsed();
    verdict.read_console(&console::read(&folder.path.join(qemu::CONSOLE)));
    if verdict.end == End::Vanished && !status.success() && verdict.console.is_empty() {
        verdict.end = End::Failed(format!("the emulator ended with {status}"));
    }
    if verdict.failure().is_some() {
        verdict.kept_console = Some(folder.keep_console()?);
    }
    Ok(verdict)
}

/// Passes reports on to the screen until the machine is gone or its time is up.
fn watch(
    reports: &Receiver<Result<Report>>,
    timeout: Duration,
    verdict: &mut Verdict,
    screen: &mut dyn Screen,
) -> Result<()> {
    let started = Instant::now();
    let mut deadline = started + timeout.min(LONGEST_BOOT);
    loop {
        match reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(report) => match report? {
                Report::Booted(release) => {
                    let took = started.elapsed();
                    screen.note(&format!("booted {release} in {:.1} s", took.as_secs_f64()));
                    verdict.booted_in = Some(took);
                    deadline = started + timeout;
                }
                Report::Stdout(bytes) => screen.stdout(&bytes)?,
                Report::Stderr(bytes) => screen.stderr(&bytes)?,
                Report::Ended(status) => {
                    if let Status::Signal(signal) = status {
                        screen.note(&format!("the command was killed by signal {signal}"));
                    }
                    verdict.end = End::Status(status);
                    deadline = Instant::now() + LONGEST_POWER_OFF;
                }
                Report::Failed(why) => {
                    verdict.end = End::Failed(why);
                    deadline = Instant::now() + LONGEST_POWER_OFF;
                }
            },
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                match verdict.end {
                    End::Vanished => verdict.end = End::TimedOut(started.elapsed()),
                    _ => screen.note("the machine did not power off, it was stopped"),
                }
                return Ok(());
            }
        }
    }
}

/// Reads the emulator's output to its end, which is the machine's.
fn pass_on(mut pipe: ChildStdout, reports: &Sender<Result<Report>>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        decoder.push(buffer.get(..length).unwrap_or_default());
        while let Some(report) = decoder.next().transpose() {
            let garbled = report.is_err();
            if reports.send(report).is_err() || garbled {
                return;
            }
        }
    }
}

/// Serves the guest's requests in a thread of its own, which ends with the machine.
fn serve_channel(folder: &Folder, cpus: u32) -> Result<()> {
    let sockets = Arc::new(
        File::open(&folder.path)
            .with_context(|| format!("cannot open {}", folder.path.display()))?,
    );
    thread::Builder::new()
        .name("channel".into())
        .spawn(move || {
            let served = connect_when_there(&sockets, qemu::CHANNEL).and_then(|mut answers| {
                let mut requests = BufReader::new(answers.try_clone()?);
                let connect = || connect_when_there(&sockets, qemu::DEBUGGER);
                let mut memory = Debugger { connect, cpus };
                channel::serve(&mut requests, &mut answers, &mut memory)
            });
            // A machine that was stopped hangs up in the middle of things; the verdict says so.
            drop(served);
        })
        .context("cannot start a thread")?;
    Ok(())
}

/// Connects to a socket in a folder, which the emulator makes soon after its start.
fn connect_when_there(folder: &File, name: &str) -> Result<UnixStream> {
    // A socket's path has room for 107 bytes, and a checkout's may be longer.
    let path = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
    let started = Instant::now();
    loop {
        match UnixStream::connect(&path) {
            Ok(stream) => return Ok(stream),
            Err(error) if started.elapsed() > Duration::from_secs(10) => {
                return Err(error).with_context(|| format!("cannot reach the emulator's {name}"));
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A machine's own folder, removed with everything in it.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create(name: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let machines = kernel::cache().join("machines");
        fs::create_dir_all(&machines)
            .with_context(|| format!("cannot make {}", machines.display()))?;
        sweep(&machines);
        let path = machines.join(format!("{}-{number}-{name}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Moves the console's log to where it survives: the last failure of each kernel is kept.
    fn keep_console(&self) -> Result<PathBuf> {
        let folder = kernel::cache().join("consoles");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let kernel = name.splitn(3, '-').nth(2).unwrap_or("kernel");
        let kept = folder.join(format!("{kernel}.log"));
        fs::copy(self.path.join(qemu::CONSOLE), &kept)
            .with_context(|| format!("cannot keep the console's log at {}", kept.display()))?;
        Ok(kept)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _swept_up_later = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of processes that were killed before they could do so.
fn sweep(machines: &Path) {
    let Ok(entries) = fs::read_dir(machines) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_string_lossy();
        let process = process.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let _next_time = fs::remove_dir_all(entry.path());
        }
    }
}
