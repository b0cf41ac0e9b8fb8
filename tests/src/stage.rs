//! Where deeds are done: a process of its own, which tells what it knows.
//!
//! The process runs this program again, as `sensor-scenarios act NAME ARGUMENTS`. It says that it is
//! ready, waits for `go`, does the deed, and tells what it knows, a line of JSON each. Its standard
//! input, output and error are pipes.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::{Value, json};

use crate::host::Host;
use crate::portrait::Portrait;
use crate::sys;

/// A deed, by its name on the command line.
pub struct Act {
    /// The name, with its family's before it: `exec/fork`.
    pub name: &'static str,
    /// Does the deed.
    pub play: fn(&mut Actor) -> Result<()>,
}

/// No deed takes longer, in seconds; one that hangs is ended by SIGALRM.
const LONGEST: u32 = 120;

const READY: &str = "ready";

/// A process that is ready to do a deed.
pub struct Stage {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::io::PipeReader>,
    complaints: String,
    told: Vec<Value>,
    /// What the process is, before the deed.
    pub portrait: Portrait,
}

/// What is known after a deed.
#[derive(Debug)]
pub struct Played {
    /// What the process was before the deed.
    pub portrait: Portrait,
    /// What it told, from the first to the last line.
    pub told: Vec<Value>,
    /// How it ended.
    pub status: ExitStatus,
}

impl Stage {
    /// Starts a process for a deed, with no environment but the test machine's channel.
    pub fn start(host: &Host, act: &str, arguments: &[&OsStr]) -> Result<Self> {
        let (output, theirs) = std::io::pipe().context("cannot make a pipe")?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command
            .arg0("sensor-scenarios")
            .args(["act", act])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(theirs.try_clone().context("cannot clone a pipe")?)
            .stderr(theirs);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start a process for {act}"))?;
        // The write ends of the pipe, which would keep it open.
        drop(command);
        let input = child.stdin.take();
        let mut output = BufReader::new(output);
        let mut first = String::new();
        output.read_line(&mut first).context("cannot hear it")?;
        if first.trim_end() != READY {
            output
                .read_to_string(&mut first)
                .context("cannot hear it")?;
            let _reaped = child.wait();
            bail!("the process for {act} is not ready: {first}");
        }
        let portrait = Portrait::of(host, child.id())?;
        Ok(Self {
            child,
            input,
            output,
            complaints: String::new(),
            told: Vec::new(),
            portrait,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.portrait.pid
    }

    /// Lets it do the deed.
    pub fn go(&mut self) -> Result<()> {
        self.tell("go")
    }

    /// Tells it a line.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        // One write: it may end with the first byte that it reads.
        let line = format!("{line}\n");
        input
            .write_all(line.as_bytes())
            .context("it does not listen")
    }

    /// What it tells next.
    pub fn hear(&mut self) -> Result<Value> {
        match self.hear_or_end()? {
            Some(value) => Ok(value),
            None => bail!("it told nothing more; it said: {}", self.complaints),
        }
    }

    /// Hears it to its end, and waits for that.
    pub fn finish(mut self) -> Result<Played> {
        while self.hear_or_end()?.is_some() {}
        drop(self.input.take());
        let status = self.child.wait().context("cannot wait for it")?;
        ensure!(
            self.complaints.is_empty(),
            "it said: {}",
            self.complaints.trim_end()
        );
        Ok(Played {
            portrait: self.portrait.clone(),
            told: std::mem::take(&mut self.told),
            status,
        })
    }

    fn hear_or_end(&mut self) -> Result<Option<Value>> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).context("cannot hear it")? == 0 {
                return Ok(None);
            }
            if line.starts_with('{') {
                let value: Value = serde_json::from_str(&line)
                    .with_context(|| format!("it told no JSON: {line}"))?;
                self.told.push(value.clone());
                return Ok(Some(value));
            }
            self.complaints.push_str(&line);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Where the deed is over, there is nobody to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Played {
    /// The number that it told under this name; the last, if it told several.
    pub fn number(&self, name: &str) -> Result<u64> {
        self.value(name)?
            .as_u64()
            .with_context(|| format!("{name} is no number"))
    }

    /// The process id that it told under this name.
    pub fn pid(&self, name: &str) -> Result<u32> {
        Ok(self.number(name)?.try_into()?)
    }

    /// The text that it told under this name; the last, if it told several.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.value(name)?
            .as_str()
            .with_context(|| format!("{name} is no text"))
    }

