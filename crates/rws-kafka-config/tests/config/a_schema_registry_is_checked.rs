use crate::support::{Files, env, pem, problem, toml};
use rws_kafka_config::{RegistryCredentials, RegistryKind, SchemaRegistryConfig};
use secrecy::ExposeSecret;

const URL: (&str, &str) = (
    "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL",
    "https://a:8081, http://b/x",
);
const USER: (&str, &str) = ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USERNAME", "app");
const PASSWORD: (&str, &str) = ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD", "hunter2");
const REGION: (&str, &str) = (
    "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION",
    "eu-central-1",
);

#[track_caller]
fn registry(variables: &[(&str, &str)]) -> SchemaRegistryConfig {
    let config = env(variables).unwrap();
    config.schema_registry().expect("a registry").clone()
}

#[test]
fn without_url_and_region_there_is_none() {
    assert!(env(&[]).unwrap().schema_registry().is_none());
}

#[test]
fn a_url_gives_one_with_the_credentials_that_are_set() {
    let plain = registry(&[URL]);
    assert!(matches!(
        plain.kind,
        RegistryKind::Confluent { urls, credentials: RegistryCredentials::None }
            if urls == "https://a:8081,http://b/x"
    ));
    assert!(plain.auto_register && !plain.use_latest);

    let files = Files::new();
    let file = files.write("password", "hunter2\n");
    let in_file = (
        "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD_FILE",
        file.to_str().unwrap(),
    );
    for password in [PASSWORD, in_file] {
        let config = registry(&[URL, USER, password]);
        assert!(!format!("{config:?}").contains("hunter2"));
        let RegistryKind::Confluent {
            credentials: RegistryCredentials::Basic { username, password },
            ..
        } = config.kind
        else {
            panic!("{config:?}");
        };
        assert_eq!(
            (username.as_str(), password.expose_secret()),
            ("app", "hunter2")
        );
    }
    let token = ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_TOKEN_FILE", in_file.1);
    assert!(matches!(
        registry(&[URL, token]).kind,
        RegistryKind::Confluent { credentials: RegistryCredentials::Token(token), .. }
            if token.expose_secret() == "hunter2"
    ));
}

#[test]
fn the_file_takes_lists_and_booleans() {
    let config = toml(
        "[kafka]\nbrokers = \"k\"\nschema_registry_url = [\"http://a\", \"http://b\"]\n\
         schema_registry_auto_register = false\nschema_registry_use_latest = true\n",
    )
    .unwrap();
    let registry = config.schema_registry().unwrap();
    assert!(!registry.auto_register && registry.use_latest);
    assert!(matches!(
        &registry.kind,
        RegistryKind::Confluent { urls, .. } if urls == "http://a,http://b"
    ));
}

#[test]
fn a_region_gives_one_of_aws_glue() {
    let name = ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_NAME", "orders");
    assert!(matches!(
        registry(&[REGION, name]).kind,
        RegistryKind::Glue { region, name: Some(name) } if region == "eu-central-1" && name == "orders"
    ));
    assert_eq!(
        problem(env(&[URL, REGION])),
        "environment variable RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION: is set, and so is \
         environment variable RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL: keep one"
    );
}

#[test]
fn what_is_no_url_is_refused_without_its_password() {
    for (url, why) in [
        ("registry:8081", "http:// or https:// is missing"),
        ("https://", "the host is missing"),
        ("http://a,", "http:// or https:// is missing"),
        ("http://a?x=1", "a query is not allowed"),
        (
            "https://app:hunter2@a",
            "user and password have settings of their own",
        ),
    ] {
        let found = problem(env(&[(URL.0, url)]));
        assert!(found.contains(why), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn credentials_must_be_whole_and_of_one_sort() {
    assert_eq!(
        problem(env(&[URL, USER])),
        "environment variable RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USERNAME: is set without its password: \
         set `schema_registry_password` (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD, \
         --kafka-schema-registry-password=)"
    );
    assert!(problem(env(&[URL, PASSWORD])).contains("is set without its user"));
    let files = Files::new();
    let file = files.write("token", "hunter2");
    let token = (
        "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_TOKEN_FILE",
        file.to_str().unwrap(),
    );
    let found = crate::support::problems(env(&[URL, token, USER, PASSWORD]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|found| found.ends_with("TOKEN_FILE: keep one")),
        "{found:?}"
    );
}

#[test]
fn what_nothing_would_use_is_refused() {
    assert_eq!(
        problem(env(&[USER])),
        "environment variable RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USERNAME: is set, but \
         `schema_registry_url` (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL, --kafka-schema-registry-url=) is \
         not, and nothing else uses it"
    );
    let name = ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_NAME", "orders");
    assert!(problem(env(&[URL, name])).contains("nothing else uses it"));
}

#[test]
fn a_client_certificate_is_a_pair_and_its_key_is_not_encrypted() {
    let files = Files::new();
    let certificate = files.certificate();
    let certificate = (
        "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_CERTIFICATE_FILE",
        certificate.to_str().unwrap(),
    );
    let key_file = |content: &str| files.write("tls.key", content);
    let path = key_file(&pem("PRIVATE KEY"));
    let key = (
        "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_KEY_FILE",
        path.to_str().unwrap(),
    );
    assert!(
        registry(&[URL, certificate, key])
            .client_certificate
            .is_some()
    );
    assert!(problem(env(&[URL, certificate])).contains("is set without its private key"));
    assert!(problem(env(&[URL, key])).contains("is set without its certificate"));
    key_file(&pem("ENCRYPTED PRIVATE KEY"));
    assert!(problem(env(&[URL, certificate, key])).contains("is encrypted"));
}
