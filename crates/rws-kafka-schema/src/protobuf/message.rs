use super::ProtobufError;
use crate::schema::Schema;

/// A prost type that has its own Protobuf schema, which is registered when the type is written.
///
/// Its full name comes from [`prost::Name`]. The schema is the file that declares it, as text or taken from
/// the descriptors that prost-build writes with [`file_descriptor_set_path`].
///
/// ```
/// use rws_kafka_schema::Schema;
/// use rws_kafka_schema::protobuf::{ProtobufError, ProtobufMessage};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Order {
///     #[prost(uint64, tag = "1")]
///     id: u64,
/// }
///
/// impl prost::Name for Order {
///     const NAME: &'static str = "Order";
///     const PACKAGE: &'static str = "shop";
/// }
///
/// impl ProtobufMessage for Order {
///     fn protobuf_schema() -> Result<Schema, ProtobufError> {
///         // Or: include_str!("../proto/order.proto"), or
///         // Schema::protobuf_descriptors::<Self>(include_bytes!(concat!(env!("OUT_DIR"), "/shop.bin")))
///         Ok(Schema::protobuf(
///             r#"syntax = "proto3"; package shop; message Order { uint64 id = 1; }"#,
///         ))
///     }
/// }
/// ```
///
/// [`file_descriptor_set_path`]: https://docs.rs/prost-build/0.14/prost_build/struct.Config.html#method.file_descriptor_set_path
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no Protobuf schema of its own",
    note = "implement `ProtobufMessage`",
    note = "without a schema of its own, a type is written by the `…_protobuf_latest` methods"
)]
pub trait ProtobufMessage: prost::Name {
    /// Returns the schema of the file that declares this type. It is called once for each topic that the type
    /// is sent to, not for each message.
    ///
    /// # Errors
    ///
    /// [`ProtobufError`] if there is no valid schema, for example if the descriptors lack the type.
    fn protobuf_schema() -> Result<Schema, ProtobufError>;
}
