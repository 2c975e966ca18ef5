//! The handling of failed messages: policies, pauses, circuit breakers, dead letters.

pub(crate) mod backoff;
pub(crate) mod breaker;
pub(crate) mod class;
pub(crate) mod dead_letter;
pub(crate) mod policy;
