//! The one declaration of every setting. It drives reading, checking, the
//! hints for unknown names, the reference table and the describe table.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::error::Problem;
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::parse;
use crate::raw::{Raw, Slot};
use crate::setting::{Setting, Shape};

macro_rules! settings {
    ($(
        $variant:ident => $field:ident: $type:ty {
            env: $env:literal,
            flag: $flag:literal,
            default: $default:expr,
            secret: $secret:literal,
            shape: $shape:ident,
            properties: $properties:expr,
            parse: $parse:expr,
            allowed: $allowed:literal,
            doc: $doc:literal,
        }
    )+) => {
        /// Names a setting inside this crate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Key {
            $($variant,)+
        }

        static SETTINGS: &[Setting] = &[$(
            Setting {
                key: stringify!($field),
                env: $env,
                flag: $flag,
                default: $default,
                secret: $secret,
                shape: Shape::$shape,
                allowed: $allowed,
                doc: $doc,
                properties: $properties,
            },
        )+];

        /// What each setting came to, once its own value is checked.
        pub(crate) struct Values {
            $(pub(crate) $field: Slot<$type>,)+
        }

        impl Values {
            pub(crate) fn read(raw: &Raw, problems: &mut Vec<Problem>) -> Self {
                Self {
                    $($field: raw.slot(Key::$variant, $parse, problems),)+
                }
            }

            /// Calls `each` for every setting, in the order of the table.
            pub(crate) fn for_each(&self, mut each: impl FnMut(&'static Setting, &dyn Shown)) {
                $(each(Key::$variant.setting(), &self.$field);)+
            }
        }

        impl Key {
            pub(crate) const ALL: &[Key] = &[$(Key::$variant,)+];
        }
    };
}

/// What the describe table needs of a slot, whatever its type.
pub(crate) trait Shown {
    /// The effective value, secrets as `***`; `None` if the setting has none.
    fn shown(&self) -> Option<String>;
    /// The place the value came from.
    fn origin(&self) -> &crate::origin::Origin;
}

impl Key {
    pub(crate) fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    pub(crate) fn find(matches: impl Fn(&Setting) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| matches(key.setting()))
    }
}

