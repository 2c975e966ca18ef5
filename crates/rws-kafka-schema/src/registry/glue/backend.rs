//! Implements a registry with Glue's operations.

use super::super::backend::{Backend, Found, Stored};
use super::super::error::RegistryError;
use super::super::http::Http;
use super::super::id::SchemaId;
use super::answer::{Rule, Status, Validity, Version, data_format};
use super::client::{Client, Fault};
use super::settings::GlueSettings;
use crate::schema::Schema;
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for a version that Glue is checking.
const LONGEST_CHECK: Duration = Duration::from_secs(20);
/// The first and the longest pause between two looks at its status.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);
/// How many failed versions are skipped to find the latest usable one.
const MOST_FAILED: u32 = 16;

const NOT_FOUND: &str = "EntityNotFoundException";
const EXISTS: &str = "AlreadyExistsException";
const CONCURRENT: &str = "ConcurrentModificationException";
const INVALID: &str = "InvalidInputException";
/// The start of Glue's message if a schema accepts no more versions.
const DISABLED: &str = "Compatibility DISABLED";
/// The end of Glue's message if the schema's name is invalid.
const NAME: &str = "Parameter Name: schemaName";

/// Glue's schema registry. A subject is a schema's name, and an id is that of a schema's version. Glue has no
/// references between schemas. It always compares Avro and JSON Schema in a normalized form.
#[derive(Debug)]
pub(crate) struct GlueBackend {
    client: Client,
    settings: GlueSettings,
    /// How long to wait for a version that Glue is checking.
    pub(super) patience: Duration,
}

impl GlueBackend {
    /// Creates a backend; `http` sends its requests to Glue and STS.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Setting`] for an invalid region, endpoint or registry name. Credentials are looked
    /// for when they are needed.
    pub(crate) fn new(settings: GlueSettings, http: Http) -> Result<Self, RegistryError> {
        Ok(Self {
            client: Client::new(&settings, http)?,
            settings,
            patience: LONGEST_CHECK,
        })
    }

    fn schema_id(&self, subject: &str) -> Value {
        json!({"RegistryName": self.settings.registry_name, "SchemaName": subject})
    }

    fn by_definition(&self, subject: &str, schema: &Schema) -> Result<Version, Fault> {
        self.client.ask(
            "GetSchemaByDefinition",
            &json!({"SchemaId": self.schema_id(subject), "SchemaDefinition": schema.text()}),
        )
    }

    fn by_number(&self, subject: &str, number: Option<u32>) -> Result<Version, RegistryError> {
        let (asked, what) = match number {
            Some(number) => (
                json!({"VersionNumber": number}),
                format!("version {number}"),
            ),
            None => (json!({"LatestVersion": true}), "version".to_owned()),
        };
        let body = json!({"SchemaId": self.schema_id(subject), "SchemaVersionNumber": asked});
        self.client
            .ask("GetSchemaVersion", &body)
            .map_err(|fault| self.of_subject(fault, subject, &what))
    }

    /// Registers a version, and the schema if it does not exist. If two instances create it at the same time,
    /// the slower one adds its version to the schema of the other.
    fn registered(&self, subject: &str, schema: &Schema) -> Result<Version, Fault> {
        match self.add(subject, schema) {
            Err(fault) if fault.is(NOT_FOUND) => {}
            outcome => return outcome,
        }
        match self.create(subject, schema) {
            Err(fault) if fault.is(EXISTS) || fault.is(CONCURRENT) => self.add(subject, schema),
            outcome => outcome,
        }
    }

    fn add(&self, subject: &str, schema: &Schema) -> Result<Version, Fault> {
        self.client.ask(
            "RegisterSchemaVersion",
            &json!({"SchemaId": self.schema_id(subject), "SchemaDefinition": schema.text()}),
        )
    }

    fn create(&self, subject: &str, schema: &Schema) -> Result<Version, Fault> {
        let mut body = json!({
            "RegistryId": {"RegistryName": self.settings.registry_name},
            "SchemaName": subject,
            "DataFormat": data_format(schema.format()),
            "Compatibility": self.settings.compatibility.name(),
            "SchemaDefinition": schema.text(),
        });
        if let Some(description) = &self.settings.description {
            body["Description"] = json!(description);
        }
        self.client.ask("CreateSchema", &body)
    }

