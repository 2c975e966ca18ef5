//! The examples in `README.md` and in the pages under `docs/`, compiled as documentation tests.

#[doc = include_str!("../../../README.md")]
mod readme {}

#[doc = include_str!("../README.md")]
mod readme_of_this_crate {}

#[doc = include_str!("../../../docs/publishing.md")]
mod publishing {}

#[doc = include_str!("../../../docs/consuming.md")]
mod consuming {}

#[doc = include_str!("../../../docs/failures.md")]
mod failures {}

#[doc = include_str!("../../../docs/exactly-once.md")]
mod exactly_once {}

#[cfg(feature = "outbox")]
#[doc = include_str!("../../../docs/outbox.md")]
mod outbox {}

#[cfg(feature = "avro")]
#[doc = include_str!("../../../docs/typed-messages.md")]
mod typed_messages {}

#[cfg(all(feature = "embedded", feature = "testing"))]
#[doc = include_str!("../../../docs/testing.md")]
mod testing {}

#[doc = include_str!("../../../docs/operating.md")]
mod operating {}

#[doc = include_str!("../../../docs/settings.md")]
mod settings {}

#[doc = include_str!("../../../docs/guarantees-and-limits.md")]
mod guarantees_and_limits {}
