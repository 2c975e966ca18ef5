//! The errors of a database URL, which contain none of its values.

use crate::error::OutboxError;

pub(super) fn unusable(problem: impl Into<String>) -> OutboxError {
    OutboxError::DatabaseUrl {
        problem: problem.into(),
    }
}

/// Returns an error that names the parameter, unless it may be part of a password.
pub(super) fn unknown(name: &str, query: &str) -> OutboxError {
    let is_name = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    let may_be_secret = query.contains('@') || query.contains("password=");
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_name) || may_be_secret {
        return OutboxError::InvalidDatabaseUrl;
    }
    unusable(format!(
        "has the unknown parameter {name}: remove it, or correct its name"
    ))
}
