//! Strands and shards. Events of one strand are sent one after another. A shard contains many strands, and
//! one relay at a time sends its events. Both numbers are stored in the tables, so the way they are computed
//! must never change.
//!
//! In the tables the column is named `lane`. Another name would break existing databases, and older versions
//! that run on them at the same time.

/// The number of shards of the table.
pub(crate) const SHARDS: i16 = 16;

/// One value per shard.
pub(crate) type PerShard<T> = [T; SHARDS as usize];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strand(pub(crate) i64);

impl Strand {
    pub(crate) fn of_key(topic: &str, key: &[u8]) -> Self {
        Self::of([topic.as_bytes(), b"\0", key])
    }

    /// Returns a strand of its own, for an event that needs no order.
    pub(crate) fn alone(message_id: &[u8; 16]) -> Self {
        Self::of([message_id.as_slice(), b"", b""])
    }

    pub(crate) fn shard(self) -> i16 {
        (self.0 & i64::from(SHARDS - 1)) as i16
    }

    /// FNV-1a, then MurmurHash3's finalizer, because FNV's low bits depend only on the last bytes.
    fn of(parts: [&[u8]; 3]) -> Self {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in parts.into_iter().flatten() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self((hash ^ (hash >> 33)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_strand_for_ever() {
        let strand = Strand::of_key("orders.created", b"order-1");
        assert_eq!(strand, Strand(-6_251_097_522_843_311_916));
        assert_ne!(strand, Strand::of_key("orders.created", b"order-2"));
        assert_ne!(strand, Strand::of_key("orders", b"order-1"));
    }

    #[test]
    fn keys_spread_over_the_shards() {
        let mut counts = [0_u32; SHARDS as usize];
        for key in 0..1600 {
            let strand = Strand::of_key("t", format!("key-{key}").as_bytes());
            counts[usize::try_from(strand.shard()).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| (50..150).contains(count)),
            "{counts:?}"
        );
    }
}