    /// Waits until `version` can be used and returns its id.
    fn settled(&self, subject: &str, version: Version) -> Result<SchemaId, RegistryError> {
        let id = version.id().map_err(|why| self.no_answer(&why))?;
        let until = Instant::now() + self.patience;
        let mut status = version.status();
        let mut wait = FIRST_LOOK;
        while status == Status::Pending {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(RegistryError::Unavailable {
                    url: self.client.url().to_owned(),
                    attempts: 1,
                    status: 200,
                    code: None,
                    text: format!(
                        "version {id} is still being checked after {:?}",
                        self.patience
                    ),
                    retry_after: None,
                });
            }
            thread::sleep(wait.min(left));
            wait = (2 * wait).min(LAST_LOOK);
            status = self.by_version_id(id)?.status();
        }
        let text = match status {
            Status::Available | Status::Pending => return Ok(id),
            Status::Failure => format!(
                "version {id} failed Glue's check: it is not compatible with earlier versions"
            ),
            Status::Other(status) => format!("version {id} has status {status}"),
        };
        Err(self.incompatible(subject, text))
    }

    fn by_version_id(&self, id: SchemaId) -> Result<Version, RegistryError> {
        let body = json!({"SchemaVersionId": id.to_string()});
        let asked = self.client.ask("GetSchemaVersion", &body);
        asked.map_err(|fault| match fault {
            Fault::Refused(refusal) if refusal.is(NOT_FOUND) => self.unknown(id, refusal.shown()),
            other => other.into_error(self.client.url()),
        })
    }

    /// Glue has no call for this: it checks a version when it is registered and keeps it if the check fails.
    /// So this reports only what is known without registering: the schema is invalid, is already registered,
    /// would be the first, or the rule allows everything or nothing.
    fn known_incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        match self.by_definition(subject, schema) {
            Ok(version) if version.status() == Status::Available => return Ok(Vec::new()),
            Ok(version) if version.status() == Status::Failure => {
                return Ok(vec!["it is registered, and failed Glue's check".to_owned()]);
            }
            Ok(_) => {}
            Err(fault) if fault.is(NOT_FOUND) => {}
            Err(fault) => return Err(self.of_schema(fault, subject, "such schema")),
        }
        self.check_validity(subject, schema)?;
        let body = json!({"SchemaId": self.schema_id(subject)});
        let rule: Rule = match self.client.ask("GetSchema", &body) {
            Ok(rule) => rule,
            Err(fault) if fault.is(NOT_FOUND) => return Ok(Vec::new()),
            Err(fault) => return Err(fault.into_error(self.client.url())),
        };
        match rule.compatibility.as_deref() {
            Some("NONE") => Ok(Vec::new()),
            Some("DISABLED") => Ok(vec![
                "compatibility DISABLED allows no new version".to_owned(),
            ]),
            rule => Err(RegistryError::Setting {
                setting: "check of compatibility",
                found: format!(
                    "is not offered by AWS Glue, and {subject} has the rule {}",
                    rule.unwrap_or("(none reported)")
                ),
                allowed: "registering the schema, which checks it",
            }),
        }
    }

    fn check_validity(&self, subject: &str, schema: &Schema) -> Result<(), RegistryError> {
        let body = json!({
            "DataFormat": data_format(schema.format()),
            "SchemaDefinition": schema.text(),
        });
        let validity: Validity = self
            .client
            .ask("CheckSchemaVersionValidity", &body)
            .map_err(|fault| self.of_schema(fault, subject, "such schema"))?;
        match validity.valid {
            Some(true) => Ok(()),
            Some(false) => Err(self.invalid(subject, validity.error.unwrap_or_default())),
            None => Err(self.no_answer("it has no Valid")),
        }
    }

    /// Returns the error that `fault` means for a request about `what` in `subject`.
    fn of_subject(&self, fault: Fault, subject: &str, what: &str) -> RegistryError {
        let url = self.client.url().to_owned();
        match fault {
            Fault::Refused(refusal) if refusal.is(NOT_FOUND) => RegistryError::UnknownSubject {
                url,
                subject: subject.to_owned(),
                what: what.to_owned(),
                code: None,
                text: refusal.shown(),
            },
            other => other.into_error(&url),
        }
    }

    /// As [`of_subject`](Self::of_subject), for a request that contained a schema.
    fn of_schema(&self, fault: Fault, subject: &str, what: &str) -> RegistryError {
        match fault {
            Fault::Refused(refusal) if refusal.is(INVALID) && refusal.text.contains(DISABLED) => {
                self.incompatible(subject, refusal.shown())
            }
            Fault::Refused(refusal) if refusal.is(INVALID) && !refusal.text.contains(NAME) => {
                self.invalid(subject, refusal.shown())
            }
            other => self.of_subject(other, subject, what),
        }
    }

    fn incompatible(&self, subject: &str, text: String) -> RegistryError {
        RegistryError::Incompatible {
            url: self.client.url().to_owned(),
            subject: subject.to_owned(),
            code: None,
            text,
        }
    }

    fn invalid(&self, subject: &str, text: String) -> RegistryError {
        RegistryError::InvalidSchema {
            url: self.client.url().to_owned(),
            subject: subject.to_owned(),
            code: None,
            text,
        }
    }

    fn unknown(&self, id: SchemaId, text: String) -> RegistryError {
        RegistryError::UnknownId {
            url: self.client.url().to_owned(),
            id,
            code: None,
            text,
        }
    }

    fn no_answer(&self, why: &str) -> RegistryError {
        RegistryError::Answer {
            url: self.client.url().to_owned(),
            detail: why.to_owned(),
        }
    }

    fn refuse_references(&self, subject: &str, schema: &Schema) -> Result<(), RegistryError> {
        match schema.references().first() {
            None => Ok(()),
            Some(reference) => Err(self.invalid(
                subject,
                format!(
                    "it refers to {}, but AWS Glue stores no references; allowed: one text \
                     that contains all of it",
                    reference.name()
                ),
            )),
        }
    }
}

