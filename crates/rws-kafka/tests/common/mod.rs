//! Shared by the test files; each uses a part of it.
#![allow(dead_code)]

pub(crate) mod child;
pub(crate) mod http;
pub(crate) mod wire;

use std::time::Duration;

/// Far longer than anything here takes: only a hang reaches it.
pub(crate) const SOON: Duration = Duration::from_secs(60);
