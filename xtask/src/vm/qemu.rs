//! The emulator: how it is found, installed where we may, and told to be a machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Machine;
use super::debian;
use super::kernel::Kernel;
use crate::{say, tool};

const QEMU: &str = "qemu-system-x86_64";

/// Sockets and files of a machine, in the folder it runs in.
pub(super) const CONSOLE: &str = "console.log";
pub(super) const CHANNEL: &str = "channel";
pub(super) const DEBUGGER: &str = "debugger";
pub(super) const INITRAMFS: &str = "initramfs.cpio";

/// Finds the emulator, or installs it on a Debian where we are root.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(qemu) = tool::find(QEMU) {
        return Ok(qemu);
    }
    if !debian::is_this_host() || !tool::is_root()? {
        bail!("{QEMU} is not installed; on Debian: `apt-get install qemu-system-x86`");
    }
    say(format_args!(
        "{QEMU} is not installed: installing Debian's qemu-system-x86"
    ));
    let apt = |arguments: &[&str]| {
        tool::run(
            Command::new("apt-get")
                .arg("--quiet")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(std::io::stderr()),
        )
    };
    apt(&["update"])?;
    apt(&[
        "install",
        "--yes",
        "--no-install-recommends",
        "qemu-system-x86",
    ])?;
    tool::find(QEMU).with_context(|| format!("apt-get installed no {QEMU}"))
}

/// The command that starts the machine; to be run in the folder that holds its files.
pub(super) fn command(qemu: PathBuf, kernel: &Kernel, machine: &Machine) -> Command {
    // Should this process be killed, even by SIGKILL, the machine must not stay behind.
    let mut command = match tool::find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(qemu);
            command
        }
        None => Command::new(qemu),
    };
    command
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ])
        .args(["-machine", "pc", "-accel", "tcg"])
        // Models with more features make some kernels panic early under emulation, now and then;
        // QEMU 7.2 faults at cmpxchg16b, which kernels then do without.
        .args(["-cpu", "qemu64,-cx16,+rdrand"])
        .args(["-smp", &machine.cpus().to_string()])
        .args(["-m", &format!("{}M", machine.memory)])
        .arg("-kernel")
        .arg(&kernel.image)
        .args(["-initrd", INITRAMFS, "-append", &kernel_arguments(machine)])
        .args(["-chardev", &format!("file,id=console,path={CONSOLE}")])
        .args(["-device", "isa-serial,index=0,chardev=console"])
        // What comes out here is our pipe; nothing ever goes in.
        .args(["-chardev", "stdio,id=reports,signal=off"])
        .args(["-device", "isa-serial,index=1,chardev=reports"])
        .args([
            "-chardev",
            &format!("socket,id=channel,path={CHANNEL},server=on,wait=off"),
        ])
        // An interrupt of its own: the third port's usual one is the console's.
        .args(["-device", "isa-serial,index=2,irq=5,chardev=channel"])
        .args([
            "-chardev",
            &format!("socket,id=debugger,path={DEBUGGER},server=on,wait=off"),
        ])
        .args(["-gdb", "chardev:debugger"]);
    if machine.icount {
        // Guest time counts instructions, two nanoseconds each, whatever else the host does.
        command.args(["-icount", "shift=1,sleep=off,align=off"]);
    }
    command
}

/// The kernel's command line. Security modules and CPU mitigations stay the distribution's.
fn kernel_arguments(machine: &Machine) -> String {
    // Warnings and worse go to the console, which is slow. A kernel that panics reboots at once,
    // which ends the emulator; one that oopses shall not limp on.
    let mut arguments = "console=ttyS0,115200 earlyprintk=ttyS0,115200 loglevel=5 \
                         panic=-1 oops=panic cryptomgr.notests"
        .to_owned();
    if machine.icount {
        arguments.push_str(" clocksource=hpet tsc=unstable");
    }
    for more in &machine.append {
        arguments.push(' ');
        arguments.push_str(more);
    }
    arguments
}
