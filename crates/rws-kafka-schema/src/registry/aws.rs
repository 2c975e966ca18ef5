//! Creates registries of AWS Glue.

use super::glue::{Credentials, GlueCompatibility, GlueCredentials, GlueSettings};
use super::schema_registry::SchemaRegistry;
use super::settings::{Kind, Settings};
use crate::wire::glue::Compression;

impl SchemaRegistry {
    /// Returns the default registry of [AWS Glue] in this region.
    ///
    /// Subjects are schema names there. By default the schema name is the topic's name, for keys and values
    /// alike, as in the Java serializer; a [strategy](Self::with_subject_name_strategy) can change that.
    ///
    /// Credentials are found as by AWS's own tools, in this order: environment, web identity, shared profile
    /// files, container, instance. `AWS_ENDPOINT_URL_GLUE` and `AWS_ENDPOINT_URL` change the address.
    ///
    /// ```
    /// use rws_kafka_schema::registry::SchemaRegistry;
    ///
    /// let registry = SchemaRegistry::glue("eu-central-1").registry_name("orders");
    /// ```
    ///
    /// [AWS Glue]: https://docs.aws.amazon.com/glue/latest/dg/schema-registry.html
    pub fn glue(region: impl Into<String>) -> Self {
        Self::of(Settings::new(Kind::Glue {
            settings: GlueSettings::new(region),
            compression: Compression::None,
        }))
    }

    /// Sets the name of Glue's registry. Default: `default-registry`. Any other must exist.
    #[must_use]
    pub fn registry_name(self, name: impl Into<String>) -> Self {
        self.with_glue("registry_name", |settings| {
            settings.registry_name = name.into()
        })
    }

    /// Uses this AWS access key instead of the credentials that AWS's tools would find.
    #[must_use]
    pub fn with_credentials(
        self,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
    ) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None);
        self.with_glue("with_credentials", |settings| {
            settings.credentials = GlueCredentials::Given(credentials);
        })
    }

    /// Uses this temporary AWS access key and session token instead of the credentials that AWS's tools would
    /// find.
    #[must_use]
    pub fn with_session_credentials(
        self,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: impl Into<String>,
    ) -> Self {
        let token = Some(session_token.into());
        let credentials = Credentials::new(access_key_id, secret_access_key, token);
        self.with_glue("with_session_credentials", |settings| {
            settings.credentials = GlueCredentials::Given(credentials);
        })
    }

    /// Sets Glue's address instead of the region's, such as `http://localhost:4566`.
    #[must_use]
    pub fn with_endpoint(self, url: impl Into<String>) -> Self {
        self.with_glue("with_endpoint", |settings| {
            settings.endpoint = Some(url.into())
        })
    }

    /// Sets the compatibility rule of schemas that this client creates. Default:
    /// [`Backward`](GlueCompatibility::Backward).
    #[must_use]
    pub fn with_compatibility(self, compatibility: GlueCompatibility) -> Self {
        self.with_glue("with_compatibility", |settings| {
            settings.compatibility = compatibility;
        })
    }

    /// Sets how payloads are compressed. Default: not at all. Both forms are read.
    #[must_use]
    pub fn with_compression(self, new: Compression) -> Self {
        self.with(|settings| match &mut settings.kind {
            Kind::Glue { compression, .. } => *compression = new,
            _ => settings.misused = Some("with_compression"),
        })
    }

    fn with_glue(self, method: &'static str, change: impl FnOnce(&mut GlueSettings)) -> Self {
        self.with(|settings| match &mut settings.kind {
            Kind::Glue { settings, .. } => change(settings),
            _ => settings.misused = Some(method),
        })
    }
}
