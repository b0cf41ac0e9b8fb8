//! Streams, over Unix sockets and TCP.

use std::{
    collections::BTreeSet,
    io::Read,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::{super::*, parser::frame, *};

fn tcp(address: SocketAddr, framing: Framing) -> Syslog {
    let host = address.ip().to_string();
    let port = address.port();
    let destination = Destination::Tcp(Address { host, port }, framing);
    Syslog::new(SyslogSettings::to(destination, "web-1")).unwrap()
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads so many messages; fewer, if the connection ends before.
pub(super) fn read_messages(stream: &mut impl Read, count: usize) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut messages = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    while messages.len() < count {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend(&chunk[..length]),
        }
        // What the program has read is not lost, be it more than it wanted.
        while let Some(message) = frame(&mut bytes) {
            messages.push(document(&message));
        }
    }
    messages
}

/// Accepts one connection, reads so many messages, and keeps the connection until it is joined.
fn reading(listener: TcpListener, count: usize) -> thread::JoinHandle<(Vec<String>, TcpStream)> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        (read_messages(&mut stream, count), stream)
    })
}

#[test]
fn a_connection_serves_many_batches() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::OctetCounting);
    let large = "x\ny".repeat(100_000);
    let reading = reading(listener, 4);
    runtime().block_on(async {
        for batch in [&["a", "b"][..], &[&large], &["c"]] {
            let receipt = sink.send(&entries(batch)).await.unwrap();
            assert_eq!(receipt.refused, []);
        }
    });
    let (read, _) = reading.join().unwrap();
    assert_eq!(read, ["a", "b", &large, "c"]);
}

#[test]
fn line_feeds_end_messages_where_octets_are_not_counted() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::LineFeed);
    let reading = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        while bytes.iter().filter(|byte| **byte == b'\n').count() < 2 {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        (bytes, stream)
    });
    let batch = entries(&["a", "b\nc", "d"]);
    let receipt = block_on(sink.send(&batch)).unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 1);
    let (bytes, _) = reading.join().unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!([document(&lines[0]), document(&lines[1])], ["a", "d"]);
}

#[test]
fn what_is_too_long_is_refused() {
    let (listener, address) = listener();
    let reading = reading(listener, 1);
    let mut sink = tcp(address, Framing::OctetCounting);
    let receipt = block_on(sink.send(&entries(&["a", &"x".repeat(1 << 20)]))).unwrap();
    assert_eq!(receipt.refused[0].index, 1);
    assert!(receipt.refused[0].why.contains("at most 1048576"));
    assert_eq!(reading.join().unwrap().0, ["a"]);
    // All of a batch: nothing is sent.
    let receipt = block_on(sink.send(&entries(&[&"x".repeat(1 << 20)]))).unwrap();
    assert_eq!(receipt.refused[0].index, 0);
}

#[test]
fn a_connection_that_was_closed_is_made_anew_and_nothing_is_repeated() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::OctetCounting);
    runtime().block_on(async {
        for name in ["a", "b", "c"] {
            let reading = reading(listener.try_clone().unwrap(), 1);
            sink.send(&entries(&[name])).await.unwrap();
            let (read, stream) = reading.join().unwrap();
            assert_eq!(read, [name]);
            drop(stream);
        }
    });
}

#[test]
fn what_a_receiver_had_not_read_when_it_died_is_sent_again() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::OctetCounting);
    runtime().block_on(async {
        // The receiver's kernel takes both, its program reads nothing and dies.
        sink.send(&entries(&["a", "b"])).await.unwrap();
        sink.send(&entries(&["c"])).await.unwrap();
        drop(listener.accept().unwrap());
        let before = reading(listener.try_clone().unwrap(), 4);
        let receipt = sink.send(&entries(&["d"])).await.unwrap();
        assert!(receipt.answer.contains("had lost"), "{}", receipt.answer);
        let (read, stream) = before.join().unwrap();
        assert_eq!(read, ["a", "b", "c", "d"]);
        // It says that it will say no more, and dies with what it had not read.
        sink.send(&entries(&["e"])).await.unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        drop(stream);
        let after = reading(listener, 6);
        sink.send(&entries(&["f"])).await.unwrap();
        let (read, _) = after.join().unwrap();
        assert_eq!(read, ["a", "b", "c", "d", "e", "f"]);
    });
}

#[test]
fn a_receiver_that_dies_in_the_midst_gets_the_batch_again() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::OctetCounting);
    let documents: Vec<_> = (0..100)
        .map(|number| format!("{number}{}", "x".repeat(200_000)))
        .collect();
    let documents: Vec<_> = documents.iter().map(String::as_str).collect();
    let batch = entries(&documents);
    let dying = reading(listener.try_clone().unwrap(), 3);
    let dying = thread::spawn(move || drop(dying.join().unwrap()));
    runtime().block_on(async {
        let Failure::Again(again) = sink.send(&batch).await.unwrap_err() else {
            panic!("it may be there again");
        };
        assert!(again.why.contains("broke"), "{again:?}");
        dying.join().unwrap();
        let reading = reading(listener, documents.len());
        sink.send(&batch).await.unwrap();
        assert_eq!(reading.join().unwrap().0, documents);
    });
}

