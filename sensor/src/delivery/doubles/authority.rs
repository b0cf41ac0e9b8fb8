//! Signs certificates.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::Scrap;
use crate::delivery::tls;

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Scrap,
    root: CertificateDer<'static>,
}

/// What may be wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYetValid,
    OtherName,
}

/// A certificate with its key, in files.
pub(crate) struct Certified {
    certificate: Scrap,
    key: Scrap,
}

/// What a server that speaks TLS needs.
pub(crate) struct Identity<'a> {
    pub(crate) certified: &'a Certified,
    /// Whose certificates clients must have.
    pub(crate) clients: Option<&'a Authority>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: Scrap::new(&certificate.pem()),
            root: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for `localhost`, 127.0.0.1 and ::1, for servers and clients.
    pub(crate) fn certify(&self, flaw: Flaw) -> Certified {
        let names = match flaw {
            Flaw::OtherName => vec!["other.example".to_owned()],
            _ => ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into(),
        };
        let mut params = CertificateParams::new(names).unwrap();
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Flaw::NotYetValid => params.not_before = date_time_ymd(4000, 1, 1),
            Flaw::None | Flaw::OtherName => {}
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified {
            certificate: Scrap::new(&certificate.pem()),
            key: Scrap::new(&key.serialize_pem()),
        }
    }

    /// Settings of who trusts this authority only.
    pub(crate) fn trusted(&self) -> tls::TlsSettings {
        tls::TlsSettings {
            ca_file: Some(self.certificate.0.clone()),
            ..tls::TlsSettings::default()
        }
    }
}

impl Certified {
    pub(crate) fn identity(&self) -> tls::Identity {
        tls::Identity {
            certificate_file: self.certificate.0.clone(),
            key_file: self.key.0.clone(),
        }
    }
}

impl Identity<'_> {
    /// A server that proposes these protocols.
    pub(super) fn config(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.root.clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let certificate = CertificateDer::from_pem_file(&self.certified.certificate.0).unwrap();
        let key = PrivateKeyDer::from_pem_file(&self.certified.key.0).unwrap();
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}
