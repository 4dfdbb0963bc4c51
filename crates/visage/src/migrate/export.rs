//! Splits an export of a collection, as `mongoexport` writes it, into its documents: one per line, or a JSON array.
//!
//! One document is in memory at a time. One that is damaged costs itself: a line ends with the line, an element of an array
//! where its brackets do.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek as _};
use std::path::{Path, PathBuf};

use super::MigrateError;

/// More than any document of MongoDB (16 MiB) has as JSON.
const MAX_DOCUMENT_BYTES: usize = 48 << 20;

/// A file with an export, which is read more than once.
#[derive(Debug)]
pub struct Export {
    file: File,
    path: PathBuf,
}

impl Export {
    /// Opens the file.
    ///
    /// # Errors
    /// [`MigrateError::File`]
    pub fn open(path: &Path) -> Result<Self, MigrateError> {
        let file = File::open(path).map_err(MigrateError::file(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Its documents, each with its place in it, from 1. Blocks.
    ///
    /// # Errors
    /// [`MigrateError::File`] when it cannot be read, be it from its beginning again.
    pub fn documents(&self) -> Result<impl Iterator<Item = Result<Numbered, MigrateError>>, MigrateError> {
        (&self.file).rewind().map_err(MigrateError::file(&self.path))?;
        let documents = Documents::new(BufReader::with_capacity(1 << 16, &self.file));
        Ok((1..).zip(documents).map(|(number, document)| {
            let document = document.map_err(MigrateError::file(&self.path))?;
            Ok((number, document))
        }))
    }

    /// How many they are. Blocks.
    ///
    /// # Errors
    /// As for [`Self::documents`].
    pub fn count(&self) -> Result<u64, MigrateError> {
        self.documents()?
            .try_fold(0, |count, document| document.map(|_| count + 1))
    }
}

/// What stands in an export at a place.
pub type Numbered = (u64, Result<Vec<u8>, Malformed>);

/// The documents of an export.
#[derive(Debug)]
pub struct Documents<R> {
    input: R,
    shape: Shape,
    max_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Unknown,
    Lines,
    Array,
    /// The array has ended.
    Over,
}

/// Bytes that stand where a document should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than any document.
    #[error("it is longer than any document")]
    TooLong,
    /// The file ends in it.
    #[error("the file ends in the middle of it")]
    Unfinished,
    /// There is something else than documents.
    #[error("it is not a document")]
    Stray,
}

impl<R: BufRead> Documents<R> {
    /// The documents in `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            shape: Shape::Unknown,
            max_bytes: MAX_DOCUMENT_BYTES,
        }
    }

    fn read_next(&mut self) -> io::Result<Option<Result<Vec<u8>, Malformed>>> {
        if self.shape == Shape::Unknown {
            self.skip(&[0xef, 0xbb, 0xbf])?;
            self.shape = match self.skip_blanks(b"")? {
                Some(b'[') => {
                    self.input.consume(1);
                    Shape::Array
                }
                _ => Shape::Lines,
            };
        }
        match self.shape {
            Shape::Array => self.next_element(),
            Shape::Over => self.after_array(),
            Shape::Unknown | Shape::Lines => self.next_line(),
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Result<Vec<u8>, Malformed>>> {
        if self.skip_blanks(b"")?.is_none() {
            return Ok(None);
        }
        let (mut line, mut is_too_long) = (Vec::new(), false);
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = end.map_or(buffer, |end| buffer.get(..end).unwrap_or_default());
            if line.len() + piece.len() > self.max_bytes {
                is_too_long = true;
            } else {
                line.extend_from_slice(piece);
            }
            let (used, is_over) = (
                piece.len() + usize::from(end.is_some()),
                end.is_some() || buffer.is_empty(),
            );
            self.input.consume(used);
            if is_over {
                return Ok(Some(if is_too_long { Err(Malformed::TooLong) } else { Ok(line) }));
            }
        }
    }

    fn next_element(&mut self) -> io::Result<Option<Result<Vec<u8>, Malformed>>> {
        let Some(first) = self.skip_blanks(b",")? else {
            self.shape = Shape::Over;
            return Ok(Some(Err(Malformed::Unfinished)));
        };
        if first == b']' {
            self.input.consume(1);
            self.shape = Shape::Over;
            return self.after_array();
        }
        let (mut element, mut scanner, mut is_too_long) = (Vec::new(), Scanner::default(), false);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.shape = Shape::Over;
                return Ok(Some(Err(Malformed::Unfinished)));
            }
            let end = buffer.iter().position(|byte| scanner.ends_before(*byte));
            let piece = end.map_or(buffer, |end| buffer.get(..end).unwrap_or_default());
            if element.len() + piece.len() > self.max_bytes {
                is_too_long = true;
            } else {
                element.extend_from_slice(piece);
            }
            let used = piece.len();
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(if is_too_long {
                    Err(Malformed::TooLong)
                } else {
                    Ok(element)
                }));
            }
        }
    }

    /// Nothing follows an array. What does all the same is told once.
    fn after_array(&mut self) -> io::Result<Option<Result<Vec<u8>, Malformed>>> {
        if self.skip_blanks(b"")?.is_none() {
            return Ok(None);
        }
        io::copy(&mut self.input, &mut io::sink())?;
        Ok(Some(Err(Malformed::Stray)))
    }

    /// Skips white space and `also`; returns the byte after it.
    fn skip_blanks(&mut self, also: &[u8]) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || also.contains(byte);
            let blanks = buffer.iter().take_while(|byte| is_blank(byte)).count();
            let next = buffer.get(blanks).copied();
            self.input.consume(blanks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Skips `mark` when the input begins with it.
    fn skip(&mut self, mark: &[u8]) -> io::Result<()> {
        if self.input.fill_buf()?.starts_with(mark) {
            self.input.consume(mark.len());
        }
        Ok(())
    }
}

