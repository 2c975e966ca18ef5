use crate::support::{env, problem};

fn brokers(text: &str) -> String {
    let config = env(&[("RWS_CONFIG_KAFKA_BROKERS", text)]).unwrap();
    config.brokers().to_owned()
}

fn refused(text: &str) -> String {
    problem(env(&[("RWS_CONFIG_KAFKA_BROKERS", text)]))
}

#[test]
fn names_and_addresses_with_and_without_port_are_taken() {
    for text in [
        "kafka",
        "kafka:9092",
        "10.0.0.1:1",
        "my_kafka-0.kafka.svc.cluster.local:65535",
        "[::1]",
        "[2001:db8::1]:9092",
        "[fe80::1%eth0]:9092",
        "a:1,b:2,a:1",
    ] {
        assert_eq!(brokers(text), text);
    }
}

#[test]
fn blanks_around_brokers_are_dropped() {
    assert_eq!(brokers(" a:1 ,\n b:2 "), "a:1,b:2");
}

#[test]
fn the_wrong_broker_is_named_with_what_is_wrong() {
    for (text, message) in [
        (
            "a:1,b:0",
            "found \"b:0\", where the port is not a number from 1 to 65535",
        ),
        ("a:1,b:65536", "found \"b:65536\", where the port is not"),
        ("b:+1", "found \"b:+1\", where the port is not"),
        ("b:", "found \"b:\", where the port is not"),
        (":9092", "found \":9092\", where the host is missing"),
        (
            "a b:1",
            "found \"a b:1\", where the host is neither a name of a-z",
        ),
        (
            "a:1,,b:2",
            "found \"a:1,,b:2\", where a broker between commas is empty",
        ),
        (
            "a:1,",
            "found \"a:1,\", where a broker between commas is empty",
        ),
        (
            "::1:9092",
            "found \"::1:9092\", where there is more than one colon (an IPv6 address",
        ),
        (
            "[::1",
            "found \"[::1\", where the bracket of the IPv6 address is not closed",
        ),
        (
            "[kafka]:1",
            "found \"[kafka]:1\", where the text in brackets is not an IPv6",
        ),
        (
            "[::1]9092",
            "found \"[::1]9092\", where `]` is not followed by `:port`",
        ),
        (
            "SASL_SSL://kafka:9092",
            "found \"SASL_SSL://kafka:9092\", where a protocol is not allowed: \
             `security_protocol` sets it for all brokers",
        ),
    ] {
        let found = refused(text);
        assert!(found.contains(message), "{text}: {found}");
        assert!(
            found.ends_with(
                "; allowed: host:port pairs separated by commas (port 9092 if left out, IPv6 in \
                 brackets)"
            ),
            "{found}"
        );
    }
}

#[test]
fn credentials_in_a_broker_are_not_repeated() {
    for text in ["app:hunter2@kafka:9092", "SASL_SSL://app:hunter2@kafka"] {
        let found = refused(text);
        assert!(!found.contains("hunter2"), "{found}");
        assert!(
            found.contains("a value that may contain credentials (not shown)"),
            "{found}"
        );
    }
}
