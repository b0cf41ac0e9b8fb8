//! A receiver of lines.

use std::sync::{Arc, Mutex};

use super::{Server, Told, Transport};

/// A receiver of lines at `/ingest`.
pub(crate) struct Lines {
    pub(crate) server: Server,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Lines {
    /// One that lets in who says all these.
    pub(crate) fn start(
        transport: Transport<'_>,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&lines);
        let server = Server::start(transport, move |asked| {
            let said = |name| asked.headers.get(name).map(|said| said.to_str().unwrap());
            if headers
                .iter()
                .any(|(name, value)| said(*name) != Some(value))
            {
                return Told::new(403, "not let in");
            }
            if asked.path != "/ingest" {
                return Told::new(404, "<html>no\nsuch page</html>");
            }
            let Ok(text) = std::str::from_utf8(&asked.body) else {
                return Told::new(400, "no text");
            };
            if !text.ends_with('\n') {
                return Told::new(400, "no line end at the end");
            }
            kept.lock().unwrap().extend(text.lines().map(str::to_owned));
            Told::new(204, "")
        });
        Self { server, lines }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}
