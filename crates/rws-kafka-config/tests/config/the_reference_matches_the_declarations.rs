use rws_kafka_config::{reference_table, settings};

#[test]
fn the_crate_docs_hold_the_reference_table() {
    let docs: String = include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .filter(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(docs, reference_table());
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
