//! The guest's memory by way of QEMU's debugger port (GDB's remote serial protocol, appendix E of its
//! manual).
//!
//! Connecting halts the machine and detaching lets it go on, so each access is one short session and
//! the guest sees only that time passed. Addresses are the kernel's virtual ones; the port translates
//! them with the page table of one CPU, which lacks the kernel while that CPU runs a user's program
//! under page-table isolation. So every CPU is tried, and again a little later.

use std::io::{BufReader, Read, Write};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// More than the machine needs to have a CPU in its kernel, where the program that asks waits.
const ATTEMPTS: u32 = 200;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(5);
/// What fits a packet of QEMU's with room to spare.
pub(super) const MOST_BYTES: usize = 1024;

/// What can be done with a guest's memory.
pub(super) trait Memory {
    fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>>;
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<()>;
}

/// A machine's debugger port.
pub(super) struct Debugger<Connect> {
    /// Opens the port; each session needs a fresh connection.
    pub(super) connect: Connect,
    pub(super) cpus: u32,
}

impl<Stream, Connect> Memory for Debugger<Connect>
where
    Stream: Read + Write,
    Connect: FnMut() -> Result<Stream>,
{
    fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>> {
        let answer = self.ask_until_mapped(&format!("m{address:x},{length:x}"))?;
        let bytes = from_hex(&answer).context("the debugger port answered no memory")?;
        ensure!(
            bytes.len() == length,
            "only {} of {length} bytes are mapped",
            bytes.len()
        );
        Ok(bytes)
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        let request = format!("M{address:x},{:x}:{}", bytes.len(), to_hex(bytes));
        self.ask_until_mapped(&request).map(drop)
    }
}

impl<Stream, Connect> Debugger<Connect>
where
    Stream: Read + Write,
    Connect: FnMut() -> Result<Stream>,
{
    fn ask_until_mapped(&mut self, request: &str) -> Result<String> {
        for _ in 0..ATTEMPTS {
            if let Some(answer) = self.ask_each_cpu(request)? {
                return Ok(answer);
            }
            thread::sleep(BETWEEN_ATTEMPTS);
        }
        bail!("the address is not mapped in the guest's kernel")
    }

    /// One session: halts the machine, asks until a CPU's page table has the address, lets it go on.
    fn ask_each_cpu(&mut self, request: &str) -> Result<Option<String>> {
        let stream = (self.connect)().context("cannot connect to the debugger port")?;
        let mut session = Session {
            stream: BufReader::new(stream),
        };
        // The answer shows that the machine has stopped.
        session.ask("?")?;
        let mut answer = None;
        for cpu in 1..=self.cpus {
            session.ask(&format!("Hg{cpu:x}"))?;
            let said = session.ask(request)?;
            if !said.starts_with('E') {
                answer = Some(said);
                break;
            }
        }
        let detached = session.ask("D")?;
        ensure!(
            detached == "OK",
            "the debugger port did not let the machine go on: {detached}"
        );
        Ok(answer)
    }
}

struct Session<Stream> {
    stream: BufReader<Stream>,
}

impl<Stream: Read + Write> Session<Stream> {
    fn ask(&mut self, request: &str) -> Result<String> {
        self.stream.get_mut().write_all(&packet(request))?;
        loop {
            let answer = self.receive()?;
            // Older QEMUs also announce unasked that the machine stopped.
            let is_stop = answer.starts_with(['T', 'S']);
            if !is_stop || request == "?" {
                return Ok(answer);
            }
        }
    }

    fn receive(&mut self) -> Result<String> {
        // Acknowledgements of our packets come before the next packet's start.
        while self.byte()? != b'$' {}
        let mut payload = Vec::new();
        loop {
            match self.byte()? {
                b'#' => break,
                byte => payload.push(byte),
            }
        }
        let said = [self.byte()?, self.byte()?];
        let sum = format!("{:02x}", checksum(&payload));
        ensure!(
            said.eq_ignore_ascii_case(sum.as_bytes()),
            "the debugger port's answer is garbled"
        );
        self.stream.get_mut().write_all(b"+")?;
        String::from_utf8(payload).context("the debugger port's answer is no text")
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.stream
            .read_exact(&mut byte)
            .context("the debugger port hung up")?;
        Ok(byte[0])
    }
}

/// A packet on the wire. None of our requests has a character that would need escaping.
fn packet(payload: &str) -> Vec<u8> {
    format!("${payload}#{:02x}", checksum(payload.as_bytes())).into_bytes()
}

fn checksum(payload: &[u8]) -> u8 {
    payload.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from pairs of hexadecimal digits, if it is that.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::io;

    /// A port that plays back answers and keeps what it was sent.
    struct Port<'test> {
        answers: VecDeque<u8>,
        sent: &'test mut Vec<u8>,
    }

    impl Read for Port<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answers.read(buffer)
        }
    }

    impl Write for Port<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.sent.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn wire(answers: &[&str]) -> VecDeque<u8> {
        answers
            .iter()
            .flat_map(|answer| [b"+".to_vec(), packet(answer)])
            .flatten()
            .collect()
    }

    fn session<'test>(answers: &[&str], sent: &'test mut Vec<u8>) -> Session<Port<'test>> {
        Session {
            stream: BufReader::new(Port {
                answers: wire(answers),
                sent,
            }),
        }
    }

    #[test]
    fn packets_have_a_checksum() {
        assert_eq!(packet("OK"), b"$OK#9a");
        assert_eq!(packet(""), b"$#00");
        assert_eq!(packet("M10,1:ff"), b"$M10,1:ff#11");
    }

    #[test]
    fn answers_are_acknowledged_and_announcements_skipped() {
        let mut sent = Vec::new();
        let mut session = session(&["T02thread:01;", "OK"], &mut sent);
        assert_eq!(session.ask("D").unwrap(), "OK");
        assert_eq!(sent, b"$D#44++");
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut sent = Vec::new();
        let mut session = session(&[], &mut sent);
        session.stream.get_mut().answers.extend(b"+$OK#00");
        assert!(
            session
                .ask("D")
                .unwrap_err()
                .to_string()
                .contains("garbled")
        );
    }

    #[test]
    fn memory_is_asked_of_each_cpu_until_one_has_it() {
        let mut sessions = [
            wire(&["T05thread:01;", "OK", "E14", "OK", "E14", "OK"]),
            wire(&["T05thread:01;", "OK", "E14", "OK", "2a00", "OK"]),
        ]
        .into_iter();
        let connect = || -> Result<Port<'_>> {
            let answers = sessions.next().context("a session too many")?;
            Ok(Port {
                answers,
                sent: Box::leak(Box::default()),
            })
        };
        let mut memory = Debugger { connect, cpus: 2 };
        assert_eq!(memory.read(0xffff_ffff_8100_0000, 2).unwrap(), [0x2a, 0]);
    }

    #[test]
    fn hexadecimal_there_and_back() {
        assert_eq!(to_hex(&[0, 0xab, 0xff]), "00abff");
        assert_eq!(from_hex("00ABff"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(from_hex("abc"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
