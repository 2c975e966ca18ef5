use proptest::prelude::*;
use rws_kafka_config::{KafkaConfig, Layers, settings};

/// Names that exist, and names that are near them.
fn key() -> impl Strategy<Value = String> {
    let known: Vec<&str> = settings()
        .iter()
        .map(rws_kafka_config::Setting::key)
        .collect();
    prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        "[a-z_.-]{0,20}",
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9:,./@%\\[\\]]{0,30}",
        "-?[0-9]{1,30}",
        Just("/".to_owned()),
        Just("SASL_SSL".to_owned()),
        Just("OAUTHBEARER".to_owned()),
    ]
}

fn toml() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<String>(),
        Just("5".to_owned()),
        Just("[{a=[1]}]".to_owned()),
        Just("{a.b = 1.5, c = inf}".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("0xffffffffffffffffffff".to_owned()),
        value().prop_map(|text| format!("'{text}'")),
    ];
    let lines = prop::collection::vec((key(), value), 0..6);
    let table = prop::sample::select(vec!["", "[kafka]", "[kafka.properties]", "[[kafka]]"]);
    prop_oneof![
        any::<String>(),
        (table, lines).prop_map(|(table, lines)| {
            let lines = lines
                .iter()
                .map(|(key, value)| format!("\n{key} = {value}"));
            format!("{table}{}", lines.collect::<String>())
        }),
    ]
}

proptest! {
    #[test]
    fn any_text_in_any_layer_gives_a_configuration_or_an_error(
        file in toml(),
        env in prop::collection::vec((key(), value()), 0..6),
        args in prop::collection::vec((key(), prop::option::of(value())), 0..6),
        properties in prop::collection::vec((key(), value()), 0..3),
    ) {
        let layers = Layers::new()
            .toml("rws.config.toml", file)
            .env(env.iter().map(|(key, value)| {
                (format!("RWS_CONFIG_KAFKA_{}", key.to_uppercase()), value)
            }))
            .args(args.iter().map(|(key, value)| {
                let flag = format!("--kafka-{}", key.replace('_', "-"));
                value.as_ref().map_or(flag.clone(), |value| format!("{flag}={value}"))
            }));
        let builder = properties
            .iter()
            .fold(KafkaConfig::builder().layers(layers), |builder, (key, value)| {
                builder.property(key, value)
            });
        match builder.build() {
            Ok(config) => {
                let _ = (config.describe().to_string(), format!("{config:?}"));
                prop_assert!(!config.brokers().is_empty());
            }
            Err(error) => {
                prop_assert!(!error.problems().is_empty());
                // A line each, whatever the input holds.
                prop_assert_eq!(error.to_string().lines().count(), error.problems().len() + 1);
            }
        }
    }

    #[test]
    fn any_bytes_give_a_configuration_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        #[cfg(unix)]
        {
            use std::ffi::OsString;
            use std::os::unix::ffi::OsStringExt as _;

            let with = |prefix: &str| {
                OsString::from_vec([prefix.as_bytes(), bytes.as_slice()].concat())
            };
            let layers = Layers::new()
                .env([
                    (OsString::from("RWS_CONFIG_KAFKA_BROKERS"), with("")),
                    (with("RWS_CONFIG_KAFKA_"), with("")),
                ])
                .args([with("--kafka-"), with("--kafka-client-id="), with("")]);
            if let Err(error) = KafkaConfig::from_layers(layers) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}
