//! Answers of any bytes.

use proptest::prelude::*;

use super::*;
use crate::delivery::doubles::Wire;

fn after(answer: &[u8]) -> Result<Receipt, Failure> {
    // Twice: a connection that says nonsense is not asked on again.
    let wire = Wire::answering(vec![answer.to_vec(); 2]);
    let mut sink = sink(&wire.url());
    run(async {
        let first = sink.send(&entries(1)).await;
        let second = sink.send(&entries(1)).await;
        assert_eq!(first.is_ok(), second.is_ok());
        first
    })
}

#[test]
fn what_is_no_answer_is_a_failure() {
    for answer in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "220 mail.example ESMTP\r\n",
    ] {
        let why = again(after(answer.as_bytes())).why;
        assert!(!why.contains('\n'), "{why}");
    }
    after(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    after(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more").unwrap();
    // Until the connection is closed.
    after(b"HTTP/1.0 200 OK\r\n\r\nok").unwrap();
}

#[test]
fn no_head_is_read_beyond_its_bound() {
    let mut answer = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    answer.resize(1 << 20, b'x');
    let why = again(after(&answer)).why;
    assert!(why.contains("too long a head"), "{why}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bytes_do_harm(
        start in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 400 X\r\n\r\n"]),
        rest: Vec<u8>,
    ) {
        let answer = [start.as_bytes(), &rest].concat();
        let _ = after(&answer);
    }
}
