//! Converts UUIDs between 16 bytes and text.

use std::fmt::Write;

/// Returns the hyphenated text, in lower case.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Parses hyphenated text or 32 digits.
pub(super) fn bytes(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    let digits: Vec<u8> = match text.len() {
        32 => text.to_vec(),
        36 if [8, 13, 18, 23].iter().all(|at| text[*at] == b'-') => {
            text.iter().copied().filter(|c| *c != b'-').collect()
        }
        _ => return None,
    };
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_text_are_of_one_uuid() {
        let given = std::array::from_fn(|index| index as u8 * 17);
        let shown = text(&given);
        assert_eq!(shown, "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(bytes(&shown), Some(given));
        assert_eq!(bytes(&shown.to_uppercase()), Some(given));
        assert_eq!(bytes(&shown.replace('-', "")), Some(given));
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for wrong in [
            "",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefg",
            "0011223344556677-8899-aabbccddeeff--",
            "00112233-4455-6677-8899--abbccddeeff",
            "+0112233445566778899aabbccddeeff",
            "é0112233445566778899aabbccddeef",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
