//! zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)), which AWS Glue's framing can contain.

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{self, Read, Write};

/// The maximum size of a decompressed payload: 64 MiB.
pub(crate) const LARGEST: usize = 64 << 20;
/// How many bytes are decompressed at a time.
const PIECE: usize = 16 << 10;

/// The error of decompressing a payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZlibError {
    /// The bytes are not zlib, or are incomplete.
    #[error("the payload is marked as compressed by zlib, but cannot be decompressed: {0}")]
    Broken(String),

    /// The decompressed payload would exceed the limit.
    #[error("the payload of {found} bytes decompresses to more than the {limit} bytes allowed")]
    TooLarge {
        /// The compressed size, in bytes.
        found: usize,
        /// The maximum decompressed size, in bytes.
        limit: usize,
    },

    /// Bytes follow the end of the compressed payload.
    #[error("{0} bytes follow the end of the compressed payload; allowed: none")]
    Trailing(usize),
}

/// Compresses `bytes` at zlib's default level.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Decompresses `bytes` to at most `limit` bytes. Memory grows with the output, to at most twice its size.
///
/// # Errors
///
/// [`ZlibError`]; after [`TooLarge`](ZlibError::TooLarge), at most `limit` bytes were decompressed.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ZlibError> {
    let mut decoder = ZlibDecoder::new(bytes);
    let mut output = Vec::new();
    let mut piece = [0; PIECE];
    loop {
        let read = match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ZlibError::Broken(error.to_string())),
        };
        if read > limit - output.len() {
            let found = bytes.len();
            return Err(ZlibError::TooLarge { found, limit });
        }
        output.extend_from_slice(&piece[..read]);
    }
    let taken = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
    match bytes.len().saturating_sub(taken) {
        0 => Ok(output),
        more => Err(ZlibError::Trailing(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `hello` as Java's Deflater and Python's zlib.compress write it.
    const HELLO: &[u8] = &[
        0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15,
    ];

    #[test]
    fn what_others_write_is_read() {
        assert_eq!(decompress(HELLO, LARGEST), Ok(b"hello".to_vec()));
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = compress(&vec![0; 8 << 20]);
        assert!(bomb.len() < 16 << 10, "{}", bomb.len());
        let error = decompress(&bomb, 1 << 20).unwrap_err();
        assert_eq!(
            error,
            ZlibError::TooLarge {
                found: bomb.len(),
                limit: 1 << 20
            }
        );
        assert_eq!(decompress(&bomb, 8 << 20).unwrap().len(), 8 << 20);
        assert!(decompress(&bomb, (8 << 20) - 1).is_err());
    }

    #[test]
    fn what_is_cut_short_changed_or_followed_by_more_is_refused() {
        for end in 0..HELLO.len() {
            let cut = decompress(&HELLO[..end], LARGEST);
            assert!(matches!(cut, Err(ZlibError::Broken(_))), "{end}: {cut:?}");
        }
        let mut changed = HELLO.to_vec();
        changed[12] ^= 1;
        assert!(matches!(
            decompress(&changed, LARGEST),
            Err(ZlibError::Broken(_))
        ));
        let more = [HELLO, b"x"].concat();
        assert_eq!(decompress(&more, LARGEST), Err(ZlibError::Trailing(1)));
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_decompressed(bytes: Vec<u8>) {
            prop_assert_eq!(decompress(&compress(&bytes), bytes.len()), Ok(bytes));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, limit in 0_usize..100) {
            let _ = decompress(&bytes, limit);
        }
    }
}
