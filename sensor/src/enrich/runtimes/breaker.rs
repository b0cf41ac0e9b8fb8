//! Sockets that hang or give garbage are left alone for a while.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Failures in a row after which a socket is left alone.
pub const FAILURES: u32 = 3;

/// How long a socket is left alone. Then one question tries it; if that fails too, as long again.
pub const PAUSE: Duration = Duration::from_secs(30);

/// Sockets whose failures are remembered. Then the one that failed longest ago is forgotten.
const SOCKETS: usize = 256;

/// The sockets that failed of late.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    failing: HashMap<PathBuf, Failing>,
}

#[derive(Debug)]
struct Failing {
    /// How often in a row.
    times: u32,
    last: Instant,
    /// While it is left alone, and while one question tries it.
    paused_until: Option<Instant>,
}

impl Breakers {
    /// Whether a socket may be asked now.
    pub(super) fn admits(&mut self, socket: &Path, now: Instant) -> bool {
        let Some(failing) = self.failing.get_mut(socket) else {
            return true;
        };
        match failing.paused_until {
            Some(until) if now < until => false,
            Some(_) => {
                // The others wait for what becomes of this question.
                failing.paused_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// A socket gave an answer.
    pub(super) fn succeeded(&mut self, socket: &Path) {
        self.failing.remove(socket);
    }

    /// A socket gave none; says whether it is left alone from now on, and was not before.
    pub(super) fn failed(&mut self, socket: &Path, now: Instant) -> bool {
        if !self.failing.contains_key(socket) && self.failing.len() >= SOCKETS {
            self.forget_oldest();
        }
        let failing = self.failing.entry(socket.to_owned()).or_insert(Failing {
            times: 0,
            last: now,
            paused_until: None,
        });
        failing.times = failing.times.saturating_add(1);
        failing.last = now;
        if failing.times < FAILURES {
            return false;
        }
        failing.paused_until = Some(now + PAUSE);
        failing.times == FAILURES
    }

    fn forget_oldest(&mut self) {
        let oldest = self.failing.iter().min_by_key(|(_, failing)| failing.last);
        if let Some(path) = oldest.map(|(path, _)| path.clone()) {
            self.failing.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_pause_and_one_question_tries_again() {
        let mut breakers = Breakers::default();
        let socket = Path::new("/run/docker.sock");
        let start = Instant::now();
        assert!(!breakers.failed(socket, start));
        assert!(!breakers.failed(socket, start));
        assert!(breakers.admits(socket, start));
        assert!(breakers.failed(socket, start));
        // One that was under way.
        assert!(!breakers.failed(socket, start));
        assert!(!breakers.admits(socket, start + PAUSE - Duration::from_millis(1)));
        assert!(breakers.admits(Path::new("/run/other.sock"), start));

        let later = start + PAUSE;
        assert!(breakers.admits(socket, later));
        assert!(!breakers.admits(socket, later));
        assert!(!breakers.failed(socket, later));
        assert!(!breakers.admits(socket, later + PAUSE / 2));

        assert!(breakers.admits(socket, later + PAUSE));
        breakers.succeeded(socket);
        assert!(breakers.admits(socket, later + PAUSE));
        assert!(!breakers.failed(socket, later + PAUSE));
    }

    #[test]
    fn failures_with_a_success_between_do_not_pause() {
        let mut breakers = Breakers::default();
        let socket = Path::new("/run/docker.sock");
        for _ in 0..10 {
            assert!(!breakers.failed(socket, Instant::now()));
            assert!(!breakers.failed(socket, Instant::now()));
            breakers.succeeded(socket);
        }
        assert!(breakers.admits(socket, Instant::now()));
    }

    #[test]
    fn remembers_a_bounded_number() {
        let mut breakers = Breakers::default();
        let start = Instant::now();
        for number in 0..SOCKETS as u64 * 2 {
            let path = PathBuf::from(format!("/run/user/{number}/docker.sock"));
            breakers.failed(&path, start + Duration::from_millis(number));
        }
        assert_eq!(breakers.failing.len(), SOCKETS);
        assert!(
            breakers
                .failing
                .contains_key(Path::new("/run/user/511/docker.sock"))
        );
    }
}
