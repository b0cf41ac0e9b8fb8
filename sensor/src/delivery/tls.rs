//! TLS to receivers, by rustls.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How a receiver is trusted, and how it is to trust us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file of the authorities that may have signed the receiver's certificate; the host's own
    /// store if none.
    pub ca_file: Option<PathBuf>,
    /// PEM files of our certificate (with what leads to its authority) and of its key.
    pub identity: Option<Identity>,
    /// The name in the receiver's certificate, if it is not that in its address.
    pub server_name: Option<String>,
    /// The lowest version that is spoken.
    pub minimum_version: TlsVersion,
}

/// Our own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// PEM file of the certificate.
    pub certificate_file: PathBuf,
    /// PEM file of its key.
    pub key_file: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    V12,
    /// 1.3
    V13,
}

/// What connects with these settings. Certificates are read when it is made.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    server_name: Option<String>,
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or has no certificate or key that can be used.
    pub fn new(settings: &TlsSettings, alpn: &[&[u8]]) -> io::Result<Self> {
        static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];
        static TLS12_AND_13: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let versions = match settings.minimum_version {
            TlsVersion::V12 => TLS12_AND_13,
            TlsVersion::V13 => TLS13_ONLY,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_root_certificates(roots(settings.ca_file.as_deref())?);
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_file(&identity.key_file)
                    .map_err(|error| unusable("key", &identity.key_file, error))?;
                builder
                    .with_client_auth_cert(certificates(&identity.certificate_file)?, key)
                    .map_err(|error| unusable("certificate", &identity.certificate_file, error))?
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            server_name: settings.server_name.clone(),
        })
    }

    /// Shakes hands with the receiver at the other end, which calls itself `host` in its address.
    ///
    /// # Errors
    ///
    /// If it cannot be trusted, does not trust us, or is gone; says which.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let host = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']))
            .map_err(|_| io::Error::other(format!("{host:?} is no name of a server")))?
            .to_owned();
        self.connector.connect(name, stream).await
    }
}

fn roots(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        for certificate in certificates(file)? {
            roots
                .add(certificate)
                .map_err(|error| unusable("certificate", file, error))?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    // The store of a host may well have one that cannot be used among a hundred.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(io::Error::other(
            "this host has no store of certificates to trust\n  name a file with `ca_file`",
        ));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable("certificate", file, error))?;
    if certificates.is_empty() {
        return Err(io::Error::other(format!(
            "{} has no certificate in it",
            file.display()
        )));
    }
    Ok(certificates)
}

fn unusable(what: &str, file: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!(
        "cannot use the {what} in {}: {error}",
        file.display()
    ))
}
