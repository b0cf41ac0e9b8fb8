//! A flood of connections, which is to hide what happens beside it: what the rings have no room for
//! is counted exactly, and none of it is an exec or a change of credentials.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::net::{accept, bind, connect, getsockname, listen, sockopt};
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};

use crate::event::{Event, of};
use crate::exec::image::{self, File};
use crate::exec::spawn::seven;
use crate::portrait::Portrait;
use crate::privilege::changes::{committed, is_of_credentials, observed};
use crate::privilege::credentials::Change;
use crate::privilege::subject::Subject;
use crate::rung::Rung;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::sensor::{Ended, Sensor};
use crate::stage::{Act, Stage};

use super::account::{Account, Loss};
use super::turns::{tcp, two_cpus};

/// The deeds.
pub const ACTS: &[Act] = &[FLOOD, RUNNER];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "network/flood",
    play: flood,
}];

/// How long the flood lasts.
const FLOOD_SECONDS: u64 = 10;

/// How long the sensor does not run, in the middle of the flood: its rings must overflow.
const SUSPENDED: Duration = Duration::from_secs(6);

/// How often a program is run and a credential is changed meanwhile.
const DEEDS: u32 = 30;

/// Rings with room for a few hundred records.
const RINGS: &str = "[rings]\ncritical_bytes = \"64KiB\"\nbulk_bytes = \"64KiB\"\n";

/// The kinds that have a ring of their own, where a flood of others cannot reach them.
const CRITICAL: [&str; 7] = [
    "exec",
    "credential_change",
    "credential_divergence",
    "namespace",
    "ptrace",
    "module_load",
    "bpf_program",
];

/// On the CPU and for the seconds that it is given, makes connections and breaks them off, as fast as
/// it can; no more than the third argument says, if there is one. Tells how many.
const FLOOD: Act = Act {
    name: "network/flood",
    play: |actor| {
        let mut only = CpuSet::new();
        only.set(usize::try_from(actor.number(0)?)?);
        sched_setaffinity(None, &only)?;
        let deadline = Instant::now() + Duration::from_secs(actor.number(1)?);
        let most = match actor.arguments.get(2) {
            Some(_) => actor.number(2)?,
            None => u64::MAX,
        };
        let listener = tcp()?;
        bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        listen(&listener, 16)?;
        let at = SocketAddr::try_from(getsockname(&listener)?)?;
        let mut connects = 0;
        while connects < most && Instant::now() < deadline {
            let client = tcp()?;
            connect(&client, &at)?;
            connects += 1;
            let server = accept(&listener)?;
            // A connection that is broken off leaves no port behind that is taken for a while.
            sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
            drop(client);
            drop(server);
        }
        actor.tell(&json!({ "connects": connects }))
    },
};

/// Runs the program that it is given, once for each line that it hears, with the line as argument.
/// Tells of each process.
const RUNNER: Act = Act {
    name: "network/runner",
    play: |actor| {
        let program = actor.text(0)?.to_owned();
        loop {
            let line = actor.hear()?;
            if line == "end" {
                return Ok(());
            }
            let child = Command::new(&program).arg(line).spawn();
            let mut child = child.context("cannot run the program")?;
            actor.tell_child("child", child.id())?;
            child.wait()?;
        }
    },
};

/// What was done during the flood.
struct Done {
    /// The processes that ran the program.
    runs: Vec<Portrait>,
    /// The process that changed its credentials.
    subject: Portrait,
    changes: Vec<Change>,
}

fn flood(context: &Context<'_>) -> Result<Outcome> {
    let Some(cpus) = two_cpus()? else {
        return Ok(Outcome::Skipped("there is one CPU only".to_owned()));
    };
    let sensor = context.own_sensor(RINGS)?;
    let program = seven(context)?;
    // Two sensors that write all of it down are more than these machines can do in a minute.
    let other = context.sensor.suspend()?;
    let mut floods = Vec::new();
    for cpu in cpus {
        let words = [cpu.to_string(), FLOOD_SECONDS.to_string()];
        floods.push(context.stage("network/flood", &words)?);
    }
    for flood in &mut floods {
        flood.go()?;
    }
    let done = deeds(context, &sensor, &program)?;
    let mut connects = 0;
    for flood in floods {
        connects += flood.finish()?.success()?.number("connects")?;
    }
    drop(other);
    // The rest of the flood is on its way.
    for each in [context.sensor, &sensor] {
        catch_up(context, each, &program)?;
    }
    let ended = sensor.stop(Signal::TERM)?;
    check_deeds(context, &ended, &done, &program)?;
    check_account(context, &ended, connects)?;
    Ok(Outcome::Passed)
}

/// Runs a program and changes credentials, again and again, until the flood is over.
fn deeds(context: &Context<'_>, sensor: &Sensor, program: &Path) -> Result<Done> {
    let begun = Instant::now();
    let path = program.to_string_lossy();
    let mut runner: Stage = context.stage("network/runner", &[&*path])?;
    runner.go()?;
    let mut subject = Subject::start(context)?;
    let who = subject.portrait();
    let (mut runs, mut changes) = (Vec::new(), Vec::new());
    let mut suspended = None;
    for number in 0..DEEDS {
        let part = Duration::from_secs(FLOOD_SECONDS) * number / DEEDS;
        thread::sleep(part.saturating_sub(begun.elapsed()));
        if number == DEEDS / 5 {
            suspended = Some((sensor.suspend()?, Instant::now()));
        }
        if suspended
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() > SUSPENDED)
        {
            suspended = None;
        }
        runner.tell(&number.to_string())?;
        let told = runner.hear()?;
        let told = |name| told.get(name).and_then(Value::as_u64).context("untold");
        let child = runner
            .portrait
            .child(told("child")?.try_into()?, told("child_start")?);
        runs.push(child.executed(program, &[&path, &number.to_string()]));
        changes.push(subject.changes(context, &format!("setfsgid {}", 2001 + number))?);
        // There is not room for all of the flood in memory.
        sensor.keep(is_kept);
    }
    drop(suspended);
    runner.tell("end")?;
    runner.finish()?.success()?;
    subject.finish()?.success()?;
    Ok(Done {
        runs,
        subject: who,
        changes,
    })
}

