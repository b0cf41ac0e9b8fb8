//! Code that enters the kernel: modules and BPF programs.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::system::{delete_module, finit_module};
use serde_json::json;

use crate::event::{Event, of};
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Actor};
use crate::sys::{self, BpfProgram};

/// The deeds.
pub const ACTS: &[Act] = &[MODULE, BPF];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "privilege/module-load",
        play: module_load,
    },
    Scenario {
        name: "privilege/bpf-load",
        play: |context| bpf_load(context, "GPL", true),
    },
    Scenario {
        name: "privilege/bpf-load-proprietary",
        play: |context| bpf_load(context, "Proprietary", false),
    },
    Scenario {
        name: "privilege/bpf-load-override",
        play: bpf_override,
    },
    Scenario {
        name: "privilege/bpf-of-another-sensor",
        play: another_sensor,
    },
];

/// Loads the module file that it is given.
const MODULE: Act = Act {
    name: "privilege/module",
    play: |actor| {
        let path = actor.text(0)?;
        let file = fs::File::open(path).with_context(|| format!("cannot open {path}"))?;
        finit_module(&file, c"", 0).context("the kernel refused the module")?;
        Ok(())
    },
};

/// A module that needs no hardware and no other module. Test machines are started with it.
const SMALL_MODULE: &str = "dummy";

fn module_load(context: &Context<'_>) -> Result<Outcome> {
    let file = format!("/lib/modules/{SMALL_MODULE}.ko");
    if !Path::new(&file).exists() {
        return Ok(Outcome::Skipped(format!(
            "there is no {file}: start the machine with --module {SMALL_MODULE}"
        )));
    }
    let name = std::ffi::CString::new(SMALL_MODULE)?;
    match delete_module(&name, 0) {
        Ok(()) | Err(Errno::NOENT) => (),
        Err(error) => return Err(error).context("cannot unload the module"),
    }
    let played = context.act("privilege/module", &[&file])?.success()?;
    let event = context
        .settle()?
        .one("module_load", of(played.portrait.pid))?;
    let expect = context
        .expect("module_load")
        .process(context.host, &played.portrait)
        .is("sensor.module.name", SMALL_MODULE)
        .is("sensor.module.taints", taints(SMALL_MODULE)?);
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// What a module has made of the kernel, of which `/sys/module` shows a letter for each bit.
fn taints(module: &str) -> Result<u64> {
    /// `TAINT_...` (`include/linux/panic.h`), those that a module can have.
    const BITS: [(char, u32); 8] = [
        ('P', 0),
        ('F', 1),
        ('C', 10),
        ('O', 12),
        ('E', 13),
        ('K', 15),
        ('X', 16),
        ('N', 18),
    ];
    let path = format!("/sys/module/{module}/taint");
    let letters = crate::host::line(&path)?;
    let mut taints = 0;
    for letter in letters.chars() {
        let (_, bit) = BITS
            .iter()
            .find(|(known, _)| *known == letter)
            .with_context(|| format!("{path} has an unknown letter: {letters}"))?;
        taints |= 1 << bit;
    }
    Ok(taints)
}

/// `BPF_PROG_TYPE_SOCKET_FILTER`
pub const SOCKET_FILTER: u32 = 1;
/// `BPF_PROG_TYPE_KPROBE`
pub const KPROBE: u32 = 2;

/// `r0 = 0; exit`
const RETURN_0: [u64; 2] = [0xb7, 0x95];

/// `bpf_override_return(ctx, 0); return 0`: `r2 = 0; call 58; r0 = 0; exit`
const OVERRIDE: [u64; 4] = [0x2b7, 58 << 32 | 0x85, 0xb7, 0x95];

/// `bpf_probe_write_user(0, stack, 8); return 0`: `r1 = 0; *(u64 *)(r10 - 8) = r1; r2 = r10; r2 += -8;
/// r3 = 8; call 36; r0 = 0; exit`
const WRITE_USER: [u64; 8] = [
    0x1b7,
    0xfff8_1a7b,
    0xa2bf,
    0xffff_fff8_0000_0207,
    0x8_0000_03b7,
    36 << 32 | 0x85,
    0xb7,
    0x95,
];

/// Loads a program of the type, the licence and the name that it is given, and opens it once more by
/// its id. Tells of its `id` and `tag`, or of the `error` with which the kernel refused it.
const BPF: Act = Act {
    name: "privilege/bpf",
    play: |actor| {
        let licence = std::ffi::CString::new(actor.text(1)?)?;
        let program = BpfProgram {
            kind: actor.text(0)?.parse()?,
            attach_type: 0,
            instructions: match actor.text(3)? {
                "override" => &OVERRIDE,
                "write-user" => &WRITE_USER,
                _ => &RETURN_0,
            },
            name: actor.text(2)?,
            licence: &licence,
        };
        match sys::bpf_load(&program) {
            Ok(loaded) => tell_of(actor, &loaded),
            Err(error) => actor.tell(&json!({"error": error.raw_os_error()})),
        }
    },
};

fn tell_of(actor: &mut Actor, program: &std::os::fd::OwnedFd) -> Result<()> {
    let path = format!("/proc/self/fdinfo/{}", program.as_raw_fd());
    let about = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let id: u32 = in_about(&about, "prog_id")?.parse()?;
    let tag = in_about(&about, "prog_tag")?;
    actor.tell(&json!({"id": id, "tag": tag}))?;
    sys::bpf_open(id).context("cannot open the program by its id")?;
    Ok(())
}

/// A value in `/proc/PID/fdinfo/NUMBER`.
fn in_about<'a>(about: &'a str, name: &str) -> Result<&'a str> {
    about
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
        .with_context(|| format!("there is no {name} in {about:?}"))
}

