//! Reads accounts in threads of its own, so that nobody waits for a file.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{NamespaceAccounts, Why, read};

/// Requests that can wait.
const WAITING: usize = 256;

/// How long the threads may get nowhere, with requests waiting, until another is started.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most threads. A hostile container can block one for good, with a file that a program of its
/// own serves.
const MOST_THREADS: usize = 4;

/// Whose accounts are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Processes that may be in the namespaces.
    pub candidates: Vec<u32>,
    /// The mount namespace's inode number.
    pub mount_namespace: u32,
    /// The user namespace's inode number.
    pub user_namespace: u32,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As it was asked for.
    pub mount_namespace: u32,
    /// As it was asked for.
    pub user_namespace: u32,
    /// The accounts.
    pub result: Result<NamespaceAccounts, Why>,
}

/// A request was not taken: as many as can are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many requests for accounts are waiting")]
pub struct Full;

/// Reads accounts in the background. There is one answer for each request that was taken, in no
/// certain order, also after this is dropped.
///
/// A thread that is blocked by a file is replaced, up to a limit, once nothing has been answered for
/// a while; beyond the limit every request is refused.
#[derive(Debug)]
pub struct AccountsReader {
    requests: SyncSender<Request>,
    work: Arc<dyn Work>,
    patience: Duration,
    threads: Mutex<usize>,
}

impl AccountsReader {
    /// Starts it. `answers` is called in a thread of the reader, by one at a time.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn start(proc: PathBuf, answers: impl Fn(Answer) + Send + 'static) -> io::Result<Self> {
        let reads = move |request: &Request| {
            read(
                &proc,
                &request.candidates,
                request.mount_namespace,
                request.user_namespace,
            )
        };
        Self::start_with(reads, answers, WAITING, PATIENCE)
    }

    fn start_with(
        reads: impl Fn(&Request) -> Result<NamespaceAccounts, Why> + Send + Sync + 'static,
        answers: impl Fn(Answer) + Send + 'static,
        waiting: usize,
        patience: Duration,
    ) -> io::Result<Self> {
        let (requests, receiver) = sync_channel(waiting);
        let work = Shared {
            requests: Mutex::new(receiver),
            answers: Mutex::new(answers),
            reads,
            progress: Mutex::new(Instant::now()),
        };
        let reader = Self {
            requests,
            work: Arc::new(work),
            patience,
            threads: Mutex::new(0),
        };
        reader.start_thread()?;
        Ok(reader)
    }

    /// Asks for accounts. Never waits.
    ///
    /// # Errors
    ///
    /// If too many requests are waiting; the request is forgotten.
    pub fn request(&self, request: Request) -> Result<(), Full> {
        match self.requests.try_send(request) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(request)) => {
                self.replace_blocked_thread();
                // A new thread may have taken one already.
                self.requests.try_send(request).map_err(|_| Full)
            }
            Err(TrySendError::Disconnected(_)) => Err(Full),
        }
    }

    fn replace_blocked_thread(&self) {
        if self.work.progress().elapsed() >= self.patience && *lock(&self.threads) < MOST_THREADS {
            // Without one, the next refused request tries again.
            let _ = self.start_thread();
        }
    }

    fn start_thread(&self) -> io::Result<()> {
        let work = Arc::clone(&self.work);
        thread::Builder::new()
            .name("accounts".into())
            .spawn(move || work.run())?;
        *lock(&self.threads) += 1;
        Ok(())
    }
}

/// What the threads do together.
trait Work: Send + Sync + std::fmt::Debug {
    /// Answers requests until there are no more.
    fn run(&self);

    /// When a thread began or ended a request.
    fn progress(&self) -> Instant;
}

struct Shared<R, A> {
    requests: Mutex<Receiver<Request>>,
    answers: Mutex<A>,
    reads: R,
    progress: Mutex<Instant>,
}

impl<R, A> std::fmt::Debug for Shared<R, A> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<R, A> Work for Shared<R, A>
where
    R: Fn(&Request) -> Result<NamespaceAccounts, Why> + Send + Sync,
    A: Fn(Answer) + Send,
{
    fn run(&self) {
        loop {
            // The lock is held while waiting: the others wait for it instead.
            let received = lock(&self.requests).recv();
            let Ok(request) = received else {
                return;
            };
            *lock(&self.progress) = Instant::now();
            let result = (self.reads)(&request);
            *lock(&self.progress) = Instant::now();
            let answer = Answer {
                mount_namespace: request.mount_namespace,
                user_namespace: request.user_namespace,
                result,
            };
            lock(&self.answers)(answer);
        }
    }

    fn progress(&self) -> Instant {
        *lock(&self.progress)
    }
}

/// No state behind these locks is ever half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn request(mount_namespace: u32) -> Request {
        Request {
            candidates: vec![std::process::id()],
            mount_namespace,
            user_namespace: 2,
        }
    }

    fn gone(request: &Request) -> Result<NamespaceAccounts, Why> {
        Err(Why::Gone {
            mount_namespace: request.mount_namespace,
            user_namespace: request.user_namespace,
        })
    }

    #[test]
    fn answers_each_request() {
        let (sender, answers) = channel();
        let reader =
            AccountsReader::start("/proc".into(), move |answer| sender.send(answer).unwrap())
                .unwrap();
        for namespace in 0..10 {
            reader.request(request(namespace)).unwrap();
        }
        drop(reader);
        let namespaces: Vec<u32> = answers
            .iter()
            .map(|answer| {
                let asked = request(answer.mount_namespace);
                assert_eq!((answer.user_namespace, answer.result), (2, gone(&asked)));
                asked.mount_namespace
            })
            .collect();
        assert_eq!(namespaces, Vec::from_iter(0..10));
    }

    #[test]
    fn refuses_what_is_too_much() {
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let (sender, answers) = channel();
        let reads = move |request: &Request| {
            let _ = lock(&gate).recv();
            gone(request)
        };
        let answer = move |answer| sender.send(answer).unwrap();
        let reader = AccountsReader::start_with(reads, answer, 2, LONG).unwrap();
        let taken = (0..10)
            .filter(|id| reader.request(request(*id)).is_ok())
            .count();
        // One may be with the thread already.
        assert!((2..=3).contains(&taken), "{taken}");
        drop((open, reader));
        assert_eq!(answers.iter().count(), taken);
    }

    #[test]
    fn replaces_blocked_threads_up_to_a_limit() {
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let (sender, answers) = channel();
        let reads = move |request: &Request| {
            if request.mount_namespace == 0 {
                let _ = lock(&gate).recv();
            }
            gone(request)
        };
        let answer = move |answer: Answer| sender.send(answer.mount_namespace).unwrap();
        let reader = AccountsReader::start_with(reads, answer, 1, Duration::ZERO).unwrap();
        let until_taken = |id| {
            let start = Instant::now();
            while reader.request(request(id)).is_err() {
                assert!(start.elapsed() < LONG);
                thread::yield_now();
            }
        };
        for _ in 1..MOST_THREADS {
            until_taken(0);
        }
        // One thread is left, or can still be started.
        until_taken(1);
        until_taken(1);
        until_taken(1);
        assert_eq!(answers.recv_timeout(LONG), Ok(1));
        assert!(*lock(&reader.threads) <= MOST_THREADS);
        drop((open, reader));
        assert_eq!(answers.iter().count(), MOST_THREADS + 1);
    }
}
