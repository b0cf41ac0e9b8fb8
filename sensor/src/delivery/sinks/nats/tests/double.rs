//! A server that speaks the protocol strictly, and reacts as a test wants.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What the server does with a message.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Stores it, unless it has one with its id, and acknowledges it.
    Store,
    /// Stores it, and closes the connection instead of acknowledging it.
    StoreAndClose,
    /// Answers with this text and does not store it.
    Say(&'static str),
    /// Says that no stream is there.
    NoResponders,
    /// Says this to the client and not to the inbox.
    Complain(&'static str),
    /// Repeats its answer to the first message of the connection.
    Repeat,
    /// Does nothing.
    Nothing,
    /// Closes the connection.
    Close,
}

/// A message that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub subject: String,
    pub id: String,
    pub document: Vec<u8>,
}

/// What a test sees of the server.
#[derive(Default)]
pub struct Seen {
    pub stored: Vec<Stored>,
    /// Messages that came, in all connections.
    pub messages: usize,
    pub connections: usize,
    pub connects: Vec<Value>,
    /// Violations of the protocol.
    pub wrong: Vec<String>,
}

/// Decides by the number of the connection and of the message in it, both from 1.
pub type Script = Box<dyn FnMut(usize, usize) -> Reaction + Send>;

pub struct Double {
    pub address: String,
    seen: Arc<Mutex<Seen>>,
}

pub const INFO: &str = r#"{"server_name":"double","version":"2.10.0","headers":true,"max_payload":1048576,"nonce":"nonce"}"#;

impl Double {
    /// Starts it in the test's runtime. It greets with `info`.
    pub async fn start(info: &'static str, mut script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            // One after the other: the sink has one connection at a time.
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                shared.lock().unwrap().connections += 1;
                if let Err(wrong) = serve(stream, info, &shared, &mut script).await {
                    shared.lock().unwrap().wrong.push(wrong);
                }
            }
        });
        Self { address, seen }
    }

    /// What was seen until now, if the client kept to the protocol.
    pub fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.wrong, Vec::<String>::new());
        seen
    }
}

/// Serves a connection until its end.
async fn serve(
    stream: TcpStream,
    info: &str,
    seen: &Mutex<Seen>,
    script: &mut Script,
) -> Result<(), String> {
    let mut stream = BufReader::new(stream);
    let _ = stream
        .write_all(format!("INFO {info}\r\n").as_bytes())
        .await;
    let mut inbox = String::new();
    let connection = seen.lock().unwrap().connections;
    let mut messages = 0;
    let mut is_connected = false;
    let mut line = String::new();
    loop {
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        let Some(text) = line.strip_suffix("\r\n") else {
            // Cut by the end of the connection.
            return Ok(());
        };
        let (operation, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !is_connected && operation != "CONNECT" {
            return Err(format!("{text:?} before CONNECT"));
        }
        match operation {
            "CONNECT" => {
                is_connected = true;
                let connect = serde_json::from_str(rest).map_err(|error| error.to_string())?;
                seen.lock().unwrap().connects.push(connect);
            }
            "PING" => write(&mut stream, "PONG\r\nPING\r\n").await,
            "PONG" => {}
            "SUB" => {
                let (subject, _) = rest.split_once(' ').ok_or("SUB without sid")?;
                subject
                    .strip_suffix('*')
                    .ok_or("no wildcard")?
                    .clone_into(&mut inbox);
            }
            "HPUB" => {
                let Some((message, reply)) = read_message(&mut stream, rest).await? else {
                    return Ok(());
                };
                messages += 1;
                seen.lock().unwrap().messages += 1;
                let number = reply.strip_prefix(&inbox).ok_or("a reply elsewhere")?;
                let answer =
                    |json: &str| format!("MSG {inbox}{number} 1 {}\r\n{json}\r\n", json.len());
                match script(connection, messages) {
                    Reaction::Store => {
                        let json = store(message, seen);
                        write(&mut stream, &answer(&json)).await;
                    }
                    Reaction::StoreAndClose => {
                        store(message, seen);
                        return Ok(());
                    }
                    Reaction::Say(json) => write(&mut stream, &answer(json)).await,
                    Reaction::NoResponders => {
                        let text =
                            format!("HMSG {inbox}{number} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
                        write(&mut stream, &text).await;
                    }
                    Reaction::Complain(words) => {
                        write(&mut stream, &format!("-ERR '{words}'\r\n")).await;
                    }
                    Reaction::Repeat => {
                        let text =
                            format!("MSG {inbox}0 1 22\r\n{{\"stream\":\"S\",\"seq\":1}}\r\n");
                        write(&mut stream, &text).await;
                    }
                    Reaction::Nothing => {}
                    Reaction::Close => return Ok(()),
                }
            }
            _ => return Err(format!("{text:?} is not of the protocol")),
        }
    }
}

/// The rest of a message after its line, and the subject of its answer; none if it is cut off.
async fn read_message(
    stream: &mut BufReader<TcpStream>,
    line: &str,
) -> Result<Option<(Stored, String)>, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [subject, reply, headers, size] = words[..] else {
        return Err(format!("HPUB {line:?}"));
    };
    let headers: usize = headers.parse().map_err(|_| "no size")?;
    let size: usize = size.parse().map_err(|_| "no size")?;
    let mut content = vec![0; size + 2];
    if stream.read_exact(&mut content).await.is_err() {
        // The client went away.
        return Ok(None);
    }
    let document = content.split_off(headers);
    let document = document
        .strip_suffix(b"\r\n")
        .ok_or("a message without its end")?;
    let id = String::from_utf8(content).map_err(|error| error.to_string())?;
    let id = id
        .strip_prefix("NATS/1.0\r\nNats-Msg-Id: ")
        .and_then(|rest| rest.strip_suffix("\r\n\r\n"))
        .ok_or_else(|| format!("headers {id:?}"))?;
    let message = Stored {
        subject: subject.to_owned(),
        id: id.to_owned(),
        document: document.to_vec(),
    };
    Ok(Some((message, reply.to_owned())))
}

fn store(message: Stored, seen: &Mutex<Seen>) -> String {
    let stored = &mut seen.lock().unwrap().stored;
    let known = stored.iter().position(|stored| stored.id == message.id);
    if let Some(place) = known {
        return format!(r#"{{"stream":"S","seq":{},"duplicate":true}}"#, place + 1);
    }
    stored.push(message);
    format!(r#"{{"stream":"S","seq":{}}}"#, stored.len())
}

async fn write(stream: &mut BufReader<TcpStream>, text: &str) {
    // A client that went away is none of the server's business.
    let _ = stream.write_all(text.as_bytes()).await;
}
