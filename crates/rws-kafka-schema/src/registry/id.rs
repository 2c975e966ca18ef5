use std::fmt;

/// The id of a schema in a registry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaId {
    /// A number of a Confluent registry.
    Number(u32),
    /// A GUID of a Confluent registry.
    Guid([u8; 16]),
    /// The UUID of a schema version of AWS Glue.
    Glue([u8; 16]),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Guid(bytes) | Self::Glue(bytes) => {
                for (position, byte) in bytes.iter().enumerate() {
                    if matches!(position, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Number(_) => "Number",
            Self::Guid(_) => "Guid",
            Self::Glue(_) => "Glue",
        };
        write!(f, "{kind}({self})")
    }
}
