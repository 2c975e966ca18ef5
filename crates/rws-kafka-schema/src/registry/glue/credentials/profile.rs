//! Gets credentials of a [profile] in the files that all of AWS's tools share.
//!
//! [profile]: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html

use super::chain::{Chain, Missing};
use super::environment::read;
use super::ini::{Kind, Settings, add};
use super::sts::Role;
use super::{Credentials, process};
use std::collections::HashMap;
use std::path::PathBuf;

/// The longest chain of profiles that refer to one another.
const DEEPEST: usize = 16;
/// The settings that show that a profile uses single sign-on.
const SSO: [&str; 4] = [
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
];

struct Profiles {
    by_name: HashMap<String, Settings>,
    /// The names of the files, for errors.
    files: String,
}

impl Chain {
    pub(super) fn of_profiles(&self) -> Result<Credentials, Missing> {
        let profiles = self.profiles().map_err(Missing::Broken)?;
        let named = self.environment.get("AWS_PROFILE");
        let name = named.as_deref().map_or("default", str::trim);
        if !profiles.by_name.contains_key(name) {
            let none = format!("no profile {name} in {}", profiles.files);
            return Err(match named {
                Some(_) => Missing::Broken(format!("{none}; AWS_PROFILE names it")),
                None => Missing::Nothing(none),
            });
        }
        self.of_profile(&profiles, name, &mut Vec::new())
    }

    fn profiles(&self) -> Result<Profiles, String> {
        let files: [(Kind, Option<PathBuf>); 2] = [
            (
                Kind::Config,
                self.environment.file("AWS_CONFIG_FILE", ".aws/config"),
            ),
            (
                Kind::Credentials,
                self.environment
                    .file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
            ),
        ];
        let mut by_name = HashMap::new();
        let mut names = Vec::new();
        for (kind, file) in files {
            let Some(file) = file else { continue };
            if let Some(text) = read(&file)? {
                add(&text, kind, &mut by_name);
            }
            names.push(file.display().to_string());
        }
        let files = match names.is_empty() {
            true => "any file: there is no home directory".to_owned(),
            false => names.join(" and "),
        };
        Ok(Profiles { by_name, files })
    }

    /// Gets the credentials of a profile. `through` contains the profiles that led to it.
    fn of_profile(
        &self,
        profiles: &Profiles,
        name: &str,
        through: &mut Vec<String>,
    ) -> Result<Credentials, Missing> {
        if through.len() >= DEEPEST || through.iter().any(|before| before == name) {
            let way = through.join(", ");
            return Err(Missing::Broken(format!(
                "source_profile is nested too deeply or forms a circle: {way}, {name}"
            )));
        }
        through.push(name.to_owned());
        let Some(settings) = profiles.by_name.get(name) else {
            return Err(Missing::Broken(format!(
                "no profile {name} in {}",
                profiles.files
            )));
        };
        let profile = format!("profile {name}");
        if let Some(arn) = settings.get("role_arn") {
            return self
                .of_role(profiles, name, settings, arn, through)
                .map_err(|missing| missing.or_broken(&profile));
        }
        if let Some(credentials) = static_keys(settings) {
            return credentials.map_err(|why| Missing::Broken(format!("{profile}: {why}")));
        }
        if let Some(command) = settings.get("credential_process") {
            return process::run(command)
                .map_err(|why| Missing::Broken(format!("{profile}: {why}")));
        }
        if SSO.iter().any(|setting| settings.contains_key(*setting)) {
            return Err(Missing::Broken(format!(
                "{profile} uses single sign-on (sso_…), which a service cannot use; allowed: \
                 aws_access_key_id, role_arn, credential_process"
            )));
        }
        Err(Missing::Nothing(format!(
            "{profile} contains no credentials"
        )))
    }

    fn of_role(
        &self,
        profiles: &Profiles,
        name: &str,
        settings: &Settings,
        arn: &str,
        through: &mut Vec<String>,
    ) -> Result<Credentials, Missing> {
        let get = |setting: &str| settings.get(setting).map(String::as_str);
        let role = Role {
            arn,
            session: get("role_session_name"),
            external_id: get("external_id"),
            duration: get("duration_seconds"),
        };
        if let Some(file) = get("web_identity_token_file") {
            return self.assume_with_token(role, &self.environment.expanded(file));
        }
        if get("mfa_serial").is_some() {
            return Err(Missing::Broken(
                "mfa_serial needs a person, so a service cannot use it".to_owned(),
            ));
        }
        let by = match (get("source_profile"), get("credential_source")) {
            (Some(source), None) if source == name => static_keys(settings)
                .unwrap_or_else(|| Err("it is its own source_profile, but has no keys".to_owned()))
                .map_err(Missing::Broken)?,
            (Some(source), None) => self.of_profile(profiles, source, through)?,
            (None, Some("Environment")) => self.of_variables()?,
            (None, Some("Ec2InstanceMetadata")) => self.of_instance()?,
            (None, Some("EcsContainer")) => self.of_container()?,
            (None, Some(other)) => {
                return Err(Missing::Broken(format!(
                    "credential_source is {other}; allowed: Environment, Ec2InstanceMetadata, \
                     EcsContainer"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(Missing::Broken(
                    "source_profile and credential_source are both set; allowed: one".to_owned(),
                ));
            }
            (None, None) => {
                return Err(Missing::Broken(
                    "role_arn needs source_profile, credential_source or web_identity_token_file"
                        .to_owned(),
                ));
            }
        };
        self.assume(role, &by)
    }
}

/// Returns the keys in the profile itself, or `None` if it has none.
fn static_keys(settings: &Settings) -> Option<Result<Credentials, String>> {
    let id = settings.get("aws_access_key_id");
    let secret = settings.get("aws_secret_access_key");
    let token = settings.get("aws_session_token");
    match (id, secret) {
        (Some(id), Some(secret)) => Some(Ok(Credentials::new(id, secret, token.cloned()))),
        (Some(_), None) => Some(Err(
            "aws_access_key_id is set, aws_secret_access_key is not".to_owned(),
        )),
        (None, Some(_)) => Some(Err(
            "aws_secret_access_key is set, aws_access_key_id is not".to_owned(),
        )),
        (None, None) => None,
    }
}
