//! A process is made, executes a program, and ends: by itself, by a signal, thread by thread.

use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use rustix::thread::gettid;
use serde_json::json;

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::Command;

use crate::event::of;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;
use crate::sys;

use super::image::{self, File};
use super::spawn::{check_exec_event, child, seven};

/// The deeds.
pub const ACTS: &[Act] = &[
    EXIT,
    DIE,
    LEADER_FIRST,
    THREAD_EXECS,
    THREAD_FORKS,
    THREADS_ONLY,
];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/life",
        play: life,
    },
    Scenario {
        name: "exec/exit-code",
        play: exit_code,
    },
    Scenario {
        name: "exec/exit-signal",
        play: exit_signal,
    },
    Scenario {
        name: "exec/exit-core-dump",
        play: core_dump,
    },
    Scenario {
        name: "exec/exit-leader-first",
        play: leader_first,
    },
    Scenario {
        name: "exec/exec-by-thread",
        play: exec_by_thread,
    },
    Scenario {
        name: "exec/fork-by-thread",
        play: fork_by_thread,
    },
    Scenario {
        name: "exec/threads-are-no-processes",
        play: threads_only,
    },
    Scenario {
        name: "exec/failed",
        play: failed,
    },
];

/// Ends with the exit code that it is given.
const EXIT: Act = Act {
    name: "exec/exit",
    play: |actor| std::process::exit(actor.text(0)?.parse()?),
};

/// Sends itself the signal that it is given, in the folder that it is given, where a core dump of
/// any size may be left.
const DIE: Act = Act {
    name: "exec/die",
    play: |actor| {
        let number = actor.text(0)?.parse()?;
        let signal = Signal::from_named_raw(number).context("no signal")?;
        std::env::set_current_dir(actor.text(1)?)?;
        let unlimited = Rlimit {
            current: None,
            maximum: None,
        };
        setrlimit(Resource::Core, unlimited)?;
        kill_process(getpid(), signal)?;
        Ok(())
    },
};

/// Its first thread ends, with exit code 5; its second waits for a word and then ends itself, or the
/// process, with exit code 6.
const LEADER_FIRST: Act = Act {
    name: "exec/leader-first",
    play: |actor| {
        let mut second = crate::stage::Actor {
            arguments: actor.arguments.clone(),
        };
        thread::spawn(move || -> Result<()> {
            let own = gettid().as_raw_nonzero().get();
            second.tell(&json!({"second": own}))?;
            if second.hear()? == "process" {
                std::process::exit(6);
            }
            sys::end_thread(6)
        });
        sys::end_thread(5)
    },
};

/// Executes the program that it is given, from its second thread, which it tells first.
const THREAD_EXECS: Act = Act {
    name: "exec/thread-execs",
    play: |actor| {
        let program = actor.text(0)?.to_owned();
        let (told, thread_id) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let thread = thread::spawn(move || {
            told.send(gettid().as_raw_nonzero().get()).ok()?;
            gone.recv().ok()?;
            Some(Command::new(program).exec())
        });
        actor.tell(&json!({"thread": thread_id.recv()?}))?;
        go.send(())?;
        let _error = thread.join();
        Ok(())
    },
};

/// Runs the program that it is given, from its second thread, which it tells first.
const THREAD_FORKS: Act = Act {
    name: "exec/thread-forks",
    play: |actor| {
        let program = actor.text(0)?.to_owned();
        let thread = thread::spawn(move || {
            let own = gettid().as_raw_nonzero().get();
            (own, Command::new(program).spawn())
        });
        let (own, spawned) = thread.join().ok().context("the thread died")?;
        let mut spawned = spawned.context("cannot run the program")?;
        actor.tell(&json!({"thread": own}))?;
        actor.tell_child("child", spawned.id())?;
        spawned.wait()?;
        Ok(())
    },
};

/// Starts three threads and waits for their ends, and tells of their ids.
const THREADS_ONLY: Act = Act {
    name: "exec/threads-only",
    play: |actor| {
        for _ in 0..3 {
            let thread = thread::spawn(|| gettid().as_raw_nonzero().get());
            let id = thread.join().ok().context("the thread died")?;
            actor.tell(&json!({"thread": id}))?;
        }
        Ok(())
    },
};

fn life(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context
        .act("exec/spawn", &[&path, "one", "two words"])?
        .success()?;
    let child = child(&played)?;
    let events = context.settle()?;

    let event = events.one("fork", of(child.pid))?;
    context.check(&event, &image::fork(context, &child, &played.portrait));

    let child = child.executed(&program, &[&path, "one", "two words"]);
    let file = File::at(&program)?;
    check_exec_event(context, &events, &child, file, &path);

    let event = events.one("exit", of(child.pid))?;
    context.check(&event, &image::exit(context, &child, 7));
    Ok(Outcome::Passed)
}

fn exit_code(context: &Context<'_>) -> Result<Outcome> {
    for code in [0_u8, 1, 255] {
        let played = context.act("exec/exit", &[code.to_string()])?;
        let told = u64::from(code);
        context.claim_eq(
            "the exit code",
            &played.status.code(),
            &Some(i32::from(code)),
        );
        let event = context.settle()?.one("exit", of(played.portrait.pid))?;
        context.check(&event, &image::exit(context, &played.portrait, told));
    }
    Ok(Outcome::Passed)
}

