//! The messages that a file declares, however it is written down.

/// No compiler takes messages nested deeper, and no framing tells them.
pub(super) const MOST_LEVELS: usize = 64;
/// In bytes. Bounds the memory that names take to a multiple of the schema's size.
const MOST_NAME: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Written,
    /// Comes with a field that is a group.
    Group,
    /// Comes with a field that is a map.
    MapEntry,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Which of the file's messages it is nested in.
    pub(super) parent: Option<usize>,
    pub(super) full_name: Box<str>,
    pub(super) kind: Kind,
    level: usize,
}

/// All messages of a file, each after the one it is nested in, those of one parent in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    package: String,
    messages: Vec<Message>,
}

impl Declared {
    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Names of messages that come later begin with it.
    pub(super) fn set_package(&mut self, package: &str) -> Result<(), String> {
        if !self.package.is_empty() {
            return Err(format!("a second package; the first is {}", self.package));
        }
        self.package = within_bounds(package.to_owned())?;
        Ok(())
    }

    /// Adds a message and tells its number.
    pub(super) fn add(
        &mut self,
        parent: Option<usize>,
        name: &str,
        kind: Kind,
    ) -> Result<usize, String> {
        let around = parent.and_then(|parent| self.messages.get(parent));
        let level = around.map_or(0, |parent| parent.level) + 1;
        if level > MOST_LEVELS {
            return Err(format!(
                "messages are nested deeper than {MOST_LEVELS} levels"
            ));
        }
        let prefix = around.map_or(self.package.as_str(), |parent| &parent.full_name);
        if prefix.len() + name.len() >= MOST_NAME {
            return Err(too_long());
        }
        let full_name = if prefix.is_empty() {
            name.into()
        } else {
            format!("{prefix}.{name}").into()
        };
        self.messages.push(Message {
            parent,
            full_name,
            kind,
            level,
        });
        Ok(self.messages.len() - 1)
    }
}

fn within_bounds(name: String) -> Result<String, String> {
    if name.len() > MOST_NAME {
        return Err(too_long());
    }
    Ok(name)
}

fn too_long() -> String {
    format!("a full name is longer than {MOST_NAME} bytes")
}
