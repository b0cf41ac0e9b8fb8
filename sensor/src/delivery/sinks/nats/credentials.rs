//! How the sensor shows a server who it is.

use std::{env, fs, io};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;

use crate::delivery::secret::SecretSource;

/// How the sensor shows a server who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all, or by the certificate that TLS is spoken with.
    #[default]
    None,
    /// A token.
    Token(SecretSource),
    /// A user's name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// The seed of a user's key (`SU...`).
    Nkey(SecretSource),
    /// A user's credentials as `nsc` writes them: a JWT and the seed of its key.
    Credentials(SecretSource),
}

/// What a client says when it comes, as far as it shows who it is.
#[derive(Default, Serialize)]
pub struct Proof {
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nkey: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// Most bytes of a file with credentials.
const CREDENTIALS_MAX: u64 = 64 << 10;

/// What the first byte of a seed begins with, and what the type of a user's key is.
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

impl Authentication {
    /// Reads the secrets, and signs the server's nonce if it takes that.
    ///
    /// # Errors
    ///
    /// If a secret cannot be read or is no such thing; never tells it.
    pub fn prove(&self, nonce: Option<&str>) -> io::Result<Proof> {
        let mut proof = Proof::default();
        match self {
            Self::None => {}
            Self::Token(token) => proof.auth_token = Some(token.read()?.reveal().to_owned()),
            Self::Password { user, password } => {
                proof.user = Some(user.clone());
                proof.pass = Some(password.read()?.reveal().to_owned());
            }
            Self::Nkey(seed) => {
                let key = UserKey::from_seed(seed.read()?.reveal())?;
                proof.nkey = Some(key.name());
                proof.sig = Some(key.sign(nonce)?);
            }
            Self::Credentials(source) => {
                let text = read_lines(source)?;
                let jwt = section(&text, "USER JWT")?;
                let key = UserKey::from_seed(section(&text, "USER NKEY SEED")?)?;
                proof.jwt = Some(jwt.to_owned());
                proof.sig = Some(key.sign(nonce)?);
            }
        }
        Ok(proof)
    }
}

/// Credentials have several lines, which no other secret has.
fn read_lines(source: &SecretSource) -> io::Result<String> {
    match source {
        SecretSource::File(path) => {
            let wrong = |kind, why: String| {
                let place = path.display();
                io::Error::new(
                    kind,
                    format!("cannot read the credentials in {place}: {why}"),
                )
            };
            let length =
                fs::metadata(path).map_err(|error| wrong(error.kind(), error.to_string()))?;
            if length.len() > CREDENTIALS_MAX {
                return Err(wrong(io::ErrorKind::InvalidData, "it is too large".into()));
            }
            fs::read_to_string(path).map_err(|error| wrong(error.kind(), error.to_string()))
        }
        SecretSource::Environment(name) => env::var(name).map_err(|error| {
            io::Error::other(format!(
                "cannot read the credentials in the environment's {name}: {error}"
            ))
        }),
    }
}

/// What stands between `-----BEGIN NAME-----` and `------END NAME------`. The number of dashes
/// and a `NATS`
/// before the name differ between the writers of such files.
fn section<'a>(text: &'a str, name: &str) -> io::Result<&'a str> {
    let is = |line: &str, word: &str| {
        let title = line
            .trim()
            .trim_matches('-')
            .strip_prefix(word)
            .map(str::trim);
        let title = title.map(|title| title.strip_prefix("NATS ").unwrap_or(title));
        line.starts_with("---") && title == Some(name)
    };
    let mut lines = text.lines().skip_while(|line| !is(line, "BEGIN")).skip(1);
    let content = lines.next().map(str::trim).unwrap_or_default();
    let ends = lines.find(|line| !line.trim().is_empty());
    if content.is_empty() || !ends.is_some_and(|line| is(line, "END")) {
        return Err(io::Error::other(format!(
            "the credentials have no section {name:?}\n  write them with `nsc generate creds`"
        )));
    }
    Ok(content)
}

/// A user's key.
struct UserKey(Ed25519KeyPair);

impl UserKey {
    fn from_seed(seed: &str) -> io::Result<Self> {
        let wrong =
            || io::Error::other("the key is no seed of a user's key\n  such a seed begins with SU");
        let bytes = base32_decode(seed.trim()).ok_or_else(wrong)?;
        let (content, checksum) = bytes.split_last_chunk::<2>().ok_or_else(wrong)?;
        if crc16(content) != u16::from_le_bytes(*checksum) {
            return Err(wrong());
        }
        let (prefix, seed) = content.split_first_chunk::<2>().ok_or_else(wrong)?;
        // The type stands after five bits.
        let [first, second] = *prefix;
        if first & 0xf8 != SEED || (first << 5 | second >> 3) != USER {
            return Err(wrong());
        }
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong())?;
        Ok(Self(key))
    }

    /// The public key as the server knows it (`U...`).
    fn name(&self) -> String {
        let mut bytes = vec![USER];
        bytes.extend_from_slice(self.0.public_key().as_ref());
        bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
        base32_encode(&bytes)
    }

    fn sign(&self, nonce: Option<&str>) -> io::Result<String> {
        let nonce = nonce.ok_or_else(|| {
            io::Error::other(
                "the server does not ask for a signature\n  it is not set up for keys: configure \
                 the authentication that it wants",
            )
        })?;
        Ok(URL_SAFE_NO_PAD.encode(self.0.sign(nonce.as_bytes())))
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    let mut push = |five: u32| {
        let letter = usize::try_from(five & 31)
            .ok()
            .and_then(|at| BASE32.get(at));
        text.extend(letter.map(|letter| char::from(*letter)));
    };
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            push(bits >> count);
        }
        bits &= 31;
    }
    if count > 0 {
        push(bits << (5 - count));
    }
    text
}

fn base32_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u16, 0);
    for letter in text.bytes() {
        let five = BASE32.iter().position(|known| *known == letter)?;
        bits = bits << 5 | u16::try_from(five).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            let [_, byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
            bits &= 0xff >> (8 - count);
        }
    }
    Some(bytes)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests;
