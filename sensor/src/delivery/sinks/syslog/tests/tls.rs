//! TLS, with receivers that trust and that do not.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    version::{TLS12, TLS13},
};

use super::{super::*, certificates::Authority, streams::read_messages, *};

type Served = (Vec<String>, StreamOwned<ServerConnection, TcpStream>);

/// Accepts a connection, and reads so many messages.
fn serve(config: &Arc<ServerConfig>, listener: &TcpListener, count: usize) -> JoinHandle<Served> {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let listener = listener.try_clone().unwrap();
    thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = StreamOwned::new(connection, tcp);
        (read_messages(&mut stream, count), stream)
    })
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn sink(port: u16, tls: TlsSettings) -> Syslog {
    let host = "localhost".into();
    let destination = Destination::Tls(Address { host, port }, tls);
    Syslog::new(SyslogSettings::to(destination, "web-1")).unwrap()
}

fn why(failure: Failure) -> String {
    match failure {
        Failure::Again(again) => again.why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_show_who_they_are() {
    let authority = Authority::new("ours");
    let server = authority.issue("localhost", 2100);
    let client = authority.issue("web-1", 2100);
    for version in [&TLS12, &TLS13] {
        for tickets in [0, 2] {
            let config = authority.server(&server, version, true, tickets);
            let (listener, address) = listener();
            let mut sink = sink(address.port(), authority.client(Some(&client)));
            let large = "x".repeat(100_000);
            runtime().block_on(async {
                for _ in 0..2 {
                    let serving = serve(&config, &listener, 3);
                    sink.send(&entries(&["a", &large])).await.unwrap();
                    sink.send(&entries(&["b"])).await.unwrap();
                    let (read, stream) = serving.join().unwrap();
                    assert_eq!(read, ["a", &large, "b"]);
                    // Gone without a word.
                    drop(stream);
                }
            });
        }
    }
}

#[test]
fn a_receiver_that_wants_a_certificate_gets_nothing_without() {
    let authority = Authority::new("ours");
    let server = authority.issue("localhost", 2100);
    let expired = authority.issue("web-1", 2001);
    let stranger = Authority::new("stranger").issue("web-1", 2100);
    for version in [&TLS12, &TLS13] {
        let config = authority.server(&server, version, true, 2);
        for (identity, reason) in [
            (None, "CertificateRequired"),
            (Some(&expired), "CertificateExpired"),
            (Some(&stranger), "UnknownCA"),
        ] {
            let (listener, address) = listener();
            let mut sink = sink(address.port(), authority.client(identity));
            let serving = serve(&config, &listener, 1);
            let why = why(block_on(sink.send(&entries(&["a"]))).unwrap_err());
            assert_eq!(serving.join().unwrap().0, [""; 0]);
            // What 1.2 has for a certificate that is missing is older and less clear.
            assert!(
                why.contains(reason) || (identity.is_none() && why.contains("HandshakeFailure")),
                "{why}"
            );
            assert!(why.contains(&format!("localhost:{}", address.port())));
        }
    }
}

#[test]
fn a_receiver_that_cannot_be_trusted_gets_nothing() {
    let authority = Authority::new("ours");
    let (expired, other) = (
        authority.issue("localhost", 2001),
        authority.issue("elsewhere.example", 2100),
    );
    let stranger = Authority::new("stranger").issue("localhost", 2100);
    for (server, reason) in [
        (&expired, "expired"),
        (&other, "not valid for name"),
        (&stranger, "UnknownIssuer"),
    ] {
        let config = authority.server(server, &TLS13, false, 2);
        let (listener, address) = listener();
        let mut sink = sink(address.port(), authority.client(None));
        let serving = serve(&config, &listener, 1);
        let why = why(block_on(sink.send(&entries(&["a"]))).unwrap_err());
        assert!(why.contains(reason), "{why}");
        assert_eq!(serving.join().unwrap().0, [""; 0]);
    }
    // Unless that is the name it is asked for.
    let config = authority.server(&other, &TLS13, false, 2);
    let (listener, address) = listener();
    let mut settings = authority.client(None);
    settings.server_name = Some("elsewhere.example".into());
    let serving = serve(&config, &listener, 1);
    block_on(sink(address.port(), settings).send(&entries(&["a"]))).unwrap();
    assert_eq!(serving.join().unwrap().0, ["a"]);
}

/// A receiver that has read one of two messages and ends the connection.
fn repeated_after(end: impl FnOnce(Served)) -> Vec<String> {
    let authority = Authority::new("ours");
    let config = authority.server(&authority.issue("localhost", 2100), &TLS13, false, 2);
    let (listener, address) = listener();
    let mut sink = sink(address.port(), authority.client(None));
    runtime().block_on(async {
        let serving = serve(&config, &listener, 1);
        sink.send(&entries(&["a"])).await.unwrap();
        let served = serving.join().unwrap();
        sink.send(&entries(&["b"])).await.unwrap();
        end(served);
        let serving = serve(&config, &listener, usize::MAX);
        sink.send(&entries(&["c"])).await.unwrap();
        drop(sink);
        serving.join().unwrap().0
    })
}

#[test]
fn what_a_receiver_had_not_read_when_it_ended_is_sent_again() {
    let died = repeated_after(drop);
    assert_eq!(died, ["a", "b", "c"]);
    let bade_farewell = repeated_after(|(_, mut stream)| {
        stream.conn.send_close_notify();
        stream.conn.write_tls(&mut stream.sock).unwrap();
    });
    assert_eq!(bade_farewell, ["a", "b", "c"]);
    let had_read_all = repeated_after(|(_, mut stream)| {
        assert_eq!(read_messages(&mut stream, 1), ["b"]);
        stream.conn.send_close_notify();
        stream.conn.write_tls(&mut stream.sock).unwrap();
    });
    assert_eq!(had_read_all, ["c"]);
}
