use proptest::prelude::*;
use rws_kafka_config::{KafkaConfig, Layers, SaslMechanism, SecurityProtocol};

use crate::support::Files;

/// Everything that a log could show of a configuration or of its errors.
fn renderings(layers: Layers) -> String {
    let builder = KafkaConfig::builder().layers(layers.clone());
    let mut shown = format!("{layers:?}{layers:#?}{builder:?}");
    match builder.build() {
        Ok(config) => {
            let description = config.describe();
            shown += &format!(
                "{config:?}{config:#?}{description}{description:?}{:?}{:?}{:?}",
                config.client_properties(),
                config.producer_properties(),
                config.consumer_properties(),
            );
        }
        Err(error) => shown += &format!("{error}{error:?}{error:#?}"),
    }
    shown
}

#[test]
fn neither_is_one_set_in_code_nor_one_read_from_a_file() {
    let files = Files::new();
    let path = files.write("password", "hunter2-file");
    let builder = KafkaConfig::builder()
        .brokers("kafka")
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::Plain)
        .sasl_username("app")
        .property("ssl.keystore.password", "hunter2-property");
    let from_file = builder.clone().sasl_password_file(path);
    let in_code = builder.sasl_password("hunter2-code");
    let mut shown = format!("{in_code:?}{from_file:?}");
    for builder in [in_code, from_file] {
        let config = builder.build().unwrap();
        let password = config.client_properties();
        assert!(
            password
                .get("sasl.password")
                .unwrap()
                .starts_with("hunter2-")
        );
        shown += &format!("{config:?}{}{password:?}", config.describe());
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// Text around a marker that nothing else contains.
fn secret() -> impl Strategy<Value = String> {
    (any::<String>(), any::<String>()).prop_map(|(before, after)| {
        let clean = |text: String| text.replace('\0', "");
        format!("{}hunter2{}", clean(before), clean(after))
    })
}

/// The settings around the secrets: half of the time those that fit.
fn surroundings() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let any = |values: &[&'static str]| prop::sample::select(values.to_vec());
    let protocol = any(&["PLAINTEXT", "SSL", "SASL_SSL", "nonsense", ""]);
    let mechanism = any(&["PLAIN", "OAUTHBEARER", "SCRAM", ""]);
    let brokers = any(&["kafka:9092", "kafka:0", ""]);
    let fitting = Just(("SASL_SSL", "PLAIN", "kafka:9092"));
    prop_oneof![fitting, (protocol, mechanism, brokers)].prop_map(
        |(protocol, mechanism, brokers)| {
            vec![
                ("SECURITY_PROTOCOL", protocol.to_owned()),
                ("SASL_MECHANISM", mechanism.to_owned()),
                ("SASL_USERNAME", "app".to_owned()),
                ("BROKERS", brokers.to_owned()),
            ]
        },
    )
}

/// A TOML string of any text.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\U{:08X}", u32::from(c)))
        .collect()
}

proptest! {
    #[test]
    fn neither_is_one_of_any_layer_beside_any_other_settings(
        secret in secret(),
        around in surroundings(),
        layer in 0..5,
        setting in prop::sample::select(vec!["sasl_password", "ssl_key_password", "sasl_pasword"]),
    ) {
        let variables = around
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (format!("RWS_CONFIG_KAFKA_{name}"), value));
        let flag = format!("--kafka-{}", setting.replace('_', "-"));
        let layers = Layers::new();
        let layers = match layer {
            0 => layers
                .toml("f", format!("[kafka]\n{setting} = \"{}\"", quoted(&secret)))
                .env(variables),
            // Most of these are not TOML. On a line of its own the secret would
            // be a key, whose name errors do show.
            1 => layers
                .toml("f", format!("[kafka]\n{setting} = {}", secret.replace('\n', "")))
                .env(variables),
            2 => layers
                .toml(
                    "f",
                    format!("[kafka.properties]\n\"ssl.key.pem\" = \"{}\"", quoted(&secret)),
                )
                .env(variables),
            3 => layers.env(variables.chain([(
                format!("RWS_CONFIG_KAFKA_{}", setting.to_uppercase()),
                secret,
            )])),
            _ => layers.env(variables).args([format!("{flag}={secret}")]),
        };
        let shown = renderings(layers);
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }
}
