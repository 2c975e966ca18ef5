//! Checks the settings against each other. A setting whose own value is invalid is skipped here, because its
//! problem is already reported.

use std::time::Duration;

use secrecy::SecretString;

use crate::check::{Check, spellings};
use crate::error::Problem;
use crate::files::{self, PrivateKey};
use crate::oauth;
use crate::options::{SaslMechanism, SecurityProtocol};
use crate::passthrough::{PassThrough, value_of};
use crate::schema_registry::{self, SchemaRegistryConfig};
use crate::setting::Setting;
use crate::settings::Key;
use crate::values::Values;

/// librdkafka's default of `max.poll.interval.ms`.
const MAX_POLL_INTERVAL_MS: u128 = 300_000;

/// Values that are combined from several settings.
pub(crate) struct Combined {
    /// The password, from the setting or from the file.
    pub(crate) sasl_password: Option<SecretString>,
    pub(crate) schema_registry: Option<SchemaRegistryConfig>,
}

/// Checks all settings together.
pub(crate) fn together(
    values: &Values,
    properties: &[PassThrough],
    problems: &mut Vec<Problem>,
) -> Combined {
    let mut check = Check {
        values,
        properties,
        problems,
    };
    check.brokers();
    check.sasl();
    check.tls();
    check.client_certificate();
    check.session_timeout();
    Combined {
        sasl_password: check.one_of(&values.sasl_password, &values.sasl_password_file),
        schema_registry: schema_registry::check(&mut check),
    }
}

/// Returns `true` for the group protocol of KIP-848, with which the broker sets the session timeout.
pub(crate) fn is_kip_848(properties: &[PassThrough]) -> bool {
    value_of(properties, "group.protocol").is_some_and(|name| name.eq_ignore_ascii_case("consumer"))
}

