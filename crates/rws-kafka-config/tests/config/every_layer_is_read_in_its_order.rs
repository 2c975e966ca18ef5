use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rws_kafka_config::{KafkaConfig, Layer, Layers, OffsetReset};

use crate::support::{args, env, problem, toml};

#[test]
fn without_other_layers_the_defaults_hold() {
    let config = env(&[]).unwrap();

    assert_eq!(config.brokers(), "kafka:9092");
    assert_eq!(config.client_id(), "rws-kafka");
    assert_eq!(config.consumer_group(), None);
    assert_eq!(config.security_protocol().as_str(), "PLAINTEXT");
    assert_eq!(config.session_timeout(), Duration::from_secs(45));
    assert!(!config.session_timeout_is_explicit());
    assert_eq!(config.auto_offset_reset(), OffsetReset::Earliest);
    assert_eq!(config.readyz_lag_timeout(), Duration::from_secs(60));
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "[kafka]\nbrokers = 'file:1'\nclient_id = 'file'\nconsumer_group = 'file'";
    let layers = Layers::new()
        .toml("rws.config.toml", file)
        .env([
            ("RWS_CONFIG_KAFKA_CLIENT_ID", "env"),
            ("RWS_CONFIG_KAFKA_CONSUMER_GROUP", "env"),
        ])
        .args(["--kafka-consumer-group=flag"]);
    let config = KafkaConfig::from_layers(layers.clone()).unwrap();

    assert_eq!(config.brokers(), "file:1");
    assert_eq!(config.client_id(), "env");
    assert_eq!(config.consumer_group(), Some("flag"));

    let in_code = KafkaConfig::builder().layers(layers).consumer_group("code");
    assert_eq!(in_code.build().unwrap().consumer_group(), Some("code"));
}

