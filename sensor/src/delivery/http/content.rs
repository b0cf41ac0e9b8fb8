//! What is sent.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use hyper::body::Bytes;

/// How what is sent is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// By gzip. Documents become about a tenth as long.
    Gzip,
}

/// Compresses by gzip, quickly rather than well: documents repeat themselves so much that more effort
/// gains little, and the host has better things to do.
///
/// # Errors
///
/// None, as what is written to is memory; the encoder's interface has one.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let room = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = GzEncoder::new(room, flate2::Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(bytes: Vec<u8>) {
            let mut back = Vec::new();
            GzDecoder::new(&*gzip(&bytes).unwrap()).read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, bytes);
        }
    }
}
