//! A server that answers with any bytes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Reads a whole HTTP/1.1 request of each client, answers with the next of some bytes, and hangs up.
pub(crate) struct Wire {
    address: SocketAddr,
}

impl Wire {
    pub(crate) fn answering(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else {
                    return;
                };
                if read(&mut stream).is_some() {
                    // Who has seen enough may hang up first.
                    let _ = stream.write_all(&answer);
                }
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads a head and as many bytes as it says.
fn read(stream: &mut TcpStream) -> Option<()> {
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        let length = stream.read(&mut room).ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&room[..length]);
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let (_, rest) = text.split_once("content-length: ")?;
        let body: usize = rest.lines().next()?.parse().ok()?;
        if bytes.len() >= head + 4 + body {
            return Some(());
        }
    }
}
