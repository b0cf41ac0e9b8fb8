//! An authority, and certificates of it.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};

use super::Directory;
use crate::delivery::tls::{Identity, TlsSettings, TlsVersion};

/// An authority, and a folder for files.
pub(super) struct Authority {
    directory: Directory,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(super) struct Issued {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            directory: Directory::new("syslog-tls"),
            certificate: parameters.self_signed(&key).unwrap(),
            issuer: Issuer::new(parameters, key),
        }
    }

    /// A certificate for a name that is valid until this year.
    pub(super) fn issue(&self, name: &str, until: i32) -> Issued {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        Issued {
            certificate: parameters.signed_by(&key, &self.issuer).unwrap(),
            key,
        }
    }

    /// What trusts this authority, and shows a certificate.
    pub(super) fn client(&self, identity: Option<&Issued>) -> TlsSettings {
        TlsSettings {
            ca_file: Some(self.file("ca.pem", &self.certificate.pem())),
            identity: identity.map(|issued| Identity {
                certificate_file: self.file("client.pem", &issued.certificate.pem()),
                key_file: self.file("client.key", &issued.key.serialize_pem()),
            }),
            server_name: None,
            minimum_version: TlsVersion::V12,
        }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A server that asks for certificates of this authority, or for none.
    pub(super) fn server(
        &self,
        issued: &Issued,
        version: &'static SupportedProtocolVersion,
        asks: bool,
        tickets: usize,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain: Vec<CertificateDer<'static>> = vec![issued.certificate.der().clone()];
        let key = PrivateKeyDer::try_from(issued.key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.send_tls13_tickets = tickets;
        Arc::new(config)
    }
}