/// What is known of a program.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    kind: &'a str,
    id: u64,
    tag: &'a str,
    instructions: usize,
    name: &'a str,
    gpl_compatible: bool,
}

/// Everything below `sensor.bpf` but what it attaches to.
fn program(context: &Context<'_>, who: &Portrait, known: Known<'_>) -> Expect {
    context
        .expect("bpf_program")
        .process(context.host, who)
        .is("event.action", "load_bpf_program")
        .is("sensor.bpf.id", known.id)
        .is("sensor.bpf.type", known.kind)
        .is("sensor.bpf.attach_type", 0)
        .is("sensor.bpf.instructions", known.instructions)
        .is("sensor.bpf.tag", known.tag)
        .is("sensor.bpf.name", known.name)
        .is("sensor.bpf.gpl_compatible", known.gpl_compatible)
}

/// Whether the rung sees loads of programs; says so if not.
fn sees_bpf(context: &Context<'_>) -> bool {
    let sees = context.rung != Rung::LockedDown;
    let means = context.sensor.means("bpf program").is_some();
    context.claim_eq("a hook", &means, &sees);
    if !sees {
        context.note("loads of BPF programs cannot be seen without tracing programs and kprobes");
    }
    sees
}

fn bpf_load(context: &Context<'_>, licence: &str, gpl_compatible: bool) -> Result<Outcome> {
    for (kind, number) in [("socket_filter", SOCKET_FILTER), ("kprobe", KPROBE)] {
        let words = [&number.to_string(), licence, "scenario", "plain"];
        let played = context.act("privilege/bpf", &words)?.success()?;
        ensure!(
            played.value("error").is_err(),
            "the kernel refused the program: {:?}",
            played.told
        );
        let events = context.settle()?;
        if !sees_bpf(context) {
            context.attempt(events.none("bpf_program", of(played.portrait.pid)));
            return Ok(Outcome::Passed);
        }
        let known = Known {
            kind,
            id: played.number("id")?,
            tag: played.text("tag")?,
            instructions: RETURN_0.len(),
            name: "scenario",
            gpl_compatible,
        };
        let load = program(context, &played.portrait, known);
        let open = program(context, &played.portrait, known)
            .is("event.action", "open_bpf_program")
            .is("event.type", json!(["info"]));
        let found = events.all("bpf_program", of(played.portrait.pid));
        context.claim_eq("bpf_program events", &found.len(), &2);
        for (event, expect) in found.iter().zip([load, open]) {
            context.check(event, &expect);
        }
    }
    Ok(Outcome::Passed)
}