impl Backend for GlueBackend {
    fn by_id(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        if !matches!(id, SchemaId::Glue(_)) {
            return Err(self.unknown(id, "AWS Glue's ids are UUIDs of versions".to_owned()));
        }
        let version = self.by_version_id(id)?;
        version.schema().map_err(|why| self.no_answer(&why))
    }

    fn version(&self, subject: &str, version: Option<u32>) -> Result<Stored, RegistryError> {
        let mut found = self.by_number(subject, version)?;
        let mut passed = 0;
        while version.is_none() && found.status() != Status::Available && passed < MOST_FAILED {
            match found.number().map_err(|why| self.no_answer(&why))? {
                0 | 1 => break,
                number => found = self.by_number(subject, Some(number - 1))?,
            }
            passed += 1;
        }
        if version.is_none() && found.status() != Status::Available {
            return Err(RegistryError::UnknownSubject {
                url: self.client.url().to_owned(),
                subject: subject.to_owned(),
                what: "usable version".to_owned(),
                code: None,
                text: format!("the last {} are {:?}", passed + 1, found.status()),
            });
        }
        found.stored().map_err(|why| self.no_answer(&why))
    }

    fn register(
        &self,
        subject: &str,
        schema: &Schema,
        _normalize: bool,
    ) -> Result<SchemaId, RegistryError> {
        self.refuse_references(subject, schema)?;
        let found = match self.by_definition(subject, schema) {
            // A version that failed under one rule may pass under a later one.
            Ok(found) if matches!(found.status(), Status::Available | Status::Pending) => Ok(found),
            Ok(_) => self.registered(subject, schema),
            Err(fault) if fault.is(NOT_FOUND) => self.registered(subject, schema),
            Err(fault) => Err(fault),
        };
        let registry = &self.settings.registry_name;
        let version = found
            .map_err(|fault| self.of_schema(fault, subject, &format!("registry {registry}")))?;
        self.settled(subject, version)
    }

    fn find(
        &self,
        subject: &str,
        schema: &Schema,
        _normalize: bool,
    ) -> Result<Found, RegistryError> {
        self.refuse_references(subject, schema)?;
        let version = self
            .by_definition(subject, schema)
            .map_err(|fault| self.of_schema(fault, subject, "such schema"))?;
        Ok(Found {
            id: self.settled(subject, version)?,
            version: None,
        })
    }

    fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        self.refuse_references(subject, schema)?;
        self.known_incompatibilities(subject, schema)
    }

    /// Requests a version that does not exist, which needs no more permissions than reading.
    fn ping(&self) -> Result<(), RegistryError> {
        match self.by_version_id(SchemaId::Glue([0; 16])) {
            Ok(_) | Err(RegistryError::UnknownId { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