    /// What it told under this name; the last, if it told several.
    pub fn value(&self, name: &str) -> Result<&Value> {
        self.told
            .iter()
            .rev()
            .find_map(|told| told.get(name))
            .with_context(|| format!("it did not tell {name}: {:?}", self.told))
    }

    /// An error unless it ended with exit code 0.
    pub fn success(self) -> Result<Self> {
        ensure!(self.status.success(), "it ended with {}", self.status);
        Ok(self)
    }
}

/// The process's side of a stage.
pub struct Actor {
    /// The arguments of the deed.
    pub arguments: Vec<OsString>,
}

impl Actor {
    /// Tells the scenario something, in an object.
    pub fn tell(&mut self, value: &Value) -> Result<()> {
        // One write for a line: a child process may tell something at the same time.
        let line = format!("{value}\n");
        rustix::io::write(rustix::stdio::stdout(), line.as_bytes())
            .context("nobody hears this deed")?;
        Ok(())
    }

    /// Waits for a line from the scenario. Takes not one byte more, which may be for a program that
    /// this process executes.
    pub fn hear(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            let length = rustix::io::read(rustix::stdio::stdin(), &mut byte)?;
            ensure!(length == 1, "the scenario is gone");
            match byte {
                [b'\n'] => break,
                [other] => line.push(other),
            }
        }
        Ok(String::from_utf8(line)?)
    }

    /// An argument as text.
    pub fn text(&self, index: usize) -> Result<&str> {
        self.arguments
            .get(index)
            .and_then(|argument| argument.to_str())
            .with_context(|| format!("argument {index} is missing"))
    }

    /// An argument as a number.
    pub fn number(&self, index: usize) -> Result<u64> {
        Ok(self.text(index)?.parse()?)
    }

    /// Waits for the end of a child process, and tells of it before somebody waits for good:
    /// `{name: pid, name + "_start": ticks}`.
    pub fn tell_child(&mut self, name: &str, pid: u32) -> Result<()> {
        let start = wait_and_keep(pid).and_then(|()| crate::portrait::start(pid))?;
        let start_name = format!("{name}_start");
        self.tell(&json!({ name: pid, start_name: start }))
    }
}

/// The process's side: what `sensor-scenarios act` runs.
pub fn play(
    mut acts: impl Iterator<Item = &'static Act>,
    mut words: impl Iterator<Item = OsString>,
) -> Result<()> {
    let name = words.next().context("which deed?")?;
    let act = acts
        .find(|act| name == act.name)
        .with_context(|| format!("there is no deed {}", name.display()))?;
    sys::alarm(LONGEST);
    let mut actor = Actor {
        arguments: words.collect(),
    };
    rustix::io::write(rustix::stdio::stdout(), format!("{READY}\n").as_bytes())?;
    let word = actor.hear()?;
    ensure!(word == "go", "it does not begin with go but with {word:?}");
    (act.play)(&mut actor)
}

/// Waits for the end of a child process, but leaves it to be waited for: `/proc` still tells of it.
pub fn wait_and_keep(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.context("no process id")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).context("cannot wait for a child process")?;
    Ok(())
}

/// Waits for a process, but not for ever: one that does not end is killed, which is an error.
pub fn wait_at_most(child: &mut Child, patience: Duration) -> Result<ExitStatus> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            child.kill().context("cannot kill a process")?;
            child.wait().context("cannot wait for a process")?;
            bail!("it did not end in {} s", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
