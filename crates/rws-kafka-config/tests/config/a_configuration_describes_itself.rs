use rws_kafka_config::{KafkaConfig, Layers};

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

    assert_eq!(
        config.describe().to_string(),
        r#"
setting                           value           from
brokers                           a:1,b:2         conf/rws.config.toml, line 2
client_id                         rws-kafka       default
consumer_group                    "line\nbreak"   code
group_instance_id                 -               default
security_protocol                 SASL_PLAINTEXT  conf/rws.config.toml, line 3
sasl_mechanism                    PLAIN           conf/rws.config.toml, line 4
sasl_username                     app             environment
sasl_password                     ***             environment
sasl_password_file                -               default
ssl_ca_file                       -               default
ssl_certificate_file              -               default
ssl_key_file                      -               default
ssl_key_password                  -               default
session_timeout_ms                30000           flag
auto_offset_reset                 earliest        default
readyz_lag_timeout_ms             60000           default
schema_registry_url               -               default
schema_registry_username          -               default
schema_registry_password          -               default
schema_registry_password_file     -               default
schema_registry_token_file        -               default
schema_registry_ca_file           -               default
schema_registry_certificate_file  -               default
schema_registry_key_file          -               default
schema_registry_glue_region       -               default
schema_registry_glue_name         -               default
schema_registry_auto_register     true            default
schema_registry_use_latest        false           default
properties.linger.ms              20              conf/rws.config.toml, line 6"#
            .trim_start()
    );
}
