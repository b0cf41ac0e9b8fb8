//! From the pipeline to the sinks that want a document. It is written down once for each format.
//!
//! A sink whose thread did not get to run, while the pipeline did, is waited for: the kernel's rings
//! hold what comes meanwhile. That takes no more than a part of the pipeline's time, however slow a
//! sink is, and one that hangs is waited for once.

use std::{
    io, mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    backlog::New,
    entry::Facts,
    filter::Filter,
    inbox::Inbox,
    tally::{Reason, Tally},
};
use crate::{
    event::state::Undelivered,
    host::Host,
    output::{Document, Format, FormatChoice, Output, Terminal, event_id::EventIds, format},
};

/// Documents are handed on in pieces of about this size.
const PIECE_BYTES: usize = 256 << 10;

/// The router may wait for this part of the time, all sinks together,
const WAITING_PART: u32 = 20;
/// and for so long at once.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Hands documents to sinks.
pub struct Router {
    ids: EventIds,
    encoders: Vec<Encoder>,
    scratch: Vec<u8>,
    pending_bytes: usize,
    /// How long it may still wait, as of then.
    leisure: (Duration, Instant),
}

/// A format, and the sinks that want it.
struct Encoder {
    choice: FormatChoice,
    format: Box<dyn Format>,
    routes: Vec<Route>,
}

/// The way to a sink.
pub(super) struct Route {
    pub(super) name: String,
    pub(super) filter: Filter,
    pub(super) inbox: Arc<Inbox>,
    pub(super) tally: Arc<Tally>,
    pending: Vec<New>,
}

impl Route {
    pub(super) fn new(name: &str, filter: Filter, inbox: Arc<Inbox>, tally: Arc<Tally>) -> Self {
        Self {
            name: name.to_owned(),
            filter,
            inbox,
            tally,
            pending: Vec::new(),
        }
    }
}

impl Router {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            ids: EventIds::new(host),
            encoders: Vec::new(),
            scratch: Vec::new(),
            pending_bytes: 0,
            leisure: (WAIT_MAX, Instant::now()),
        }
    }

    /// Waits for a sink to take in what it has, as far as there is time for that.
    fn wait_for(inbox: &Inbox, bytes: usize, leisure: &mut (Duration, Instant)) {
        let (left, then) = *leisure;
        let now = Instant::now();
        let left = left
            .saturating_add(now.duration_since(then) / WAITING_PART)
            .min(WAIT_MAX);
        let waited = inbox.wait_for_room(bytes, left);
        *leisure = (left.saturating_sub(waited), now + waited);
    }

    pub(super) fn add(&mut self, choice: FormatChoice, host: &Host, route: Route) {
        if let Some(encoder) = self
            .encoders
            .iter_mut()
            .find(|encoder| encoder.choice == choice)
        {
            encoder.routes.push(route);
        } else {
            self.encoders.push(Encoder {
                choice,
                format: format(choice, host, Terminal::default()),
                routes: vec![route],
            });
        }
    }

    fn routes(&self) -> impl Iterator<Item = &Route> {
        self.encoders.iter().flat_map(|encoder| &encoder.routes)
    }
}

impl Output for Router {
    /// A document that cannot be written down in a format is counted by the sinks that want it so; it
    /// is an error only if that goes for every sink that wants it.
    fn take(&mut self, document: &Document<'_>) -> io::Result<()> {
        let (topic, severity) = (document.topic(), document.severity());
        let mut facts = None;
        let mut taken = false;
        let mut failure = None;
        for encoder in &mut self.encoders {
            let wants = |route: &Route| route.filter.wants(topic, severity);
            if !encoder.routes.iter().any(wants) {
                continue;
            }
            self.scratch.clear();
            let written = encoder.format.write(document, &mut self.scratch);
            let text = self
                .scratch
                .strip_suffix(b"\n")
                .unwrap_or(self.scratch.as_slice());
            // Exactly as large as it is: a sink that is rarely used must not keep others' events.
            let text = written.as_ref().ok().map(|()| Bytes::copy_from_slice(text));
            for route in encoder.routes.iter_mut().filter(|route| wants(route)) {
                let Some(text) = &text else {
                    route.tally.taken(1);
                    route.tally.undelivered(Reason::Unwritable, severity, 1);
                    continue;
                };
                let facts = facts.get_or_insert_with(|| {
                    Arc::new(Facts {
                        id: String::from_utf8_lossy(self.ids.of(document)).into_owned(),
                        time: document.time(),
                        topic,
                        severity,
                    })
                });
                let new = New {
                    facts: facts.clone(),
                    document: text.clone(),
                };
                self.pending_bytes += new.size();
                route.pending.push(new);
                taken = true;
            }
            failure = failure.or(written.err());
        }
        // One event of a flood does not make the scratch long for ever.
        self.scratch.shrink_to(PIECE_BYTES);
        match failure {
            Some(failure) if !taken => Err(failure),
            _ => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.pending_bytes >= PIECE_BYTES
    }

    fn flush(&mut self) -> io::Result<()> {
        if mem::take(&mut self.pending_bytes) == 0 {
            return Ok(());
        }
        for route in self
            .encoders
            .iter_mut()
            .flat_map(|encoder| &mut encoder.routes)
        {
            if !route.pending.is_empty() {
                route.tally.taken(route.pending.len() as u64);
                let bytes = route.pending.iter().map(New::size).sum();
                Self::wait_for(&route.inbox, bytes, &mut self.leisure);
                route.inbox.put(&mut route.pending);
            }
        }
        Ok(())
    }

    fn undelivered(&mut self) -> Vec<Undelivered> {
        self.routes()
            .flat_map(|route| route.tally.news(&route.name))
            .collect()
    }
}
