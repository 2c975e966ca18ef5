//! Protobuf through a registry.

use super::codec::{Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::subject::Destination;
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::protobuf::{self, Place, ProtobufMessage};
use crate::schema::{Format, Schema};

impl SchemaRegistry {
    /// Declares `M`, with the text of the `.proto` file that it was made of: what is written registers
    /// it ([`with_auto_register`](Self::with_auto_register)). What the file imports is a
    /// [reference](Schema::with_reference) or an [import](Schema::with_import) of `schema`; what comes
    /// with Protobuf itself (`google/protobuf/…`) needs neither.
    #[must_use]
    pub fn with_protobuf<M: ProtobufMessage>(self, schema: Schema) -> Self {
        self.with_declared(typeid::of::<M>(), schema, Some(M::full_name()))
    }

    /// `message` in Protobuf, framed for the registry: with the place of its type in the schema that
    /// `M` was declared with, or in the latest version of its subject.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::NoSchema`]; [`SchemaError::Protobuf`] where the schema has no such message.
    pub fn encode_protobuf<M: ProtobufMessage>(
        &self,
        destination: Destination<'_>,
        message: &M,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Protobuf,
        };
        let encoder = self.typed()?.encoder(
            target,
            typeid::of::<M>(),
            Some(M::full_name),
            Place::of::<M>,
        )?;
        self.frame(encoder.id, |payload| {
            encoder.writer.write(encoder.id, payload);
            protobuf::encode(message, payload);
            Ok(())
        })
    }

    /// The message that a framed payload holds in Protobuf. Its schema must call it as `M` is called.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] for a payload that names no schema or no message of it,
    /// [`SchemaError::Registry`] for one that the registry does not give, [`SchemaError::WrongFormat`],
    /// and [`SchemaError::Protobuf`] for another message than `M`, and for what is none.
    pub fn decode_protobuf<'a, M: ProtobufMessage>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<M, SchemaError> {
        let framed = self.read(payload.into())?;
        let source = Source {
            id: framed.id,
            format: Format::Protobuf,
        };
        let place = self
            .typed()?
            .decoder(source, typeid::of::<M>(), |written, _| {
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
