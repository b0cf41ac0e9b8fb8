//! How the sensor shows a broker who it is: SASL's PLAIN and SCRAM (RFC 5802, RFC 7677).

use std::{io, num::NonZeroU32};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{digest, hmac, pbkdf2};

use crate::delivery::secret::{Secret, SecretSource};

/// A user, and how it is shown that we are it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The user's name.
    pub user: String,
    /// Its password, read anew for each connection. One that is not ASCII must be in the form that
    /// the broker has it in: it is not normalised.
    pub password: SecretSource,
}

/// A mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent: for TLS only.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// The one message of PLAIN.
#[must_use]
pub fn plain(user: &str, password: &Secret) -> Vec<u8> {
    [b"\0", user.as_bytes(), b"\0", password.reveal().as_bytes()].concat()
}

/// A conversation in SCRAM, of which the first message is sent.
pub struct Scram {
    algorithms: Algorithms,
    nonce: String,
    first_bare: String,
}

/// What the broker must say last, so that it is known to know the password.
pub struct Expected(String);

struct Algorithms {
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
    digest: &'static digest::Algorithm,
}

/// Rounds of hashing. Fewer than the RFC's least are not worth the name; more than the most would
/// keep the sensor from its work.
const ROUNDS_MIN: u32 = 4096;
const ROUNDS_MAX: u32 = 200_000;

/// "Our channel is not bound", in Base64.
const NOT_BOUND: &str = "c=biws";

impl Scram {
    /// Begins one, with a nonce that was never used before and has no comma in it. The mechanism is
    /// SHA-256's unless it is SHA-512's.
    #[must_use]
    pub fn new(mechanism: Mechanism, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let algorithms = match mechanism {
            Mechanism::ScramSha512 => Algorithms {
                hmac: hmac::HMAC_SHA512,
                pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512,
                digest: &digest::SHA512,
            },
            Mechanism::ScramSha256 | Mechanism::Plain => Algorithms {
                hmac: hmac::HMAC_SHA256,
                pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256,
                digest: &digest::SHA256,
            },
        };
        Self {
            algorithms,
            first_bare: format!("n={user},r={nonce}"),
            nonce,
        }
    }

    /// The first message.
    #[must_use]
    pub fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first_bare).into_bytes()
    }

    /// The second message, after the broker's first.
    ///
    /// # Errors
    ///
    /// If the broker's is no such message, or asks for too few or too many rounds.
    pub fn last(&self, challenge: &[u8], password: &Secret) -> io::Result<(Vec<u8>, Expected)> {
        let challenge = text(challenge)?;
        let nonce = attribute(challenge, "r=")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(wrong("has another nonce"));
        }
        let salt = STANDARD
            .decode(attribute(challenge, "s=")?)
            .map_err(|_| wrong("has no salt"))?;
        let rounds = attribute(challenge, "i=")?
            .parse::<u32>()
            .ok()
            .filter(|rounds| (ROUNDS_MIN..=ROUNDS_MAX).contains(rounds))
            .and_then(NonZeroU32::new)
            .ok_or_else(|| wrong("asks for fewer than 4096 or more than 200000 rounds"))?;

        let mut salted = vec![0; self.algorithms.digest.output_len()];
        pbkdf2::derive(
            self.algorithms.pbkdf2,
            rounds,
            &salt,
            password.reveal().as_bytes(),
            &mut salted,
        );
        let sign =
            |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(self.algorithms.hmac, key), text);
        let without_proof = format!("{NOT_BOUND},r={nonce}");
        let exchange = format!("{},{challenge},{without_proof}", self.first_bare);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.algorithms.digest, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), exchange.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(&salted, b"Server Key");
        let expected = sign(server_key.as_ref(), exchange.as_bytes());
        let message = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok((
            message.into_bytes(),
            Expected(STANDARD.encode(expected.as_ref())),
        ))
    }
}

impl Expected {
    /// Whether the broker said it.
    ///
    /// # Errors
    ///
    /// If it did not: it does not know the password, or says that we do not.
    pub fn check(&self, last: &[u8]) -> io::Result<()> {
        let last = text(last)?;
        if let Ok(error) = attribute(last, "e=") {
            return Err(wrong(&format!("says {error:?}")));
        }
        if attribute(last, "v=")? == self.0 {
            Ok(())
        } else {
            Err(wrong("does not show that it knows the password"))
        }
    }
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))
}

fn attribute<'a>(message: &'a str, name: &str) -> io::Result<&'a str> {
    message
        .split(',')
        .find_map(|part| part.strip_prefix(name))
        .ok_or_else(|| wrong(&format!("has no {name:?}")))
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("the broker's SCRAM message {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun(user: &str) -> Scram {
        Scram::new(Mechanism::ScramSha256, user, NONCE.into())
    }

    #[test]
    fn the_conversation_of_rfc_7677_is_held() {
        let scram = begun("user");
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (message, expected) = scram
            .last(CHALLENGE.as_bytes(), &Secret::from("pencil"))
            .unwrap();
        assert_eq!(
            String::from_utf8(message).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        expected
            .check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
        for wrong in [
            &b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="[..],
            b"e=invalid-proof",
            b"",
            b"\xff",
        ] {
            expected.check(wrong).unwrap_err();
        }
    }

    #[test]
    fn sha_512_is_that_of_another_implementation() {
        let scram = Scram::new(Mechanism::ScramSha512, "user", NONCE.into());
        let (message, expected) = scram
            .last(CHALLENGE.as_bytes(), &Secret::from("pencil"))
            .unwrap();
        // By the hashlib and hmac of Python.
        assert!(message.ends_with(
            b",p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
        ));
        expected
            .check(
                b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
            )
            .unwrap();
    }

    #[test]
    fn names_are_escaped_and_plain_is_plain() {
        assert!(begun("a=b,c").first().starts_with(b"n,,n=a=3Db=2Cc,r="));
        assert_eq!(plain("u", &Secret::from("p")), b"\0u\0p");
    }

    #[test]
    fn challenges_that_weaken_it_are_refused() {
        for (from, to) in [
            ("i=4096", "i=4095"),
            ("i=4096", "i=4000000000"),
            ("i=4096", "i=x"),
            ("rOpr", "other"),
            ("s=W", "s=*"),
            ("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
        ] {
            let challenge = CHALLENGE.replace(from, to);
            begun("user")
                .last(challenge.as_bytes(), &Secret::from("pencil"))
                .err()
                .unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(challenge in "([rsi]=|,|[0-9]{1,3}|\\PC){0,12}") {
            let _ = begun("user").last(challenge.as_bytes(), &Secret::from("pencil"));
        }
    }
}