fn exit_signal(context: &Context<'_>) -> Result<Outcome> {
    for signal in [Signal::TERM, Signal::KILL] {
        let number = signal.as_raw();
        let folder = context.folder.to_string_lossy().into_owned();
        let played = context.act("exec/die", &[number.to_string(), folder])?;
        context.claim_eq("the signal", &played.status.signal(), &Some(number));
        let event = context.settle()?.one("exit", of(played.portrait.pid))?;
        let number = u64::try_from(number)?;
        context.check(&event, &image::killed(context, &played.portrait, number));
    }
    Ok(Outcome::Passed)
}

fn core_dump(context: &Context<'_>) -> Result<Outcome> {
    let number = Signal::ABORT.as_raw();
    let folder = context.folder.to_string_lossy().into_owned();
    let played = context.act("exec/die", &[number.to_string(), folder])?;
    context.claim_eq("the signal", &played.status.signal(), &Some(number));
    let dumped = played.status.core_dumped();
    if !dumped {
        context.note("this kernel leaves no core dump, so core_dumped must be absent");
    }
    let event = context.settle()?.one("exit", of(played.portrait.pid))?;
    let expect = image::killed(context, &played.portrait, u64::try_from(number)?)
        .has("sensor.exit.core_dumped", dumped.then_some(true));
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn leader_first(context: &Context<'_>) -> Result<Outcome> {
    for word in ["thread", "process"] {
        let nothing: [&str; 0] = [];
        let mut stage = context.stage("exec/leader-first", &nothing)?;
        let pid = stage.pid();
        stage.go()?;
        let second = stage.hear()?;
        let second = second.get("second").and_then(serde_json::Value::as_u64);
        wait_for_zombie(pid)?;
        context.settle()?.none("exit", of(pid))?;
        stage.tell(word)?;
        let played = stage.finish()?;
        // Where nobody ended the process as a whole, kernels differ in whose code is its own: the
        // first thread's, or the last one's. What wait(2) answers is right.
        let code = played.status.code().context("it did not end by itself")?;
        context.claim(code == 6 || code == 5 && word == "thread", "the exit code");
        let event = context.settle()?.one("exit", of(pid))?;
        let mut who = played.portrait.clone();
        who.thread = second.context("it did not tell")?.try_into()?;
        context.check(&event, &image::exit(context, &who, u64::try_from(code)?));
    }
    Ok(Outcome::Passed)
}

/// Waits until the first thread of a process has ended.
fn wait_for_zombie(pid: u32) -> Result<()> {
    for _ in 0..2000 {
        let stat = crate::host::line(format!("/proc/{pid}/stat"))?;
        if stat.contains(") Z ") {
            return Ok(());
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
    anyhow::bail!("the first thread of process {pid} did not end")
}

fn exec_by_thread(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/thread-execs", &[&*path])?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let events = context.settle()?;
    let who = played.portrait.clone().executed(&program, &[&path]);
    let event = super::spawn::only_exec(&events, who.pid)?;
    let expect = image::exec(context, &who, File::at(&program)?, &path)
        .is("sensor.exec.previous_thread_id", played.number("thread")?);
    context.check(&event, &expect);
    let event = events.one("exit", of(who.pid))?;
    context.check(&event, &image::exit(context, &who, 7));
    Ok(Outcome::Passed)
}

fn fork_by_thread(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let played = context.act("exec/thread-forks", &[&program])?.success()?;
    let child = child(&played)?;
    let event = context.settle()?.one("fork", of(child.pid))?;
    let expect = image::fork(context, &child, &played.portrait)
        .is("sensor.fork.caller.thread.id", played.number("thread")?);
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

fn threads_only(context: &Context<'_>) -> Result<Outcome> {
    let nothing: [&str; 0] = [];
    let played = context.act("exec/threads-only", &nothing)?.success()?;
    context.claim_eq("threads", &played.told.len(), &3);
    let events = context.settle()?;
    let pid = u64::from(played.portrait.pid);
    context.attempt(events.none("fork", |event| {
        event.number("sensor.fork.caller.pid") == Some(pid)
    }));
    let mut threads = vec![pid];
    for told in &played.told {
        let thread = told.get("thread").and_then(serde_json::Value::as_u64);
        context.attempt(events.none("exit", |event| event.number("process.pid") == thread));
        threads.extend(thread);
    }
    let event = events.one("exit", of(played.portrait.pid))?;
    // A thread is waited for no longer than until it has left the memory. The rest of its end may be
    // under way beside that of the first thread, and before 6.16 nobody can tell which was the last.
    let expect = image::exit(context, &played.portrait, 0).meets(
        "process.thread.id",
        format!("one of {threads:?}"),
        move |id, _| id.as_u64().is_some_and(|id| threads.contains(&id)),
    );
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// An exec that the kernel refuses is no exec.
fn failed(context: &Context<'_>) -> Result<Outcome> {
    let unreadable = context.folder.join("no-program");
    std::fs::write(&unreadable, "text, and nobody may execute it")?;
    for path in [context.folder.join("missing"), unreadable] {
        let played = context.act("exec/exec", &[&path])?.success()?;
        context.claim(played.value("error").is_ok(), "the kernel refused");
        let events = context.settle()?;
        let pid = played.portrait.pid;
        // The only exec is the one that made the process a stage.
        let event = events.one("exec", of(pid))?;
        context.claim_eq(
            "its executable",
            &event.text("process.executable"),
            &Some(played.portrait.executable.as_str()),
        );
        let event = events.one("exit", of(pid))?;
        context.check(&event, &image::exit(context, &played.portrait, 0));
    }
    Ok(Outcome::Passed)
}
