use std::{env, fs};

use rws_kafka_config::{KafkaConfig, Layers, reference_table, settings};

use crate::support::problems;

/// The table in the crate's documentation.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/settings.md");

#[test]
fn the_crate_docs_hold_the_reference_table() {
    if env::var_os("UPDATE_TABLES").is_some() {
        fs::write(TABLE, reference_table()).expect("the table is written");
    }
    let docs = fs::read_to_string(TABLE).expect("the table");
    assert!(
        docs == reference_table(),
        "settings.md is out of date: run `UPDATE_TABLES=1 cargo test -p rws-kafka-config --test config`"
    );
}

/// An empty value is wrong for all of them.
#[test]
fn each_setting_is_read_from_each_layer_and_says_what_it_allows() {
    for setting in settings() {
        let (key, env, flag) = (setting.key(), setting.env(), setting.flag());
        for (layers, place) in [
            (
                Layers::new().toml("f", format!("[kafka]\n{key} = ''")),
                format!("`kafka.{key}` in f, line 2"),
            ),
            (
                Layers::new().env([(env, "")]),
                format!("environment variable {env}"),
            ),
            (
                Layers::new().args([format!("{flag}=")]),
                format!("flag {flag}"),
            ),
        ] {
            let found = problems(KafkaConfig::from_layers(layers));
            let begin = format!("{place}: found an empty value, ");
            let end = format!(" or give {}", setting.allowed());
            let is_told = |problem: &String| problem.starts_with(&begin) && problem.ends_with(&end);
            assert!(found.iter().any(is_told), "{begin}…{end}: {found:#?}");
        }
    }
}

#[test]
fn a_setting_has_one_name_in_the_spelling_of_each_layer() {
    for setting in settings() {
        let key = setting.key();
        assert_eq!(
            setting.env(),
            format!("RWS_CONFIG_KAFKA_{}", key.to_uppercase())
        );
        assert_eq!(setting.flag(), format!("--kafka-{}", key.replace('_', "-")));
        assert!(!setting.doc().is_empty() && !setting.allowed().is_empty());
    }
}

#[test]
fn secrets_are_named_so_that_the_server_hides_them_too() {
    for setting in settings() {
        let hidden = setting.env().ends_with("PASSWORD");
        assert_eq!(setting.is_secret(), hidden, "{}", setting.key());
    }
}
