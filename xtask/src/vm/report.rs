//! What the guest's init reports on the second serial port, taken apart as it arrives.
//!
//! Frames follow one greeting line; whatever the port carried before it (a firmware's probing) is
//! skipped. Their form is described at `tests/src/bin/init.rs`, which writes them.

use anyhow::{Context as _, Result, bail};

const GREETING: &[u8] = b"\nsensor-vm 1\n";

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The machine is ready, the command starts; the kernel calls itself so.
    Booted(String),
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// The command ended.
    Ended(Status),
    /// The machine could not run the command, for this reason.
    Failed(String),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Exit(u8),
    Signal(u8),
}

impl Status {
    /// The exit status to pass on; a signal's is a shell's.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

/// Collects bytes until they make up a frame.
#[derive(Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
    greeted: bool,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend(bytes);
    }

    /// The next frame, if all of it has arrived.
    pub(super) fn next(&mut self) -> Result<Option<Report>> {
        if !self.greeted {
            let start = self
                .pending
                .windows(GREETING.len())
                .position(|window| window == GREETING);
            let Some(start) = start else { return Ok(None) };
            self.pending.drain(..start + GREETING.len());
            self.greeted = true;
        }
        let Some((&[kind, l0, l1, l2, l3], rest)) = self.pending.split_first_chunk() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3]))?;
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let report = report(kind, payload)?;
        self.pending.drain(..5 + length);
        Ok(Some(report))
    }
}

fn report(kind: u8, payload: &[u8]) -> Result<Report> {
    let text = || String::from_utf8_lossy(payload).into_owned();
    Ok(match kind {
        b'b' => Report::Booted(text()),
        b'o' => Report::Stdout(payload.to_vec()),
        b'e' => Report::Stderr(payload.to_vec()),
        b'x' => Report::Ended(status(&text())?),
        b'f' => Report::Failed(text()),
        _ => bail!("the guest's reports are garbled: there is no kind of frame {kind:#04x}"),
    })
}

fn status(text: &str) -> Result<Status> {
    let wrong = || format!("the guest reported an end that makes no sense: {text:?}");
    let (how, number) = text.split_once(' ').with_context(wrong)?;
    let number = number.parse().with_context(wrong)?;
    match how {
        "exit" => Ok(Status::Exit(number)),
        "signal" => Ok(Status::Signal(number)),
        _ => bail!(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_are_found_however_they_arrive() {
        let mut wire = b"\0noise\n".to_vec();
        wire.extend(GREETING);
        wire.extend(frame(b'b', b"6.12.1"));
        wire.extend(frame(b'o', b"out\r\n\0"));
        wire.extend(frame(b'e', b""));
        wire.extend(frame(b'x', b"signal 9"));
        for step in [1, 2, 7, wire.len()] {
            let mut decoder = Decoder::default();
            let mut reports = Vec::new();
            for part in wire.chunks(step) {
                decoder.push(part);
                while let Some(report) = decoder.next().unwrap() {
                    reports.push(report);
                }
            }
            assert_eq!(
                reports,
                [
                    Report::Booted("6.12.1".into()),
                    Report::Stdout(b"out\r\n\0".to_vec()),
                    Report::Stderr(Vec::new()),
                    Report::Ended(Status::Signal(9)),
                ]
            );
        }
    }

    #[test]
    fn garbage_is_an_error_not_a_guess() {
        for bytes in [
            frame(b'?', b""),
            frame(b'x', b"exit 256"),
            frame(b'x', b"gone 1"),
        ] {
            let mut decoder = Decoder::default();
            decoder.push(GREETING);
            decoder.push(&bytes);
            assert!(decoder.next().is_err());
        }
    }
}
