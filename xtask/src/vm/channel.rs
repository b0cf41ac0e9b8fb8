//! What a guest's command may ask of the host, on the third serial port.
//!
//! The command finds the port's name in its environment, `SENSOR_VM_CHANNEL`. It writes a line and
//! reads a line; numbers are hexadecimal, without `0x`:
//!
//! | request | answer |
//! | --- | --- |
//! | `peek ADDRESS LENGTH` | `ok BYTES`: the kernel's memory there |
//! | `poke ADDRESS BYTES` | `ok`: the kernel's memory there is now that |
//! | anything that cannot be done | `error WHY` |
//!
//! Addresses are virtual ones of the guest's kernel, as in its `/proc/kallsyms`; at most 1024 bytes a
//! request. The write goes behind the kernel's back, through QEMU, as an exploit's would: no function
//! of the kernel runs, read-only memory is no obstacle.

use std::io::{BufRead, Write};

use anyhow::{Context as _, Result, bail, ensure};

use super::gdb::{MOST_BYTES, Memory, from_hex, to_hex};

/// Longer than any request that can be granted.
const LONGEST_LINE: u64 = 4096;

/// Answers requests until the machine is gone.
pub(super) fn serve(
    requests: &mut impl BufRead,
    answers: &mut impl Write,
    memory: &mut dyn Memory,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut *requests, LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .context("cannot read the guest's requests")?;
        if read == 0 {
            return Ok(());
        }
        let answer = match grant(&String::from_utf8_lossy(&line), memory) {
            Ok(bytes) if bytes.is_empty() => "ok\n".to_owned(),
            Ok(bytes) => format!("ok {}\n", to_hex(&bytes)),
            Err(error) => format!("error {}\n", format!("{error:#}").replace('\n', " ")),
        };
        answers
            .write_all(answer.as_bytes())
            .context("cannot answer the guest")?;
    }
}

fn grant(line: &str, memory: &mut dyn Memory) -> Result<Vec<u8>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words.as_slice() {
        ["peek", address, length] => {
            let length = usize::from_str_radix(length, 16)
                .with_context(|| format!("{length:?} is no length"))?;
            ensure!(
                (1..=MOST_BYTES).contains(&length),
                "between 1 and {MOST_BYTES} bytes at once"
            );
            memory.read(parse_address(address)?, length)
        }
        ["poke", address, bytes] => {
            let bytes = from_hex(bytes).with_context(|| format!("{bytes:?} are no bytes"))?;
            ensure!(
                (1..=MOST_BYTES).contains(&bytes.len()),
                "between 1 and {MOST_BYTES} bytes at once"
            );
            memory.write(parse_address(address)?, &bytes)?;
            Ok(Vec::new())
        }
        _ => bail!("requests are `peek ADDRESS LENGTH` and `poke ADDRESS BYTES`"),
    }
}

fn parse_address(text: &str) -> Result<u64> {
    u64::from_str_radix(text, 16).with_context(|| format!("{text:?} is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen bytes at address 0x1000.
    struct Bytes([u8; 16]);

    impl Memory for Bytes {
        fn read(&mut self, address: u64, length: usize) -> Result<Vec<u8>> {
            let start = usize::try_from(address.checked_sub(0x1000).context("not mapped")?)?;
            Ok(self
                .0
                .get(start..start + length)
                .context("not mapped")?
                .to_vec())
        }

        fn write(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
            let start = usize::try_from(address.checked_sub(0x1000).context("not mapped")?)?;
            let place = self
                .0
                .get_mut(start..start + bytes.len())
                .context("not mapped")?;
            place.copy_from_slice(bytes);
            Ok(())
        }
    }

    #[test]
    fn requests_are_answered_line_by_line() {
        let requests = "poke 1002 00ff\npeek 1001 4\npeek 0 1\npeek 1000 0\npeek 1000\n\nwipe\n";
        let mut answers = Vec::new();
        let mut memory = Bytes([7; 16]);
        serve(&mut requests.as_bytes(), &mut answers, &mut memory).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        let mut lines = answers.lines();
        assert_eq!(lines.next(), Some("ok"));
        assert_eq!(lines.next(), Some("ok 0700ff07"));
        assert_eq!(lines.next(), Some("error not mapped"));
        for line in lines {
            assert!(line.starts_with("error "), "{line}");
        }
        assert_eq!(answers.lines().count(), 7);
    }
}
