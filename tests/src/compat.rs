//! Programs for i386: they call the kernel by other ways and numbers, and with other structures.

use anyhow::{Context as _, Result, ensure};

use serde_json::Value;

use crate::portrait::Portrait;
use crate::scenario::Context;
use crate::stage::{Played, Stage};
use crate::tiny;

/// A process that runs a program of [`tiny`]'s which does its deed in steps.
pub struct Stepping {
    stage: Stage,
    /// What the process is.
    pub who: Portrait,
}

impl Stepping {
    /// Has a process execute the program, which then waits. None where the kernel runs no such
    /// programs.
    pub fn start(context: &Context<'_>, program: &[u8]) -> Result<Option<Self>> {
        let file = context.folder.join("i386");
        tiny::write(&file, program)?;
        let path = file.to_string_lossy();
        let mut stage = context.stage("exec/exec", &[&*path])?;
        stage.go()?;
        let ready = stage.hear()?;
        if let Some(error) = ready.get("error") {
            ensure!(is_refusal(error), "exec failed with error {error}");
            return Ok(None);
        }
        let who = stage.portrait.clone().executed(&file, &[&path]);
        Ok(Some(Self { stage, who }))
    }

    /// Has it do its deed.
    pub fn does(&mut self) -> Result<()> {
        self.stage.tell("")?;
        self.stage.hear().context("it did not do its deed")?;
        Ok(())
    }

    /// Lets it end. The deed must have succeeded.
    pub fn finish(mut self) -> Result<Played> {
        self.stage.tell("")?;
        let played = self.stage.finish()?;
        ensure!(played.status.code() == Some(7), "{}", played.status);
        Ok(played)
    }
}

/// Whether an exec of a program that is there failed because the kernel runs none for its machine.
pub fn is_refusal(error: &Value) -> bool {
    // Some kernels look for a module that can run it, and tell that there is none.
    const REFUSALS: [i32; 2] = [libc::ENOEXEC, libc::ENOENT];
    REFUSALS.iter().any(|refusal| error == refusal)
}
