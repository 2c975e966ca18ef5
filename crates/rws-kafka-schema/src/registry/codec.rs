//! Finds the schema, id and framing between a value and its payload.

use super::client::Client;
use super::error::RegistryError;
use super::id::SchemaId;
use super::recent::{self, Key, Recent, Shared};
use super::settings::{Declared, Settings};
use super::subject::{Destination, Role};
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::schema::{Format, Resolved};
use moka::sync::Cache;
use rws_kafka_observe::text::printable;
use std::any::{Any, TypeId};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::LocalKey;
use std::time::Instant;

/// The compiled encoders and decoders of each type, by destination or by the schema they read.
#[derive(Debug)]
pub(crate) struct Codecs {
    encoders: Cache<(OwnedTarget, TypeId), Arc<dyn Any + Send + Sync>>,
    decoders: Cache<(Source, TypeId), Arc<dyn Any + Send + Sync>>,
}

impl Codecs {
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            encoders: Cache::new(capacity),
            decoders: Cache::new(capacity),
        }
    }
}

/// Writes the values of one type to one destination.
#[derive(Debug)]
pub(crate) struct Encoder<W> {
    pub(crate) subject: String,
    pub(crate) id: SchemaId,
    pub(crate) writer: Arc<W>,
    /// When the subject may have a newer version, if that matters.
    until: Option<Instant>,
}

impl<W> Encoder<W> {
    fn is_current(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// Which schema a value is written or read with, if the registry's settings declare none for its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// The type's own schema.
    Own,
    /// For writing, the latest of the subject; for reading, the one that the value was written with.
    Registry,
}

impl Choice {
    pub(crate) fn of(own: Option<OwnSchema>) -> Self {
        match own {
            Some(_) => Self::Own,
            None => Self::Registry,
        }
    }
}

/// The destination and format of values.
#[derive(Clone, Copy, Hash)]
pub(crate) struct Target<'a> {
    pub(crate) destination: Destination<'a>,
    pub(crate) format: Format,
    pub(crate) choice: Choice,
}

/// Returns the type's own schema.
pub(crate) type OwnSchema = fn() -> Result<Declared, SchemaError>;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnedTarget {
    topic: String,
    role: Role,
    format: Format,
    choice: Choice,
}

impl Key for Target<'_> {
    type Kept = OwnedTarget;

    fn keep(&self) -> OwnedTarget {
        OwnedTarget {
            topic: self.destination.topic.to_owned(),
            role: self.destination.role,
            format: self.format,
            choice: self.choice,
        }
    }

    fn is(&self, kept: &OwnedTarget) -> bool {
        kept.topic == self.destination.topic
            && kept.role == self.destination.role
            && kept.format == self.format
            && kept.choice == self.choice
    }

    fn recent() -> &'static LocalKey<Recent<OwnedTarget>> {
        thread_local! {
            static ENCODERS: Recent<OwnedTarget> = const { recent::nothing() };
        }
        &ENCODERS
    }
}

/// The schema and format that values were written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    pub(crate) id: SchemaId,
    pub(crate) format: Format,
    pub(crate) choice: Choice,
}

impl Key for Source {
    type Kept = Self;

    fn keep(&self) -> Self {
        *self
    }

    fn is(&self, kept: &Self) -> bool {
        self == kept
    }

    fn recent() -> &'static LocalKey<Recent<Self>> {
        thread_local! {
            static DECODERS: Recent<Source> = const { recent::nothing() };
        }
        &DECODERS
    }
}

/// A client with its settings and its compiled codecs.
#[derive(Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub(crate) number: u64,
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Client,
    pub(crate) codecs: &'a Codecs,
}

