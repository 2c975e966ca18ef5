//! AWS Glue's schema registry in a container: its life, and what is registered.

use std::{fmt, sync::OnceLock};

use serde_json::{Value, json};
use testcontainers::{ImageExt, core::IntoContainerPort};

use crate::{
    container::{Container, Image, until_ports_are_free},
    http::{HttpAnswer, HttpRequest},
    names::free_port,
};

const IMAGE: Image = Image {
    name: "rws-kafka/glue",
    tag: "5.2.5",
};
const PORT: u16 = 5000;
const REGION: &str = "eu-central-1";
const USER: &str = "tests";

/// The credentials that sign a request to AWS.
#[derive(Clone)]
pub struct AwsCredentials {
    /// The access key's id, `AKIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// AWS Glue in its own container, removed when this value is dropped: moto's, which refuses
/// what is not signed with its own [credentials](Self::credentials).
///
/// Where it is known to differ from AWS's: it checks no compatibility, and lists neither schemas
/// nor versions.
pub struct Glue {
    container: Container,
    port: u16,
    credentials: AwsCredentials,
}

impl Glue {
    /// Returns the Glue that the tests of one binary share, started on first use and removed when
    /// the process ends. Don't stop it: use schemas of your own, or start another one with
    /// [`Glue::start`].
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Glue> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts one.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start() -> Self {
        let (container, port) = until_ports_are_free(|| {
            let port = free_port();
            let request = IMAGE.request().with_mapped_port(port, PORT.tcp());
            let container = Container::start(format!("Glue at localhost:{port}"), IMAGE, request)?;
            Ok((container, port))
        });
        let mut glue = Self {
            container,
            port,
            credentials: AwsCredentials {
                access_key_id: "none-yet".to_owned(),
                secret_access_key: "none-yet".to_owned(),
            },
        };
        glue.container.wait_until_started(|| glue.answers());
        glue.credentials = glue.make_credentials();
        glue
    }

    /// Returns its address: `http://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Returns the region it is in.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// Returns the credentials of the one user, who may do everything.
    pub fn credentials(&self) -> &AwsCredentials {
        &self.credentials
    }

    /// Returns the same user's access key with a wrong secret.
    pub fn wrong_credentials(&self) -> AwsCredentials {
        AwsCredentials {
            secret_access_key: "wrong".repeat(8),
            ..self.credentials.clone()
        }
    }

    /// Sends a request of Glue's API, such as `CreateRegistry`.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn request(&self, operation: &str, body: &Value) -> HttpAnswer {
        self.request_as(&self.credentials, operation, body)
    }

    /// Sends a request of Glue's API, signed with these credentials.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn request_as(
        &self,
        credentials: &AwsCredentials,
        operation: &str,
        body: &Value,
    ) -> HttpAnswer {
        let AwsCredentials {
            access_key_id,
            secret_access_key,
        } = credentials;
        let answer = HttpRequest::new("POST", &self.endpoint())
            .header("X-Amz-Target", &format!("AWSGlue.{operation}"))
            .aws_signature(REGION, "glue", access_key_id, secret_access_key)
            .body("application/x-amz-json-1.1", body.to_string())
            .send();
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Creates a registry for schemas.
    ///
    /// # Panics
    ///
    /// Panics if Glue refuses: there is one of this name.
    #[track_caller]
    pub fn create_registry(&self, name: &str) {
        self.request("CreateRegistry", &json!({"RegistryName": name}))
            .ok();
    }

    /// Returns what Glue reports about a schema (`DataFormat`, `Compatibility`,
    /// `LatestSchemaVersion`, …), or `None` if there is none.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn schema(&self, registry: &str, name: &str) -> Option<Value> {
        let id = json!({"RegistryName": registry, "SchemaName": name});
        let answer = self.request("GetSchema", &json!({"SchemaId": id}));
        (!answer.body.contains("EntityNotFoundException")).then(|| answer.ok())
    }

    /// Returns what Glue reports about each version of a schema, in their order: `SchemaVersionId`,
    /// `SchemaDefinition`, …; nothing if there is no such schema.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    #[track_caller]
    pub fn versions(&self, registry: &str, name: &str) -> Vec<Value> {
        let Some(schema) = self.schema(registry, name) else {
            return Vec::new();
        };
        let latest = schema["LatestSchemaVersion"].as_u64();
        let latest = latest.unwrap_or_else(|| panic!("a schema without a version: {schema}"));
        let id = json!({"RegistryName": registry, "SchemaName": name});
        (1..=latest)
            .map(|version| {
                let number = json!({"VersionNumber": version});
                let body = json!({"SchemaId": id, "SchemaVersionNumber": number});
                self.request("GetSchemaVersion", &body).ok()
            })
            .collect()
    }

    /// Freezes it: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn pause(&self) {
        self.container.pause();
    }

    /// Thaws it and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn unpause(&self) {
        self.container.unpause();
        self.container.wait_until_ready(|| self.answers());
    }

    /// Stops it for good: connections are refused from then on, and it remembers nothing.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn stop(&self) {
        self.container.kill();
    }

    /// Returns its log, one line per request.
    pub fn logs(&self) -> String {
        self.container.logs()
    }

    fn answers(&self) -> Result<(), String> {
        let url = format!("{}/moto-api/", self.endpoint());
        let answer = HttpRequest::new("GET", &url).send()?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(format!(
            "it responds with {} {}",
            answer.status, answer.body
        ))
    }

    fn make_credentials(&self) -> AwsCredentials {
        self.iam("CreateUser", &[]);
        let everything = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        });
        self.iam(
            "PutUserPolicy",
            &[
                ("PolicyName", "all"),
                ("PolicyDocument", &everything.to_string()),
            ],
        );
        let key = self.iam("CreateAccessKey", &[]);
        let url = format!("{}/moto-api/reset-auth", self.endpoint());
        // How many more requests go through unchecked.
        let checked = HttpRequest::new("POST", &url)
            .body("text/plain", "0")
            .send();
        checked.unwrap_or_else(|error| panic!("{error}")).ok();
        AwsCredentials {
            access_key_id: element(&key, "AccessKeyId"),
            secret_access_key: element(&key, "SecretAccessKey"),
        }
    }

    fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let mut request = HttpRequest::new("POST", &self.endpoint())
            .aws_signature(REGION, "iam", "none-yet", "none-yet")
            .field("Action", action)
            .field("Version", "2010-05-08")
            .field("UserName", USER);
        for (name, value) in parameters {
            request = request.field(name, value);
        }
        match request.send() {
            Ok(answer) if answer.status == 200 => answer.body,
            other => panic!("{action} returned {other:?}"),
        }
    }
}

/// Returns the text of the first element of this name.
fn element(xml: &str, name: &str) -> String {
    let text = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    let (text, _) = text.unwrap_or_else(|| panic!("no {name} in {xml}"));
    text.to_owned()
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Glue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Glue")
            .field("endpoint", &self.endpoint())
            .field("container", &self.container.id())
            .finish_non_exhaustive()
    }
}
