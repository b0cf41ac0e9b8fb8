use std::{fs, path::PathBuf, process};

use proptest::prelude::*;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::*;

/// A seed, its public key and its signature of `nonce`, made by the nkeys library for Python.
const SEED_TEXT: &str = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y";
const PUBLIC: &str = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK";
const SIGNATURE: &str =
    "-HTq4d6DDHVNb8MsTRAZtSIa0vXA_yuZblwTA7JT5wYzmKBxJ2wpYfjHh7hcptZlidbVw_6ZLyubjm_yDk-OCQ";
/// A seed of an account's key.
const ACCOUNT_SEED: &str = "SAAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HYMHI";

/// A file that goes away.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &str) -> Self {
        let path = env::temp_dir().join(format!("sensor-nats-{}-{name}", process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn source(&self) -> SecretSource {
        SecretSource::File(self.0.clone())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn a_seed_signs_as_another_implementation_does() {
    let key = UserKey::from_seed(SEED_TEXT).unwrap();
    assert_eq!(key.name(), PUBLIC);
    assert_eq!(key.sign(Some("nonce")).unwrap(), SIGNATURE);
    let no_nonce = key.sign(None).unwrap_err().to_string();
    assert!(no_nonce.contains("does not ask"), "{no_nonce}");
}

#[test]
fn what_is_no_users_seed_is_refused_and_not_told() {
    let mistyped = SEED_TEXT.replace('Q', "R");
    for wrong in [
        "",
        "SU",
        PUBLIC,
        ACCOUNT_SEED,
        &mistyped,
        "su…",
        &SEED_TEXT[..50],
    ] {
        let error = UserKey::from_seed(wrong).err().unwrap().to_string();
        assert!(wrong.len() < 3 || !error.contains(wrong), "{error}");
    }
}

#[test]
fn each_kind_proves_itself() {
    let proven = |authentication: Authentication| {
        serde_json::to_string(&authentication.prove(Some("nonce")).unwrap()).unwrap()
    };
    assert_eq!(proven(Authentication::None), "{}");
    let secret = Written::new("secret", "s3cr\"t\n");
    assert_eq!(
        proven(Authentication::Token(secret.source())),
        r#"{"auth_token":"s3cr\"t"}"#
    );
    let password = Authentication::Password {
        user: "u".into(),
        password: secret.source(),
    };
    assert_eq!(proven(password), r#"{"user":"u","pass":"s3cr\"t"}"#);
    let seed = Written::new("seed", SEED_TEXT);
    assert_eq!(
        proven(Authentication::Nkey(seed.source())),
        format!(r#"{{"nkey":"{PUBLIC}","sig":"{SIGNATURE}"}}"#)
    );
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\ne.y.J\n------END NATS USER JWT------\n\n\
         ************************* IMPORTANT *************************\nNKEY Seed\n\n\
         -----BEGIN USER NKEY SEED-----\n{SEED_TEXT}\n------END USER NKEY SEED------\n"
    )
    .replace("NATS USER JWT", "USER JWT");
    let file = Written::new("credentials", &credentials);
    assert_eq!(
        proven(Authentication::Credentials(file.source())),
        format!(r#"{{"jwt":"e.y.J","sig":"{SIGNATURE}"}}"#)
    );
    let named = Written::new("named", &credentials.replace("USER JWT", "NATS USER JWT"));
    assert!(proven(Authentication::Credentials(named.source())).contains("e.y.J"));
    let cut = Written::new("cut", &credentials[..60]);
    let error = Authentication::Credentials(cut.source())
        .prove(Some("nonce"))
        .err()
        .unwrap();
    assert!(error.to_string().contains("nsc"), "{error}");
}

proptest! {
    #[test]
    fn base32_is_read_as_it_is_written(bytes: Vec<u8>) {
        prop_assert_eq!(base32_decode(&base32_encode(&bytes)), Some(bytes));
    }

    #[test]
    fn any_user_key_signs_so_that_its_name_verifies(seed: [u8; 32], nonce in "\\PC{0,40}") {
        let mut bytes = vec![SEED | USER >> 5, USER << 3];
        bytes.extend_from_slice(&seed);
        bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
        let key = UserKey::from_seed(&base32_encode(&bytes)).unwrap();
        let public = base32_decode(&key.name()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(key.sign(Some(&nonce)).unwrap()).unwrap();
        UnparsedPublicKey::new(&ED25519, &public[1..33])
            .verify(nonce.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn no_text_makes_credentials_panic(text in "(-{3,6}|BEGIN|END| |USER JWT|\n|\\PC){0,20}") {
        let _ = section(&text, "USER JWT");
        let _ = UserKey::from_seed(&text);
    }
}
