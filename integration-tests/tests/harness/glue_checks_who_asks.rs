use integration_tests::{AwsCredentials, Glue, eventually, unique};
use serde_json::json;
use std::{net::TcpStream, time::Duration};

const SCHEMA: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;

#[test]
fn schemas_and_their_versions_are_told() {
    let glue = Glue::shared();
    let (registry, name) = (unique("registry"), unique("orders"));
    glue.create_registry(&registry);
    assert_eq!(glue.schema(&registry, &name), None);
    assert!(glue.versions(&registry, &name).is_empty());

    let id = json!({"RegistryName": registry, "SchemaName": name});
    let created = glue.request(
        "CreateSchema",
        &json!({
            "RegistryId": {"RegistryName": registry},
            "SchemaName": name,
            "DataFormat": "AVRO",
            "Compatibility": "BACKWARD",
            "SchemaDefinition": SCHEMA,
        }),
    );
    let second = SCHEMA.replace("string", "bytes");
    let added = glue.request(
        "RegisterSchemaVersion",
        &json!({"SchemaId": id, "SchemaDefinition": second}),
    );

    let schema = glue.schema(&registry, &name).unwrap();
    assert_eq!(schema["DataFormat"], "AVRO");
    let versions = glue.versions(&registry, &name);
    let ids: Vec<_> = versions.iter().map(|v| &v["SchemaVersionId"]).collect();
    assert_eq!(
        ids,
        [
            &created.ok()["SchemaVersionId"],
            &added.ok()["SchemaVersionId"]
        ]
    );
    let definitions: Vec<_> = versions.iter().map(|v| &v["SchemaDefinition"]).collect();
    assert_eq!(definitions, [&json!(SCHEMA), &json!(second)]);
}

#[test]
fn only_the_right_secret_is_let_in() {
    let glue = Glue::shared();
    let request =
        |credentials: &AwsCredentials| glue.request_as(credentials, "ListRegistries", &json!({}));
    request(glue.credentials()).ok();
    let wrong = request(&glue.wrong_credentials());
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert!(wrong.body.contains("SignatureDoesNotMatch"), "{wrong:?}");
    let unknown = AwsCredentials {
        access_key_id: "AKIAUNKNOWN".to_owned(),
        ..glue.credentials().clone()
    };
    let unknown = request(&unknown);
    assert_eq!(unknown.status, 403, "{unknown:?}");
    assert!(unknown.body.contains("InvalidClientTokenId"), "{unknown:?}");
}

#[test]
fn a_paused_glue_comes_back_and_a_stopped_one_does_not() {
    let glue = Glue::start();
    glue.create_registry("kept");
    glue.pause();
    glue.unpause();
    let kept = glue.request(
        "GetRegistry",
        &json!({"RegistryId": {"RegistryName": "kept"}}),
    );
    assert_eq!(kept.ok()["RegistryName"], "kept");
    glue.stop();
    let address = glue.endpoint().replace("http://", "");
    eventually(Duration::from_secs(10), || {
        TcpStream::connect(&address).is_err()
    });
}
