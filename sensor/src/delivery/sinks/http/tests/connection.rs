//! One connection, kept as long as it can be.

use std::net::TcpListener;

use hyper::Version;
use tokio::net::TcpSocket;

use super::*;
use crate::delivery::doubles::{Authority, Flaw, Identity};

#[test]
fn a_connection_is_kept_from_batch_to_batch() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        for _ in 0..5 {
            sink.send(&entries(2)).await.unwrap();
        }
    });
    assert_eq!(double.server.connections(), 1);
    assert_eq!(double.lines().len(), 10);
}

#[test]
fn a_connection_that_closed_meanwhile_is_replaced_without_a_word() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        sink.send(&entries(1)).await.unwrap();
        double.server.script([Act::HangUp]);
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(double.server.connections(), 2);
    assert_eq!(double.lines().len(), 2);
}

#[test]
fn a_new_connection_that_closes_is_a_failure_and_the_next_works() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        let half = Told::new(200, "this is only one half");
        double.server.script([Act::HangUp, Act::BreakOff(half)]);
        let why = again(sink.send(&entries(1)).await).why;
        assert!(why.contains("closed the connection"), "{why}");
        assert!(why.contains(&double.server.url()), "{why}");
        again(sink.send(&entries(1)).await);
        // A refusal is one, however little of it is said.
        let half = Told::new(413, "this is only one half");
        double.server.script([Act::BreakOff(half)]);
        let result = sink.send(&entries(1)).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        sink.send(&entries(1)).await.unwrap();
    });
}

#[test]
fn a_call_that_is_dropped_half_way_leaves_the_sink_usable() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        for number in 1..=3 {
            drop_half_way(&mut sink, &double, number).await;
        }
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(double.server.connections(), 4);
    assert_eq!(double.lines().len(), 1);
}

/// Drops a call after the receiver has heard it, as the `number`-th thing that it hears.
async fn drop_half_way(sink: &mut HttpSink, double: &Lines, number: usize) {
    double.server.script([Act::Silence]);
    let batch = entries(1);
    tokio::select! {
        result = sink.send(&batch) => panic!("{result:?}"),
        () = double.server.heard(number) => {}
    }
}

#[test]
fn who_is_not_let_in_reads_the_secret_again() {
    let double = Lines::start(Transport::One, &[("authorization", "Bearer right")]);
    let token = Scrap::new("wrong");
    let mut settings = settings(&double.server.url());
    settings.authorization = Authorization::Bearer(token.secret());
    let mut sink = HttpSink::new(&settings).unwrap();
    run(async {
        let why = again(sink.send(&entries(1)).await).why;
        assert!(why.contains("does not let the sensor in"), "{why}");
        assert!(!why.contains("wrong"), "{why}");
        token.write("right");
        sink.send(&entries(1)).await.unwrap();
        std::fs::remove_file(&token.0).unwrap();
        // The connection has what it needs.
        sink.send(&entries(1)).await.unwrap();
        double.server.script([Act::HangUp]);
        let why = again(sink.send(&entries(1)).await).why;
        assert!(why.contains(&token.0.display().to_string()), "{why}");
    });
}

#[test]
fn nobody_there_and_no_such_name_are_told() {
    run(async {
        // A port that is taken, and that nobody listens on.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let why = again(sink(&url).send(&entries(1)).await).why;
        assert!(why.contains("refused") && why.contains(&url), "{why}");
        // Too long for a label of a name: nobody needs to be asked about it.
        let host = "x".repeat(64);
        let url = format!("http://{host}:9");
        let why = again(sink(&url).send(&entries(1)).await).why;
        let words = format!("the address of {host} was not found");
        assert!(why.contains(&words) && !why.contains('\n'), "{why}");
    });
}

#[test]
fn who_accepts_and_says_nothing_cannot_hold_up_a_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&format!("https://{}", listener.local_addr().unwrap()));
    let authority = Authority::new("authority");
    settings.http.tls = authority.trusted();
    settings.http.connect_timeout = Duration::from_millis(100);
    let mut sink = HttpSink::new(&settings).unwrap();
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(why.contains("no handshake within 100ms"), "{why}");
}

#[test]
fn a_batch_that_is_refused_before_it_was_read_is_too_large() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        let told = Told::new(413, "no more than 1 MB");
        double.server.script([Act::Interrupt(told)]);
        let large = entry(1, &"x".repeat(64 << 10));
        let result = sink.send(&[large]).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        sink.send(&entries(1)).await.unwrap();
    });
}

#[test]
fn no_answer_is_read_beyond_its_bound() {
    let double = Lines::start(Transport::One, &[]);
    let mut sink = sink(&double.server.url());
    run(async {
        double.server.script([Act::Flood(64 << 20)]);
        // A success is one, whatever is said with it.
        sink.send(&entries(1)).await.unwrap();
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(double.server.connections(), 2);
}

#[test]
fn http_2_is_spoken_where_it_is_preferred() {
    let authority = Authority::new("authority");
    let certified = authority.certify(Flaw::None);
    let identity = || Identity {
        certified: &certified,
        clients: None,
    };
    let cases: [(&[&[u8]], Version); 3] = [
        (&[b"h2", b"http/1.1"], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ];
    for (alpn, version) in cases {
        let double = Lines::start(Transport::Tls(identity(), alpn), &[]);
        let mut settings = settings(&double.server.url());
        settings.http.tls = authority.trusted();
        settings.http.compression = Compression::Gzip;
        let mut sink = HttpSink::new(&settings).unwrap();
        run(async {
            for _ in 0..3 {
                sink.send(&entries(2)).await.unwrap();
            }
            drop_half_way(&mut sink, &double, 4).await;
            sink.send(&entries(1)).await.unwrap();
        });
        assert!(
            double
                .server
                .asked()
                .iter()
                .all(|asked| asked.version == version)
        );
        assert_eq!(double.server.connections(), 2);
    }
}
