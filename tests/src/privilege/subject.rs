//! A process that does deeds as it is told, and what is known of it in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::host::{inode, line};
use crate::portrait::{NAMESPACES, Portrait};
use crate::rung::Rung;
use crate::scenario::{Context, PATIENCE};
use crate::stage::{Played, Stage};

use super::credentials::{Change, Credentials};

/// A living process that does deeds: see [`super::deeds`].
pub struct Subject {
    stage: Stage,
    thread: u32,
    securebits: u32,
    has_executed: bool,
}

/// The inode numbers of a process's namespaces, by kind, but for the pid namespace, which is that of
/// its future children.
pub type Namespaces = BTreeMap<&'static str, u64>;

impl Subject {
    /// One that does deeds in its only thread.
    pub fn start(context: &Context<'_>) -> Result<Self> {
        Self::stage(context, "privilege/subject")
    }

    /// One that does deeds in its second thread.
    pub fn in_thread(context: &Context<'_>) -> Result<Self> {
        Self::stage(context, "privilege/thread")
    }

    fn stage(context: &Context<'_>, act: &str) -> Result<Self> {
        let nothing: [&str; 0] = [];
        let mut subject = Self {
            stage: context.stage(act, &nothing)?,
            thread: 0,
            securebits: 0,
            has_executed: false,
        };
        subject.stage.go()?;
        let ready = subject.hear()?;
        subject.thread = number(&ready, "thread")?.try_into()?;
        Ok(subject)
    }

    /// What it was before all deeds, but that the thread is the one that does them.
    pub fn portrait(&self) -> Portrait {
        Portrait {
            thread: self.thread,
            ..self.stage.portrait.clone()
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.stage.pid()
    }

    /// What its thread may do.
    pub fn credentials(&self) -> Result<Credentials> {
        Credentials::of(self.pid(), self.thread, self.securebits)
    }

    /// Its namespaces.
    pub fn namespaces(&self) -> Result<Namespaces> {
        namespaces(self.pid())
    }

    /// Has it do a deed, which must succeed.
    pub fn does(&mut self, deed: &str) -> Result<Value> {
        self.stage.tell(deed)?;
        let answer = self.hear()?;
        ensure!(
            answer.get("error").is_none(),
            "{deed} was refused: {answer}"
        );
        Ok(answer)
    }

    /// Has it try a deed, which must be refused.
    pub fn fails(&mut self, deed: &str) -> Result<()> {
        self.stage.tell(deed)?;
        let answer = self.hear()?;
        ensure!(answer.get("error").is_some(), "{deed} was not refused");
        Ok(())
    }

    /// Has it do a deed, and then something that the sensor sees on every rung, so that a rung that
    /// only compares finds what the deed has changed.
    pub fn changes(&mut self, context: &Context<'_>, deed: &str) -> Result<Change> {
        let before = self.credentials()?;
        self.does(deed)?;
        let after = self.credentials()?;
        self.is_noticed(context)?;
        Ok(Change { before, after })
    }

    /// Has it do something that the sensor sees on every rung, where the rung needs that.
    pub fn is_noticed(&mut self, context: &Context<'_>) -> Result<()> {
        if context.rung == Rung::LockedDown {
            self.does(self.notable())?;
        }
        Ok(())
    }

    /// The `event.code` of what [`Subject::is_noticed`] makes the process do.
    pub fn notable(&self) -> &'static str {
        // A process with several threads cannot be copied.
        if self.thread == self.pid() {
            "fork"
        } else {
            "connect"
        }
    }

    /// Has it execute a program that waits for its input.
    pub fn executes(&mut self, program: &Path) -> Result<Change> {
        /// `SECBIT_KEEP_CAPS`, which no exec leaves.
        const KEEP_CAPS: u32 = 1 << 4;
        let before = self.credentials()?;
        self.stage.tell(&format!("exec {}", program.display()))?;
        let link = format!("/proc/{}/exe", self.pid());
        let deadline = Instant::now() + PATIENCE;
        while std::fs::read_link(&link)? != program {
            if Instant::now() > deadline {
                bail!("it did not execute {}", program.display());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.has_executed = true;
        self.securebits &= !KEEP_CAPS;
        // The program of `/proc/PID/exe` is there before the new credentials are.
        wait_for_sleep(self.pid())?;
        let after = self.credentials()?;
        Ok(Change { before, after })
    }

    /// Ends it.
    pub fn finish(mut self) -> Result<Played> {
        // What it executed waits for one byte, and takes no other.
        self.stage
            .tell(if self.has_executed { "" } else { "end" })?;
        self.stage.finish()
    }

    fn hear(&mut self) -> Result<Value> {
        let answer = self.stage.hear()?;
        self.securebits = number(&answer, "securebits")?.try_into()?;
        Ok(answer)
    }
}

/// The inode numbers of a process's namespaces.
pub fn namespaces(pid: u32) -> Result<Namespaces> {
    let mut namespaces = Namespaces::new();
    for kind in NAMESPACES {
        let link = |name: &str| format!("/proc/{pid}/ns/{name}");
        let own = link(kind);
        if kind == "pid" {
            // Nothing can be read of a pid namespace that has no process yet.
            let inode = inode(link("pid_for_children")).or_else(|_| inode(own))?;
            namespaces.insert(kind, inode);
        } else if Path::new(&own).exists() {
            namespaces.insert(kind, inode(own)?);
        }
    }
    Ok(namespaces)
}

fn number(answer: &Value, name: &str) -> Result<u64> {
    answer
        .get(name)
        .and_then(Value::as_u64)
        .with_context(|| format!("it did not tell {name}: {answer}"))
}

/// Waits until a process sleeps, as [`crate::tiny::waits`] does for its input.
fn wait_for_sleep(pid: u32) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !line(format!("/proc/{pid}/stat"))?.contains(") S ") {
        ensure!(Instant::now() < deadline, "it does not wait for its input");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