/// Whether an event is needed in the end.
fn is_kept(event: &Event) -> bool {
    event.code() == "exec" || event.code() == "events_lost" || is_of_credentials(event)
}

/// Waits until a sensor has told of the whole flood: of a program that runs after it is told in a
/// ring with room, and after all that was before.
fn catch_up(context: &Context<'_>, sensor: &Sensor, program: &Path) -> Result<()> {
    let child = Command::new(program).arg("after").spawn();
    let mut child = child.context("cannot run the program")?;
    let pid = child.id();
    child.wait()?;
    let is_it = |event: &Event| {
        event.code() == "exec"
            && of(pid)(event)
            && event.text("process.executable") == program.to_str()
    };
    let deadline = Instant::now() + 4 * PATIENCE;
    while let Err(error) = sensor.wait_for(is_it, Duration::from_secs(1)) {
        if Instant::now() > deadline {
            return Err(error);
        }
        context.sensor.keep(is_kept);
        sensor.keep(is_kept);
    }
    Ok(())
}

/// All that was done during the flood is told of, whole.
fn check_deeds(context: &Context<'_>, ended: &Ended, done: &Done, program: &Path) -> Result<()> {
    let agent = ended.events.one("sensor_stop", |_| true)?;
    let agent = agent.text("agent.id").context("no agent")?;
    let file = File::at(program)?;
    let path = program.to_string_lossy();
    context.claim_eq("programs that ran", &done.runs.len(), &(DEEDS as usize));
    for who in &done.runs {
        let is_it =
            |event: &Event| of(who.pid)(event) && event.text("process.executable") == Some(&*path);
        if let Some(event) = context.attempt(ended.events.one("exec", is_it)) {
            let expect = image::exec(context, who, file, &path).is("agent.id", agent);
            context.check(&event, &expect);
        }
    }
    let code = match context.rung {
        Rung::LockedDown => "credential_divergence",
        Rung::Tracing | Rung::Kprobes => "credential_change",
    };
    let found = ended.events.all(code, of(done.subject.pid));
    context.claim_eq(
        "changes that were told of",
        &found.len(),
        &done.changes.len(),
    );
    for (event, change) in found.iter().zip(&done.changes) {
        let who = &done.subject;
        let expect = match context.rung {
            Rung::LockedDown => observed(context, who, change, "gid_change", "fork"),
            Rung::Tracing | Rung::Kprobes => committed(context, who, change, "gid_change", "call"),
        };
        context.check(event, &expect.is("agent.id", agent));
    }
    Ok(())
}

/// What was seen is what was done; it came, or was lost and said to be.
fn check_account(context: &Context<'_>, ended: &Ended, connects: u64) -> Result<()> {
    context.claim(
        ended.status.success(),
        format!("it ended with {}", ended.status),
    );
    // Of every kind, as much was seen as came and was lost: that is among the problems.
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let account = Account::of(ended)?;
    for (code, expected) in [
        ("connect", connects),
        ("established", connects),
        ("accept", connects),
        ("closed", 2 * connects),
    ] {
        context.claim_eq(
            &format!("{code} events that were seen"),
            &account.seen(code),
            &expected,
        );
    }
    let losses = account.losses();
    let lost = |code: &str| -> u64 {
        let of_kind = losses.iter().filter(|(kind, _, _)| kind == code);
        of_kind.map(|(_, _, count)| count).sum()
    };
    let came = ended.stream.count("connect");
    context.claim(
        lost("connect") > 0,
        format!("connects were lost; {came} of {connects} came"),
    );
    for code in CRITICAL {
        context.claim_eq(&format!("{code} events that were lost"), &lost(code), &0);
    }
    let mut said: BTreeMap<(String, String), u64> = BTreeMap::new();
    for event in ended.events.all("events_lost", |_| true) {
        for (code, reason, count) in news(&event)? {
            *said.entry((code, reason)).or_default() += count;
        }
    }
    let said: Vec<Loss> = said
        .into_iter()
        .map(|((code, reason), count)| (code, reason, count))
        .collect();
    let mut expected = losses.clone();
    expected.sort();
    context.claim_eq("losses that were said when they happened", &said, &expected);
    Ok(())
}

/// What an `events_lost` event says.
fn news(event: &Event) -> Result<Vec<Loss>> {
    let lost = event.get("sensor.lost").and_then(Value::as_array);
    lost.context("it says no loss")?
        .iter()
        .map(|loss| {
            let text = |name| loss.get(name).and_then(Value::as_str).context("no text");
            let count = loss.get("count").and_then(Value::as_u64);
            Ok((
                text("code")?.to_owned(),
                text("reason")?.to_owned(),
                count.context("no count")?,
            ))
        })
        .collect()
}
