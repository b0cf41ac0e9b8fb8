//! The attacker's host: an address of this machine, reserved for documentation (RFC 5737).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::victim;

/// Its address.
const ADDRESS: &str = "203.0.113.5";

/// Where it waits for shells.
const SHELLS: u16 = 4444;
/// Where it has a web server.
const WEB: u16 = 8000;
/// Where it answers DNS.
const DNS: u16 = 53;

/// What is typed into a shell that connects.
const COMMANDS: &[u8] = b"id\nuname -a\nexit\n";

/// Begins to listen.
pub fn listen() -> Result<()> {
    victim::succeed("ip", &["address", "add", "203.0.113.5/32", "dev", "lo"])?;
    // Hosts that are not there: silence, as behind a firewall.
    victim::succeed("ip", &["link", "set", "dummy0", "up"])?;
    victim::succeed("ip", &["route", "add", "198.51.100.0/24", "dev", "dummy0"])?;
    serve(SHELLS, |mut stream| {
        let _ = stream.write_all(COMMANDS);
        let _ = stream.read_to_end(&mut Vec::new());
    })?;
    serve(WEB, web)?;
    let socket = UdpSocket::bind((ADDRESS, DNS)).context("cannot bind the DNS port")?;
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            // The question as it came, and that there is no such name.
            let [_, _, flags, code, ..] = &mut buffer;
            *flags |= 0x80;
            *code = 3;
            let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), peer);
        }
    });
    Ok(())
}

fn serve(port: u16, talk: fn(TcpStream)) -> Result<()> {
    let listener = TcpListener::bind((ADDRESS, port))
        .with_context(|| format!("cannot listen on {ADDRESS}:{port}"))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
            thread::spawn(move || talk(stream));
        }
    });
    Ok(())
}

/// A request, and as much of its body as comes.
fn web(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => head.extend(buffer.iter().take(length)),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    if text.to_ascii_lowercase().contains("expect: 100-continue") {
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let begun = text.find("\r\n\r\n").map_or(0, |end| head.len() - end - 4);
    let mut left = length.unwrap_or(0).saturating_sub(begun);
    let mut block = vec![0; 1 << 16];
    while left > 0 {
        match stream.read(&mut block) {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => break,
        }
    }
    let path = text.split_whitespace().nth(1).unwrap_or("/");
    let body: Vec<u8> = match path {
        "/install.sh" => b"id > /dev/null; uname -a > /dev/null\n".to_vec(),
        "/install.py" => b"import os\nos.system('id > /dev/null')\n".to_vec(),
        "/true" => std::fs::read("/bin/true").unwrap_or_default(),
        _ => b"ok\n".to_vec(),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body);
}
