//! Writes Avro's numbers: zigzag, then seven bits a byte, the lowest first.

/// Appends `value`, in 1 to 10 bytes.
#[inline]
pub(super) fn write(value: i64, to: &mut Vec<u8>) {
    let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    if rest < 0x80 {
        to.push(rest as u8);
        return;
    }
    let mut bytes = [0_u8; 10];
    let mut length = 0;
    for byte in &mut bytes {
        length += 1;
        if rest < 0x80 {
            *byte = rest as u8;
            break;
        }
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    to.extend_from_slice(&bytes[..length]);
}

/// Appends a length or an index. No slice is longer than `i64::MAX`.
#[inline]
pub(super) fn write_length(value: usize, to: &mut Vec<u8>) {
    write(i64::try_from(value).unwrap_or(i64::MAX), to);
}
