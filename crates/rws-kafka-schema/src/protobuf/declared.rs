//! The messages that a file declares, in whatever form the file is given.

/// The maximum nesting: compilers accept no deeper messages, and no framing can name them.
pub(super) const MOST_LEVELS: usize = 64;
/// The maximum length of a name in bytes. It keeps the memory for names proportional to the schema's size.
const MOST_NAME: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Written,
    /// Declared by a field that is a group.
    Group,
    /// Declared by a field that is a map.
    MapEntry,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The index of the message that contains this one.
    pub(super) parent: Option<usize>,
    pub(super) full_name: Box<str>,
    pub(super) kind: Kind,
    level: usize,
}

/// All messages of a file. Each comes after the one that contains it; those of one parent keep their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    package: String,
    messages: Vec<Message>,
}

impl Declared {
    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Sets the package, which starts the names of messages that are added later.
    pub(super) fn set_package(&mut self, package: &str) -> Result<(), String> {
        if !self.package.is_empty() {
            return Err(format!("a second package; the first is {}", self.package));
        }
        self.package = within_bounds(package.to_owned())?;
        Ok(())
    }

    /// Adds a message and returns its index.
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