settings! {
    Brokers => brokers: String {
        env: "RWS_CONFIG_KAFKA_BROKERS",
        flag: "--kafka-brokers",
        default: None,
        secret: false,
        shape: List,
        properties: &["bootstrap.servers", "metadata.broker.list"],
        parse: parse::brokers,
        allowed: "host:port pairs separated by commas (port 9092 if left out, IPv6 in brackets)",
        doc: "The brokers to connect to first; required",
    }
    ClientId => client_id: String {
        env: "RWS_CONFIG_KAFKA_CLIENT_ID",
        flag: "--kafka-client-id",
        default: Some("rws-kafka"),
        secret: false,
        shape: Text,
        properties: &["client.id"],
        parse: parse::text,
        allowed: "any name",
        doc: "The name of this service in the brokers' logs, metrics and quotas",
    }
    ConsumerGroup => consumer_group: String {
        env: "RWS_CONFIG_KAFKA_CONSUMER_GROUP",
        flag: "--kafka-consumer-group",
        default: None,
        secret: false,
        shape: Text,
        properties: &["group.id"],
        parse: parse::text,
        allowed: "any name",
        doc: "The group that shares partitions and offsets; consumers need one",
    }
    GroupInstanceId => group_instance_id: String {
        env: "RWS_CONFIG_KAFKA_GROUP_INSTANCE_ID",
        flag: "--kafka-group-instance-id",
        default: None,
        secret: false,
        shape: Text,
        properties: &["group.instance.id"],
        parse: parse::instance_id,
        allowed: "1 to 249 of the characters a-z A-Z 0-9 . _ -, and not `.` or `..`",
        doc: "Static membership: a name unique to, and kept by, each instance (KIP-345)",
    }
    SecurityProtocol => security_protocol: SecurityProtocol {
        env: "RWS_CONFIG_KAFKA_SECURITY_PROTOCOL",
        flag: "--kafka-security-protocol",
        default: Some("PLAINTEXT"),
        secret: false,
        shape: Text,
        properties: &["security.protocol"],
        parse: parse::name,
        allowed: "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
        doc: "How connections are encrypted and authenticated",
    }
    SaslMechanism => sasl_mechanism: SaslMechanism {
        env: "RWS_CONFIG_KAFKA_SASL_MECHANISM",
        flag: "--kafka-sasl-mechanism",
        default: None,
        secret: false,
        shape: Text,
        properties: &["sasl.mechanism", "sasl.mechanisms"],
        parse: parse::name,
        allowed: "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
        doc: "How SASL clients authenticate; required with SASL_PLAINTEXT and SASL_SSL",
    }
    SaslUsername => sasl_username: String {
        env: "RWS_CONFIG_KAFKA_SASL_USERNAME",
        flag: "--kafka-sasl-username",
        default: None,
        secret: false,
        shape: Text,
        properties: &["sasl.username"],
        parse: parse::text,
        allowed: "any name",
        doc: "The user of PLAIN and SCRAM",
    }
    SaslPassword => sasl_password: SecretString {
        env: "RWS_CONFIG_KAFKA_SASL_PASSWORD",
        flag: "--kafka-sasl-password",
        default: None,
        secret: true,
        shape: Text,
        properties: &["sasl.password"],
        parse: parse::secret,
        allowed: "any text",
        doc: "The password of PLAIN and SCRAM",
    }
    SaslPasswordFile => sasl_password_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SASL_PASSWORD_FILE",
        flag: "--kafka-sasl-password-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a file that holds the password",
        doc: "A file that holds the password; one line break at its end is dropped",
    }
    SslCaFile => ssl_ca_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SSL_CA_FILE",
        flag: "--kafka-ssl-ca-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &["ssl.ca.location"],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "The certificates (PEM) trusted to sign the brokers'; else the system's",
    }
    SslCertificateFile => ssl_certificate_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SSL_CERTIFICATE_FILE",
        flag: "--kafka-ssl-certificate-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &["ssl.certificate.location"],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "This client's certificate (PEM) for mutual TLS",
    }
    SslKeyFile => ssl_key_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SSL_KEY_FILE",
        flag: "--kafka-ssl-key-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &["ssl.key.location"],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "The private key (PEM) of that certificate",
    }
    SslKeyPassword => ssl_key_password: SecretString {
        env: "RWS_CONFIG_KAFKA_SSL_KEY_PASSWORD",
        flag: "--kafka-ssl-key-password",
        default: None,
        secret: true,
        shape: Text,
        properties: &["ssl.key.password"],
        parse: parse::secret,
        allowed: "any text",
        doc: "The password of that private key, if it is encrypted",
    }
    SessionTimeoutMs => session_timeout_ms: Duration {
        env: "RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS",
        flag: "--kafka-session-timeout-ms",
        default: Some("45000"),
        secret: false,
        shape: Integer,
        properties: &["session.timeout.ms"],
        parse: parse::session_timeout,
        allowed: "whole milliseconds from 6000 to 1800000, a broker's own default bounds",
        doc: "How long a silent consumer keeps its partitions",
    }
    AutoOffsetReset => auto_offset_reset: OffsetReset {
        env: "RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET",
        flag: "--kafka-auto-offset-reset",
        default: Some("earliest"),
        secret: false,
        shape: Text,
        properties: &["auto.offset.reset"],
        parse: parse::name,
        allowed: "earliest or latest",
        doc: "Where a group without a committed offset starts",
    }
    ReadyzLagTimeoutMs => readyz_lag_timeout_ms: Duration {
        env: "RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS",
        flag: "--kafka-readyz-lag-timeout-ms",
        default: Some("60000"),
        secret: false,
        shape: Integer,
        properties: &[],
        parse: parse::lag_timeout,
        allowed: "whole milliseconds from 1 to 86400000",
        doc: "How long a worker with work may commit nothing before `/readyz` is degraded",
    }
    SchemaRegistryUrl => schema_registry_url: String {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL",
        flag: "--kafka-schema-registry-url",
        default: None,
        secret: false,
        shape: List,
        properties: &[],
        parse: parse::urls,
        allowed: "http or https URLs without credentials, separated by commas",
        doc: "The schema registry with Confluent's API; the next URL is asked where one cannot answer",
    }
    SchemaRegistryUsername => schema_registry_username: String {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USERNAME",
        flag: "--kafka-schema-registry-username",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::text,
        allowed: "any name",
        doc: "The user of the schema registry (HTTP Basic)",
    }
    SchemaRegistryPassword => schema_registry_password: SecretString {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD",
        flag: "--kafka-schema-registry-password",
        default: None,
        secret: true,
        shape: Text,
        properties: &[],
        parse: parse::secret,
        allowed: "any text",
        doc: "The password of that user",
    }
    SchemaRegistryPasswordFile => schema_registry_password_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD_FILE",
        flag: "--kafka-schema-registry-password-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a file that holds the password",
        doc: "A file that holds the password; one line break at its end is dropped",
    }
    SchemaRegistryTokenFile => schema_registry_token_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_TOKEN_FILE",
        flag: "--kafka-schema-registry-token-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a file that holds the token",
        doc: "A file that holds a bearer token for the schema registry, in place of user and password",
    }
    SchemaRegistryCaFile => schema_registry_ca_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_CA_FILE",
        flag: "--kafka-schema-registry-ca-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "The certificates (PEM) trusted to sign the schema registry's; else the system's",
    }
    SchemaRegistryCertificateFile => schema_registry_certificate_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_CERTIFICATE_FILE",
        flag: "--kafka-schema-registry-certificate-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "This client's certificate (PEM) for mutual TLS with the schema registry",
    }
    SchemaRegistryKeyFile => schema_registry_key_file: PathBuf {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_KEY_FILE",
        flag: "--kafka-schema-registry-key-file",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::path,
        allowed: "the path of a PEM file",
        doc: "The private key (PEM, not encrypted) of that certificate",
    }
    SchemaRegistryGlueRegion => schema_registry_glue_region: String {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION",
        flag: "--kafka-schema-registry-glue-region",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::text,
        allowed: "a region of AWS, such as eu-central-1",
        doc: "The region of an AWS Glue Schema Registry, in place of schema_registry_url",
    }
    SchemaRegistryGlueName => schema_registry_glue_name: String {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_NAME",
        flag: "--kafka-schema-registry-glue-name",
        default: None,
        secret: false,
        shape: Text,
        properties: &[],
        parse: parse::text,
        allowed: "any name",
        doc: "The name of that registry; else default-registry",
    }
    SchemaRegistryAutoRegister => schema_registry_auto_register: bool {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_AUTO_REGISTER",
        flag: "--kafka-schema-registry-auto-register",
        default: Some("true"),
        secret: false,
        shape: Boolean,
        properties: &[],
        parse: parse::boolean,
        allowed: "true or false",
        doc: "Whether the schema of a declared type is registered when it is first written with",
    }
    SchemaRegistryUseLatest => schema_registry_use_latest: bool {
        env: "RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USE_LATEST",
        flag: "--kafka-schema-registry-use-latest",
        default: Some("false"),
        secret: false,
        shape: Boolean,
        properties: &[],
        parse: parse::boolean,
        allowed: "true or false",
        doc: "Whether declared types too are written with the latest version of their subject",
    }
}

/// Every setting, in the order of the reference table.
///
/// ```
/// let brokers = &rws_kafka_config::settings()[0];
/// assert_eq!(brokers.env(), "RWS_CONFIG_KAFKA_BROKERS");
/// ```
#[must_use]
pub fn settings() -> &'static [Setting] {
    SETTINGS
}

/// The reference table of every setting, in Markdown.
#[must_use]
pub fn reference_table() -> String {
    let mut table = String::from(
        "| `[kafka]` key | environment variable | flag | default | allowed | what it is for |\n\
         |---|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let default = setting
            .default
            .map_or_else(String::new, |text| format!("`{text}`"));
        let secret = if setting.secret { " (secret)" } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | `{}` | `{}=` | {default} | {}{secret} | {} |",
            setting.key, setting.env, setting.flag, setting.allowed, setting.doc,
        );
    }
    table
}
