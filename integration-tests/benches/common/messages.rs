/// How many messages a run has, if RWS_KAFKA_BENCH_MESSAGES is set.
pub(crate) fn messages() -> Option<usize> {
    let name = "RWS_KAFKA_BENCH_MESSAGES";
    let text = std::env::var(name).ok()?;
    // A tenth of them warm up.
    let messages = text.parse().ok().filter(|&messages| messages >= 10);
    Some(messages.unwrap_or_else(|| panic!("{name} must be a number from 10, found {text:?}")))
}
