//! Standard output, as the place where events go.

use std::io::{self, IsTerminal, Write};

use crate::{
    delivery::sinks::stdout::{self, StdoutSettings},
    host::Host,
    output::{self, FormatChoice, Terminal, lines::Lines},
};

/// Standard output, written to by the pipeline itself.
#[derive(Debug)]
pub(super) struct Stdout(stdout::Stdout);

impl Stdout {
    /// Standard output, if somebody opened it.
    ///
    /// # Errors
    ///
    /// If nobody opened it.
    pub(super) fn open() -> io::Result<Self> {
        stdout::Stdout::new(StdoutSettings::default()).map(Self)
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output as the only place for documents, in the format that was asked for, or the one
/// that fits.
pub(super) fn lines(stdout: Stdout, choice: Option<FormatChoice>, host: &Host) -> Lines<Stdout> {
    let choice = choice.unwrap_or(if io::stdout().is_terminal() {
        FormatChoice::Pretty
    } else {
        FormatChoice::Json
    });
    let format = output::format(choice, host, Terminal::standard_output());
    Lines::new(format, stdout)
}