/// The bytes of each document, or what stands in its place. Blocks; an error says that the file cannot be read.
impl<R: BufRead> Iterator for Documents<R> {
    type Item = io::Result<Result<Vec<u8>, Malformed>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_next().transpose()
    }
}

/// Follows brackets and strings through an element of an array.
#[derive(Debug, Default)]
struct Scanner {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Scanner {
    /// Whether the element is over and `byte` is what follows it.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            let is_escaped = std::mem::take(&mut self.is_escaped);
            match byte {
                b'\\' => self.is_escaped = !is_escaped,
                b'"' => self.is_in_string = is_escaped,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `text` through buffers of every size.
    #[track_caller]
    fn check(text: &str, expected: &[Result<&str, Malformed>]) {
        for size in [1, 2, 7, 4096] {
            let mut documents = Documents::new(io::BufReader::with_capacity(size.max(3), text.as_bytes()));
            documents.max_bytes = 20;
            for expected in expected {
                let next = documents.next().unwrap().unwrap();
                let next = next.map(|bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned());
                assert_eq!(next.as_deref(), expected.as_deref(), "{text}");
            }
            assert!(documents.next().is_none(), "{text}");
        }
    }

    #[test]
    fn lines_and_arrays_are_split_into_documents() {
        check("", &[]);
        check(" \n\n", &[]);
        check("[]\n", &[]);
        check("{\"a\":1}\n{\"b\":2}", &[Ok("{\"a\":1}"), Ok("{\"b\":2}")]);
        check(
            "\u{feff}{\"a\":1}\r\n\r\n{\"b\":2}\r\n",
            &[Ok("{\"a\":1}"), Ok("{\"b\":2}")],
        );
        check(
            "[{\"a\":1},\n{\"b\":[1,{}]}\n]\n",
            &[Ok("{\"a\":1}"), Ok("{\"b\":[1,{}]}")],
        );
        check(
            "[{\"a\":\"],}{\\\"\\\\\"},2]",
            &[Ok("{\"a\":\"],}{\\\"\\\\\"}"), Ok("2")],
        );
    }

    #[test]
    fn what_is_damaged_costs_itself() {
        check("{\"a\"\n{\"b\":2}\n", &[Ok("{\"a\""), Ok("{\"b\":2}")]);
        check("[{\"a\" 1},{\"b\":2}]", &[Ok("{\"a\" 1}"), Ok("{\"b\":2}")]);
        check("[{\"b\":2},{\"a\":", &[Ok("{\"b\":2}"), Err(Malformed::Unfinished)]);
        check("[{\"b\":2}", &[Err(Malformed::Unfinished)]);
        check("[{\"b\":2},", &[Ok("{\"b\":2}"), Err(Malformed::Unfinished)]);
        check("[{\"b\":2}] x y", &[Ok("{\"b\":2}"), Err(Malformed::Stray)]);
    }

    #[test]
    fn a_document_of_exactly_the_limit_is_taken_and_a_longer_one_is_skipped() {
        let (exact, long) = (format!("\"{}\"", "x".repeat(18)), format!("\"{}\"", "x".repeat(19)));
        check(
            &format!("{exact}\n{long}\n1"),
            &[Ok(&exact), Err(Malformed::TooLong), Ok("1")],
        );
        check(
            &format!("[{exact},{long},1]"),
            &[Ok(&exact), Err(Malformed::TooLong), Ok("1")],
        );
    }
}
