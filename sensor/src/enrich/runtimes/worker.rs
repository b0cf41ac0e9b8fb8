//! The thread that asks.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    net::UnixStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout_at,
};

use super::{
    Answer, Details, Failure, IN_FLIGHT, Request, Runtime, Settings, Socket, Sockets, Why,
    absent::{Absent, Key},
    breaker::Breakers,
    containerd,
    counters::Counting,
    cri, docker,
    grpc::{Client, UNIMPLEMENTED},
};

pub(super) struct Worker {
    asking: Arc<Asking>,
    absent: Absent,
}

/// What the questions that are under way have in common.
struct Asking {
    sockets: Sockets,
    time_out: Duration,
    breakers: Mutex<Breakers>,
    counting: Arc<Counting>,
}

impl Worker {
    pub(super) fn new(settings: Settings, counting: Arc<Counting>) -> Self {
        let asking = Asking {
            sockets: settings.sockets,
            time_out: settings.time_out,
            breakers: Mutex::default(),
            counting,
        };
        Self {
            asking: Arc::new(asking),
            absent: Absent::default(),
        }
    }

    /// Answers questions until `stopped`.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut stopped: oneshot::Receiver<()>,
        answer: impl Fn(Answer),
    ) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => return,
                Some(done) = under_way.join_next() => {
                    if let Ok(done) = done {
                        self.give(done, &answer);
                    }
                }
                request = requests.recv(), if under_way.len() < IN_FLIGHT => {
                    let Some(request) = request else { return };
                    let key = (Arc::clone(&request.container_id), request.owner);
                    if self.absent.contains(&key, Instant::now()) {
                        self.asking.counting.remembered.add(1);
                        self.give((key, Err(Why::NotFound)), &answer);
                    } else {
                        under_way.spawn(Arc::clone(&self.asking).details(request));
                    }
                }
            }
        }
    }

    fn give(&mut self, (key, details): (Key, Result<Details, Why>), answer: &impl Fn(Answer)) {
        if details == Err(Why::NotFound) {
            self.absent.insert(key.clone(), Instant::now());
        }
        let counting = &self.asking.counting;
        counting.answer(&details);
        if let Ok(details) = &details {
            counting.left_out.add(details.left_out);
        }
        let (container_id, owner) = key;
        answer(Answer {
            container_id,
            owner,
            details: details.map(Arc::new),
        });
    }
}

impl Asking {
    /// Asks one socket after the other until one knows the container.
    async fn details(self: Arc<Self>, request: Request) -> (Key, Result<Details, Why>) {
        let key = (Arc::clone(&request.container_id), request.owner);
        let mut why = Why::NoSocket;
        for socket in self.sockets.present(&request) {
            let new = match self.ask(&socket, &request.container_id).await {
                Ok(details) => return (key, Ok(details)),
                Err(new) => new,
            };
            if weight(new) > weight(why) {
                why = new;
            }
        }
        (key, Err(why))
    }

    /// Asks a socket, if it is not left alone.
    async fn ask(&self, socket: &Socket, id: &str) -> Result<Details, Why> {
        if !self.breakers().admits(&socket.path, Instant::now()) {
            return Err(Why::Paused);
        }
        let asked = self.details_from(socket, id).await;
        if let Err(failure) = asked {
            self.counting.failure(failure);
        }
        match asked {
            Err(failure) if failure.tells_of_the_server() => {
                if self.breakers().failed(&socket.path, Instant::now()) {
                    self.counting.pauses.add(1);
                }
            }
            _ => self.breakers().succeeded(&socket.path),
        }
        asked.map_err(Why::Failed)?.ok_or(Why::NotFound)
    }

    async fn details_from(&self, socket: &Socket, id: &str) -> Result<Option<Details>, Failure> {
        let deadline = Instant::now() + self.time_out;
        let grpc = async {
            let mut client = Client::open(connect(socket).await?).await?;
            let known = cri::ask(&mut client, socket.runtime, id).await;
            match (socket.runtime, known) {
                // containerd serves Kubernetes' interface only if it is set up for it.
                (Runtime::Containerd, Ok(None) | Err(Failure::Rejected(UNIMPLEMENTED))) => {
                    containerd::ask(&mut client, id).await
                }
                (_, known) => known,
            }
        };
        match socket.runtime {
            Runtime::Docker | Runtime::Podman => {
                let stream = connect(socket).await?;
                let found = docker::ask(stream, socket.runtime, id, deadline).await?;
                if let Some(failure) = found.without_digests {
                    self.counting.failure(failure);
                }
                Ok(found.details)
            }
            Runtime::Containerd | Runtime::CriO => {
                let known = timeout_at(deadline.into(), grpc).await;
                known.unwrap_or(Err(Failure::TimedOut))
            }
        }
    }

    fn breakers(&self) -> MutexGuard<'_, Breakers> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told where several sockets gave no details: what says most about why.
const fn weight(why: Why) -> u8 {
    match why {
        Why::NoSocket => 0,
        Why::NotFound => 1,
        Why::Paused => 2,
        Why::Failed(_) => 3,
    }
}

impl Failure {
    /// Whether others will fail too, and not this question alone.
    const fn tells_of_the_server(self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut
            | Self::Closed
            | Self::Malformed
            | Self::TooLarge
            | Self::WrongContainer => true,
            Self::Rejected(_) | Self::Ambiguous => false,
        }
    }
}

/// Takes no time: where a local connection would have to wait, it fails.
async fn connect(socket: &Socket) -> Result<UnixStream, Failure> {
    let stream = UnixStream::connect(&socket.path).await;
    stream.map_err(|error| match error.kind() {
        // Its queue of connections is full: it has taken none for some time.
        io::ErrorKind::WouldBlock => Failure::TimedOut,
        _ => Failure::Unreachable,
    })
}
