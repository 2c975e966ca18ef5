//! Shared by the test files; each uses a part of it.
#![allow(dead_code)]

pub(crate) mod child;
pub(crate) mod http;
#[cfg(feature = "embedded")]
pub(crate) mod kafka;
pub(crate) mod wire;

use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes: only a hang reaches it.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not come true");
        thread::sleep(Duration::from_millis(5));
    }
}
