//! The archive format of an initramfs: "newc" cpio (the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst`), written without compression.

use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

const DIRECTORY: u32 = 0o040_000;
const REGULAR_FILE: u32 = 0o100_000;
const SYMBOLIC_LINK: u32 = 0o120_000;

/// Writes entries one after another. A folder must come before what is in it.
pub(super) struct Writer<W> {
    out: W,
    written: u64,
    entries: u32,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            entries: 0,
        }
    }

    pub(super) fn directory(&mut self, path: &Path, mode: u32) -> Result<()> {
        self.entry(path, DIRECTORY | mode, 0, &mut io::empty())
    }

    pub(super) fn symlink(&mut self, path: &Path, target: &Path) -> Result<()> {
        let target = target.as_os_str().as_encoded_bytes();
        self.entry(path, SYMBOLIC_LINK | 0o777, target.len() as u64, &mut {
            target
        })
    }

    /// The content must be exactly as long as said: the length is written first.
    pub(super) fn file(
        &mut self,
        path: &Path,
        mode: u32,
        length: u64,
        content: &mut dyn Read,
    ) -> Result<()> {
        self.entry(path, REGULAR_FILE | mode, length, content)
    }

    /// Ends the archive and says how long it became.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.header(b"TRAILER!!!", 0, 0)?;
        self.out
            .flush()
            .context("cannot write the end of the archive")?;
        Ok(self.written)
    }

    fn entry(&mut self, path: &Path, mode: u32, length: u64, content: &mut dyn Read) -> Result<()> {
        let shown = path.display();
        let length = u32::try_from(length)
            .with_context(|| format!("{shown} is too long for an initramfs (4 GiB)"))?;
        self.header(path.as_os_str().as_encoded_bytes(), mode, length)
            .with_context(|| format!("cannot write the entry of {shown}"))?;
        let copied = io::copy(&mut content.take(length.into()), &mut self.out)
            .with_context(|| format!("cannot write the content of {shown}"))?;
        ensure!(
            copied == u64::from(length),
            "{shown} became shorter while it was read"
        );
        self.written += copied;
        self.pad()
    }

    fn header(&mut self, name: &[u8], mode: u32, length: u32) -> Result<()> {
        self.entries += 1;
        let name_length = u32::try_from(name.len() + 1).context("a file's name is too long")?;
        let fields = [
            self.entries, // inode number: different for each, or they would be hard links
            mode,
            0, // user
            0, // group
            1, // number of links
            0, // time of modification
            length,
            0, // device the file is on, major and minor
            0,
            0, // device the file is, major and minor
            0,
            name_length,
            0, // checksum, which this format does not have
        ];
        let mut header = b"070701".to_vec();
        for field in fields {
            header.extend(format!("{field:08X}").bytes());
        }
        header.extend(name);
        header.push(0);
        self.out.write_all(&header)?;
        self.written += header.len() as u64;
        self.pad()
    }

    fn pad(&mut self) -> Result<()> {
        while !self.written.is_multiple_of(4) {
            self.out.write_all(&[0])?;
            self.written += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Entry {
        name: String,
        mode: u32,
        content: Vec<u8>,
    }

    /// Reads an archive back by the format's description, not by the writer's code.
    fn read(mut archive: &[u8]) -> Vec<Entry> {
        let total = archive.len();
        let mut entries = Vec::new();
        let mut inodes = Vec::new();
        loop {
            let (header, rest) = archive.split_at(110);
            assert_eq!(&header[..6], b"070701");
            let field = |index: usize| {
                let text = std::str::from_utf8(&header[6 + index * 8..14 + index * 8]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            let aligned = |rest: &[u8]| (4 - (total - rest.len()) % 4) % 4;
            let (name, rest) = rest.split_at(field(11) as usize);
            let rest = &rest[aligned(rest)..];
            let (content, rest) = rest.split_at(field(6) as usize);
            archive = &rest[aligned(rest)..];
            let name = String::from_utf8(name.strip_suffix(b"\0").unwrap().to_vec()).unwrap();
            if name == "TRAILER!!!" {
                assert!(archive.is_empty());
                return entries;
            }
            assert!(!inodes.contains(&field(0)));
            inodes.push(field(0));
            entries.push(Entry {
                name,
                mode: field(1),
                content: content.to_vec(),
            });
        }
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let mut archive = Vec::new();
        let mut writer = Writer::new(&mut archive);
        writer.directory(Path::new("bin"), 0o755).unwrap();
        for length in 0..5_u8 {
            let content = vec![length; length.into()];
            let name = format!("bin/{}", "n".repeat(usize::from(length) + 1));
            writer
                .file(
                    Path::new(&name),
                    0o4755,
                    length.into(),
                    &mut content.as_slice(),
                )
                .unwrap();
        }
        writer
            .symlink(Path::new("sbin"), Path::new("usr/sbin"))
            .unwrap();
        let length = writer.finish().unwrap();
        assert_eq!(length, archive.len() as u64);

        let entries = read(&archive);
        assert_eq!(entries.len(), 7);
        assert_eq!(entries[0].mode, 0o040_755);
        assert_eq!(
            entries[4],
            Entry {
                name: "bin/nnnn".into(),
                mode: 0o104_755,
                content: vec![3; 3]
            }
        );
        assert_eq!(
            entries[6],
            Entry {
                name: "sbin".into(),
                mode: 0o120_777,
                content: b"usr/sbin".to_vec()
            }
        );
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let mut writer = Writer::new(Vec::new());
        let written = writer.file(Path::new("a"), 0o644, 10, &mut b"short".as_slice());
        assert!(written.unwrap_err().to_string().contains("became shorter"));
    }
}
