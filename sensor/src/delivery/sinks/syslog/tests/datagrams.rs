//! Datagrams, over Unix sockets and UDP.

use std::{net::UdpSocket, os::unix::net::UnixDatagram, thread, time::Duration};

use super::*;

fn udp(port: u16) -> Syslog {
    let host = "127.0.0.1".into();
    let destination = Destination::Udp(Address { host, port });
    Syslog::new(SyslogSettings::to(destination, "web-1")).unwrap()
}

fn receive(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 1 << 16];
    let length = socket.recv(&mut buffer).unwrap();
    document(&buffer[..length])
}

#[test]
fn udp_takes_what_fits_and_refuses_the_rest() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut sink = udp(receiver.local_addr().unwrap().port());
    let large = "x".repeat(40_000);
    let batch = entries(&["a", &large, &"y".repeat(65_001), "b"]);
    let receipt = block_on(sink.send(&batch)).unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 2);
    assert!(receipt.refused[0].why.contains("use TCP or TLS"));
    for expected in ["a", &large, "b"] {
        assert_eq!(receive(&receiver), expected);
    }
}

#[test]
fn what_the_kernel_takes_no_datagram_for_is_refused() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let host = "127.0.0.1".into();
    let mut settings = SyslogSettings::to(Destination::Udp(Address { host, port }), "web-1");
    settings.message_bytes_max = Some(usize::MAX);
    let mut sink = Syslog::new(settings).unwrap();
    let receipt = block_on(sink.send(&entries(&[&"x".repeat(70_000), "a"]))).unwrap();
    assert_eq!(receipt.refused[0].index, 0);
    assert!(receipt.refused[0].why.contains("use TCP or TLS"));
    assert_eq!(receive(&receiver), "a");
}

#[test]
fn a_udp_port_where_nobody_listens_is_noticed() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let mut sink = udp(address.port());
    drop(receiver);
    runtime().block_on(async {
        let batch = entries(&["a"]);
        let failure = sink.send(&batch).await.unwrap_err();
        assert!(matches!(failure, Failure::Again(_)), "{failure:?}");
        let receiver = UdpSocket::bind(address).unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        sink.send(&batch).await.unwrap();
        assert_eq!(receive(&receiver), "a");
    });
}

#[test]
fn a_udp_batch_that_met_nobody_is_sent_again() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = receiver.local_addr().unwrap();
    let mut sink = udp(address.port());
    runtime().block_on(async {
        sink.send(&entries(&["a"])).await.unwrap();
        drop(receiver);
        // What a host far away says of a datagram comes when its batch counts as sent already.
        let Transport::Datagrams(Datagrams::Udp {
            socket: Some(socket),
            ..
        }) = &sink.transport
        else {
            panic!("it is connected");
        };
        socket.send(b"").await.unwrap();
        let receiver = UdpSocket::bind(address).unwrap();
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        sink.send(&entries(&["b"])).await.unwrap();
        sink.send(&entries(&["c"])).await.unwrap();
        for expected in ["a", "b", "c"] {
            assert_eq!(receive(&receiver), expected);
        }
    });
}

#[test]
fn unix_datagrams_are_read_before_they_count_as_sent() {
    let directory = Directory::new("syslog");
    let path = directory.0.join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let destination = Destination::UnixDatagram(path.clone());
    let mut sink = Syslog::new(SyslogSettings::to(destination, "web-1")).unwrap();
    runtime().block_on(async {
        let batch = entries(&["a"]);
        let sending = tokio::time::timeout(Duration::from_millis(30), sink.send(&batch));
        sending.await.expect_err("nobody has read it");
        let reading = thread::spawn(move || {
            let mut read = Vec::new();
            let mut buffer = vec![0; 1 << 20];
            for _ in 0..4 {
                let length = receiver.recv(&mut buffer).unwrap();
                read.push(document(&buffer[..length]));
            }
            (read, receiver)
        });
        let large = "x".repeat(100_000);
        let batch = entries(&["a", &large, &"y".repeat(64 << 20), "b"]);
        let receipt = sink.send(&batch).await.unwrap();
        assert_eq!(receipt.refused.len(), 1);
        assert_eq!(receipt.refused[0].index, 2);
        let (read, receiver) = reading.join().unwrap();
        assert_eq!(read, ["a", "a", &large, "b"]);
        // The daemon goes, and leaves its socket behind.
        drop(receiver);
        sink.send(&batch).await.unwrap_err();
    });
}
