//! The settings of a client of AWS Glue.

use super::super::error::RegistryError;
use super::credentials::{Credentials, Environment};

/// The registry that the Java serializer uses by default.
pub(crate) const DEFAULT_REGISTRY: &str = "default-registry";
/// The domains of regions, by the start of the region's name; all others use `amazonaws.com`.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eusc-", "amazonaws.eu"),
];

/// Glue's address, the credentials, and the properties of new schemas.
#[derive(Clone, Debug)]
pub(crate) struct GlueSettings {
    /// The region, such as `eu-central-1`.
    pub(crate) region: String,
    /// The name of Glue's registry, which must exist unless it is the default one.
    pub(crate) registry_name: String,
    /// The address to use instead of the region's, such as `http://localhost:4566`.
    pub(crate) endpoint: Option<String>,
    pub(crate) credentials: GlueCredentials,
    /// The compatibility rule of schemas that this client creates; existing schemas keep theirs.
    pub(crate) compatibility: GlueCompatibility,
    /// The description of schemas that this client creates.
    pub(crate) description: Option<String>,
}

/// The source of credentials.
#[derive(Clone, Debug)]
pub(crate) enum GlueCredentials {
    /// These credentials, as long as they are valid.
    Given(Credentials),
    /// AWS's default chain.
    Chain(Environment),
}

/// The versions with which a new version of a schema must be compatible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GlueCompatibility {
    /// No version.
    None,
    /// New versions are not allowed.
    Disabled,
    /// The new version can read messages of the previous version.
    #[default]
    Backward,
    /// The new version can read messages of all previous versions.
    BackwardAll,
    /// The previous version can read messages of the new version.
    Forward,
    /// All previous versions can read messages of the new version.
    ForwardAll,
    /// Both directions, with the previous version.
    Full,
    /// Both directions, with all previous versions.
    FullAll,
}

impl GlueSettings {
    /// Returns the settings for the default registry of this region, with AWS's default credentials chain.
    /// `AWS_ENDPOINT_URL_GLUE` or `AWS_ENDPOINT_URL` changes the address.
    pub(crate) fn new(region: impl Into<String>) -> Self {
        let environment = Environment::of_process();
        Self {
            region: region.into(),
            registry_name: DEFAULT_REGISTRY.to_owned(),
            endpoint: environment.endpoint("GLUE"),
            credentials: GlueCredentials::Chain(environment),
            compatibility: GlueCompatibility::default(),
            description: None,
        }
    }

    /// Returns Glue's address, without a slash at the end.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Setting`] for an invalid region, endpoint or registry name.
    pub(super) fn url(&self) -> Result<String, RegistryError> {
        let is_of = |text: &str, more: &[u8]| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            !text.is_empty() && text.len() <= 255 && text.bytes().all(is_allowed)
        };
        let region = &self.region;
        if !is_of(region, b"-") {
            return Err(RegistryError::Setting {
                setting: "AWS region",
                found: format!("is {region:?}"),
                allowed: "the name of a region, such as eu-central-1",
            });
        }
        if !is_of(&self.registry_name, b"-_$#.") {
            return Err(RegistryError::Setting {
                setting: "name in AWS Glue",
                found: format!("is {:?}", self.registry_name),
                allowed: "1 to 255 letters, digits and -_$#.",
            });
        }
        let Some(endpoint) = &self.endpoint else {
            return Ok(format!("https://glue.{region}.{}", domain(region)));
        };
        let rest = endpoint
            .strip_prefix("https://")
            .or_else(|| endpoint.strip_prefix("http://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(['@', '?', '#']) => {
                Ok(endpoint.trim_end_matches('/').to_owned())
            }
            _ => Err(RegistryError::Setting {
                setting: "endpoint",
                found: format!(
                    "{:?} is not a valid address",
                    super::super::url::without_credentials(endpoint)
                ),
                allowed: "http:// or https:// with host, port and path, without credentials",
            }),
        }
    }
}

impl GlueCompatibility {
    /// Returns the name that Glue uses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Disabled => "DISABLED",
            Self::Backward => "BACKWARD",
            Self::BackwardAll => "BACKWARD_ALL",
            Self::Forward => "FORWARD",
            Self::ForwardAll => "FORWARD_ALL",
            Self::Full => "FULL",
            Self::FullAll => "FULL_ALL",
        }
    }
}

/// Returns the domain of a region's services.
pub(super) fn domain(region: &str) -> &'static str {
    DOMAINS
        .iter()
        .find(|(start, _)| region.starts_with(start))
        .map_or("amazonaws.com", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(region: &str, endpoint: Option<&str>) -> Result<String, RegistryError> {
        let mut settings = GlueSettings::new(region);
        settings.endpoint = endpoint.map(str::to_owned);
        settings.url()
    }

    #[test]
    fn each_region_is_in_the_domain_of_its_partition() {
        for (region, expected) in [
            ("eu-central-1", "https://glue.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "https://glue.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://glue.cn-north-1.amazonaws.com.cn"),
            ("us-iso-east-1", "https://glue.us-iso-east-1.c2s.ic.gov"),
            (
                "us-isob-east-1",
                "https://glue.us-isob-east-1.sc2s.sgov.gov",
            ),
        ] {
            assert_eq!(url(region, None).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for region in ["", "eu central", "eu-central-1.example.com/", "é"] {
            let error = url(region, None).unwrap_err().to_string();
            assert!(error.contains("AWS region is"), "{error}");
        }
        for endpoint in [
            "",
            "localhost:4566",
            "http://",
            "https://u:hidden@host",
            "http://h?x",
        ] {
            let error = url("eu-central-1", Some(endpoint)).unwrap_err().to_string();
            assert!(error.contains("endpoint"), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
        assert_eq!(
            url("eu-central-1", Some("http://localhost:4566/")).unwrap(),
            "http://localhost:4566"
        );
        let mut settings = GlueSettings::new("eu-central-1");
        settings.registry_name = "a b".to_owned();
        assert!(settings.url().is_err());
    }
}
