//! A file that grows, line by line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Takes a document.
pub type Take<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// What is new in a file since the last look.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// From the beginning. The file need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            offset: 0,
        }
    }

    /// Takes the lines that are complete and have not been taken yet, without their ends.
    pub fn read(&mut self, take: &mut Take<'_>) -> Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open {}", self.path.display()));
            }
        };
        let unreadable = || format!("cannot read {}", self.path.display());
        file.seek(SeekFrom::Start(self.offset))
            .with_context(unreadable)?;
        let mut lines = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines
                .read_until(b'\n', &mut line)
                .with_context(unreadable)?;
            let Some((b'\n', document)) = line.split_last() else {
                return Ok(());
            };
            take(document)?;
            self.offset += length as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        tail.read(&mut |line| {
            lines.push(String::from_utf8(line.to_vec())?);
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn each_line_is_taken_once_when_it_is_complete() {
        let path = std::env::temp_dir().join(format!("sensor-tail-{}", std::process::id()));
        let mut tail = Tail::new(&path);
        assert!(read(&mut tail).is_empty());
        fs::write(&path, "a\nb").unwrap();
        assert_eq!(read(&mut tail), ["a"]);
        fs::write(&path, "a\nbc\n\n").unwrap();
        assert_eq!(read(&mut tail), ["bc", ""]);
        assert!(read(&mut tail).is_empty());
        fs::remove_file(&path).unwrap();
    }
}
