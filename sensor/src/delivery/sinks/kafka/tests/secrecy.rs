//! TLS, and who the sensor shows itself to be.

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

use super::*;

#[tokio::test]
async fn a_password_is_shown_and_never_told() {
    let path = env::temp_dir().join(format!("sensor-kafka-password-{}", std::process::id()));
    fs::write(&path, "s3cr3t\n").unwrap();
    let with = |double: &Double, mechanism| {
        Kafka::new(KafkaSettings {
            sasl: Some(Sasl {
                mechanism,
                user: "u".into(),
                password: SecretSource::File(path.clone()),
            }),
            ..settings(&[&double.address])
        })
        .unwrap()
    };
    let manner = double::Manner {
        mechanism: Some("PLAIN"),
        ..double::Manner::default()
    };
    let double = Double::start(manner, Box::new(|_| Reaction::Take)).await;
    send(&mut with(&double, Mechanism::Plain), &entries(1..=1))
        .await
        .unwrap();
    assert_eq!(double.seen().shown, [&b"\0u\0s3cr3t"[..]]);
    let other = send(&mut with(&double, Mechanism::ScramSha512), &entries(2..=2)).await;
    assert!(why(other.unwrap_err()).contains("it takes PLAIN"));

    let manner = double::Manner {
        authentication_error: 58,
        ..manner
    };
    let double = Double::start(manner, Box::new(|_| Reaction::Take)).await;
    let failure = send(&mut with(&double, Mechanism::Plain), &entries(1..=1)).await;
    let why = why(failure.unwrap_err());
    assert!(
        why.contains("check the user") && !why.contains("s3cr3t"),
        "{why}"
    );
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_broker_is_spoken_to_with_tls_if_it_is_trusted() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["broker.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let path = env::temp_dir().join(format!("sensor-kafka-ca-{}", std::process::id()));
    fs::write(&path, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let double = Double::start_with(
        double::Manner::default(),
        Some(acceptor),
        Box::new(|_| Reaction::Take),
    )
    .await;
    let with = |server_name: Option<&str>| {
        Kafka::new(KafkaSettings {
            tls: Some(TlsSettings {
                ca_file: Some(path.clone()),
                server_name: server_name.map(str::to_owned),
                ..TlsSettings::default()
            }),
            ..settings(&[&double.address])
        })
        .unwrap()
    };
    let mut sink = with(Some("broker.example"));
    send(&mut sink, &entries(1..=300)).await.unwrap();
    assert_eq!(places(&double), expected(1..=300));
    drop(sink);
    // The certificate is not for the address.
    let failure = send(&mut with(None), &entries(1..=1)).await.unwrap_err();
    let untrusted = why(failure);
    assert!(
        untrusted.contains("certificate") && untrusted.contains(&double.address),
        "{untrusted}"
    );
    fs::remove_file(path).unwrap();
}