#[test]
fn a_wrong_value_is_no_problem_where_a_higher_layer_gives_another() {
    let config = KafkaConfig::from_layers(
        Layers::new()
            .toml("rws.config.toml", "[kafka]\nsession_timeout_ms = [1]")
            .env([
                ("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "soon"),
                ("RWS_CONFIG_KAFKA_BROKERS", "kafka"),
            ])
            .args(["--kafka-session-timeout-ms=10000"]),
    );
    assert_eq!(config.unwrap().session_timeout(), Duration::from_secs(10));
}

#[test]
fn the_last_of_two_flags_wins() {
    let config = args(&["--kafka-client-id=a", "--kafka-client-id=b"]).unwrap();
    assert_eq!(config.client_id(), "b");
}

#[test]
fn what_is_not_about_kafka_is_ignored() {
    let layers = Layers::new()
        .toml(
            "rws.config.toml",
            "port = 1\n[cors]\nbrokers = 5\n[kafka]\nbrokers = 'kafka'",
        )
        .env([("RWS_CONFIG_PORT", "x"), ("KAFKA_BROKERS", ""), ("A", "")])
        .args([
            "--port=1",
            "-k",
            "serve",
            "--kafkaesque",
            "--",
            "--kafka-x=1",
        ]);
    assert_eq!(KafkaConfig::from_layers(layers).unwrap().brokers(), "kafka");
}

#[test]
fn the_roadmaps_file_is_read() {
    let config = toml(
        r#"
        [kafka]
        brokers = "broker1:9092,broker2:9092"
        client_id = "my-service"
        consumer_group = "my-service-group"
        security_protocol = "SASL_SSL"
        sasl_mechanism = "SCRAM-SHA-256"
        sasl_username = "my-user"
        sasl_password = "my-password"
        "#,
    )
    .unwrap();
    let properties = config.consumer_properties();
    assert_eq!(
        properties.iter().collect::<Vec<_>>(),
        [
            ("bootstrap.servers", "broker1:9092,broker2:9092"),
            ("client.id", "my-service"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "my-user"),
            ("sasl.password", "my-password"),
            ("group.id", "my-service-group"),
            ("session.timeout.ms", "45000"),
            ("auto.offset.reset", "earliest"),
        ]
    );
}

#[test]
fn numbers_may_be_quoted_and_brokers_may_be_an_array() {
    let config = toml(
        "[kafka]\nbrokers = ['a:1', 'b:2']\nsession_timeout_ms = '30000'\n\
         readyz_lag_timeout_ms = 5_000",
    )
    .unwrap();
    assert_eq!(config.brokers(), "a:1,b:2");
    assert_eq!(config.session_timeout(), Duration::from_secs(30));
    assert_eq!(config.readyz_lag_timeout(), Duration::from_secs(5));
}

#[test]
fn names_are_taken_in_any_case_and_blanks_around_values_dropped() {
    let config = env(&[
        ("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", " ssl "),
        ("RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET", "Latest\n"),
    ])
    .unwrap();
    assert_eq!(config.security_protocol().as_str(), "SSL");
    assert_eq!(config.auto_offset_reset(), OffsetReset::Latest);
}

#[test]
fn layers_say_whether_they_set_a_setting() {
    let layers = Layers::new().toml("rws.config.toml", "[kafka]\nbrokers = ''");
    assert!(layers.sets("brokers"));
    assert!(!layers.sets("client_id"));
    assert_eq!(
        problem(KafkaConfig::from_layers(layers)),
        "`kafka.brokers` in rws.config.toml, line 2: found an empty value, which does not unset \
         the setting: leave it out, or give host:port pairs separated by commas (port 9092 if \
         left out, IPv6 in brackets)"
    );
}

/// A valid value of a setting, different for each number.
fn value_of(key: &str, number: u16) -> String {
    match key {
        "brokers" => format!("kafka:{}", number.max(1)),
        "session_timeout_ms" => (6_000 + u32::from(number)).to_string(),
        "auto_offset_reset" => ["earliest", "latest"][usize::from(number % 2)].to_owned(),
        _ => format!("n{number}"),
    }
}

const KEYS: [&str; 5] = [
    "brokers",
    "client_id",
    "consumer_group",
    "session_timeout_ms",
    "auto_offset_reset",
];

/// For each setting, perhaps a value in each of file, environment and flags.
fn any_layers() -> impl Strategy<Value = Vec<[Option<u16>; 3]>> {
    prop::collection::vec(any::<[Option<u16>; 3]>(), KEYS.len()).prop_map(|mut layers| {
        // Brokers are required.
        layers[0][0].get_or_insert(9092);
        layers
    })
}

proptest! {
    #[test]
    fn the_highest_layer_that_names_a_setting_wins(mix in any_layers()) {
        let mut file = String::from("[kafka]\n");
        let mut variables = Vec::new();
        let mut flags = Vec::new();
        let mut expected = BTreeMap::new();
        for (key, [in_file, in_env, in_flag]) in KEYS.into_iter().zip(mix) {
            if let Some(number) = in_file {
                let value = value_of(key, number);
                file.push_str(&format!("{key} = '{value}'\n"));
                expected.insert(key, (value, Layer::File));
            }
            if let Some(number) = in_env {
                let value = value_of(key, number);
                let name = format!("RWS_CONFIG_KAFKA_{}", key.to_uppercase());
                variables.push((name, value.clone()));
                expected.insert(key, (value, Layer::Environment));
            }
            if let Some(number) = in_flag {
                let value = value_of(key, number);
                flags.push(format!("--kafka-{}={value}", key.replace('_', "-")));
                expected.insert(key, (value, Layer::Flag));
            }
        }
        let layers = Layers::new().toml("rws.config.toml", file).env(variables).args(flags);
        let config = KafkaConfig::from_layers(layers).unwrap();

        for row in config.describe().rows() {
            match expected.get(row.setting()) {
                Some((value, layer)) => {
                    prop_assert_eq!(row.value(), Some(value.as_str()));
                    prop_assert_eq!(row.layer(), *layer);
                }
                None => prop_assert_eq!(row.layer(), Layer::Default),
            }
        }
        prop_assert_eq!(config.brokers(), &expected["brokers"].0);
        prop_assert_eq!(
            config.session_timeout_is_explicit(),
            expected.contains_key("session_timeout_ms")
        );
    }
}
