//! A runtime of containers that is none: a socket, and what becomes of those who ask there.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use serde_json::json;

/// What becomes of those who ask.
#[derive(Clone, Debug)]
pub enum Manner {
    /// They are never answered.
    Hangs,
    /// They are told what is in no protocol.
    Garbage,
    /// Docker's API, about the container with this id.
    Docker(String),
}

/// The image's id, and its digest at a registry.
pub const IMAGE_HASHES: [&str; 2] = [
    "sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "sha256:2222222222222222222222222222222222222222222222222222222222222222",
];

/// A socket, as long as this lives.
pub struct Runtime {
    path: PathBuf,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    /// Listens in a folder.
    pub fn start(folder: &Path, manner: Manner) -> Result<Self> {
        let path = folder.join("docker.sock");
        let listener = UnixListener::bind(&path)
            .with_context(|| format!("cannot listen at {}", path.display()))?;
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let over = over.clone();
            move || serve(&listener, &over, &manner)
        });
        Ok(Self {
            path,
            over,
            thread: Some(thread),
        })
    }

    /// The configuration of a sensor that asks here.
    pub fn configuration(&self) -> String {
        format!(
            "[enrich]\nhashes = false\ncontainer_sockets = [{:?}]\n",
            self.path.display().to_string()
        )
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _woken = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        let _left_behind = fs::remove_file(&self.path);
    }
}

fn serve(listener: &UnixListener, over: &AtomicBool, manner: &Manner) {
    let mut held = Vec::new();
    for stream in listener.incoming().flatten() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        match manner {
            Manner::Hangs => held.push(stream),
            Manner::Garbage => {
                // What comes before the question looks like an end.
                let _question = BufReader::new(&stream).read_line(&mut String::new());
                let _or_gone = (&stream).write_all(&b"\0\xffgarbage\r\n".repeat(100));
                held.push(stream);
            }
            Manner::Docker(id) => {
                // Whoever asks may hang up at any time.
                let _gone = answer(&stream, id);
            }
        }
    }
}

/// Answers requests until there are no more.
fn answer(stream: &UnixStream, id: &str) -> Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while lines.read_line(&mut header)? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let [image, digest] = IMAGE_HASHES;
        let (status, body) = if path == format!("/containers/{id}/json") {
            let container = json!({
                "Id": id,
                "Name": "/web",
                "Image": image,
                "Config": {
                    "Image": "registry.example/shop/web:1.2",
                    "Labels": {"team": "shop"},
                },
            });
            ("200 OK", container)
        } else if path == format!("/images/{image}/json") {
            let repository = format!("registry.example/shop/web@{digest}");
            ("200 OK", json!({"RepoDigests": [repository]}))
        } else {
            ("404 Not Found", json!({"message": "No such thing"}))
        };
        let body = body.to_string();
        let mut stream = stream;
        stream.write_all(
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )?;
    }
}
