//! Every setting, declared once.
//!
//! A setting's environment variable and flag are spelled from its `key`. Its `kind` says what it allows,
//! how its text is read, and whether it is a secret; `in_code` is the builder's setter and its type. Where
//! it has librdkafka `properties`, it sets the first of them, and all of them are refused under
//! `[kafka.properties]`. `default` and `doc` are as the reference table shows them.
//!
//! From a declaration follow the [`Key`](crate::settings::Key) and the
//! [`Setting`](crate::Setting) of that name, its place in [`Values`](crate::values::Values), the builder's
//! setter, and its row of the tables.

/// Calls the macro `$each` with the declarations of all settings, in the order of the tables.
macro_rules! each_setting {
    ($each:ident) => {
        $each! {
            Brokers {
                key: brokers,
                in_code: brokers(String),
                kind: kind::BROKERS,
                default: None,
                properties: &["bootstrap.servers", "metadata.broker.list"],
                doc: "The brokers to connect to first, separated by commas; required",
            }
            ClientId {
                key: client_id,
                in_code: client_id(String),
                kind: kind::NAME,
                default: Some("rws-kafka"),
                properties: &["client.id"],
                doc: "The name of this service in the brokers' logs, metrics and quotas",
            }
            ConsumerGroup {
                key: consumer_group,
                in_code: consumer_group(String),
                kind: kind::NAME,
                default: None,
                properties: &["group.id"],
                doc: "The group that shares partitions and offsets; consumers need one",
            }
            GroupInstanceId {
                key: group_instance_id,
                in_code: group_instance_id(String),
                kind: kind::INSTANCE_ID,
                default: None,
                properties: &["group.instance.id"],
                doc: "Static membership: a name unique to, and kept by, each instance (KIP-345)",
            }
            SecurityProtocol {
                key: security_protocol,
                in_code: security_protocol(SecurityProtocol),
                kind: kind::choice::<SecurityProtocol>(),
                default: Some("PLAINTEXT"),
                properties: &["security.protocol"],
                doc: "The encryption and authentication of connections",
            }
            SaslMechanism {
                key: sasl_mechanism,
                in_code: sasl_mechanism(SaslMechanism),
                kind: kind::choice::<SaslMechanism>(),
                default: None,
                properties: &["sasl.mechanism", "sasl.mechanisms"],
                doc: "The SASL mechanism for authentication; required with SASL_PLAINTEXT and SASL_SSL",
            }
            SaslUsername {
                key: sasl_username,
                in_code: sasl_username(String),
                kind: kind::NAME,
                default: None,
                properties: &["sasl.username"],
                doc: "The user of PLAIN and SCRAM",
            }
            SaslPassword {
                key: sasl_password,
                in_code: sasl_password(SecretString),
                kind: kind::SECRET,
                default: None,
                properties: &["sasl.password"],
                doc: "The password of PLAIN and SCRAM",
            }
            SaslPasswordFile {
                key: sasl_password_file,
                in_code: sasl_password_file(PathBuf),
                kind: kind::PASSWORD_FILE,
                default: None,
                properties: &[],
                doc: "A file that holds the password; one line break at its end is dropped",
            }
            SslCaFile {
                key: ssl_ca_file,
                in_code: ssl_ca_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &["ssl.ca.location"],
                doc: "The certificates (PEM) trusted to sign the brokers'; default: the system's",
            }
            SslCertificateFile {
                key: ssl_certificate_file,
                in_code: ssl_certificate_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &["ssl.certificate.location"],
                doc: "This client's certificate (PEM) for mutual TLS",
            }
            SslKeyFile {
                key: ssl_key_file,
                in_code: ssl_key_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &["ssl.key.location"],
                doc: "The private key (PEM) of that certificate",
            }
            SslKeyPassword {
                key: ssl_key_password,
                in_code: ssl_key_password(SecretString),
                kind: kind::SECRET,
                default: None,
                properties: &["ssl.key.password"],
                doc: "The password of that private key, if it is encrypted",
            }
            SessionTimeoutMs {
                key: session_timeout_ms,
                in_code: session_timeout(Duration),
                // Brokers refuse what is outside `group.{min,max}.session.timeout.ms`.
                kind: millis!(6000 to 1800000, "a broker's own default bounds"),
                default: Some("45000"),
                properties: &["session.timeout.ms"],
                doc: "The time after which a silent consumer loses its partitions",
            }
            AutoOffsetReset {
                key: auto_offset_reset,
                in_code: auto_offset_reset(OffsetReset),
                kind: kind::choice::<OffsetReset>(),
                default: Some("earliest"),
                properties: &["auto.offset.reset"],
                doc: "Where a group without a committed offset starts",
            }
            ReadyzLagTimeoutMs {
                key: readyz_lag_timeout_ms,
                in_code: readyz_lag_timeout(Duration),
                kind: millis!(1 to 86400000),
                default: Some("60000"),
                properties: &[],
                doc: "The time that a worker with work may commit nothing before `/readyz` is degraded",
            }
            SchemaRegistryUrl {
                key: schema_registry_url,
                in_code: schema_registry_url(String),
                kind: kind::URLS,
                default: None,
                properties: &[],
                doc: "The schema registry with Confluent's API; if one URL does not answer, the next is tried",
            }
            SchemaRegistryUsername {
                key: schema_registry_username,
                in_code: schema_registry_username(String),
                kind: kind::NAME,
                default: None,
                properties: &[],
                doc: "The user of the schema registry (HTTP Basic)",
            }
            SchemaRegistryPassword {
                key: schema_registry_password,
                in_code: schema_registry_password(SecretString),
                kind: kind::SECRET,
                default: None,
                properties: &[],
                doc: "The password of that user",
            }
            SchemaRegistryPasswordFile {
                key: schema_registry_password_file,
                in_code: schema_registry_password_file(PathBuf),
                kind: kind::PASSWORD_FILE,
                default: None,
                properties: &[],
                doc: "A file that holds the password; one line break at its end is dropped",
            }
            SchemaRegistryTokenFile {
                key: schema_registry_token_file,
                in_code: schema_registry_token_file(PathBuf),
                kind: kind::TOKEN_FILE,
                default: None,
                properties: &[],
                doc: "A file that holds a bearer token for the schema registry, in place of user and password",
            }
            SchemaRegistryCaFile {
                key: schema_registry_ca_file,
                in_code: schema_registry_ca_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &[],
                doc: "The certificates (PEM) trusted to sign the schema registry's; default: the system's",
            }
            SchemaRegistryCertificateFile {
                key: schema_registry_certificate_file,
                in_code: schema_registry_certificate_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &[],
                doc: "This client's certificate (PEM) for mutual TLS with the schema registry",
            }
            SchemaRegistryKeyFile {
                key: schema_registry_key_file,
                in_code: schema_registry_key_file(PathBuf),
                kind: kind::PEM_FILE,
                default: None,
                properties: &[],
                doc: "The private key (PEM, not encrypted) of that certificate",
            }
            SchemaRegistryGlueRegion {
                key: schema_registry_glue_region,
                in_code: schema_registry_glue_region(String),
                kind: kind::REGION,
                default: None,
                properties: &[],
                doc: "The region of an AWS Glue Schema Registry, in place of schema_registry_url",
            }
            SchemaRegistryGlueName {
                key: schema_registry_glue_name,
                in_code: schema_registry_glue_name(String),
                kind: kind::NAME,
                default: None,
                properties: &[],
                doc: "The name of that registry; default: default-registry",
            }
            SchemaRegistryAutoRegister {
                key: schema_registry_auto_register,
                in_code: schema_registry_auto_register(bool),
                kind: kind::BOOLEAN,
                default: Some("true"),
                properties: &[],
                doc: "Registers the schema of a declared type when it is first used to write",
            }
            SchemaRegistryUseLatest {
                key: schema_registry_use_latest,
                in_code: schema_registry_use_latest(bool),
                kind: kind::BOOLEAN,
                default: Some("false"),
                properties: &[],
                doc: "Writes declared types, too, with the latest version of their subject",
            }
        }
    };
}

pub(crate) use each_setting;
