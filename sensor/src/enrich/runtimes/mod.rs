//! Names, images, labels and pods of containers, from the sockets of the runtimes that run them.
//!
//! One thread asks, at most [`IN_FLIGHT`] questions at a time, and nobody waits for it: a question
//! is taken or refused at once, and its answer arrives some time later. A runtime that hangs, lies
//! or dies costs its own answers only.
//!
//! - Docker and Podman: the Docker API.
//! - containerd and CRI-O: Kubernetes' Container Runtime Interface; then containerd's own API.
//!
//! Each question has a connection of its own. They are few (one a container), a local connection is
//! cheap, and none is in an unknown state after a time-out.

mod absent;
mod breaker;
mod containerd;
mod counters;
mod cri;
mod details;
mod docker;
mod grpc;
pub mod image;
mod sockets;
#[cfg(test)]
mod tests;
mod worker;

use std::{io, sync::Arc, thread, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use self::{
    absent::{CONTAINERS as ABSENT_CONTAINERS, REMEMBERED},
    breaker::{FAILURES, PAUSE},
    counters::{Counters, Failures},
    details::{Details, IMAGE_HASHES, LABEL_BYTES, LABELS, PodDetails, TEXT_BYTES},
    sockets::{Socket, Sockets},
};
use self::{counters::Counting, worker::Worker};

/// Questions that wait; further ones are refused.
pub const WAITING: usize = 1024;

/// Questions that are asked at the same time.
pub const IN_FLIGHT: usize = 8;

/// How long a socket has to answer, if nothing else is set.
pub const TIME_OUT: Duration = Duration::from_secs(2);

/// Bytes of a container's id; what is longer is none.
pub const ID_BYTES: usize = 76;

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// containerd.
    Containerd,
    /// CRI-O.
    CriO,
}

/// A question about a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its whole id.
    pub container_id: Arc<str>,
    /// The runtime that runs it, if that is known: no other is asked then.
    pub runtime: Option<Runtime>,
    /// The user whose own runtime runs it, without being root; none for the host's runtimes.
    pub owner: Option<u32>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The container that was asked about.
    pub container_id: Arc<str>,
    /// The owner that was named. What a user's runtime says of an id says nothing of a container of
    /// the host's that has the same one: whoever keeps answers keeps them by both.
    pub owner: Option<u32>,
    /// What its runtime says, or why it is not known.
    pub details: Result<Arc<Details>, Why>,
}

/// Why the details of a container are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// Each runtime that was asked says so, or said so within [`REMEMBERED`].
    #[error("no runtime knows the container")]
    NotFound,
    /// No socket of a runtime that may know it is there.
    #[error("no runtime listens where the sensor looks for it")]
    NoSocket,
    /// The last [`FAILURES`] questions failed; it is asked again after [`PAUSE`].
    #[error("the runtime failed several times and is left alone for a while")]
    Paused,
    /// A runtime was asked, and failed.
    #[error("the runtime gave no answer: {0}")]
    Failed(Failure),
}

/// How a server failed to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// Nobody takes connections.
    #[error("it takes no connection")]
    Unreachable,
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// It closed the connection before its answer was whole.
    #[error("it closed the connection")]
    Closed,
    /// What it said is not in its protocol.
    #[error("what it said is not in its protocol")]
    Malformed,
    /// Its answer is over a bound.
    #[error("its answer is too large")]
    TooLarge,
    /// It answered with this status: of HTTP, or of gRPC where it is below 100.
    #[error("it refused, with status {0}")]
    Rejected(u16),
    /// It told of another container.
    #[error("it told of another container")]
    WrongContainer,
    /// It knows several containers with this id.
    #[error("it knows several containers with this id")]
    Ambiguous,
}

/// Why a question was not taken. It has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// [`WAITING`] questions wait already; this is counted. Ask again later.
    #[error("too many questions about containers wait")]
    Full,
    /// No runtime makes such an id.
    #[error("this is not the id of a container")]
    NotAnId,
}

/// Whom to ask, and how long to wait.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The sockets.
    pub sockets: Sockets,
    /// How long a socket has to answer all that is asked about a container, from the connection to
    /// the last byte.
    pub time_out: Duration,
}

/// The way to the thread that asks the runtimes. It ends with this.
#[derive(Debug)]
pub struct Runtimes {
    requests: mpsc::Sender<Request>,
    counting: Arc<Counting>,
    /// Held until then; the thread ends when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Runtimes {
    /// Starts the thread. `answer` is called on it, and shall not wait for anything.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(settings: Settings, answer: impl Fn(Answer) + Send + 'static) -> io::Result<Self> {
        let (requests, receiver) = mpsc::channel(WAITING);
        let (stop, stopped) = oneshot::channel();
        let counting = Arc::new(Counting::default());
        let worker = Worker::new(settings, Arc::clone(&counting));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let thread = thread::Builder::new()
            .name("runtimes".to_owned())
            .spawn(move || {
                runtime.block_on(worker.run(receiver, stopped, answer));
            })?;
        Ok(Self {
            requests,
            counting,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Takes a question, without waiting. If it is taken, it has one answer.
    ///
    /// # Errors
    ///
    /// If it is not taken.
    pub fn request(&self, request: Request) -> Result<(), Refusal> {
        if !request.has_id() {
            return Err(Refusal::NotAnId);
        }
        match self.requests.try_send(request) {
            Ok(()) => {
                self.counting.requested.add(1);
                Ok(())
            }
            Err(_) => {
                self.counting.refused.add(1);
                Err(Refusal::Full)
            }
        }
    }

    /// What became of the questions so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counting.snapshot()
    }
}

impl Drop for Runtimes {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It ends at once: what is under way is dropped.
            let _ = thread.join();
        }
    }
}

impl Runtime {
    /// Its name in ECS's `container.runtime`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
        }
    }
}

impl Request {
    /// Whether the id can be one. It comes from the name of a cgroup, which anybody may choose who
    /// may make cgroups, and becomes a part of a URL.
    fn has_id(&self) -> bool {
        let id = self.container_id.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        id.len() <= ID_BYTES
            && id.first().is_some_and(u8::is_ascii_alphanumeric)
            && id.iter().all(inner)
    }

    /// Whether the id is one of Docker, Podman or the Container Runtime Interface.
    fn has_whole_id(&self) -> bool {
        let id = self.container_id.as_bytes();
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        id.len() == 64 && id.iter().all(digit)
    }
}
