//! Finds the messages that the text of a `.proto` file declares: [proto2], [proto3] and [editions].
//!
//! Only declarations are read, because the registry has checked the file before it assigned an id. Fields,
//! options, enums and services are skipped. Imports are not followed, so that the messages of a file are
//! known even if its imports are missing.
//!
//! [proto2]: https://protobuf.dev/reference/protobuf/proto2-spec/
//! [proto3]: https://protobuf.dev/reference/protobuf/proto3-spec/
//! [editions]: https://protobuf.dev/reference/protobuf/edition-2023-spec/

use super::declared::{Declared, Kind};
use super::error::ProtobufError;
use super::lexer::{Lexer, Token};

pub(super) fn parse(text: &str) -> Result<Declared, ProtobufError> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        declared: Declared::default(),
        open: Vec::new(),
    };
    while parser.statement()? {}
    Ok(parser.declared)
}

#[derive(Debug)]
struct Parser<'a> {
    lexer: Lexer<'a>,
    declared: Declared,
    /// The message in which each open brace declares; `None` for the file itself. Kept in a list rather than
    /// on the call stack, so that no text overflows the stack.
    open: Vec<Option<usize>>,
}

impl<'a> Parser<'a> {
    /// Reads one statement, or the brace that ends a block. Returns `false` at the end.
    fn statement(&mut self) -> Result<bool, ProtobufError> {
        match self.lexer.next()? {
            Token::End if self.open.is_empty() => return Ok(false),
            Token::Symbol(';') => {}
            Token::Symbol('}') if self.open.pop().is_some() => {}
            Token::Word(word) if self.open.is_empty() => self.of_file(word)?,
            Token::Word(word) => self.of_message(word)?,
            Token::Symbol('.') if !self.open.is_empty() => self.skip_to(';')?,
            found => return Err(self.expected("a declaration", found)),
        }
        Ok(true)
    }

    fn of_file(&mut self, word: &'a str) -> Result<(), ProtobufError> {
        match word {
            "package" => self.package(),
            "syntax" | "edition" | "import" | "option" => self.skip_to(';'),
            "message" => self.message(Kind::Written),
            "enum" | "service" => self.skip_block(),
            "extend" => self.fields(),
            "export" | "local" => match self.lexer.next()? {
                Token::Word("message") => self.message(Kind::Written),
                Token::Word("enum") => self.skip_block(),
                found => Err(self.expected("`message` or `enum`", found)),
            },
            word => Err(self.expected(
                "`syntax`, `edition`, `package`, `import`, `option`, `message`, `enum`, `service` \
                 or `extend`",
                Token::Word(word),
            )),
        }
    }

    fn of_message(&mut self, word: &'a str) -> Result<(), ProtobufError> {
        match word {
            "message" => self.message(Kind::Written),
            "enum" => self.skip_block(),
            "oneof" | "extend" => self.fields(),
            "option" | "reserved" | "extensions" => self.skip_to(';'),
            "optional" | "required" | "repeated" => match self.lexer.next()? {
                Token::Word("group") => self.message(Kind::Group),
                Token::Word(_) | Token::Symbol('.') => self.skip_to(';'),
                found => Err(self.expected("the type of a field", found)),
            },
            "group" => self.message(Kind::Group),
            "map" => self.map(),
            "export" | "local" => match self.lexer.next()? {
                Token::Word("message") => self.message(Kind::Written),
                Token::Word("enum") => self.skip_block(),
                Token::Word(_) | Token::Symbol('.') => self.skip_to(';'),
                found => Err(self.expected("`message`, `enum` or a field", found)),
            },
            _ => self.skip_to(';'),
        }
    }

    fn package(&mut self) -> Result<(), ProtobufError> {
        let mut package = self.name()?.to_owned();
        loop {
            match self.lexer.next()? {
                Token::Symbol(';') => break,
                Token::Symbol('.') => {
                    package.push('.');
                    package.push_str(self.name()?);
                }
                found => return Err(self.expected("`.` or `;`", found)),
            }
        }
        self.declared
            .set_package(&package)
            .map_err(|detail| self.lexer.error(detail))
    }