impl Check<'_> {
    fn brokers(&mut self) {
        if self.values.brokers.is_absent() {
            let setting = Key::Brokers.setting();
            self.missing(
                Key::Brokers,
                &format!(
                    "is set nowhere and has no default: set {}=host:9092, or brokers = \
                     \"host:9092\" under [kafka] in rws.config.toml, or {}=host:9092",
                    setting.env(),
                    setting.flag(),
                ),
            );
        }
    }

    fn sasl(&mut self) {
        let values = self.values;
        let Some(protocol) = values.security_protocol.value() else {
            return;
        };
        if !protocol.uses_sasl() {
            let unused = self.security_is("only SASL_PLAINTEXT and SASL_SSL use it");
            self.refuse_explicit(&values.sasl_mechanism, &unused);
            self.refuse_explicit(&values.sasl_username, &unused);
            self.refuse_explicit(&values.sasl_password, &unused);
            self.refuse_explicit(&values.sasl_password_file, &unused);
            return;
        }
        if values.sasl_mechanism.is_absent() {
            let needs = needs(Key::SaslMechanism.setting(), protocol.as_str());
            self.missing(Key::SaslMechanism, &needs);
        }
        match values.sasl_mechanism.value() {
            None => {}
            Some(SaslMechanism::OAuthBearer) => {
                let unused = "is set, but sasl_mechanism is OAUTHBEARER, which uses tokens: \
                              remove it";
                self.refuse_explicit(&values.sasl_username, unused);
                self.refuse_explicit(&values.sasl_password, unused);
                self.refuse_explicit(&values.sasl_password_file, unused);
                if let Some(problem) = oauth::problem(self.properties) {
                    self.conflict(values.sasl_mechanism.origin(), problem);
                }
            }
            Some(mechanism) => {
                if values.sasl_username.is_absent() {
                    let needs = needs(Key::SaslUsername.setting(), mechanism.as_str());
                    self.missing(Key::SaslUsername, &needs);
                }
                if values.sasl_password.is_absent() && values.sasl_password_file.is_absent() {
                    let file = Key::SaslPasswordFile.setting().env();
                    let needs = needs(Key::SaslPassword.setting(), mechanism.as_str());
                    self.missing(Key::SaslPassword, &format!("{needs}, or {file}"));
                }
            }
        }
    }

    fn tls(&mut self) {
        let values = self.values;
        if let Some(protocol) = values.security_protocol.value()
            && !protocol.uses_tls()
        {
            let unused = self.security_is("only SSL and SASL_SSL use it");
            self.refuse_explicit(&values.ssl_ca_file, &unused);
            self.refuse_explicit(&values.ssl_certificate_file, &unused);
            self.refuse_explicit(&values.ssl_key_file, &unused);
            self.refuse_explicit(&values.ssl_key_password, &unused);
        }
        if let Some(path) = values.ssl_ca_file.value() {
            self.file(&values.ssl_ca_file, path, files::check_certificate);
        }
        if let Some(path) = values.ssl_certificate_file.value() {
            self.file(&values.ssl_certificate_file, path, files::check_certificate);
        }
    }

    /// Checks that certificate and key are set together; either may also be a property.
    fn client_certificate(&mut self) {
        let values = self.values;
        let has = |name: &str| value_of(self.properties, name).is_some();
        let has_certificate =
            !values.ssl_certificate_file.is_absent() || has("ssl.certificate.pem");
        let has_key = !values.ssl_key_file.is_absent() || has("ssl.key.pem");

        if values.ssl_certificate_file.is_explicit() && !has_key {
            let needs = with(Key::SslKeyFile.setting(), "its private key");
            self.conflict(values.ssl_certificate_file.origin(), needs);
        }
        if values.ssl_key_file.is_explicit() && !has_certificate {
            let needs = with(Key::SslCertificateFile.setting(), "its certificate");
            self.conflict(values.ssl_key_file.origin(), needs);
        }
        if values.ssl_key_password.is_explicit() && !has_key {
            let needs = with(Key::SslKeyFile.setting(), "the private key it opens");
            self.conflict(values.ssl_key_password.origin(), needs);
        }
        if let Some(path) = values.ssl_key_file.value()
            && let Some(PrivateKey::Encrypted) =
                self.file(&values.ssl_key_file, path, files::check_private_key)
            && values.ssl_key_password.is_absent()
        {
            let setting = Key::SslKeyPassword.setting();
            self.conflict(
                values.ssl_key_file.origin(),
                format!(
                    "the private key in {} is encrypted: set its password, {}",
                    files::shown(path),
                    spellings(setting)
                ),
            );
        }
    }

    fn session_timeout(&mut self) {
        let slot = &self.values.session_timeout_ms;
        let Some(timeout) = slot.value().map(Duration::as_millis) else {
            return;
        };
        if is_kip_848(self.properties) {
            if slot.is_explicit() {
                self.conflict(
                    slot.origin(),
                    "is set, but group.protocol is consumer (KIP-848), where the broker sets \
                     the session timeout: remove it",
                );
            }
            return;
        }
        let (max_poll, from) = match value_of(self.properties, "max.poll.interval.ms") {
            None => (Ok(MAX_POLL_INTERVAL_MS), ", its default"),
            Some(text) => (text.trim().parse(), ""),
        };
        if let Ok(max_poll) = max_poll
            && timeout > max_poll
        {
            self.conflict(
                slot.origin(),
                format!(
                    "is {timeout}, which is more than max.poll.interval.ms ({max_poll}{from}): \
                     lower it, or raise that under [kafka.properties]"
                ),
            );
        }
    }

    /// Returns why a security setting would have no effect.
    fn security_is(&self, who_uses_it: &str) -> String {
        let slot = &self.values.security_protocol;
        let protocol = slot
            .value()
            .map_or("", |protocol| SecurityProtocol::as_str(*protocol));
        let how = if slot.is_explicit() {
            ""
        } else {
            ", its default"
        };
        format!(
            "is set, but security_protocol is {protocol}{how}, and {who_uses_it}: remove it, or \
             change the protocol"
        )
    }
}

fn needs(setting: &Setting, what: &str) -> String {
    format!(
        "is not set, and {what} needs it: set {}",
        spellings(setting)
    )
}

fn with(setting: &Setting, what: &str) -> String {
    format!("is set without {what}: set {}", spellings(setting))
}
