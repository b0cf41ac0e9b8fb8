//! Making a recording.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    Frame, RecordingError, frame,
    header::{self, Machine},
};

/// What is written at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes a recording. After an error the recording is over.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    frame: Vec<u8>,
}

impl Writer {
    /// Makes a new file, which only its owner may read: what a host does is nobody else's business.
    ///
    /// # Errors
    ///
    /// If there is a file of that name already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|why| match why.kind() {
                io::ErrorKind::AlreadyExists => RecordingError::Exists(path.to_owned()),
                _ => RecordingError::Create {
                    path: path.to_owned(),
                    why,
                },
            })?;
        Self::over(path, file)
    }

    /// Begins a recording in a file that is open and empty, a pipe perhaps; its path is for what
    /// errors say.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn over(path: &Path, file: File) -> Result<Self, RecordingError> {
        let mut writer = Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            frame: Vec::new(),
        };
        writer
            .file
            .write_all(&header::encode(&Machine::HERE))
            .map_err(|why| writer.failed(why))?;
        // From here on the file says what it is, whatever happens to the sensor.
        writer.flush()?;
        Ok(writer)
    }

    /// Appends a frame. [`Frame::CompleteUntil`] takes along into the file whatever was appended
    /// before it, so that little is missing if the sensor is killed.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&mut self, frame: &Frame) -> Result<(), RecordingError> {
        self.frame.clear();
        frame::encode(frame, &mut self.frame)
            .and_then(|()| self.file.write_all(&self.frame))
            .map_err(|why| self.failed(why))?;
        match frame {
            Frame::CompleteUntil(_) => self.flush(),
            _ => Ok(()),
        }
    }

    /// Hands everything over to the kernel, so that it is in the file even if the sensor is killed.
    fn flush(&mut self) -> Result<(), RecordingError> {
        self.file.flush().map_err(|why| self.failed(why))
    }

    /// Ends the recording, whose last frame has been written, and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        self.flush()?;
        let synced = self.file.get_ref().sync_all();
        synced.map_err(|why| self.failed(why))
    }

    fn failed(&self, why: io::Error) -> RecordingError {
        RecordingError::Write {
            path: self.path.clone(),
            why,
        }
    }
}
