use crate::support::{args, env, problem, toml};
use rws_kafka_config::{KafkaConfig, Layers};

fn in_file(line: &str) -> String {
    problem(toml(&format!("[kafka]\nbrokers = 'a'\n{line}")))
}

#[test]
fn a_misspelt_key_names_the_setting_meant() {
    assert_eq!(
        in_file("sasl_pasword = 'hunter2'"),
        "`kafka.sasl_pasword` in rws.config.toml, line 3: is not a setting; did you mean \
         `sasl_password`?"
    );
    assert_eq!(
        in_file("client-id = 'a'"),
        "`kafka.client-id` in rws.config.toml, line 3: is not a setting; did you mean `client_id`?"
    );
}

#[test]
fn a_misspelt_variable_names_the_variable_meant() {
    assert_eq!(
        problem(env(&[("RWS_CONFIG_KAFKA_BROKER", "a")])),
        "environment variable RWS_CONFIG_KAFKA_BROKER: is not a setting; did you mean \
         `RWS_CONFIG_KAFKA_BROKERS`?"
    );
}

#[test]
fn a_misspelt_flag_names_the_flag_meant() {
    assert_eq!(
        problem(args(&["--kafka-session-timeout=30000"])),
        "flag --kafka-session-timeout: is not a flag; did you mean `--kafka-session-timeout-ms=`?"
    );
    assert_eq!(
        problem(args(&["--kafka_client_id=a"])),
        "flag --kafka_client_id: is not a flag; did you mean `--kafka-client-id=`?"
    );
}

#[test]
fn a_property_in_the_place_of_a_setting_names_its_own_place() {
    assert_eq!(
        in_file("'bootstrap.servers' = 'a'"),
        "`kafka.bootstrap.servers` in rws.config.toml, line 3: is not a setting; did you mean \
         `brokers`?"
    );
    let place = "is not a setting; librdkafka's `linger.ms` goes under `[kafka.properties]` in the \
                 file";
    for found in [
        in_file("linger.ms = 5"),
        in_file("'linger.ms' = 5"),
        problem(env(&[("RWS_CONFIG_KAFKA_LINGER_MS", "5")])),
    ] {
        assert!(found.ends_with(place), "{found}");
    }
    let found = problem(env(&[("RWS_CONFIG_KAFKA_PROPERTIES_X_Y", "5")]));
    assert!(
        found.ends_with("; properties are set under `[kafka.properties]` in the file"),
        "{found}"
    );
}

#[test]
fn a_misspelt_table_names_the_table_meant() {
    assert_eq!(
        in_file("[kafka.propertis]\n'linger.ms' = 5"),
        "`kafka.propertis` in rws.config.toml, line 3: is not a known table; did you mean \
         `[kafka.properties]`?"
    );
    let brokers = ("RWS_CONFIG_KAFKA_BROKERS", "a");
    let layers = Layers::new().toml("rws.config.toml", "[kafak]\nclient_id = 'b'");
    assert_eq!(
        problem(KafkaConfig::from_layers(layers.env([brokers]))),
        "`kafak` in rws.config.toml, line 1: is not a known table; did you mean `[kafka]`?"
    );
    let layers = Layers::new().toml("rws.config.toml", "[kafka]\n[kafka2]\n[kapak]\n[server]");
    assert!(KafkaConfig::from_layers(layers.env([brokers])).is_ok());
}

#[test]
fn a_name_like_no_other_gets_no_hint() {
    assert_eq!(
        in_file("colour = 'red'"),
        "`kafka.colour` in rws.config.toml, line 3: is not a setting"
    );
    let long = "x".repeat(10_000);
    assert!(
        problem(env(&[(&format!("RWS_CONFIG_KAFKA_{long}"), "")])).ends_with("is not a setting")
    );
}

#[test]
fn the_value_of_an_unknown_name_is_not_repeated() {
    for found in [
        in_file("sasl_pasword = 'hunter2'"),
        problem(env(&[("RWS_CONFIG_KAFKA_PASSWORD", "hunter2")])),
        problem(args(&["--kafka-password=hunter2"])),
        problem(args(&["--kafka-sasl-password:hunter2"])),
        problem(args(&["--kafka-sasl-password hunter2"])),
    ] {
        assert!(!found.contains("hunter2"), "{found}");
    }
}
