//! Tests of the backend with servers that answer as Glue does.

use super::super::backend::Backend;
use super::super::error::RegistryError;
use super::super::http::Http;
use super::super::id::SchemaId;
use super::super::tls::RegistryTls;
use super::credentials::Environment;
use super::testing::{Server, Told};
use super::*;
use crate::schema::{Format, Reference, Schema};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

const UUID: &str = "0e0e0e0e-0e0e-0e0e-0e0e-0e0e0e0e0e0e";
const ID: SchemaId = SchemaId::Glue([0x0e; 16]);

fn given() -> GlueCredentials {
    GlueCredentials::Given(Credentials::new(
        "AKID",
        "hidden",
        Some("hidden-token".to_owned()),
    ))
}

fn backend_as(server: &Server, credentials: GlueCredentials) -> GlueBackend {
    let mut settings = GlueSettings::new("eu-central-1");
    settings.endpoint = Some(server.url.clone());
    settings.credentials = credentials;
    let http = Http::new(Duration::from_secs(10), &RegistryTls::new()).unwrap();
    GlueBackend::new(settings, http).unwrap()
}

fn backend(server: &Server) -> GlueBackend {
    backend_as(server, given())
}

fn schema() -> Schema {
    Schema::avro(r#""string""#)
}

fn version(number: u32, status: &str) -> Told {
    let version = json!({
        "SchemaVersionId": UUID, "SchemaDefinition": "\"string\"", "DataFormat": "AVRO",
        "VersionNumber": number, "Status": status, "SchemaArn": "arn", "CreatedTime": "now",
    });
    (200, "", version.to_string())
}

fn refusal(status: u16, code: &str, words: &str) -> Told {
    let body = json!({"__type": code, "Message": words});
    (status, "", body.to_string())
}

fn not_found() -> Told {
    refusal(400, "EntityNotFoundException", "Schema is not found.")
}

/// Returns the requested operations with their bodies.
fn asked(server: &Server) -> Vec<(String, Value)> {
    let asked = server.asked();
    let asked = asked.iter().map(|asked| {
        let operation = asked.header("x-amz-target").unwrap();
        let operation = operation.strip_prefix("AWSGlue.").unwrap();
        (
            operation.to_owned(),
            serde_json::from_str(&asked.body).unwrap(),
        )
    });
    asked.collect()
}

fn operations(server: &Server) -> Vec<String> {
    asked(server)
        .into_iter()
        .map(|(operation, _)| operation)
        .collect()
}

#[track_caller]
fn words(error: &RegistryError) -> String {
    let words = format!("{error} {error:?}");
    assert!(!words.contains("hidden"), "{words}");
    error.to_string()
}

#[test]
fn a_schema_is_read_by_id_and_by_version() {
    let server = Server::telling(vec![
        version(3, "AVAILABLE"),
        version(3, "AVAILABLE"),
        version(4, "AVAILABLE"),
    ]);
    let backend = backend(&server);
    assert_eq!(backend.by_id(ID).unwrap(), schema());
    assert_eq!(backend.version("orders", Some(3)).unwrap().version, 3);
    let latest = backend.version("orders", None).unwrap();
    assert_eq!((latest.id, latest.version), (ID, 4));

    let of_orders = json!({"RegistryName": "default-registry", "SchemaName": "orders"});
    let asked: Vec<Value> = asked(&server).into_iter().map(|(_, body)| body).collect();
    assert_eq!(
        asked,
        [
            json!({"SchemaVersionId": UUID}),
            json!({"SchemaId": of_orders, "SchemaVersionNumber": {"VersionNumber": 3}}),
            json!({"SchemaId": of_orders, "SchemaVersionNumber": {"LatestVersion": true}}),
        ]
    );
    let first = &server.asked()[0];
    assert_eq!(
        first.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    assert_eq!(first.header("x-amz-security-token"), Some("hidden-token"));
    let signed = first.header("authorization").unwrap();
    assert!(
        signed.contains("/eu-central-1/glue/aws4_request"),
        "{signed}"
    );
    assert!(signed.contains("host;"), "{signed}");
}

#[test]
fn the_first_version_makes_the_schema() {
    let made = json!({
        "SchemaVersionId": UUID, "SchemaVersionStatus": "AVAILABLE", "SchemaStatus": "AVAILABLE",
    });
    let server = Server::telling(vec![not_found(), not_found(), (200, "", made.to_string())]);
    let mut settings = GlueSettings::new("eu-central-1");
    settings.endpoint = Some(server.url.clone());
    settings.credentials = given();
    settings.registry_name = "shop".to_owned();
    settings.compatibility = GlueCompatibility::FullAll;
    settings.description = Some("of orders".to_owned());
    let http = Http::new(Duration::from_secs(10), &RegistryTls::new()).unwrap();
    let backend = GlueBackend::new(settings, http).unwrap();
    let schema = Schema::protobuf("syntax = \"proto3\";");
    assert_eq!(backend.register("orders", &schema, false).unwrap(), ID);
    let (operation, body) = asked(&server).pop().unwrap();
    assert_eq!(operation, "CreateSchema");
    assert_eq!(
        body,
        json!({
            "RegistryId": {"RegistryName": "shop"}, "SchemaName": "orders",
            "DataFormat": "PROTOBUF", "Compatibility": "FULL_ALL", "Description": "of orders",
            "SchemaDefinition": "syntax = \"proto3\";",
        })
    );
}

#[test]
fn two_who_make_a_schema_at_once_both_register() {
    for code in ["AlreadyExistsException", "ConcurrentModificationException"] {
        let server = Server::telling(vec![
            not_found(),
            not_found(),
            refusal(400, code, "too late"),
            version(1, "AVAILABLE"),
        ]);
        let id = backend(&server).register("orders", &schema(), false);
        assert_eq!(id.unwrap(), ID);
        assert_eq!(
            operations(&server),
            [
                "GetSchemaByDefinition",
                "RegisterSchemaVersion",
                "CreateSchema",
                "RegisterSchemaVersion"
            ]
        );
    }
}

#[test]
fn a_version_is_waited_for_until_it_is_checked() {
    let server = Server::telling(vec![
        not_found(),
        version(2, "PENDING"),
        version(2, "PENDING"),
        version(2, "AVAILABLE"),
    ]);
    let id = backend(&server).register("orders", &schema(), false);
    assert_eq!(id.unwrap(), ID);
    assert_eq!(operations(&server).len(), 4);
}

#[test]
fn a_version_that_fails_the_check_is_incompatible() {
    let server = Server::telling(vec![
        not_found(),
        version(2, "PENDING"),
        version(2, "FAILURE"),
        version(2, "FAILURE"),
        version(2, "FAILURE"),
    ]);
    let backend = backend(&server);
    let error = backend.register("orders", &schema(), false).unwrap_err();
    assert!(
        words(&error).contains("not compatible with subject orders"),
        "{error}"
    );
    assert!(!error.is_transient());
    // The rule may have changed since, so Glue is asked again.
    let error = backend.register("orders", &schema(), false).unwrap_err();
    assert!(
        matches!(error, RegistryError::Incompatible { .. }),
        "{error:?}"
    );
    assert_eq!(
        operations(&server)[3..],
        ["GetSchemaByDefinition", "RegisterSchemaVersion"]
    );
}

#[test]
fn a_check_that_does_not_end_is_worth_a_retry() {
    let server = Server::start(|_, _| version(2, "PENDING"));
    let mut backend = backend(&server);
    backend.patience = Duration::from_millis(120);
    let error = backend.find("orders", &schema(), false).unwrap_err();
    assert!(
        words(&error).contains("is still being checked after 120ms"),
        "{error}"
    );
    assert!(error.is_worth_a_retry());
}

#[test]
fn the_latest_version_is_one_that_may_be_used() {
    let server = Server::telling(vec![
        version(3, "FAILURE"),
        version(2, "PENDING"),
        version(1, "AVAILABLE"),
        version(1, "FAILURE"),
    ]);
    let backend = backend(&server);
    assert_eq!(backend.version("orders", None).unwrap().version, 1);
    let error = backend.version("orders", None).unwrap_err();
    assert!(
        words(&error).contains("no usable version in subject orders"),
        "{error}"
    );
}

#[test]
fn what_is_not_there_is_unknown() {
    let server = Server::start(|_, _| not_found());
    let backend = backend(&server);
    let error = backend.by_id(ID).unwrap_err();
    assert!(
        words(&error).contains(&format!("has no schema {UUID}: EntityNotFound")),
        "{error}"
    );
    let error = backend.version("orders", Some(3)).unwrap_err();
    assert!(
        words(&error).contains("no version 3 in subject orders"),
        "{error}"
    );
    let error = backend.find("orders", &schema(), false).unwrap_err();
    assert!(
        words(&error).contains("no such schema in subject orders"),
        "{error}"
    );
    let error = backend.register("orders", &schema(), false).unwrap_err();
    assert!(
        words(&error).contains("no registry default-registry in"),
        "{error}"
    );
    let count = server.asked().len();
    let error = backend.by_id(SchemaId::Number(7)).unwrap_err();
    assert!(
        matches!(error, RegistryError::UnknownId { .. }),
        "{error:?}"
    );
    assert_eq!(server.asked().len(), count);
}

#[test]
fn what_is_no_schema_is_invalid() {
    let invalid = |words| refusal(400, "InvalidInputException", words);
    let name = "Characters that are not valid. Parameter Name: schemaName";
    let server = Server::telling(vec![
        not_found(),
        invalid("Schema definition of AVRO data format is invalid: hm"),
        not_found(),
        invalid("Compatibility DISABLED does not allow versioning. SchemaId: x"),
        invalid(name),
        invalid(name),
    ]);
    let backend = backend(&server);
    let error = backend.register("orders", &schema(), false).unwrap_err();
    assert!(
        words(&error).ends_with("data format is invalid: hm"),
        "{error}"
    );
    assert!(
        matches!(error, RegistryError::InvalidSchema { .. }),
        "{error:?}"
    );
    let error = backend.register("orders", &schema(), false).unwrap_err();
    assert!(
        matches!(error, RegistryError::Incompatible { .. }),
        "{error:?}"
    );
    let error = backend.find("or ders", &schema(), false).unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    let error = backend.version("or ders", Some(1)).unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");

    let refers = schema().with_reference(Reference::new("shop.Customer", "customers", 1));
    let error = backend.register("orders", &refers, false).unwrap_err();
    assert!(
        words(&error).contains("AWS Glue stores no references"),
        "{error}"
    );
}

#[test]
fn refused_credentials_say_what_aws_says() {
    let xml = "<?xml version=\"1.0\"?><ErrorResponse><Errors><Error><Code>SignatureDoesNotMatch\
               </Code><Message>The request signature does not match hidden-token &amp; \
               so.</Message></Error></Errors></ErrorResponse>";
    let server = Server::telling(vec![
        (403, "", xml.to_owned()),
        refusal(400, "AccessDeniedException", "User: x is not authorized"),
        refusal(400, "ExpiredTokenException", "The security token expired"),
        refusal(400, "ThrottlingException", "Rate exceeded"),
        (503, "Retry-After: 7", String::new()),
        (200, "", "<html>".to_owned()),
        (200, "", "{}".to_owned()),
        (
            200,
            "",
            r#"{"SchemaDefinition":"x","DataFormat":"THRIFT"}"#.to_owned(),
        ),
    ]);
    let backend = backend(&server);
    let error = || backend.by_id(ID).unwrap_err();
    let refused = error();
    assert!(
        words(&refused).ends_with(
            "refused the credentials: status 403: SignatureDoesNotMatch: The request signature \
             does not match … & so."
        ),
        "{refused}"
    );
    assert!(matches!(error(), RegistryError::Unauthorized { .. }));
    // Given credentials cannot be replaced, so Glue is not asked again.
    assert!(matches!(error(), RegistryError::Unauthorized { .. }));
    assert_eq!(server.asked().len(), 3);
    assert!(error().is_worth_a_retry());
    match error() {
        RegistryError::Unavailable { retry_after, .. } => {
            assert_eq!(retry_after, Some(Duration::from_secs(7)));
        }
        other => panic!("{other:?}"),
    }
    for why in [
        "not a valid response to GetSchemaVersion",
        "no SchemaDefinition",
        "THRIFT",
    ] {
        let error = error();
        assert!(words(&error).contains(why), "{error}");
        assert!(matches!(error, RegistryError::Answer { .. }), "{error:?}");
    }
}

/// Starts a server that accepts only the newest access key in `file`.
fn glue_of_rotated_keys(file: &Path) -> Server {
    let file = file.to_owned();
    Server::start(move |asked, before| {
        let key = |number| format!("aws_access_key_id=key{number}\naws_secret_access_key=hidden");
        let signed = asked.header("authorization").unwrap_or_default();
        if before == 0 {
            assert!(signed.contains("Credential=key1/"), "{signed}");
            fs::write(&file, format!("[default]\n{}", key(2))).unwrap();
        }
        match signed.contains("Credential=key2/") {
            true => version(1, "AVAILABLE"),
            false => refusal(400, "ExpiredTokenException", "expired"),
        }
    })
}

#[test]
fn expired_credentials_are_looked_for_again_and_glue_is_asked_once_more() {
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("credentials");
    fs::write(
        &file,
        "[default]\naws_access_key_id=key1\naws_secret_access_key=hidden",
    )
    .unwrap();
    let server = glue_of_rotated_keys(&file);
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
    let environment = Environment::of(&variables, home.path(), "http://127.0.0.1:1");
    let backend = backend_as(&server, GlueCredentials::Chain(environment));
    assert_eq!(backend.by_id(ID).unwrap(), schema());
    assert_eq!(backend.by_id(ID).unwrap(), schema());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn what_can_be_told_of_compatibility_is_told() {
    let valid = || (200, "", json!({"Valid": true}).to_string());
    let rule = |rule: &str| (200, "", json!({"Compatibility": rule}).to_string());
    let server = Server::telling(vec![
        version(1, "AVAILABLE"),
        not_found(),
        (
            200,
            "",
            json!({"Valid": false, "Error": "no type"}).to_string(),
        ),
        not_found(),
        valid(),
        not_found(),
        not_found(),
        valid(),
        rule("NONE"),
        not_found(),
        valid(),
        rule("DISABLED"),
        not_found(),
        valid(),
        rule("BACKWARD"),
    ]);
    let backend = backend(&server);
    let of = || backend.incompatibilities("orders", &schema());
    assert_eq!(of().unwrap(), Vec::<String>::new());
    assert!(words(&of().unwrap_err()).ends_with("as invalid: no type"));
    for _ in 0..2 {
        assert_eq!(of().unwrap(), Vec::<String>::new());
    }
    assert_eq!(
        of().unwrap(),
        ["compatibility DISABLED allows no new version"]
    );
    let error = of().unwrap_err();
    assert!(
        words(&error).contains("is not offered by AWS Glue, and orders has the rule BACKWARD"),
        "{error}"
    );
}

#[test]
fn a_ping_asks_for_what_is_not_there() {
    let server = Server::telling(vec![
        not_found(),
        refusal(400, "AccessDeniedException", "User: x is not authorized"),
    ]);
    let backend = backend(&server);
    backend.ping().unwrap();
    let error = backend.ping().unwrap_err();
    assert!(words(&error).contains("refused the credentials"), "{error}");
    assert_eq!(operations(&server), ["GetSchemaVersion"; 2]);
}

#[test]
fn nothing_shows_the_credentials() {
    let server = Server::telling(Vec::new());
    assert!(!format!("{:?}", backend(&server)).contains("hidden"));
}

#[test]
fn formats_are_named_as_glue_names_them() {
    for (format, name) in [
        (Format::Avro, "AVRO"),
        (Format::Json, "JSON"),
        (Format::Protobuf, "PROTOBUF"),
    ] {
        let server = Server::telling(vec![not_found(), not_found(), version(1, "AVAILABLE")]);
        let schema = Schema::new(format, "x");
        backend(&server).register("orders", &schema, true).unwrap();
        let (_, body) = asked(&server).pop().unwrap();
        assert_eq!(body["DataFormat"], name);
    }
}
