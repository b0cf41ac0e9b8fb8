//! A sensor that replays what it is written.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Pid;
use sensor::recording::{Frame, Writer};

use crate::process;
use crate::sensor::Setting;

/// A sensor, and the way to it.
pub struct Replay {
    child: Child,
    writer: Option<Writer>,
    pipe: PathBuf,
}

impl Replay {
    /// Starts it; ECS lines go nowhere.
    pub fn start(setting: &Setting) -> Result<Self> {
        Self::start_with(setting, "json", Stdio::null())
    }

    /// Starts it; lines of this format go there.
    pub fn start_with(setting: &Setting, format: &str, output: Stdio) -> Result<Self> {
        let pipe = std::env::temp_dir().join(format!("sensor-bench-{}", std::process::id()));
        let _ = fs::remove_file(&pipe);
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .with_context(|| format!("cannot make the pipe {}", pipe.display()))?;
        let child = Command::new(&setting.sensor)
            .args(["replay", "--events-only", "--output", format])
            .arg(&pipe)
            .stdin(Stdio::null())
            .stdout(output)
            .spawn()
            .context("cannot start the sensor")?;
        // Waits until it reads.
        let file = File::options()
            .write(true)
            .open(&pipe)
            .with_context(|| format!("cannot open the pipe {}", pipe.display()))?;
        let writer = Writer::over(&pipe, file)?;
        Ok(Self {
            child,
            writer: Some(writer),
            pipe,
        })
    }

    /// Has it replay one more frame.
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.write(frame)?;
        }
        Ok(())
    }

    /// Its resident memory in bytes and its CPU time, once it has done all that it was written.
    pub fn look(&mut self) -> Result<(u64, Duration)> {
        let pid = self.pid()?;
        let started = Instant::now();
        let mut used = process::cpu_time(pid)?;
        loop {
            thread::sleep(Duration::from_millis(30));
            let now = process::cpu_time(pid)?;
            if now == used {
                return Ok((process::status_bytes(pid, "VmRSS")?, now));
            }
            ensure!(
                started.elapsed() < Duration::from_secs(120),
                "the sensor does not come to rest"
            );
            used = now;
        }
    }

    /// Ends the recording and waits for the sensor's end.
    pub fn finish(mut self) -> Result<()> {
        drop(self.writer.take());
        let status = self.child.wait()?;
        ensure!(status.success(), "the sensor ended with {status}");
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("the sensor has an odd id")
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.pipe);
    }
}
