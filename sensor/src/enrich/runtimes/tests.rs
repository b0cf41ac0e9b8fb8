//! The runtimes are threads here, which listen on sockets in a directory of their own.

mod docker_api;
mod grpc_api;
mod limits;

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::*;

/// Long enough for anything that does not hang, also on a busy machine.
const AMPLE: Duration = Duration::from_secs(20);

/// A directory that is removed with this.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sensor-runtimes-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn listen(&self, place: &str) -> UnixListener {
        let path = self.0.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        UnixListener::bind(path).unwrap()
    }

    /// Serves each connection on a thread of its own.
    fn serve(&self, place: &str, serve: impl Fn(UnixStream) + Clone + Send + 'static) {
        let listener = self.listen(place);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The part under test, and its answers.
struct Asked {
    runtimes: Runtimes,
    answers: mpsc::Receiver<Answer>,
}

impl Asked {
    fn start(directory: &Directory, time_out: Duration) -> Self {
        let settings = Settings {
            sockets: Sockets::usual(directory.path()),
            time_out,
        };
        let (sender, answers) = mpsc::channel();
        let answer = move |answer| {
            let _ = sender.send(answer);
        };
        Self {
            runtimes: Runtimes::start(settings, answer).unwrap(),
            answers,
        }
    }

    fn request(&self, id: &str) -> Result<(), Refusal> {
        self.runtimes.request(Request {
            container_id: id.into(),
            runtime: None,
            owner: None,
        })
    }

    fn next(&self) -> Answer {
        self.answers.recv_timeout(AMPLE).unwrap()
    }

    fn ask(&self, id: &str) -> Result<Arc<Details>, Why> {
        self.request(id).unwrap();
        let answer = self.next();
        assert_eq!(&*answer.container_id, id);
        answer.details
    }

    fn failures(&self) -> Failures {
        self.runtimes.counters().failures
    }
}

/// One answer, with time enough.
fn ask(directory: &Directory, id: &str) -> Result<Arc<Details>, Why> {
    Asked::start(directory, AMPLE).ask(id)
}

/// An id as runtimes make them.
fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// Reads the head of a request, and gives its path; none at the end.
fn read_path(stream: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    Some(head.split(' ').nth(1).unwrap().to_owned())
}

/// Serves the answers of a Docker that knows one container.
fn serve_container(id: &str, mut stream: UnixStream) {
    while let Some(path) = read_path(&mut stream) {
        let (status, body) = if path == format!("/containers/{id}/json") {
            ("200 OK", container_json(id))
        } else {
            ("404 Not Found", r#"{"message":"No such thing"}"#.to_owned())
        };
        let length = body.len();
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn container_json(id: &str) -> String {
    format!(r#"{{"Id":"{id}","Name":"/web","Config":{{"Image":"shop/web:7"}}}}"#)
}