impl Typed<'_> {
    /// Returns the encoder for values of the type `type_id` at `target`. `own` returns the type's own schema,
    /// for [`Choice::Own`]; `record` returns the type's name in its schema if the type itself knows it.
    pub(crate) fn encoder<W: Send + Sync + 'static, E: CodecError>(
        self,
        target: Target<'_>,
        type_id: TypeId,
        own: Option<OwnSchema>,
        record: Option<fn() -> String>,
        compile: impl Fn(&Resolved) -> Result<W, E>,
    ) -> Result<Rc<Shared<Encoder<W>>>, SchemaError> {
        if let Some(encoder) = recent::get::<_, Encoder<W>>(self.number, type_id, &target)
            && encoder.is_current()
        {
            return Ok(encoder);
        }
        let key = (target.keep(), type_id);
        let known = self
            .codecs
            .encoders
            .get(&key)
            .and_then(of_type::<Encoder<W>>);
        let encoder = match known {
            Some(encoder) if encoder.is_current() => encoder,
            known => {
                let encoder = self.make_encoder(
                    target,
                    self.declared(type_id, target.format, own)?,
                    record.map(|record| record()).as_deref(),
                    known,
                    compile,
                )?;
                let encoder = Arc::new(encoder);
                let kept: Arc<dyn Any + Send + Sync> = Arc::<Encoder<W>>::clone(&encoder);
                self.codecs.encoders.insert(key, kept);
                encoder
            }
        };
        Ok(recent::put(self.number, type_id, &target, encoder))
    }

    /// Returns the schema of a type: the one that the settings declare, or its own.
    fn declared(
        self,
        type_id: TypeId,
        format: Format,
        own: Option<OwnSchema>,
    ) -> Result<Option<Declared>, SchemaError> {
        match self.settings.declared(type_id, format) {
            Some(declared) => Ok(Some(declared.clone())),
            None => own.map(|own| own()).transpose(),
        }
    }

    fn make_encoder<W, E: CodecError>(
        self,
        target: Target<'_>,
        declared: Option<Declared>,
        record: Option<&str>,
        known: Option<Arc<Encoder<W>>>,
        compile: impl Fn(&Resolved) -> Result<W, E>,
    ) -> Result<Encoder<W>, SchemaError> {
        let subject = self.subject(target, record, declared.as_ref())?;
        let compiled = |resolved: &Resolved, id| {
            compile(resolved)
                .map(Arc::new)
                .map_err(|error| error.of(SchemaName::subject(&subject, id)))
        };
        if let Some(declared) = &declared
            && !self.settings.use_latest
        {
            let id = if self.settings.auto_register {
                self.client.register(&subject, &declared.schema)?
            } else {
                self.client.find(&subject, &declared.schema)?.id
            };
            let resolved = self.client.resolve(declared.schema.clone(), &subject)?;
            let writer = compiled(&resolved, id)?;
            return Ok(Encoder {
                subject,
                id,
                writer,
                until: None,
            });
        }
        let latest = match self.client.latest(&subject) {
            Err(RegistryError::UnknownSubject { url, .. }) if declared.is_none() => {
                return Err(SchemaError::NoSchema {
                    url,
                    subject: printable(&subject).into_owned(),
                    format: target.format,
                });
            }
            latest => latest?,
        };
        let id = latest.id;
        check_format(latest.resolved.schema.format(), target.format, id)?;
        let writer = match known {
            Some(known) if known.id == id => Arc::clone(&known.writer),
            _ => compiled(&latest.resolved, id)?,
        };
        Ok(Encoder {
            subject,
            id,
            writer,
            until: Some(latest.due),
        })
    }

    fn subject(
        self,
        target: Target<'_>,
        record: Option<&str>,
        declared: Option<&Declared>,
    ) -> Result<String, SchemaError> {
        let record = record.or_else(|| declared.and_then(|declared| declared.record.as_deref()));
        self.settings
            .subject(target.destination, record)
            .ok_or_else(|| SchemaError::NoRecordName {
                strategy: format!("{:?}", self.settings.strategy(target.destination.role)),
                topic: printable(target.destination.topic).into_owned(),
            })
    }

    /// Returns the decoder for values of the type `type_id` that were written with the schema of `source`.
    /// `compile` gets that schema, and the type's schema if there is one; see [`encoder`](Self::encoder).
    pub(crate) fn decoder<R: Send + Sync + 'static, E: CodecError>(
        self,
        source: Source,
        type_id: TypeId,
        own: Option<OwnSchema>,
        compile: impl Fn(&Resolved, Option<&Resolved>) -> Result<R, E>,
    ) -> Result<Rc<Shared<R>>, SchemaError> {
        if let Some(decoder) = recent::get::<_, R>(self.number, type_id, &source) {
            return Ok(decoder);
        }
        let make = || -> Result<Arc<dyn Any + Send + Sync>, SchemaError> {
            let written = self.client.by_id(source.id)?;
            check_format(written.schema.format(), source.format, source.id)?;
            let declared = self
                .declared(type_id, source.format, own)?
                .map(|declared| {
                    self.client
                        .resolve(declared.schema, "the type that is read")
                })
                .transpose()?;
            let decoder = compile(&written, declared.as_ref())
                .map_err(|error| error.of(SchemaName::id(source.id)))?;
            Ok(Arc::new(decoder))
        };
        let kept = self
            .codecs
            .decoders
            .try_get_with((source, type_id), make)
            .map_err(|error: Arc<SchemaError>| SchemaError::clone(&error))?;
        match of_type(kept) {
            Some(decoder) => Ok(recent::put(self.number, type_id, &source, decoder)),
            // Format and type determine the type of the decoder.
            None => unreachable!("a decoder of another type"),
        }
    }
}

fn check_format(found: Format, asked: Format, id: SchemaId) -> Result<(), SchemaError> {
    if found == asked {
        Ok(())
    } else {
        Err(SchemaError::WrongFormat { id, found, asked })
    }
}

fn of_type<V: Send + Sync + 'static>(value: Arc<dyn Any + Send + Sync>) -> Option<Arc<V>> {
    value.downcast().ok()
}
