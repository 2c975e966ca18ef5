//! Requests of the client itself, without messages, to Apicurio.

use crate::client;
use integration_tests::{Registry, SOON, unique};
use rws_kafka::schema::{Format, Reference, Schema};
use rws_kafka::schema_registry::{RegistryError, SchemaId, SchemaRegistry};

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;
/// Cannot read what `ORDER` wrote.
const LATER_ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"},{"name":"total","type":"long"}]}"#;

#[test]
fn each_format_is_registered_found_and_read_back() {
    let registry = client(Registry::shared());
    let schemas = [
        Schema::avro(ORDER),
        Schema::json(
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object"}"#,
        ),
        Schema::protobuf("syntax = \"proto3\";\n\nmessage Order {\n  string id = 1;\n}\n"),
    ];
    for schema in schemas {
        let subject = unique("größe/a b");
        assert!(matches!(
            registry.find(&subject, &schema),
            Err(RegistryError::UnknownSubject { .. })
        ));
        let id = registry.register(&subject, &schema).unwrap();
        assert_eq!(registry.find(&subject, &schema).unwrap(), id);
        let read = registry.schema(id).unwrap();
        assert_eq!(read.format(), schema.format());
        let latest = registry.latest(&subject).unwrap();
        assert_eq!((latest.id, latest.version), (id, 1));
        assert_eq!(latest.schema.format(), schema.format());
        assert!(latest.schema.text().contains("Order"));
    }
}

#[test]
fn what_is_known_is_not_asked_for_again() {
    let registry = client(Registry::shared());
    let (subject, schema) = (unique("known"), Schema::avro(ORDER));
    let id = registry.register(&subject, &schema).unwrap();
    registry.schema(id).unwrap();
    registry.latest(&subject).unwrap();
    registry.find(&subject, &schema).unwrap();
    let before = registry.stats();
    assert_eq!((before.requests, before.failures), (4, 0));
    // A clone knows it too.
    let clone = registry.clone();
    assert_eq!(clone.register(&subject, &schema).unwrap(), id);
    clone.schema(id).unwrap();
    clone.latest(&subject).unwrap();
    clone.find(&subject, &schema).unwrap();
    let after = registry.stats();
    assert_eq!((after.requests, after.hits), (4, before.hits + 4));
}

#[test]
fn unknown_ids_and_subjects_err_with_the_registrys_words() {
    let registry = client(Registry::shared());
    let error = registry.schema(SchemaId::Number(999_999_999)).unwrap_err();
    let RegistryError::UnknownId { id, code, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((*id, *code), (SchemaId::Number(999_999_999), Some(40403)));
    assert!(!error.is_transient());

    let subject = unique("unknown");
    let error = registry.latest(&subject).unwrap_err();
    let RegistryError::UnknownSubject { code, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*code, Some(40401));
    assert!(error.to_string().contains(&subject), "{error}");
}

#[test]
fn an_incompatible_schema_is_told_of_before_and_when_it_is_registered() {
    let registry = client(Registry::shared());
    let subject = unique("strict");
    assert_eq!(
        registry
            .incompatibilities(&subject, &Schema::avro(LATER_ORDER))
            .unwrap(),
        [] as [String; 0]
    );
    registry.register(&subject, &Schema::avro(ORDER)).unwrap();
    assert_eq!(
        registry
            .incompatibilities(&subject, &Schema::avro(ORDER))
            .unwrap(),
        [] as [String; 0]
    );
    let against = registry
        .incompatibilities(&subject, &Schema::avro(LATER_ORDER))
        .unwrap();
    assert!(!against.is_empty());
    let error = registry
        .register(&subject, &Schema::avro(LATER_ORDER))
        .unwrap_err();
    let RegistryError::Incompatible {
        code, subject: of, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*code, of), (Some(409), &subject));
}

#[test]
fn what_is_no_schema_is_refused() {
    let registry = client(Registry::shared());
    let error = registry
        .register(
            &unique("invalid"),
            &Schema::avro(r#"{"type":"record","name":"Order"}"#),
        )
        .unwrap_err();
    let RegistryError::InvalidSchema { code, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*code, Some(42201));
}

#[test]
fn imports_are_registered_before_what_needs_them_and_once() {
    let registry = client(Registry::shared());
    let name = |name: &str| unique(name).replace('-', "_");
    let (money, line) = (name("shop.Money"), name("shop.Line"));
    let record = |name: &str, field: &str| {
        let name = name.rsplit('.').next().unwrap_or_default();
        Schema::avro(format!(
            r#"{{"type":"record","name":"{name}","namespace":"shop",
                "fields":[{{"name":"f","type":{field}}}]}}"#
        ))
    };
    let money_schema = record(&money, r#""long""#);
    let line_schema =
        record(&line, &format!("{money:?}")).with_import(&money, money_schema.clone());
    let order = record("Order", &format!("{line:?}"))
        .with_import(&line, line_schema)
        .with_import(&money, money_schema);
    let subject = unique("order");
    let id = registry.register(&subject, &order).unwrap();
    for import in [&money, &line] {
        assert_eq!(Registry::shared().versions(import), [1]);
    }
    let read = registry.schema(id).unwrap();
    let mut references: Vec<&str> = read.references().iter().map(Reference::name).collect();
    references.sort_unstable();
    let mut expected = [line.as_str(), money.as_str()];
    expected.sort_unstable();
    assert_eq!(references, expected);
    assert_eq!(read.format(), Format::Avro);
}

#[test]
fn a_ping_tells_whether_the_registry_is_there() {
    client(Registry::shared()).ping().unwrap();
    let nobody = SchemaRegistry::confluent("http://127.0.0.1:1").with_retries(0, SOON);
    let error = nobody.ping().unwrap_err();
    assert!(error.is_transient());
    assert!(
        error.to_string().starts_with(
            "the schema registry at http://127.0.0.1:1/schemas/types cannot be reached (1 tries): "
        ),
        "{error}"
    );
}

#[test]
fn a_wrong_url_is_an_error_that_names_what_is_allowed() {
    for (url, found) in [
        ("registry:8081", "is \"registry:8081\""),
        ("", "is empty"),
        ("ftp://u:s3cret@host", "is \"ftp://host\""),
    ] {
        let registry = SchemaRegistry::confluent(url);
        let error = registry.ping().unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the schema registry's URL {found}; allowed: http://host:port or https://host:port, with \
                 a path or without, separated by commas"
            )
        );
        assert!(!format!("{registry:?}").contains("s3cret"));
    }
}
