//! systemd's journal: a journal of its own namespace, beside the host's, read by journalctl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Guarantee, Materials, Program, Ready, Receiver, Source};
use crate::daemon::find;
use crate::place::write;
use crate::sink::{Format, Sink};
use crate::tail::Take;
use crate::verdict::skip;

/// One whose journal is in memory.
pub fn receiver(materials: &Materials, format: Format) -> Result<Receiver> {
    let name = format!("journald-{}", format.name());
    let folder = materials.folder.join(&name);
    fs::create_dir_all(&folder)?;
    let Some(program) = find("systemd-journald") else {
        return skip("systemd-journald is not installed");
    };
    let namespace = format!("sensor-test-{}-{}", std::process::id(), format.name());
    let settings = Settings::write(&namespace)?;
    let socket = settings.socket();
    let mut command = Command::new(program);
    command.arg(&namespace);
    let sink = Sink::new("journald", format).file("path", &socket);
    let source = Journal {
        cursor: folder.join("cursor"),
        settings,
    };
    let program = Program::new(command, folder.join("log.txt"), Ready::File(socket.clone()));
    Ok(
        Receiver::new(name, sink, Guarantee::Streamed, Path::new("/dev/null"))
            .program(program)
            .source(source)
            .by_hand(["journald".into(), socket.into_os_string()]),
    )
}

/// The settings of a namespace; everything of it is removed with them.
struct Settings {
    namespace: String,
}

impl Settings {
    fn write(namespace: &str) -> Result<Self> {
        let settings = Self {
            namespace: namespace.to_owned(),
        };
        let folder = settings.folder();
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // It would drop what comes faster than a thousand a second of one sender, and forget the oldest
        // entries on a disk that is fuller than it likes.
        write(
            &folder.join("test.conf"),
            "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n\
             RuntimeMaxUse=2G\nRuntimeKeepFree=1M\nRuntimeMaxFiles=10000\n",
        )?;
        Ok(settings)
    }

    fn folder(&self) -> PathBuf {
        format!("/run/systemd/journald@{}.conf.d", self.namespace).into()
    }

    fn sockets(&self) -> PathBuf {
        format!("/run/systemd/journal.{}", self.namespace).into()
    }

    fn socket(&self) -> PathBuf {
        self.sockets().join("socket")
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let journal = format!("/run/log/journal/{}.{}", machine.trim(), self.namespace);
        for folder in [self.folder(), self.sockets(), journal.into()] {
            let _may_not_be_there = fs::remove_dir_all(folder);
        }
    }
}

/// What is in a journal.
struct Journal {
    cursor: PathBuf,
    settings: Settings,
}

impl Source for Journal {
    fn read(&mut self, take: &mut Take<'_>) -> Result<()> {
        let output = Command::new("journalctl")
            .arg(format!("--namespace={}", self.settings.namespace))
            .args(["--all", "--no-pager", "--quiet", "--output=json"])
            .args(["--output-fields=MESSAGE", "_TRANSPORT=journal"])
            .arg("--cursor-file")
            .arg(&self.cursor)
            .stdin(Stdio::null())
            .output()
            .context("cannot start journalctl")?;
        ensure!(
            output.status.success(),
            "journalctl failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in output.stdout.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                take(&message(line)?)?;
            }
        }
        Ok(())
    }
}

/// The message of an entry: text, or the bytes of what is not.
fn message(entry: &[u8]) -> Result<Vec<u8>> {
    let entry: Value = serde_json::from_slice(entry).context("journalctl printed no JSON")?;
    match entry.get("MESSAGE") {
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Array(bytes)) => bytes
            .iter()
            .map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
            .collect::<Option<_>>()
            .context("journalctl printed bytes that are none"),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_text_or_bytes() {
        assert_eq!(message(br#"{"MESSAGE":"a"}"#).unwrap(), b"a");
        assert_eq!(message(br#"{"MESSAGE":[97,255]}"#).unwrap(), [97, 255]);
        assert!(message(br#"{"MESSAGE":[256]}"#).is_err());
        assert!(message(b"{").is_err());
    }
}