    /// Reads a message or group up to its brace.
    fn message(&mut self, kind: Kind) -> Result<(), ProtobufError> {
        let name = self.name()?;
        let message = self.add(name, kind)?;
        match kind {
            Kind::Written => self.brace()?,
            _ => self.skip_to('{')?,
        }
        self.open.push(Some(message));
        Ok(())
    }

    /// Reads a oneof or extension up to its brace. Its groups belong to the surrounding message.
    fn fields(&mut self) -> Result<(), ProtobufError> {
        self.skip_to('{')?;
        self.open.push(self.around());
        Ok(())
    }

    /// Reads `map<key, value> name = 1;`
    fn map(&mut self) -> Result<(), ProtobufError> {
        match self.lexer.next()? {
            Token::Symbol('<') => {}
            // A type called `map`.
            Token::Word(_) | Token::Symbol('.') => return self.skip_to(';'),
            found => return Err(self.expected("`<` or the name of a field", found)),
        }
        loop {
            match self.lexer.next()? {
                Token::Symbol('>') => break,
                Token::Word(_) | Token::Symbol('.' | ',') => {}
                found => return Err(self.expected("`>`", found)),
            }
        }
        let field = self.name()?;
        self.add(&entry_of(field), Kind::MapEntry)?;
        self.skip_to(';')
    }

    fn add(&mut self, name: &str, kind: Kind) -> Result<usize, ProtobufError> {
        self.declared
            .add(self.around(), name, kind)
            .map_err(|detail| self.lexer.error(detail))
    }

    fn around(&self) -> Option<usize> {
        self.open.last().copied().flatten()
    }

    fn name(&mut self) -> Result<&'a str, ProtobufError> {
        match self.lexer.next()? {
            Token::Word(name) if !name.starts_with(|c: char| c.is_ascii_digit()) => Ok(name),
            found => Err(self.expected("a name", found)),
        }
    }

    fn brace(&mut self) -> Result<(), ProtobufError> {
        match self.lexer.next()? {
            Token::Symbol('{') => Ok(()),
            found => Err(self.expected("`{`", found)),
        }
    }

    /// Skips an enum or a service.
    fn skip_block(&mut self) -> Result<(), ProtobufError> {
        self.name()?;
        self.brace()?;
        self.skip_to('}')
    }

    /// Skips everything up to and including `end`, with everything in brackets.
    fn skip_to(&mut self, end: char) -> Result<(), ProtobufError> {
        let mut inside = 0_usize;
        loop {
            match self.lexer.next()? {
                Token::Symbol(symbol) if symbol == end && inside == 0 => return Ok(()),
                Token::Symbol('(' | '[' | '{') => inside += 1,
                Token::Symbol(')' | ']' | '}') if inside > 0 => inside -= 1,
                found @ Token::Symbol(')' | ']' | '}') => {
                    return Err(self.expected(&format!("`{end}`"), found));
                }
                found @ Token::Symbol(';') if inside == 0 && end == '{' => {
                    return Err(self.expected("`{`", found));
                }
                Token::End => return Err(self.expected(&format!("`{end}`"), Token::End)),
                _ => {}
            }
        }
    }

    fn expected(&self, allowed: &str, found: Token<'_>) -> ProtobufError {
        self.lexer
            .error(format!("found {found}; allowed: {allowed}"))
    }
}

/// Returns the name that protoc gives to the entries of a map: `unit_prices` has `UnitPricesEntry`.
fn entry_of(field: &str) -> String {
    let mut name: String = field
        .split('_')
        .flat_map(|part| {
            let mut characters = part.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters)
        })
        .collect();
    name.push_str("Entry");
    name
}
