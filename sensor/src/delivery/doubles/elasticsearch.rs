//! What Elasticsearch and OpenSearch check and keep.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Server, Told, Transport};

/// An Elasticsearch with the index `logs`.
pub(crate) struct Elasticsearch {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    documents: HashMap<String, Value>,
    faults: HashMap<String, (u16, Value)>,
    lax: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    create: Target,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    _index: String,
    _id: String,
}

impl Elasticsearch {
    /// One that lets in who says this.
    pub(crate) fn start(transport: Transport<'_>, authorization: Option<&'static str>) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let handling = Arc::clone(&state);
        let server = Server::start(transport, move |asked| {
            let said = asked.headers.get("authorization");
            if said.map(|said| said.to_str().unwrap()) != authorization {
                return refusal(401, "security_exception", "missing authentication");
            }
            if asked.path != "/_bulk" {
                return refusal(405, "illegal_argument_exception", "no handler for the path");
            }
            if asked.headers["content-type"] != "application/x-ndjson" {
                return refusal(406, "media_type_header_exception", "content type");
            }
            bulk(asked, &mut handling.lock().unwrap())
                .unwrap_or_else(|why| refusal(400, "illegal_argument_exception", &why))
        });
        Self { server, state }
    }

    /// Answers with this status and error for the document with this id.
    pub(crate) fn fault(&self, id: &str, status: u16, error: Value) {
        let mut state = self.state.lock().unwrap();
        state.faults.insert(id.into(), (status, error));
    }

    /// Forgets all faults.
    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Tells of one document only, from now on.
    pub(crate) fn be_lax(&self) {
        self.state.lock().unwrap().lax = true;
    }

    /// The documents by their id.
    pub(crate) fn documents(&self) -> HashMap<String, Value> {
        self.state.lock().unwrap().documents.clone()
    }
}

fn refusal(status: u16, kind: &str, reason: &str) -> Told {
    let error = json!({ "type": kind, "reason": reason, "root_cause": [] });
    Told::json(status, &json!({ "error": error, "status": status }))
}

/// Takes what the lines say: an action and a document in turns, a line end after each.
fn bulk(asked: &Asked, state: &mut State) -> Result<Told, String> {
    let body = asked.body.strip_suffix(b"\n");
    let body = body.ok_or("The bulk request must be terminated by a newline [\\n]")?;
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let mut items = Vec::new();
    for pair in lines.chunks(2) {
        let [action, document] = pair else {
            return Err("an action without a document".into());
        };
        let Action { create } = serde_json::from_slice(action)
            .map_err(|error| format!("Malformed action/metadata line: {error}"))?;
        let document: Value = serde_json::from_slice(document)
            .ok()
            .filter(Value::is_object)
            .ok_or("a document is no object")?;
        items.push(json!({ "create": create.outcome(document, state) }));
    }
    let errors = items
        .iter()
        .any(|item| item["create"].get("error").is_some());
    if state.lax {
        items.truncate(1);
    }
    Ok(Told::json(
        200,
        &json!({ "took": 7, "errors": errors, "items": items }),
    ))
}

impl Target {
    fn outcome(self, document: Value, state: &mut State) -> Value {
        let failure = |status: u16, error: Value| json!({ "status": status, "error": error });
        if self._index != "logs" {
            let reason = format!("no such index [{}]", self._index);
            let error = json!({ "type": "index_not_found_exception", "reason": reason });
            return failure(404, error);
        }
        if let Some((status, error)) = state.faults.get(&self._id) {
            return failure(*status, error.clone());
        }
        if state.documents.contains_key(&self._id) {
            let kind = "version_conflict_engine_exception";
            return failure(
                409,
                json!({ "type": kind, "reason": "document already exists" }),
            );
        }
        state.documents.insert(self._id.clone(), document);
        json!({ "_index": "logs", "_id": self._id, "_version": 1, "status": 201 })
    }
}
