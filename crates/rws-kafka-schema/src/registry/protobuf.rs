//! Encodes and decodes Protobuf with a registry.

use super::codec::{Choice, OwnSchema, Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::settings::Declared;
use super::subject::Destination;
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::protobuf::{self, Place, ProtobufMessage};
use crate::schema::{Format, Schema};

impl SchemaRegistry {
    /// Declares the Protobuf schema of `M` on this registry: the text of the `.proto` file that declares it.
    ///
    /// It takes precedence over the type's own schema ([`ProtobufMessage`]) and also serves types without
    /// one. The first message registers it, unless [`with_auto_register`](Self::with_auto_register) is off.
    ///
    /// Add the files that it imports as a [reference](Schema::with_reference) or an
    /// [import](Schema::with_import). Files that come with Protobuf (`google/protobuf/…`) need neither.
    #[must_use]
    pub fn with_protobuf<M: prost::Name>(self, schema: Schema) -> Self {
        let declared = Declared {
            schema,
            record: Some(M::full_name()),
        };
        self.with_declared(typeid::of::<M>(), Format::Protobuf, declared)
    }

    /// Encodes `message` in Protobuf, framed for the registry.
    ///
    /// The framing contains the place of `M` in its own schema, unless another is declared by
    /// [`with_protobuf`](Self::with_protobuf). The first call for a topic registers that schema, unless
    /// [`with_auto_register`](Self::with_auto_register) is off.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] if the registry refused the schema or is unavailable, and
    /// [`SchemaError::Protobuf`] if the schema has no such message.
    pub fn encode_protobuf<M: ProtobufMessage>(
        &self,
        destination: Destination<'_>,
        message: &M,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_protobuf_by(destination, message, Some(own::<M>))
    }

    /// Encodes `message` in Protobuf, framed for the registry, for a type without its own schema.
    ///
    /// The framing contains the place of `M` in the schema declared for it by
    /// [`with_protobuf`](Self::with_protobuf), or otherwise in the latest version of its subject. The latest
    /// version is looked up again after [`with_latest_ttl`](Self::with_latest_ttl).
    ///
    /// # Errors
    ///
    /// Those of [`encode_protobuf`](Self::encode_protobuf), and [`SchemaError::NoSchema`] if the subject has
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

    /// Decodes a framed Protobuf payload.
    ///
    /// The schema that it was written with must have the message under the full name of `M`. `M` needs no
    /// schema.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] if the payload names no schema, [`SchemaError::Registry`] if the registry
    /// does not return that schema, [`SchemaError::WrongFormat`] if it is not Protobuf, and
    /// [`SchemaError::Protobuf`] if the payload is another message than `M` or not a valid one.
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
