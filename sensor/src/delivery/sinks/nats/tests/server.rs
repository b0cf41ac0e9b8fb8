//! Against the real server, where there is one.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    time::sleep,
};

use super::{super::super::connection::Stream, *};
use crate::delivery::tls::Identity;

/// The server, with its files.
struct Server {
    directory: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// Starts one with these lines in its configuration; none if the program is not there.
    async fn start(name: &str, prepare: impl Fn(&Path) -> String) -> Option<Self> {
        let found = Command::new("nats-server")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if found.is_err() {
            println!("skipped: there is no nats-server");
            return None;
        }
        let directory = env::temp_dir().join(format!("sensor-nats-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let lines = prepare(&directory);
        let mut server = Self {
            directory,
            port: 0,
            process: None,
        };
        // Somebody else may take the port before the server does.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            server.port = listener.local_addr().unwrap().port();
            drop(listener);
            let config = format!(
                "host: 127.0.0.1\nport: {}\njetstream {{ store_dir: {:?} }}\n{lines}\n",
                server.port,
                server.directory.join("store")
            );
            fs::write(server.directory.join("config"), config).unwrap();
            if server.run().await {
                return Some(server);
            }
        }
        panic!("nats-server does not start");
    }

    /// Runs it, and waits until it listens.
    async fn run(&mut self) -> bool {
        let mut process = Command::new("nats-server")
            .arg("-c")
            .arg(self.directory.join("config"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_ok()
            {
                self.process = Some(process);
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        false
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Asks JetStream for something.
    async fn ask(&self, what: &str, body: &Value, connect: &str, tls: Option<&Tls>) -> Value {
        timeout(PATIENCE, self.ask_at_leisure(what, body, connect, tls))
            .await
            .unwrap()
    }

    async fn ask_at_leisure(
        &self,
        what: &str,
        body: &Value,
        connect: &str,
        tls: Option<&Tls>,
    ) -> Value {
        let mut plain = tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .unwrap();
        while plain.read_u8().await.unwrap() != b'\n' {}
        let stream: Box<dyn Stream> = match tls {
            Some(tls) => Box::new(tls.connect("localhost", plain).await.unwrap()),
            None => Box::new(plain),
        };
        let mut stream = BufReader::new(stream);
        let body = body.to_string();
        let text = format!(
            "CONNECT {connect}\r\nSUB answer 1\r\nPUB $JS.API.{what} answer {}\r\n{body}\r\n",
            body.len()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(stream.read_line(&mut line).await.unwrap(), 0);
            assert!(!line.starts_with("-ERR"), "{line}");
            if line.starts_with("MSG answer") {
                let mut answer = String::new();
                stream.read_line(&mut answer).await.unwrap();
                return serde_json::from_str(&answer).unwrap();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A stream that takes messages of up to 100 kB.
fn stream() -> Value {
    json!({
        "name": "S", "subjects": ["sensor.>"], "storage": "file", "retention": "limits",
        "max_msg_size": 100_000, "duplicate_window": 120_000_000_000_u64, "num_replicas": 1,
    })
}

const PASSWORD: &str = r#"{"user":"u","pass":"s3cr3t"}"#;

#[tokio::test]
async fn a_real_stream_keeps_each_document_once_over_restarts() {
    let prepare = |directory: &Path| {
        fs::write(directory.join("password"), "s3cr3t\n").unwrap();
        "authorization { user: u, password: s3cr3t }".to_owned()
    };
    let Some(mut server) = Server::start("restart", prepare).await else {
        return;
    };
    let mut sink = Nats::new(NatsSettings {
        authentication: Authentication::Password {
            user: "u".into(),
            password: SecretSource::File(server.directory.join("password")),
        },
        ..settings(&[&server.address()])
    })
    .unwrap();
    let failure = send(&mut sink, &entries(1..=2)).await.unwrap_err();
    assert!(why(failure).contains("create a JetStream stream"));
    let created = server
        .ask("STREAM.CREATE.S", &stream(), PASSWORD, None)
        .await;
    assert_eq!(created["error"], Value::Null, "{created}");

    let receipt = send(&mut sink, &entries(1..=1000)).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 1000"));
    let batch = [
        entry(1001, vec![b'x'; 90_000]),
        entry(1002, vec![b'x'; 110_000]),
        entry(1003, vec![b'x'; 2_000_000]),
        entry(1004, b"\r\n\"\xc3\xa9".to_vec()),
    ];
    let receipt = send(&mut sink, &batch).await.unwrap();
    let refused: Vec<_> = receipt
        .refused
        .iter()
        .map(|refused| refused.index)
        .collect();
    // The sink knows what the server takes before the server knows what the stream takes.
    assert_eq!((refused, receipt.again), (vec![1, 2], vec![]));

    server.kill();
    let failure = send(&mut sink, &entries(1100..=1101)).await.unwrap_err();
    assert!(why(failure).contains(&server.address()));
    assert!(server.run().await);
    // Some of them the stream has already.
    let mut receipt = send(&mut sink, &entries(991..=1000)).await;
    // JetStream is ready a little after the server listens.
    let begun = Instant::now();
    while receipt.is_err() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20)).await;
        receipt = send(&mut sink, &entries(991..=1000)).await;
    }
    assert_eq!(receipt, Ok(Receipt::all("stream S has 10")));

    let info = server
        .ask("STREAM.INFO.S", &json!({}), PASSWORD, None)
        .await;
    assert_eq!(info["state"]["messages"], 1002, "{info}");
    let last = json!({"seq": 1002});
    let last = server.ask("STREAM.MSG.GET.S", &last, PASSWORD, None).await;
    let data = STANDARD
        .decode(last["message"]["data"].as_str().unwrap())
        .unwrap();
    assert_eq!(data, batch[3].document);
    assert_eq!(last["message"]["subject"], "sensor.sensor_start");
}

/// Writes a certificate of `authority` for this host and its key.
fn certify(directory: &Path, name: &str, authority: &Issuer<'_, KeyPair>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(&key, authority).unwrap();
    let identity = Identity {
        certificate_file: directory.join(format!("{name}.pem")),
        key_file: directory.join(format!("{name}.key")),
    };
    fs::write(&identity.certificate_file, certificate.pem()).unwrap();
    fs::write(&identity.key_file, key.serialize_pem()).unwrap();
    identity
}

#[tokio::test]
async fn a_real_server_is_spoken_to_with_tls_and_a_signature() {
    const SEED: &str = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y";
    const USER: &str = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK";
    let prepare = |directory: &Path| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let ca = directory.join("ca.pem");
        fs::write(&ca, certificate.pem()).unwrap();
        let authority = Issuer::new(params, key);
        let ours = certify(directory, "server", &authority);
        certify(directory, "client", &authority);
        fs::write(directory.join("seed"), SEED).unwrap();
        format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {ca:?}, verify: true }}\n\
             authorization {{ users: [ {{ nkey: {USER} }}, {{ user: u, password: s3cr3t }} ] }}",
            ours.certificate_file, ours.key_file
        )
    };
    let Some(server) = Server::start("tls", prepare).await else {
        return;
    };
    let tls = TlsSettings {
        ca_file: Some(server.directory.join("ca.pem")),
        identity: Some(Identity {
            certificate_file: server.directory.join("client.pem"),
            key_file: server.directory.join("client.key"),
        }),
        ..TlsSettings::default()
    };
    let settings = NatsSettings {
        authentication: Authentication::Nkey(SecretSource::File(server.directory.join("seed"))),
        tls: Some(tls.clone()),
        ..settings(&[&server.address()])
    };
    let connector = Tls::new(&tls, &[]).unwrap();
    let created = server
        .ask("STREAM.CREATE.S", &stream(), PASSWORD, Some(&connector))
        .await;
    assert_eq!(created["error"], Value::Null, "{created}");
    let mut sink = Nats::new(settings.clone()).unwrap();
    let receipt = send(&mut sink, &entries(1..=1500)).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 1500"));

    let failing = async |settings: NatsSettings| {
        let mut sink = Nats::new(settings).unwrap();
        why(send(&mut sink, &entries(1..=1)).await.unwrap_err())
    };
    let anonymous = NatsSettings {
        authentication: Authentication::None,
        ..settings.clone()
    };
    assert!(failing(anonymous).await.contains("Authorization Violation"));
    let plain = NatsSettings {
        tls: None,
        ..settings.clone()
    };
    assert!(failing(plain).await.contains("TLS only"));
    let elsewhere = TlsSettings {
        server_name: Some("elsewhere.example".into()),
        ..tls.clone()
    };
    let untrusted = NatsSettings {
        tls: Some(elsewhere),
        ..settings.clone()
    };
    let why = failing(untrusted).await;
    assert!(why.contains("certificate"), "{why}");
    // What the server says of it may be lost with the connection.
    let nobody = TlsSettings {
        identity: None,
        ..tls.clone()
    };
    let unknown = NatsSettings {
        tls: Some(nobody),
        ..settings
    };
    assert!(failing(unknown).await.contains(&server.address()));
}
