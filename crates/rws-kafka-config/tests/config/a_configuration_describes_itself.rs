use rws_kafka_config::{KafkaConfig, Layers, settings};

#[test]
fn it_is_shared_between_threads_as_are_its_errors() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<KafkaConfig>();
    shared::<Layers>();
    shared::<rws_kafka_config::ConfigError>();
    shared::<rws_kafka_config::Properties>();
}

#[test]
fn each_setting_has_a_row_with_its_value_and_layer() {
    let layers = Layers::new()
        .toml(
            "conf/rws.config.toml",
            "[kafka]\nbrokers = 'a:1, b:2'\nsecurity_protocol = 'sasl_plaintext'\n\
             sasl_mechanism = 'PLAIN'\n[kafka.properties]\n'linger.ms' = 20",
        )
        .env([
            ("RWS_CONFIG_KAFKA_SASL_USERNAME", "app"),
            ("RWS_CONFIG_KAFKA_SASL_PASSWORD", "hunter2"),
        ])
        .args(["--kafka-session-timeout-ms=30000"]);
    let config = KafkaConfig::builder()
        .layers(layers)
        .consumer_group("line\nbreak")
        .build()
        .unwrap();

    let set = [
        ("brokers", "a:1,b:2", "conf/rws.config.toml, line 2"),
        ("consumer_group", "\"line\\nbreak\"", "code"),
        (
            "security_protocol",
            "SASL_PLAINTEXT",
            "conf/rws.config.toml, line 3",
        ),
        ("sasl_mechanism", "PLAIN", "conf/rws.config.toml, line 4"),
        ("sasl_username", "app", "environment"),
        ("sasl_password", "***", "environment"),
        ("session_timeout_ms", "30000", "flag"),
    ];
    let row = |name, value, from| format!("{name:32}  {value:14}  {from}");
    let mut expected = vec![row("setting", "value", "from")];
    for setting in settings() {
        let set = set.iter().find(|(key, _, _)| *key == setting.key());
        let default = setting.default_value().unwrap_or("-");
        let default = (setting.key(), default, "default");
        let (key, value, from) = *set.unwrap_or(&default);
        expected.push(row(key, value, from));
    }
    expected.push(row(
        "properties.linger.ms",
        "20",
        "conf/rws.config.toml, line 6",
    ));
    assert_eq!(config.describe().to_string(), expected.join("\n"));
}
