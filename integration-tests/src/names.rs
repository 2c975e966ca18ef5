use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Returns a name that no other test, process or run uses: `prefix-<pid>-<random>-<count>`.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{:08x}-{count}", process::id(), random() as u32)
}

/// Returns a topic name that no other test uses.
pub fn unique_topic(prefix: &str) -> String {
    unique(prefix)
}

/// Returns a port on which nothing listens, below the range that the system hands out
/// to outgoing connections: it stays free while its broker is stopped.
pub(crate) fn free_port() -> u16 {
    const RANGE: std::ops::Range<u64> = 10_000..30_000;
    for _ in 0..1000 {
        let port = (RANGE.start + random() % (RANGE.end - RANGE.start)) as u16;
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_err()
            || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
                .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
        if !taken {
            return port;
        }
    }
    panic!("no free port from {} to {}", RANGE.start, RANGE.end);
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        assert_ne!(unique("a"), unique("a"));
        assert!(unique_topic("orders").starts_with("orders-"));
    }
}
