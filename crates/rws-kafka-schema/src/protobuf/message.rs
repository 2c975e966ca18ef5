use super::ProtobufError;
use crate::schema::Schema;

/// A type of prost's that has a Protobuf schema of its own, and so is registered with it when it is
/// written.
///
/// It has its full name by [`prost::Name`], and gives the file that declares it: as text, or out of
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
    /// Returns the schema of the file that declares this type. Called once for each topic that the type
    /// is sent to, not for each message.
    ///
    /// # Errors
    ///
    /// [`ProtobufError`] for a type without one, such as descriptors that lack it.
    fn protobuf_schema() -> Result<Schema, ProtobufError>;
}
