//! Authentication and TLS of registries.

use crate::faulty::{Fault, Faulty};
use integration_tests::{Registry, RegistryOptions, SOON, unique};
use rws_kafka::KafkaConfig;
use rws_kafka::schema::Schema;
use rws_kafka::schema_registry::{Destination, OAuth, RegistryError, RegistryTls, SchemaRegistry};

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;

#[track_caller]
fn works(registry: &SchemaRegistry) {
    let schema = Schema::avro(ORDER);
    let id = registry.register(&unique("works"), &schema).unwrap();
    registry.schema(id).unwrap();
}

#[track_caller]
fn unauthorized(registry: &SchemaRegistry) -> String {
    let error = registry.ping().unwrap_err();
    let RegistryError::Unauthorized { status, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*status, 401);
    assert!(error.is_transient(), "a message is not to blame for it");
    let shown = format!("{error} {error:?} {registry:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    error.to_string()
}

#[test]
fn a_user_is_known_by_a_password() {
    let server = Registry::start_with(RegistryOptions::new().basic_auth("app", "s3cret:x"));
    let url = server.url();
    works(&SchemaRegistry::confluent(&url).with_basic_auth("app", "s3cret:x"));
    let with_login = url.replace("://", "://app:s3cret%3Ax@");
    works(&SchemaRegistry::confluent(with_login));
    unauthorized(&SchemaRegistry::confluent(&url));
    let error = unauthorized(&SchemaRegistry::confluent(&url).with_basic_auth("app", "s3cret"));
    assert!(
        error.contains("refused the credentials: status 401"),
        "{error}"
    );
}

#[test]
fn the_settings_of_a_service_give_its_registry() {
    let server = Registry::start_with(
        RegistryOptions::new()
            .require_client_certificates()
            .basic_auth("app", "s3cret"),
    );
    let (certificate, key) = server.certificates().client("orders");
    let settings = KafkaConfig::builder()
        .brokers("unused:9092")
        .schema_registry_url(server.url())
        .schema_registry_username("app")
        .schema_registry_password("s3cret")
        .schema_registry_ca_file(server.certificates().ca_file())
        .schema_registry_certificate_file(certificate)
        .schema_registry_key_file(key)
        .schema_registry_auto_register(false);
    let config = settings.build().unwrap();
    let registry = SchemaRegistry::from_config(&config).unwrap();
    works(&registry);
    assert!(!format!("{registry:?} {config:?}").contains("s3cret"));
    // The schema of a declared type is looked up, and not registered.
    let registry = registry
        .with_avro_schema::<String>(Schema::avro(ORDER))
        .unwrap();
    let topic = unique("looked-up");
    let error = registry
        .encode_avro(Destination::value(&topic), &String::new())
        .unwrap_err();
    assert!(
        error.to_string().contains("has no such schema in subject"),
        "{error}"
    );

    let none = KafkaConfig::builder()
        .brokers("unused:9092")
        .build()
        .unwrap();
    let error = SchemaRegistry::from_config(&none).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no schema registry is configured: set schema_registry_url")
    );
}

#[test]
fn a_token_is_shown() {
    let server = Registry::start_with(RegistryOptions::new().bearer_token("s3cret.DEF=="));
    works(&SchemaRegistry::confluent(server.url()).with_bearer_token("s3cret.DEF=="));
    unauthorized(&SchemaRegistry::confluent(server.url()).with_bearer_token("s3cret"));
}

#[test]
fn tokens_of_an_oauth_server_are_kept_and_renewed_when_they_are_refused() {
    let server = Registry::start_with(RegistryOptions::new().bearer_token("s3cret.DEF=="));
    let tokens = Faulty::before(Registry::shared());
    let grant = |token: &str, life: u32| Fault::Answer {
        status: 200,
        headers: "content-type: application/json\r\n",
        body: format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life}}}"#),
    };
    let oauth = || {
        let url = format!("{}/token", tokens.url());
        OAuth::client_credentials(url, "orders", "s3cret").scope("schemas.read")
    };
    let registry = SchemaRegistry::confluent(server.url()).with_oauth(oauth());
    // The first token is one that the registry no longer accepts.
    tokens.next([grant("s3cret-old", 3600), grant("s3cret.DEF==", 3600)]);
    works(&registry);
    works(&registry);
    assert_eq!(tokens.requests(), 2);

    // A token that has already expired when it arrives is fetched each time.
    let registry = SchemaRegistry::confluent(server.url()).with_oauth(oauth());
    tokens.next([grant("s3cret.DEF==", 0), grant("s3cret.DEF==", 0)]);
    registry.ping().unwrap();
    registry.ping().unwrap();
    assert_eq!(tokens.requests(), 4);

    tokens.next([Fault::Answer {
        status: 400,
        headers: "",
        body: r#"{"error":"invalid_client"}"#.to_owned(),
    }]);
    let error = registry.ping().unwrap_err();
    assert!(
        matches!(error, RegistryError::Unauthorized { status: 400, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("no token for client orders"),
        "{error}"
    );
    assert!(
        !format!("{error} {registry:?}").contains("s3cret"),
        "{error}"
    );
}

#[test]
fn only_a_certificate_of_a_trusted_ca_is_accepted() {
    let server = Registry::start_with(RegistryOptions::new().tls());
    let trusting = |ca: &std::path::Path| {
        SchemaRegistry::confluent(server.url())
            .with_retries(0, SOON)
            .with_tls(RegistryTls::new().ca_file(ca))
    };
    works(&trusting(server.certificates().ca_file()));
    let error = trusting(server.certificates().other_ca_file())
        .ping()
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("certificate"), "{error}");
    let error = SchemaRegistry::confluent(server.url())
        .with_retries(0, SOON)
        .ping()
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error:?}"
    );
}

#[test]
fn a_client_is_known_by_its_certificate() {
    let server = Registry::start_with(
        RegistryOptions::new()
            .require_client_certificates()
            .basic_auth("app", "s3cret"),
    );
    let (certificate, key) = server.certificates().client("orders");
    let tls = RegistryTls::new().ca_file(server.certificates().ca_file());
    let registry = SchemaRegistry::confluent(server.url()).with_basic_auth("app", "s3cret");
    let shown = tls.clone().client_certificate(certificate, key);
    works(&registry.clone().with_tls(shown));
    let error = registry.with_tls(tls).ping().unwrap_err();
    // nginx asks for it in HTTP.
    let RegistryError::Refused { status, text, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*status, 400);
    assert!(
        text.contains("No required SSL certificate was sent"),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let server = Registry::shared();
    let missing = RegistryTls::new().ca_file("/no/such/ca.pem");
    let error = client_with(server, missing);
    assert!(
        error.starts_with("the schema registry's CA file /no/such/ca.pem cannot be used: "),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "nothing").unwrap();
    let pair = RegistryTls::new().client_certificate(&file, &file);
    let error = client_with(server, pair);
    assert!(
        error.contains("it contains no certificate; allowed: a PEM file with certificates"),
        "{error}"
    );
}

fn client_with(server: &Registry, tls: RegistryTls) -> String {
    let registry = crate::client(server).with_tls(tls);
    let error = registry.ping().unwrap_err();
    assert!(matches!(error, RegistryError::Setting { .. }), "{error:?}");
    error.to_string()
}
