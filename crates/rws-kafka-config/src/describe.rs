use std::fmt;

use crate::origin::{Layer, Origin};
use crate::passthrough::PassThrough;
use crate::secrets::one_line;
use crate::values::Values;

/// Every setting of a configuration with its effective value and the layer that it came from.
///
/// [`KafkaConfig::describe`](crate::KafkaConfig::describe) returns it. `Display` writes a table for the log,
/// with secrets as `***`.
///
/// ```
/// let config = rws_kafka_config::KafkaConfig::builder()
///     .brokers("kafka:9092")
///     .build()?;
/// println!("{}", config.describe());
/// # Ok::<(), rws_kafka_config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Description {
    rows: Vec<Row>,
}

/// One row of a [`Description`].
#[derive(Debug, Clone)]
pub struct Row {
    setting: String,
    value: Option<String>,
    layer: Layer,
    place: String,
}

impl Row {
    fn new(setting: String, value: Option<String>, origin: &Origin) -> Self {
        Self {
            setting,
            value,
            layer: origin.layer(),
            place: origin.place(),
        }
    }

    /// Returns the key of the setting, or `properties.` and the name of a property.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Returns the effective value, `***` for a secret, or `None` if there is none.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Returns the layer that the value came from.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.layer
    }
}

impl Description {
    pub(crate) fn new(values: &Values, properties: &[PassThrough]) -> Self {
        let mut rows = Vec::new();
        values.for_each(|key, slot| {
            rows.push(Row::new(
                key.setting().key().to_owned(),
                slot.shown(),
                slot.origin(),
            ));
        });
        rows.extend(properties.iter().map(|property| {
            Row::new(
                format!("properties.{}", property.name),
                Some(property.shown()),
                &property.origin,
            )
        }));
        Self { rows }
    }

    /// Returns the rows: first the settings, then the properties.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<[String; 3]> = std::iter::once(["setting", "value", "from"].map(Into::into))
            .chain(self.rows.iter().map(|row| {
                let value = row
                    .value
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), one_line);
                [row.setting.clone(), value, row.place.clone()]
            }))
            .collect();
        let width = |column: usize| {
            let widths = cells.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let (setting_width, value_width) = (width(0), width(1));
        for (index, [setting, value, place]) in cells.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{setting:setting_width$}  {value:value_width$}  {place}")?;
        }
        Ok(())
    }
}