#[test]
fn a_call_that_is_dropped_leaves_no_half_message() {
    let (listener, address) = listener();
    let mut sink = tcp(address, Framing::OctetCounting);
    runtime().block_on(async {
        sink.send(&entries(&["before"])).await.unwrap();
        // More than the kernels hold.
        let large = "x".repeat(900_000);
        let batch = entries(&[large.as_str(); 40]);
        let sending = tokio::time::timeout(Duration::from_millis(50), sink.send(&batch));
        sending.await.expect_err("nobody reads");
        let (mut half, _) = listener.accept().unwrap();
        // For all that is known the receiver is dead, and has read nothing.
        let reading = reading(listener, 2);
        sink.send(&entries(&["a"])).await.unwrap();
        assert_eq!(reading.join().unwrap().0, ["before", "a"]);
        assert!(read_messages(&mut half, usize::MAX).len() <= batch.len());
    });
}

#[test]
fn what_the_receivers_host_has_not_acknowledged_is_not_sent() {
    let (listener, address) = listener();
    // Room for less than the batch, which the kernel here has room for by far.
    set_socket_recv_buffer_size(&listener, 2048).unwrap();
    let mut sink = tcp(address, Framing::OctetCounting);
    let large = "x".repeat(12_000);
    let batch = entries(&[&large]);
    runtime().block_on(async {
        let mut sending = sink.send(&batch);
        let unread = tokio::time::timeout(Duration::from_millis(50), &mut sending);
        unread.await.expect_err("nobody reads");
        let reading = reading(listener, 1);
        sending.await.unwrap();
        assert_eq!(reading.join().unwrap().0, [large]);
    });
}

#[test]
fn nobody_there_is_told_with_the_address() {
    let (listener, address) = listener();
    drop(listener);
    let failure = block_on(tcp(address, Framing::OctetCounting).send(&entries(&["a"])));
    let Failure::Again(again) = failure.unwrap_err() else {
        panic!("it may come");
    };
    assert!(again.why.contains(&address.to_string()), "{again:?}");
}

#[test]
fn a_unix_stream_is_read_before_it_counts_as_sent() {
    let directory = Directory::new("syslog");
    let path = directory.0.join("log");
    let listener = UnixListener::bind(&path).unwrap();
    let destination = Destination::UnixStream(path.clone(), Framing::OctetCounting);
    let mut sink = Syslog::new(SyslogSettings::to(destination, "web-1")).unwrap();
    runtime().block_on(async {
        let batch = entries(&["a", "b"]);
        let sending = tokio::time::timeout(Duration::from_millis(30), sink.send(&batch));
        sending.await.expect_err("nobody has read it");
        drop(listener.accept().unwrap());
        let reading = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            (read_messages(&mut stream, 2), stream)
        });
        sink.send(&batch).await.unwrap();
        assert_eq!(reading.join().unwrap().0, ["a", "b"]);
    });
}

type Received = Arc<Mutex<BTreeSet<String>>>;

/// A receiver that reads so many messages of each connection and then dies, until it reads all.
fn moody(listener: &TcpListener, moods: Vec<usize>, received: &Received) {
    let moods = moods.into_iter().chain(std::iter::repeat(usize::MAX));
    for (mood, stream) in moods.zip(listener.incoming()) {
        let mut stream = stream.unwrap();
        let keep = |messages: Vec<String>| received.lock().unwrap().extend(messages);
        if mood < usize::MAX {
            keep(read_messages(&mut stream, mood));
            continue;
        }
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            bytes.extend(&chunk[..length]);
            let messages = std::iter::from_fn(|| frame(&mut bytes));
            keep(messages.map(|message| document(&message)).collect());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn nothing_is_lost_however_often_the_receiver_dies(
        moods in proptest::collection::vec(0..6_usize, 0..6),
        sizes in proptest::collection::vec(1..4_usize, 1..8),
    ) {
        let (listener, address) = listener();
        let received = Arc::new(Mutex::new(BTreeSet::new()));
        let filled = Arc::clone(&received);
        // It waits for connections as long as the tests run.
        thread::spawn(move || moody(&listener, moods, &filled));
        let mut sink = tcp(address, Framing::OctetCounting);
        let mut expected = BTreeSet::new();
        runtime().block_on(async {
            for (batch, size) in sizes.iter().enumerate() {
                let documents: Vec<_> = (0..*size).map(|one| format!("{batch}-{one}")).collect();
                let texts: Vec<_> = documents.iter().map(String::as_str).collect();
                let batch = entries(&texts);
                while sink.send(&batch).await.is_err() {}
                expected.extend(documents);
            }
            // That a receiver died with what it had not read is noticed by the batch that follows.
            for _ in 0..10_000 {
                if received.lock().unwrap().is_superset(&expected) {
                    break;
                }
                let _ = sink.send(&entries(&["end"])).await;
            }
        });
        prop_assert!(received.lock().unwrap().is_superset(&expected));
    }
}
