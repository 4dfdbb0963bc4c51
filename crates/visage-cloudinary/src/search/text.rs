//! The characters of an expression: words, quotes, escapes.

use super::error::{QueryError, QueryMistake};

/// What a word cannot hold unless it is quoted or escaped, besides blanks.
const RESERVED: &str = "!(){}[]^~?:\\=&><\"|*";

/// A word or a quoted text, without quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// It ended in `*`.
    pub(super) prefix: bool,
    /// It is plain: neither quoted nor escaped, so it may be `AND`, `TO` or `*`.
    pub(super) plain: bool,
    /// Where it began.
    pub(super) at: usize,
}

impl Word {
    /// Whether this is a word of the language.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.plain && !self.prefix && self.text == keyword
    }
}

/// Where reading stands in an expression.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    chars: Vec<char>,
    at: usize,
}

impl Cursor {
    /// Takes at most `max` characters.
    pub(super) fn new(text: &str, max: usize) -> Result<Self, QueryError> {
        let chars: Vec<char> = text.chars().take(max + 1).collect();
        let cursor = Self { chars, at: 0 };
        if cursor.chars.len() > max {
            return Err(error(max, QueryMistake::TooLong));
        }
        Ok(cursor)
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to a position.
    pub(super) fn back(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Takes the character if it is next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// An error at the present position.
    pub(super) fn error(&self, mistake: QueryMistake) -> QueryError {
        error(self.at, mistake)
    }

    /// Reads a word or a quoted text; `colons` says whether a word may hold them. `None` at the end of the text or
    /// where no word can begin.
    pub(super) fn word(&mut self, colons: bool) -> Result<Option<Word>, QueryError> {
        if self.peek() == Some('"') {
            return self.quoted().map(Some);
        }
        let mut word = self.empty_word();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    word.plain = false;
                    word.text.push(self.escaped()?);
                }
                '*' => {
                    self.wildcard(&mut word)?;
                    break;
                }
                _ if c.is_whitespace() || (RESERVED.contains(c) && !(colons && c == ':')) => break,
                _ => {
                    self.at += 1;
                    word.text.push(c);
                }
            }
        }
        Ok((self.at > word.at).then_some(word))
    }

    fn quoted(&mut self) -> Result<Word, QueryError> {
        let mut word = self.empty_word();
        word.plain = false;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(error(word.at, QueryMistake::QuoteMissing)),
                Some('"') => break,
                Some('\\') => word.text.push(self.escaped()?),
                Some('*') => {
                    self.wildcard(&mut word)?;
                    if self.peek() != Some('"') {
                        return Err(error(self.at.saturating_sub(1), QueryMistake::Wildcard));
                    }
                }
                Some(c) => {
                    self.at += 1;
                    word.text.push(c);
                }
            }
        }
        self.at += 1;
        Ok(word)
    }

    fn empty_word(&self) -> Word {
        Word {
            text: String::new(),
            prefix: false,
            plain: true,
            at: self.at,
        }
    }

    /// Reads `*`, which ends a word that has begun, and alone is a word (an open end).
    fn wildcard(&mut self, word: &mut Word) -> Result<(), QueryError> {
        if word.text.is_empty() && !word.plain {
            return Err(self.error(QueryMistake::Wildcard));
        }
        self.at += 1;
        word.prefix = true;
        let ends = self
            .peek()
            .is_none_or(|c| c.is_whitespace() || [')', ']', '}', '"'].contains(&c));
        if ends {
            Ok(())
        } else {
            Err(error(self.at - 1, QueryMistake::Wildcard))
        }
    }

    fn escaped(&mut self) -> Result<char, QueryError> {
        let escaped = self.chars.get(self.at + 1).copied();
        let escaped = escaped.ok_or_else(|| self.error(QueryMistake::EscapeMissing))?;
        self.at += 2;
        Ok(escaped)
    }
}

/// An error at a position counted from zero.
pub(super) fn error(at: usize, mistake: QueryMistake) -> QueryError {
    QueryError {
        position: at + 1,
        mistake,
    }
}

/// The text in quotes, with a `*` behind it for a prefix.
pub(super) fn quote(text: &str, prefix: bool) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        if ['"', '\\', '*'].contains(&c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push_str(if prefix { "*\"" } else { "\"" });
    quoted
}

/// The text as a word.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_whitespace() || RESERVED.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
