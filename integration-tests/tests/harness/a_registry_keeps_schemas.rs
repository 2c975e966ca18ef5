use std::{net::TcpStream, thread, time::Duration};

use integration_tests::{HttpAnswer, HttpRequest, Registry, RegistryOptions, unique};
use serde_json::json;

const V1: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;
/// Cannot read what V1 wrote.
const V2: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},
    {"name":"total","type":"long"}]}"#;

fn subjects(registry: &Registry) -> HttpRequest {
    HttpRequest::new("GET", &format!("{}/subjects", registry.url()))
}

fn status(request: HttpRequest) -> u16 {
    request.send().unwrap().status
}

#[test]
fn what_is_registered_is_given_back() {
    let registry = Registry::shared();
    let subject = unique("größe/a b");
    assert_eq!(registry.versions(&subject), [] as [i64; 0]);
    let id = registry.register(&subject, "AVRO", V1, &[]);
    assert_eq!(registry.register(&subject, "AVRO", V1, &[]), id);
    assert_eq!(registry.versions(&subject), [1]);
    assert!(registry.subjects().contains(&subject));

    let schema = registry.get(&format!("/schemas/ids/{id}")).ok();
    let schema: serde_json::Value =
        serde_json::from_str(schema["schema"].as_str().unwrap()).unwrap();
    assert_eq!(
        schema,
        serde_json::from_str::<serde_json::Value>(V1).unwrap()
    );
    let unknown = registry.get("/schemas/ids/999999999");
    assert_eq!(
        (unknown.status, &unknown.json()["error_code"]),
        (404, &json!(40403))
    );
}

#[test]
fn a_reference_is_resolved() {
    let registry = Registry::shared();
    let (part, whole) = (unique("part"), unique("whole"));
    registry.register(&part, "AVRO", V1, &[]);
    let schema = r#"{"type":"record","name":"Cart","fields":[{"name":"first","type":"Order"}]}"#;
    let alone = registry.try_register(&whole, "AVRO", schema, &[]);
    assert_eq!(alone.status, 422, "{alone:?}");
    registry.register(&whole, "AVRO", schema, &[("Order", &part, 1)]);
}

#[test]
fn an_incompatible_schema_is_refused_unless_all_is_allowed() {
    let registry = Registry::shared();
    let subject = unique("subject");
    registry.register(&subject, "AVRO", V1, &[]);
    let refused = registry.try_register(&subject, "AVRO", V2, &[]);
    assert_eq!(
        (refused.status, &refused.json()["error_code"]),
        (409, &json!(409)),
        "{refused:?}"
    );
    registry.set_compatibility(&subject, "NONE");
    registry.register(&subject, "AVRO", V2, &[]);
    assert_eq!(registry.versions(&subject), [1, 2]);

    let lax = Registry::start_with(RegistryOptions::new().compatibility("NONE"));
    lax.register(&subject, "AVRO", V1, &[]);
    lax.register(&subject, "AVRO", V2, &[]);
}

#[test]
fn a_password_is_asked_for() {
    let (user, password) = ("alice", "p:ä \"\\s#=!");
    let registry = Registry::start_with(RegistryOptions::new().basic_auth(user, password));
    assert_eq!(registry.login(), Some((user, password)));
    registry.register("orders-value", "AVRO", V1, &[]);
    assert_eq!(status(subjects(&registry)), 401);
    assert_eq!(status(subjects(&registry).basic_auth(user, "another")), 401);
    assert_eq!(status(subjects(&registry).basic_auth(user, password)), 200);
}

#[test]
fn a_bearer_token_is_asked_for() {
    let registry = Registry::start_with(RegistryOptions::new().bearer_token("abc.DEF=="));
    registry.register("orders-value", "AVRO", V1, &[]);
    let with = |header: &str| subjects(&registry).header("Authorization", header);
    assert_eq!(status(subjects(&registry)), 401);
    assert_eq!(status(with("Bearer abc.DEF")), 401);
    assert_eq!(status(with("Bearer abc.DEF==")), 200);
}

#[test]
fn tls_is_for_those_who_trust_its_authority() {
    let registry = Registry::start_with(RegistryOptions::new().tls());
    let certificates = registry.certificates();
    assert!(registry.url().starts_with("https://"), "{registry:?}");
    let answer = subjects(&registry).ca_file(certificates.ca_file()).send();
    assert_eq!(answer.unwrap().status, 200);
    // curl: (60), a certificate that cannot be verified.
    for request in [
        subjects(&registry),
        subjects(&registry).ca_file(certificates.other_ca_file()),
    ] {
        refused(&request.send(), "(60)");
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let options = RegistryOptions::new().certificate_host("elsewhere.example");
    let registry = Registry::start_with(options);
    let request = subjects(&registry).ca_file(registry.certificates().ca_file());
    refused(&request.send(), "(60)");
}

#[test]
fn client_certificates_are_asked_for_beside_a_password() {
    let options = RegistryOptions::new()
        .require_client_certificates()
        .basic_auth("alice", "secret");
    let registry = Registry::start_with(options);
    let certificates = registry.certificates();
    let (certificate, key) = certificates.client("app");
    let trusting = || subjects(&registry).ca_file(certificates.ca_file());
    assert_eq!(status(trusting().basic_auth("alice", "secret")), 400);
    let shown = || trusting().client_certificate(&certificate, &key);
    assert_eq!(status(shown()), 401);
    assert_eq!(status(shown().basic_auth("alice", "secret")), 200);
}

#[test]
fn a_stopped_registry_keeps_its_port_and_its_schemas() {
    let registry = Registry::start();
    let id = registry.register("orders-value", "AVRO", V1, &[]);
    let url = registry.url();
    let address = url.split('/').nth(2).unwrap().to_owned();
    registry.stop();
    assert!(TcpStream::connect(&address).is_err());
    registry.restart();
    assert_eq!(registry.url(), url);
    assert_eq!(registry.register("orders-value", "AVRO", V1, &[]), id);
}

#[test]
fn a_paused_registry_is_silent_and_comes_back() {
    let registry = Registry::start();
    registry.pause();
    let asked = thread::scope(|scope| {
        let asked = scope.spawn(|| subjects(&registry).send());
        // No deadline applies here, but nothing may come before it is thawed.
        thread::sleep(Duration::from_millis(500));
        assert!(!asked.is_finished());
        registry.unpause();
        asked.join().unwrap()
    });
    assert_eq!(asked.unwrap().status, 200);
}

#[track_caller]
fn refused(answer: &Result<HttpAnswer, String>, reason: &str) {
    match answer {
        Err(error) if error.contains(reason) => {}
        other => panic!("{other:?} is not a refusal with {reason}"),
    }
}