/// A program that can change what a function of the kernel returns.
fn bpf_override(context: &Context<'_>) -> Result<Outcome> {
    let words = [&KPROBE.to_string(), "GPL", "scenario", "override"];
    let played = context.act("privilege/bpf", &words)?.success()?;
    let found = context
        .settle()?
        .all("bpf_program", of(played.portrait.pid));
    if let Ok(error) = played.value("error") {
        context.claim_eq("events of a program that was refused", &found.len(), &0);
        return Ok(Outcome::Skipped(format!(
            "this kernel has no bpf_override_return (error {error}): CONFIG_BPF_KPROBE_OVERRIDE"
        )));
    }
    if !sees_bpf(context) {
        context.claim(found.is_empty(), "there is no event");
        return Ok(Outcome::Passed);
    }
    let load = found.first().context("there is no event")?;
    context.claim_eq(
        "sensor.bpf.overrides_return",
        &load.get("sensor.bpf.overrides_return"),
        &Some(&json!(true)),
    );
    Ok(Outcome::Passed)
}

/// Another sensor's programs attach to functions of the kernel, by name.
fn another_sensor(context: &Context<'_>) -> Result<Outcome> {
    let sensor = context.own_sensor("")?;
    let (pid, programs) = (sensor.pid(), own_programs(sensor.pid())?);
    sensor.stop(Signal::TERM)?;
    let found = context.settle()?.all("bpf_program", of(pid));
    if !sees_bpf(context) {
        context.claim(found.is_empty(), "there is no event");
        return Ok(Outcome::Passed);
    }
    context.claim(!programs.is_empty(), "the other sensor has programs");
    for (id, tag) in programs {
        let of_program = |event: &&Arc<Event>| {
            event.number("sensor.bpf.id") == Some(id)
                && event.text("event.action") == Some("load_bpf_program")
        };
        let loads: Vec<_> = found.iter().filter(of_program).collect();
        context.claim_eq(&format!("loads of program {id}"), &loads.len(), &1);
        for load in loads {
            context.claim_eq("its tag", &load.text("sensor.bpf.tag"), &Some(&tag));
        }
    }
    if context.rung == Rung::Tracing {
        let attached = |event: &&Arc<Event>| {
            event.text("sensor.bpf.function") == Some("commit_creds")
                && event.text("sensor.bpf.type") == Some("tracing")
                && event.text("sensor.bpf.name") == Some("commit_fentry")
                // BPF_TRACE_FENTRY
                && event.number("sensor.bpf.attach_type") == Some(24)
        };
        let hooked = context
            .sensor
            .means("credentials")
            .is_some_and(|means| means == "tracing");
        context.claim_eq(
            "a program that attaches to commit_creds",
            &found.iter().any(|event| attached(&event)),
            &hooked,
        );
    }
    Ok(Outcome::Passed)
}

/// The BPF programs that a process has open: their ids and tags.
pub fn own_programs(pid: u32) -> Result<Vec<(u64, String)>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let about = fs::read_to_string(entry?.path())?;
        // Links tell of their programs too, but not of their types.
        if in_about(&about, "prog_type").is_ok() {
            let id = in_about(&about, "prog_id")?.parse()?;
            programs.push((id, in_about(&about, "prog_tag")?.to_owned()));
        }
    }
    Ok(programs)
}
