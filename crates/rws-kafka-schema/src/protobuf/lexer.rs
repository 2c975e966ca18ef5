//! Splits a `.proto` file into tokens.

use super::error::ProtobufError;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, name or number. Dots are symbols.
    Word(&'a str),
    /// A quoted string, whose content is not needed.
    Text,
    Symbol(char),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => {
                let shown: String = word.chars().take(40).collect();
                write!(f, "`{shown}`")
            }
            Self::Text => f.write_str("a text in quotes"),
            Self::Symbol(symbol) => write!(f, "`{}`", symbol.escape_default()),
            Self::End => f.write_str("the end"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    /// Where the last token starts.
    start: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            position: 0,
            start: 0,
        }
    }

    /// Returns the next token; [`Token::End`] at the end.
    pub(super) fn next(&mut self) -> Result<Token<'a>, ProtobufError> {
        self.skip_blanks()?;
        self.start = self.position;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            self.position += end;
            return Ok(Token::Word(rest.get(..end).unwrap_or_default()));
        }
        if first == '"' || first == '\'' {
            return self.text_in(first);
        }
        self.position += first.len_utf8();
        Ok(Token::Symbol(first))
    }

    /// Returns an error at the last token.
    pub(super) fn error(&self, detail: impl Into<String>) -> ProtobufError {
        let before = self.text.get(..self.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ProtobufError::Schema {
            line: before.matches('\n').count() + 1,
            column: before.len() - line_start + 1,
            detail: detail.into(),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) -> Result<(), ProtobufError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.position += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.position += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.get(2..).and_then(|inside| inside.find("*/")) else {
                    self.start = self.position;
                    return Err(self.error("a comment that does not end"));
                };
                self.position += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn text_in(&mut self, quote: char) -> Result<Token<'a>, ProtobufError> {
        let mut escaped = false;
        for (index, character) in self.rest().char_indices().skip(1) {
            match character {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == quote => {
                    self.position += index + 1;
                    return Ok(Token::Text);
                }
                _ => {}
            }
        }
        Err(self.error("a text in quotes that does not end on its line"))
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
