//! Where a machine's output is shown: as it is, or line by line under the kernel's name.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};

/// Shows what a command in a guest prints, and what is to be said about its machine.
pub(crate) trait Screen {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()>;
    fn stderr(&mut self, bytes: &[u8]) -> Result<()>;
    fn note(&mut self, text: &str);
    /// What was shown is void: another machine runs the command from its beginning.
    fn start_over(&mut self) -> Result<()>;
}

/// For one machine: bytes pass as they are, so that the output can be piped on.
pub(crate) struct Plain;

impl Screen for Plain {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .context("cannot pass on the command's output")
    }

    fn stderr(&mut self, bytes: &[u8]) -> Result<()> {
        io::stderr()
            .write_all(bytes)
            .context("cannot pass on the command's errors")
    }

    fn note(&mut self, text: &str) {
        crate::say(text);
    }

    fn start_over(&mut self) -> Result<()> {
        Ok(())
    }
}

/// For several machines at once: whole lines, each with its kernel's name in front.
pub(crate) struct Labelled {
    label: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Labelled {
    pub(crate) fn new(kernel: &str) -> Self {
        Self {
            label: format!("{kernel:>6} | "),
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// Shows what no line's end came for.
    pub(crate) fn finish(&mut self) -> Result<()> {
        for part in [
            std::mem::take(&mut self.stdout),
            std::mem::take(&mut self.stderr),
        ] {
            if !part.is_empty() {
                show(&self.label, &part)?;
            }
        }
        Ok(())
    }
}

impl Screen for Labelled {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
        for line in complete_lines(&mut self.stdout, bytes) {
            show(&self.label, &line)?;
        }
        Ok(())
    }

    fn stderr(&mut self, bytes: &[u8]) -> Result<()> {
        for line in complete_lines(&mut self.stderr, bytes) {
            show(&self.label, &line)?;
        }
        Ok(())
    }

    fn note(&mut self, text: &str) {
        crate::say(format_args!("{}{text}", self.label));
    }

    fn start_over(&mut self) -> Result<()> {
        self.finish()
    }
}

fn show(label: &str, line: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let text = [label.as_bytes(), line.trim_ascii_end(), b"\n"].concat();
    stdout
        .write_all(&text)
        .context("cannot pass on a command's output")
}

/// Adds to what is pending and takes the lines that are complete now.
fn complete_lines(pending: &mut Vec<u8>, bytes: &[u8]) -> Vec<Vec<u8>> {
    pending.extend(bytes);
    let Some(last_end) = pending.iter().rposition(|byte| *byte == b'\n') else {
        return Vec::new();
    };
    let rest = pending.split_off(last_end + 1);
    let complete = std::mem::replace(pending, rest);
    complete
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_for_their_end() {
        let mut pending = Vec::new();
        assert!(complete_lines(&mut pending, b"a").is_empty());
        assert_eq!(
            complete_lines(&mut pending, b"b\n\nc"),
            [b"ab\n".to_vec(), b"\n".to_vec()]
        );
        assert_eq!(pending, b"c");
    }
}
