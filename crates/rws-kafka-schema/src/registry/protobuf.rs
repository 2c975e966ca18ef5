//! Protobuf through a registry.

use super::codec::{Choice, OwnSchema, Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::settings::Declared;
use super::subject::Destination;
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::protobuf::{self, Place, ProtobufMessage};
use crate::schema::{Format, Schema};

impl SchemaRegistry {
    /// Declares the schema of `M` on this registry: the text of the `.proto` file that it was made of.
    /// It wins over the schema that `M` has itself ([`ProtobufMessage`]), and serves a type that has
    /// none: the first message registers it ([`with_auto_register`](Self::with_auto_register)).
    ///
    /// What the file imports is a [reference](Schema::with_reference) or an
    /// [import](Schema::with_import) of `schema`; what comes with Protobuf itself
    /// (`google/protobuf/…`) needs neither.
    #[must_use]
    pub fn with_protobuf<M: prost::Name>(self, schema: Schema) -> Self {
        let declared = Declared {
            schema,
            record: Some(M::full_name()),
        };
        self.with_declared(typeid::of::<M>(), Format::Protobuf, declared)
    }

    /// Returns `message` in Protobuf, framed for the registry with its place in the schema that `M` has
    /// itself, unless another is declared by [`with_protobuf`](Self::with_protobuf). The first call for a
    /// topic registers that schema ([`with_auto_register`](Self::with_auto_register)).
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::Protobuf`] where the schema has no such message.
    pub fn encode_protobuf<M: ProtobufMessage>(
        &self,
        destination: Destination<'_>,
        message: &M,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_protobuf_by(destination, message, Some(own::<M>))
    }

    /// Returns `message` in Protobuf, framed for the registry, for a type without a schema of its own:
    /// with its place in the latest version of its subject, which is asked for again after
    /// [`with_latest_ttl`](Self::with_latest_ttl), or in the schema that is declared for `M` by
    /// [`with_protobuf`](Self::with_protobuf).
    ///
    /// # Errors
    ///
    /// As [`encode_protobuf`](Self::encode_protobuf), and [`SchemaError::NoSchema`] where the subject has
    /// no version yet.
    pub fn encode_protobuf_latest<M: prost::Name>(
        &self,
        destination: Destination<'_>,
        message: &M,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_protobuf_by(destination, message, None)
    }

    fn encode_protobuf_by<M: prost::Name>(
        &self,
        destination: Destination<'_>,
        message: &M,
        own: Option<OwnSchema>,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Protobuf,
            choice: Choice::of(own),
        };
        let encoder = self.typed()?.encoder(
            target,
            typeid::of::<M>(),
            own,
            Some(M::full_name),
            Place::of::<M>,
        )?;
        self.frame(encoder.id, |payload| {
            encoder.writer.write(encoder.id, payload);
            protobuf::encode(message, payload);
            Ok(())
        })
    }

    /// Returns the message that a framed payload holds in Protobuf. The schema that it was written with
    /// must call it as `M` is called; a schema of `M` is not needed.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] for a payload that names no schema or no message of it,
    /// [`SchemaError::Registry`] for one that the registry does not give, [`SchemaError::WrongFormat`],
    /// and [`SchemaError::Protobuf`] for another message than `M`, and for what is none.
    pub fn decode_protobuf<'a, M: prost::Name + Default>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<M, SchemaError> {
        let framed = self.read(payload.into())?;
        let source = Source {
            id: framed.id,
            format: Format::Protobuf,
            choice: Choice::Registry,
        };
        let place = self
            .typed()?
            .decoder(source, typeid::of::<M>(), None, |written, _| {
                Place::of::<M>(written)
            })?;
        let wrong = |error: protobuf::ProtobufError| error.of(SchemaName::id(framed.id));
        let message = match framed.header {
            None => place.read(framed.id, &framed.body).map_err(wrong)?,
            Some(indexes) => {
                place.read(framed.id, indexes).map_err(wrong)?;
                &framed.body
            }
        };
        protobuf::decode(message).map_err(wrong)
    }
}

fn own<M: ProtobufMessage>() -> Result<Declared, SchemaError> {
    let schema = M::protobuf_schema().map_err(|error| error.of(SchemaName::of_type::<M>()))?;
    Ok(Declared {
        schema,
        record: Some(M::full_name()),
    })
}
