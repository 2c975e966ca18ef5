//! AWS Glue as a registry of ours.

use super::glue::{Credentials, GlueCompatibility, GlueCredentials, GlueSettings};
use super::schema_registry::SchemaRegistry;
use super::settings::{Kind, Settings};
use crate::wire::glue::Compression;

impl SchemaRegistry {
    /// The default registry of [AWS Glue] in this region. Subjects are schema names there: a topic's,
    /// for keys and values alike, as Java's serializer has it, unless the
    /// [strategy](Self::with_subject_name_strategy) says otherwise.
    ///
    /// Credentials are found as AWS's own tools find them: in the environment, for a web identity, in
    /// the shared profile files, from the container, from the instance. `AWS_ENDPOINT_URL_GLUE` and
    /// `AWS_ENDPOINT_URL` put it elsewhere.
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

    /// Which registry of Glue's. Default: `default-registry`; another must be there.
    #[must_use]
    pub fn registry_name(self, name: impl Into<String>) -> Self {
        self.with_glue("registry_name", |settings| {
            settings.registry_name = name.into()
        })
    }

    /// An access key of AWS, in place of what AWS's tools would find.
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

    /// A temporary access key of AWS, with its session token, in place of what AWS's tools would find.
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

    /// Where Glue is, in place of the region's own address, such as `http://localhost:4566`.
    #[must_use]
    pub fn with_endpoint(self, url: impl Into<String>) -> Self {
        self.with_glue("with_endpoint", |settings| {
            settings.endpoint = Some(url.into())
        })
    }

    /// The compatibility rule of schemas that are made here. Default:
    /// [`Backward`](GlueCompatibility::Backward).
    #[must_use]
    pub fn with_compatibility(self, compatibility: GlueCompatibility) -> Self {
        self.with_glue("with_compatibility", |settings| {
            settings.compatibility = compatibility;
        })
    }

    /// How payloads are compressed. Default: not at all. Both are read.
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
