//! Certificates: an authority's, and those that it signed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::place::write;

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An authority, and who it vouches for.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's own certificate.
    pub authority: PathBuf,
    /// A server at `localhost` and 127.0.0.1.
    pub server: Identity,
    /// The same server, long ago.
    pub expired: Identity,
    /// A server elsewhere.
    pub elsewhere: Identity,
    /// A client by the name of [`CLIENT`].
    pub client: Identity,
}

/// The client's name.
pub const CLIENT: &str = "sensor.test";

impl Certificates {
    /// Makes them all.
    pub fn make(folder: &Path) -> Result<Self> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = CertificateParams::new(Vec::new()).context("no authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "sensor's tests");
        let authority = folder.join("authority.pem");
        let certificate = params.self_signed(&key).context("no authority")?;
        write(&authority, certificate.pem())?;
        let issuer = Issuer::new(params, key);
        let here = ["localhost", "127.0.0.1"];
        Ok(Self {
            server: identity(folder, "server", &here, Validity::Now, &issuer)?,
            expired: identity(folder, "expired", &here, Validity::Over, &issuer)?,
            elsewhere: identity(
                folder,
                "elsewhere",
                &["siem.invalid"],
                Validity::Now,
                &issuer,
            )?,
            client: identity(folder, "client", &[CLIENT], Validity::Now, &issuer)?,
            authority,
        })
    }
}

/// When a certificate is good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Validity {
    Now,
    Over,
}

fn identity(
    folder: &Path,
    name: &str,
    names: &[&str],
    validity: Validity,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Identity> {
    let key = KeyPair::generate().context("cannot make a key")?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names).context("cannot make a certificate")?;
    params.distinguished_name.push(DnType::CommonName, common);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    if validity == Validity::Over {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let signed = params
        .signed_by(&key, issuer)
        .context("cannot make a certificate")?;
    let identity = Identity {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    write(&identity.certificate, signed.pem())?;
    write(&identity.key, key.serialize_pem())?;
    Ok(identity)
}
