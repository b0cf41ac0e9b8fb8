//! What Splunk's collector checks and keeps.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Deserializer, Value, json};

use super::{Asked, Server, Told, Transport};

/// The token that is known.
const TOKEN: &str = "Splunk b0221cd8-c4b4-465a-9a3c-273e3a75aa29";

/// A collector with the index `main`.
pub(crate) struct Splunk {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    events: Vec<Value>,
    /// For each acknowledgement, how often it is asked about until it is true.
    pending: HashMap<u64, u32>,
    acknowledges: bool,
    patience: u32,
    taken: u64,
}

impl Splunk {
    /// What is in the file of a token that is known.
    pub(crate) const SECRET: &'static str = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29\n";

    /// One whose token has no acknowledgement.
    pub(crate) fn start(transport: Transport<'_>) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let handling = Arc::clone(&state);
        let server = Server::start(transport, move |asked| {
            answer(asked, &mut handling.lock().unwrap()).unwrap_or_else(|refusal| refusal)
        });
        Self { server, state }
    }

    /// Turns acknowledgement on: it is true when asked for the `patience`-th time.
    pub(crate) fn acknowledge(&self, patience: u32) {
        let mut state = self.state.lock().unwrap();
        state.acknowledges = true;
        state.patience = patience;
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.state.lock().unwrap().events.clone()
    }

    /// What the collector answers with a code.
    pub(crate) fn code(status: u16, code: u32, text: &str) -> Told {
        Told::json(status, &json!({ "text": text, "code": code }))
    }
}

fn answer(asked: &Asked, state: &mut State) -> Result<Told, Told> {
    match asked.headers.get("authorization") {
        None => return Err(Splunk::code(401, 2, "Token is required")),
        Some(said) if !said.to_str().unwrap().starts_with("Splunk ") => {
            return Err(Splunk::code(401, 3, "Invalid authorization"));
        }
        Some(said) if said != TOKEN => return Err(Splunk::code(403, 4, "Invalid token")),
        Some(_) => {}
    }
    match asked.path.as_str() {
        "/services/collector/event" => event(asked, state),
        "/services/collector/ack" => acknowledgement(asked, state),
        _ => Err(Told::new(404, "<html>404</html>")),
    }
}

/// The channel, which must be a GUID.
fn channel(asked: &Asked) -> Result<(), Told> {
    let channel = asked.headers.get("x-splunk-request-channel");
    let channel = channel.ok_or_else(|| Splunk::code(400, 10, "Data channel is missing"))?;
    let parts = channel.to_str().unwrap().split('-').map(|part| {
        assert!(part.bytes().all(|byte| byte.is_ascii_hexdigit()));
        part.len()
    });
    if parts.eq([8, 4, 4, 4, 12]) {
        return Ok(());
    }
    Err(Splunk::code(400, 11, "Invalid data channel"))
}

fn event(asked: &Asked, state: &mut State) -> Result<Told, Told> {
    if state.acknowledges {
        channel(asked)?;
    }
    let mut events = Vec::new();
    for (index, event) in Deserializer::from_slice(&asked.body)
        .into_iter()
        .enumerate()
    {
        let invalid = |code: u32, text: &str| {
            let told = json!({ "text": text, "code": code, "invalid-event-number": index });
            Told::json(400, &told)
        };
        let event: Value = event.map_err(|_| invalid(6, "Invalid data format"))?;
        let members = event.as_object();
        let members = members.ok_or_else(|| invalid(6, "Invalid data format"))?;
        for (name, value) in members {
            let right = match name.as_str() {
                "event" => true,
                "time" => value.is_number(),
                "host" | "source" | "sourcetype" | "index" => value.is_string(),
                _ => false,
            };
            if !right {
                return Err(invalid(6, "Invalid data format"));
            }
        }
        match members.get("event") {
            None => return Err(invalid(12, "Event field is required")),
            Some(Value::String(text)) if text.is_empty() => {
                return Err(invalid(13, "Event field cannot be blank"));
            }
            Some(_) => {}
        }
        if members.get("index").is_some_and(|index| index != "main") {
            return Err(invalid(7, "Incorrect index"));
        }
        events.push(event);
    }
    if events.is_empty() {
        return Err(Splunk::code(400, 5, "No data"));
    }
    state.events.append(&mut events);
    let mut told = json!({ "text": "Success", "code": 0 });
    if state.acknowledges {
        state.taken += 1;
        state.pending.insert(state.taken, state.patience);
        told["ackId"] = state.taken.into();
    }
    Ok(Told::json(200, &told))
}

fn acknowledgement(asked: &Asked, state: &mut State) -> Result<Told, Told> {
    if !state.acknowledges {
        return Err(Splunk::code(400, 14, "ACK is disabled"));
    }
    channel(asked)?;
    let question: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| Splunk::code(400, 6, "Invalid data format"))?;
    let mut acknowledged = serde_json::Map::new();
    for number in question["acks"].as_array().into_iter().flatten() {
        let number = number.as_u64().unwrap();
        let left = state.pending.get_mut(&number);
        let done = left.is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        });
        if done {
            // It is told once.
            state.pending.remove(&number);
        }
        acknowledged.insert(number.to_string(), done.into());
    }
    Ok(Told::json(200, &json!({ "acks": acknowledged })))
}
