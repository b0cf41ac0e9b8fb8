//! Which tools built the object: the text file `BUILD` beside it.

use std::fmt;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result};

use super::linker;
use crate::tool;

/// The tools that decide the object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    rustc: String,
    llvm: String,
    bpf_linker: String,
}

impl Record {
    pub(super) fn of_this_host() -> Result<Self> {
        let verbose = tool::output(Command::new("rustc").arg("--version").arg("--verbose"))?;
        let (first, _) = verbose
            .split_once('\n')
            .context("rustc did not say its version")?;
        let llvm = verbose
            .lines()
            .find_map(|line| line.strip_prefix("LLVM version: "));
        Ok(Self {
            rustc: first.to_owned(),
            llvm: llvm
                .context("rustc did not say its version of LLVM")?
                .to_owned(),
            bpf_linker: linker::VERSION.to_owned(),
        })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rustc,
            llvm,
            bpf_linker,
        } = self;
        writeln!(to, "{rustc}\nLLVM {llvm}\nbpf-linker {bpf_linker}")
    }
}

impl FromStr for Record {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let line = |start: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(start))
                .with_context(|| format!("there is no line that starts with {start:?}"))
        };
        Ok(Self {
            rustc: format!("rustc {}", line("rustc ")?),
            llvm: line("LLVM ")?.to_owned(),
            bpf_linker: line("bpf-linker ")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_can_be_read_back() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nLLVM 22.1.2\nbpf-linker 0.10.3\n";
        let record: Record = text.parse().unwrap();
        assert_eq!(record.llvm, "22.1.2");
        assert_eq!(record.to_string(), text);
        assert!("rustc 1.95.0\n".parse::<Record>().is_err());
    }
}
