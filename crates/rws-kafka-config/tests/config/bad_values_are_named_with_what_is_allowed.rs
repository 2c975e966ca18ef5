use std::time::Duration;

use rws_kafka_config::{KafkaConfig, Layer, Layers, ProblemKind};

use crate::support::{args, env, problem, problems, toml};

#[test]
fn brokers_nowhere_tell_the_three_ways_to_set_them() {
    let error = KafkaConfig::from_layers(Layers::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Kafka configuration has a problem:\n  \
         - `brokers`: is set nowhere and has no default: set \
         RWS_CONFIG_KAFKA_BROKERS=host:9092, or brokers = \"host:9092\" under [kafka] in \
         rws.config.toml, or --kafka-brokers=host:9092"
    );
    assert_eq!(error.problems()[0].kind(), ProblemKind::Missing);
    assert_eq!(error.problems()[0].layer(), Layer::Default);
}

#[test]
fn each_layer_is_named_in_its_own_spelling() {
    let allowed = "whole milliseconds from 6000 to 1800000, a broker's own default bounds";
    assert_eq!(
        problem(env(&[("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "5000")])),
        format!(
            "environment variable RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS: found \"5000\"; \
             allowed: {allowed}"
        )
    );
    assert_eq!(
        problem(args(&["--kafka-session-timeout-ms=30s"])),
        format!("flag --kafka-session-timeout-ms: found \"30s\"; allowed: {allowed}")
    );
    assert_eq!(
        problem(toml(
            "# ours\n[kafka]\nbrokers = 'a'\nsession_timeout_ms = -1"
        )),
        format!(
            "`kafka.session_timeout_ms` in rws.config.toml, line 4: found \"-1\"; \
             allowed: {allowed}"
        )
    );
    let in_code = KafkaConfig::builder()
        .brokers("a")
        .session_timeout(Duration::from_secs(1801));
    assert_eq!(
        problem(in_code.build()),
        format!("`session_timeout_ms` set in code: found \"1801000\"; allowed: {allowed}")
    );
}

#[test]
fn names_list_what_is_allowed() {
    let found = problems(env(&[
        ("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("RWS_CONFIG_KAFKA_SASL_MECHANISM", "GSSAPI"),
        ("RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET", "none"),
    ]));
    assert_eq!(
        found,
        [
            "environment variable RWS_CONFIG_KAFKA_SECURITY_PROTOCOL: found \"TLS\"; allowed: \
             PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
            "environment variable RWS_CONFIG_KAFKA_SASL_MECHANISM: found \"GSSAPI\"; allowed: \
             PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
            "environment variable RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET: found \"none\"; allowed: \
             earliest or latest",
        ]
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let layers = Layers::new()
        .toml("rws.config.toml", "[kafka]\ncolour = 'red'\nclient_id = 5")
        .env([("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "5")])
        .args(["--kafka-auto-offset-reset=never"]);
    let error = KafkaConfig::from_layers(layers).unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "the Kafka configuration has 5 problems:",
            "  - `kafka.colour` in rws.config.toml, line 2: is not a setting",
            "  - `kafka.client_id` in rws.config.toml, line 3: found an integer; allowed: any name",
            "  - environment variable RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS: found \"5\"; allowed: \
             whole milliseconds from 6000 to 1800000, a broker's own default bounds",
            "  - flag --kafka-auto-offset-reset: found \"never\"; allowed: earliest or latest",
            "  - `brokers`: is set nowhere and has no default: set \
             RWS_CONFIG_KAFKA_BROKERS=host:9092, or brokers = \"host:9092\" under [kafka] in \
             rws.config.toml, or --kafka-brokers=host:9092",
        ]
    );
}

#[test]
fn an_empty_value_is_no_default() {
    let empty = "found an empty value, which does not unset the setting: leave it out, or give";
    for name in ["BROKERS", "CLIENT_ID", "SASL_PASSWORD", "SSL_CA_FILE"] {
        let variable = format!("RWS_CONFIG_KAFKA_{name}");
        let found = problems(env(&[(&variable, "")]));
        assert!(
            found[0].starts_with(&format!("environment variable {variable}: {empty}")),
            "{found:?}"
        );
    }
    let found = problem(args(&["--kafka-client-id= "]));
    assert!(found.starts_with(&format!("flag --kafka-client-id: {empty}")));
}

#[test]
fn a_flag_needs_its_value_after_an_equals_sign() {
    assert_eq!(
        problem(args(&["--kafka-client-id", "orders"])),
        "flag --kafka-client-id: has no value; write --kafka-client-id=…, because a value \
         after a space is not read"
    );
}

#[test]
fn a_file_that_is_not_toml_tells_the_line_and_not_its_text() {
    let found = problems(toml(
        "[kafka]\nbrokers = 'a'\nsasl_password = hunter2 and 'more\n",
    ));
    assert!(
        found[0].starts_with("rws.config.toml, line 3: is not valid TOML: "),
        "{found:?}"
    );
    assert!(!found.concat().contains("hunter2"), "{found:?}");
}

#[test]
fn a_kafka_table_that_is_no_table_is_told() {
    let found = problems(toml("kafka = 5"));
    assert_eq!(
        found[0],
        "`kafka` in rws.config.toml, line 1: found an integer; allowed: a table"
    );
    let found = problems(toml("[[kafka]]\nbrokers = 'a'"));
    assert!(
        found[0].ends_with("found an array; allowed: a table"),
        "{found:?}"
    );
    let found = problem(toml("[kafka]\nbrokers = 'a'\nproperties = 'acks'"));
    assert_eq!(
        found,
        "`kafka.properties` in rws.config.toml, line 3: found a string; allowed: a table"
    );
}

#[test]
fn a_group_instance_id_follows_the_rule_of_topic_names() {
    for wrong in ["a b", "a/b", "..", &"x".repeat(250)] {
        let found = problem(env(&[("RWS_CONFIG_KAFKA_GROUP_INSTANCE_ID", wrong)]));
        assert!(
            found.contains("allowed: 1 to 249 of the characters"),
            "{found}"
        );
    }
    let config = env(&[("RWS_CONFIG_KAFKA_GROUP_INSTANCE_ID", "orders-0.a_b")]).unwrap();
    let properties = config.consumer_properties();
    assert_eq!(properties.get("group.instance.id"), Some("orders-0.a_b"));
}

#[test]
fn a_nul_character_is_refused() {
    let found = problem(env(&[("RWS_CONFIG_KAFKA_CLIENT_ID", "a\0b")]));
    assert!(found.contains("found a NUL character"), "{found}");
    let found = problems(env(&[("RWS_CONFIG_KAFKA_SASL_PASSWORD", "hunter2\0")]));
    assert!(found[0].contains("found a NUL character"), "{found:?}");
    assert!(!found.concat().contains("hunter2"), "{found:?}");
}

#[test]
fn a_long_value_is_cut_and_a_line_break_shown_as_one() {
    let found = problem(env(&[(
        "RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET",
        &format!("a\nb{}", "x".repeat(1000)),
    )]));
    assert!(found.contains(r#"found "a\nbxxx"#), "{found}");
    assert!(found.len() < 250, "{found}");
}

#[cfg(unix)]
#[test]
fn text_that_is_not_utf_8_is_told_and_not_repeated() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let broken = |text: &str| OsString::from_vec([text.as_bytes(), b"\xff"].concat());
    let layers = Layers::new()
        .env([
            (OsString::from("RWS_CONFIG_KAFKA_BROKERS"), broken("kafka")),
            (OsString::from("RWS_CONFIG_KAFKA_CLIENT_ID"), "a".into()),
            (broken("RWS_CONFIG_KAFKA_X"), "a".into()),
        ])
        .args([broken("--kafka-consumer-group=a"), broken("--other")]);
    assert_eq!(
        problems(KafkaConfig::from_layers(layers)),
        [
            "environment variable RWS_CONFIG_KAFKA_X\u{fffd}: is not a setting",
            "environment variable RWS_CONFIG_KAFKA_BROKERS: found text that is not UTF-8; \
             allowed: host:port pairs separated by commas (port 9092 if left out, IPv6 in \
             brackets)",
            "flag --kafka-consumer-group: found text that is not UTF-8; allowed: any name",
        ]
    );
}
