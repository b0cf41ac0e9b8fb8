//! The beginning of a recording: what it is, and on what machine it was made.

use std::{fmt, io::Read, path::Path};

use super::{FORMAT_VERSION, RecordingError, reader::read_up_to};

/// Not text, and changed by whatever changes the ends of lines or the eighth bit.
pub(super) const MAGIC: [u8; 8] = *b"\x89SNSR\r\n\x1a";

/// Magic and version: what every version of the format begins with.
const PREFIX_BYTES: usize = 10;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 32;

/// Bytes of the header that are the architecture's name.
const ARCHITECTURE_BYTES: usize = 16;

/// What the bytes of a record depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine<'a> {
    architecture: &'a str,
    byte_order: u8,
}

impl Machine<'static> {
    /// The machine that this sensor is for.
    pub(super) const HERE: Self = Self {
        architecture: std::env::consts::ARCH,
        byte_order: if cfg!(target_endian = "little") {
            b'l'
        } else {
            b'b'
        },
    };
}

impl fmt::Display for Machine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.byte_order {
            b'l' => "little-endian",
            b'b' => "big-endian",
            _ => "of an unknown byte order",
        };
        write!(formatter, "{} ({order})", self.architecture)
    }
}

/// The header of a recording that is made here.
pub(super) fn encode(machine: &Machine<'_>) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(MAGIC);
    header.extend(FORMAT_VERSION.to_le_bytes());
    header.extend([machine.byte_order, 0]);
    let name = machine.architecture.as_bytes().iter().copied();
    header.extend(name.chain([0; ARCHITECTURE_BYTES]).take(ARCHITECTURE_BYTES));
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
}

/// Reads a header, and whether what follows can be read here.
pub(super) fn check(source: &mut impl Read, path: &Path) -> Result<(), RecordingError> {
    let truncated = || RecordingError::Truncated {
        path: path.to_owned(),
        at: 0,
    };
    let failed = |why| RecordingError::Read {
        path: path.to_owned(),
        why,
    };
    let mut header = [0; HEADER_BYTES];
    let (prefix, rest) = header.split_at_mut(PREFIX_BYTES);
    let read = read_up_to(source, prefix).map_err(failed)?;
    let prefix = prefix.get(..read).unwrap_or_default();
    let (magic, version) = prefix.split_at(prefix.len().min(MAGIC.len()));
    if magic.is_empty() || !MAGIC.starts_with(magic) {
        return Err(RecordingError::Foreign(path.to_owned()));
    }
    let Some(version) = version.first_chunk() else {
        return Err(truncated());
    };
    let version = u16::from_le_bytes(*version);
    if version > FORMAT_VERSION {
        return Err(RecordingError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    if read_up_to(source, rest).map_err(failed)? < rest.len() {
        return Err(truncated());
    }
    let damaged = || RecordingError::corrupt(path, 0, "the header is not what was written");
    let (content, checksum) = header.split_last_chunk().ok_or_else(damaged)?;
    if crc32fast::hash(content).to_le_bytes() != *checksum {
        return Err(damaged());
    }
    if version < FORMAT_VERSION {
        return Err(RecordingError::Older {
            path: path.to_owned(),
            version,
        });
    }
    let [byte_order, _reserved, name @ ..] = content.get(PREFIX_BYTES..).unwrap_or_default() else {
        return Err(damaged());
    };
    let name = String::from_utf8_lossy(name);
    let machine = Machine {
        architecture: name.trim_end_matches('\0'),
        byte_order: *byte_order,
    };
    if machine == Machine::HERE {
        Ok(())
    } else {
        Err(RecordingError::Architecture {
            path: path.to_owned(),
            architecture: machine.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bytes(bytes: &[u8]) -> Result<(), RecordingError> {
        check(&mut &*bytes, Path::new("FILE"))
    }

    #[test]
    fn a_recording_of_this_machine_is_read() {
        let header = encode(&Machine::HERE);
        assert_eq!(header.len(), HEADER_BYTES);
        check_bytes(&header).unwrap();
    }

    #[test]
    fn one_of_another_machine_is_not() {
        for (architecture, byte_order, shown) in [
            ("riscv64", b'l', "riscv64 (little-endian)"),
            (std::env::consts::ARCH, b'b', "(big-endian)"),
            (std::env::consts::ARCH, b'?', "(of an unknown byte order)"),
        ] {
            let header = encode(&Machine {
                architecture,
                byte_order,
            });
            let error = check_bytes(&header).unwrap_err();
            assert!(matches!(error, RecordingError::Architecture { .. }));
            assert!(error.to_string().contains(shown), "{error}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut header = encode(&Machine::HERE);
        header[8..10].copy_from_slice(&3_u16.to_le_bytes());
        // Nothing is known of the rest of it.
        let error = check_bytes(&header[..10]).unwrap_err();
        assert!(matches!(error, RecordingError::Newer { version: 3, .. }));
    }

    #[test]
    fn an_older_version_is_named() {
        let mut header = encode(&Machine::HERE);
        header[8..10].copy_from_slice(&1_u16.to_le_bytes());
        let content = header.len() - 4;
        let checksum = crc32fast::hash(&header[..content]).to_le_bytes();
        header[content..].copy_from_slice(&checksum);
        let error = check_bytes(&header).unwrap_err();
        assert!(matches!(error, RecordingError::Older { version: 1, .. }));
    }

    #[test]
    fn what_is_something_else_is_foreign() {
        for bytes in [
            &b""[..],
            b"{",
            b"{\"@timestamp\":1}",
            b"\x7fELF\x02\x01\x01\0",
            &[0x89, b'P'],
        ] {
            let error = check_bytes(bytes).unwrap_err();
            assert!(
                matches!(error, RecordingError::Foreign(_)),
                "{bytes:?}: {error}"
            );
        }
    }

    #[test]
    fn a_header_that_is_cut_off_or_changed_is_refused() {
        let header = encode(&Machine::HERE);
        for length in 1..HEADER_BYTES {
            let error = check_bytes(&header[..length]).unwrap_err();
            assert!(
                matches!(error, RecordingError::Truncated { at: 0, .. }),
                "{length}: {error}"
            );
        }
        for at in 0..HEADER_BYTES {
            let mut changed = header.clone();
            changed[at] ^= 1;
            assert!(check_bytes(&changed).is_err(), "byte {at}");
        }
    }
}
