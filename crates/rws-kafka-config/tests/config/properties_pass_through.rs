use rws_kafka_config::{KafkaConfig, is_secret_property};

use crate::support::{problem, problems, toml};

fn with(properties: &str) -> KafkaConfig {
    toml(&format!(
        "[kafka]\nbrokers = 'a'\n[kafka.properties]\n{properties}"
    ))
    .unwrap()
}

fn refused(property: &str) -> String {
    problem(toml(&format!(
        "[kafka]\nbrokers = 'a'\n[kafka.properties]\n{property}"
    )))
}

#[test]
fn each_side_gets_its_own_and_the_common_properties() {
    let config = with(
        "'linger.ms' = 20\n'fetch.min.bytes' = '1024'\n'socket.keepalive.enable' = true\n\
         'max.poll.interval.ms' = 0x100000",
    );
    let (client, producer, consumer) = (
        config.client_properties(),
        config.producer_properties(),
        config.consumer_properties(),
    );
    for properties in [&client, &producer, &consumer] {
        assert_eq!(properties.get("socket.keepalive.enable"), Some("true"));
        assert_eq!(properties.get("client.id"), Some("rws-kafka"));
    }
    assert_eq!(producer.get("linger.ms"), Some("20"));
    assert_eq!(producer.get("fetch.min.bytes"), None);
    assert_eq!(producer.get("auto.offset.reset"), None);
    assert_eq!(consumer.get("linger.ms"), None);
    assert_eq!(consumer.get("fetch.min.bytes"), Some("1024"));
    assert_eq!(consumer.get("max.poll.interval.ms"), Some("1048576"));
    assert_eq!(client.get("linger.ms"), None);
}

#[test]
fn names_need_no_quotes() {
    let config = with("linger.ms = 20\nmax.poll.interval.ms = 400000");
    assert_eq!(config.property("linger.ms"), Some("20"));
    assert_eq!(config.property("max.poll.interval.ms"), Some("400000"));
}

#[test]
fn a_property_is_found_under_any_of_its_names() {
    let config = with("'queue.buffering.max.ms' = 20");
    assert_eq!(config.property("linger.ms"), Some("20"));

    let mut properties = config.producer_properties();
    properties.set_default("linger.ms", "0");
    assert_eq!(properties.get("linger.ms"), Some("20"));
    properties.set("linger.ms", "1");
    assert_eq!(properties.get("queue.buffering.max.ms"), Some("1"));
    properties.remove("queue.buffering.max.ms");
    assert_eq!(properties.get("linger.ms"), None);
}

#[test]
fn code_wins_over_the_file() {
    let layers = rws_kafka_config::Layers::new().toml(
        "rws.config.toml",
        "[kafka]\nbrokers = 'a'\n[kafka.properties]\n'linger.ms' = 20",
    );
    let config = KafkaConfig::builder()
        .layers(layers)
        .property("queue.buffering.max.ms", "5")
        .build()
        .unwrap();
    assert_eq!(config.property("linger.ms"), Some("5"));
}

#[test]
fn the_same_property_twice_in_one_layer_is_refused() {
    assert_eq!(
        refused("'linger.ms' = 1\n'queue.buffering.max.ms' = 2"),
        "`kafka.properties.queue.buffering.max.ms` in rws.config.toml, line 5: is the same \
         property as `linger.ms`, which is set too: keep one"
    );
    assert!(refused("'linger.ms' = 1\nlinger.ms = 2").contains("is set twice"));
}

#[test]
fn a_property_that_a_setting_owns_names_the_setting() {
    assert_eq!(
        refused("'metadata.broker.list' = 'a'"),
        "`kafka.properties.metadata.broker.list` in rws.config.toml, line 4: is set by the \
         setting `brokers`: use that instead (RWS_CONFIG_KAFKA_BROKERS, --kafka-brokers=)"
    );
    for setting in rws_kafka_config::settings() {
        for property in setting.properties() {
            let found = refused(&format!("'{property}' = 'hunter2'"));
            assert!(
                found.contains(&format!("is set by the setting `{}`:", setting.key())),
                "{found}"
            );
            assert!(!found.contains("hunter2"));
        }
    }
}

#[test]
fn a_property_that_a_promise_rests_on_says_why_it_may_not_be_set() {
    assert_eq!(
        refused("'enable.auto.commit' = true"),
        "`kafka.properties.enable.auto.commit` in rws.config.toml, line 4: may not be set: the \
         consumer itself commits an offset once its message is handled"
    );
    for property in [
        "acks",
        "enable.auto.offset.store",
        "transactional.id",
        "dr_msg_cb",
    ] {
        assert!(refused(&format!("'{property}' = '1'")).contains("may not be set: "));
    }
}

#[test]
fn an_unknown_property_gets_a_hint() {
    assert_eq!(
        refused("'linger.sm' = 5"),
        "`kafka.properties.linger.sm` in rws.config.toml, line 4: is not a property of librdkafka \
         2.12; did you mean `linger.ms`?"
    );
    assert!(refused("linger_ms = 5").ends_with("; did you mean `linger.ms`?"));
    assert!(
        refused("brokers = 'a'").ends_with("; did you mean the setting `brokers` of `[kafka]`?")
    );
    assert!(refused("'sasl.jaas.config' = 'hunter2'").ends_with(
        "is not a property of librdkafka 2.12 (the Java client has it; here use the settings \
         `sasl_username` and `sasl_password`)"
    ));
}

#[test]
fn values_are_text_numbers_or_booleans() {
    let allowed = "; allowed: a string, an integer, a float or a boolean";
    assert!(refused("'linger.ms' = [1]").ends_with(&format!("found an array{allowed}")));
    assert!(refused("'linger.ms' = 2020-01-01").ends_with(&format!("found a date{allowed}")));
    assert!(refused("'client.rack' = \"a\\u0000b\"").contains("found a NUL character"));
    assert!(
        refused("'linger.ms' = 99999999999999999999")
            .contains("found an integer of more than 64 bits")
    );
}

#[test]
fn several_wrong_properties_are_told_at_once() {
    let found = problems(toml(
        "[kafka]\nbrokers = 'a'\n[kafka.properties]\nacks = 0\ncolour = 1\n'group.id' = 'a'",
    ));
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn secret_properties_reach_clients_only() {
    let config = with(
        "'ssl.keystore.password' = 'hunter2'\n\
         'sasl.oauthbearer.token.endpoint.url' = 'https://app:hunter2@idp/token'",
    );
    assert_eq!(config.property("ssl.keystore.password"), None);
    assert_eq!(config.property("sasl.oauthbearer.token.endpoint.url"), None);
    let properties = config.producer_properties();
    assert_eq!(properties.get("ssl.keystore.password"), Some("hunter2"));
    assert!(!format!("{properties:?}").contains("hunter2"));
    assert!(!format!("{config:?}{}", config.describe()).contains("hunter2"));

    for name in [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
    ] {
        assert!(is_secret_property(name), "{name}");
    }
    for name in ["ssl.ca.pem", "sasl.username", "ssl.key.location"] {
        assert!(!is_secret_property(name), "{name}");
    }
}
