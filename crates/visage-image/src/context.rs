//! Under which conditions work on pixels goes on: what it may cost, and whether it is still wanted.

use std::fmt::Display;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::{ImageError, Limits};

/// Bytes of a file that a decoder gets at a time. At most 1,032 times as many come out of deflate, and 2,730 out of LZW of
/// a GIF: some milliseconds of work.
const PIECE_BYTES: usize = 4096;

/// What everything that decodes is given, down to the innermost loops.
#[derive(Clone, Copy)]
pub(crate) struct RenderContext<'a> {
    pub(crate) limits: &'a Limits,
    /// Whether the result is no longer wanted; once true it stays true.
    pub(crate) cancelled: &'a dyn Fn() -> bool,
    /// Whether all of a file has to be read, to see that it is whole, even what the result does not need.
    pub(crate) reads_everything: bool,
}

impl<'a> RenderContext<'a> {
    pub(crate) fn new(limits: &'a Limits, cancelled: &'a dyn Fn() -> bool) -> Self {
        Self {
            limits,
            cancelled,
            reads_everything: false,
        }
    }

    /// The same, for work that proves a file.
    pub(crate) fn reading_everything(self) -> Self {
        Self {
            reads_everything: true,
            ..self
        }
    }

    /// Ends the work when it is no longer wanted. Loops call it about every millisecond.
    pub(crate) fn check(self) -> Result<(), ImageError> {
        if (self.cancelled)() {
            Err(ImageError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// What a decoder has to say that may have been stopped by [`Self::reader`].
    pub(crate) fn decoder_error(self, cause: impl Display) -> ImageError {
        match self.check() {
            Ok(()) => ImageError::from_decoder(cause),
            Err(cancelled) => cancelled,
        }
    }

    /// Hands a file to a decoder in pieces, and fails once the work is no longer wanted.
    pub(crate) fn reader<R>(self, file: R) -> InterruptibleReader<'a, R> {
        InterruptibleReader {
            file,
            cancelled: self.cancelled,
            left_bytes: 0,
        }
    }
}

/// A file that can no longer be read once its picture is no longer wanted.
pub(crate) struct InterruptibleReader<'a, R> {
    file: R,
    cancelled: &'a dyn Fn() -> bool,
    /// How many bytes may be handed out before the next question.
    left_bytes: usize,
}

impl<R> InterruptibleReader<'_, R> {
    fn ask(&mut self) -> io::Result<()> {
        if self.left_bytes > 0 {
            return Ok(());
        }
        if (self.cancelled)() {
            // Not `Interrupted`, after which readers try again.
            return Err(io::Error::other("the work was cancelled"));
        }
        self.left_bytes = PIECE_BYTES;
        Ok(())
    }

    fn hand_out(&mut self, bytes: usize) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
    }
}

impl<R: Read> Read for InterruptibleReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ask()?;
        let length = buffer.len().min(self.left_bytes);
        let read = self.file.read(buffer.get_mut(..length).unwrap_or_default())?;
        self.hand_out(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for InterruptibleReader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ask()?;
        let piece = self.file.fill_buf()?;
        Ok(piece.get(..self.left_bytes).unwrap_or(piece))
    }

    fn consume(&mut self, bytes: usize) {
        self.hand_out(bytes);
        self.file.consume(bytes);
    }
}

impl<R: Seek> Seek for InterruptibleReader<'_, R> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

impl std::fmt::Debug for RenderContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenderContext")
            .field("limits", self.limits)
            .field("reads_everything", &self.reads_everything)
            .finish_non_exhaustive()
    }
}

impl<R> std::fmt::Debug for InterruptibleReader<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterruptibleReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Cursor;

    use super::*;

    #[test]
    fn reader_hands_out_pieces_and_asks_before_each() {
        let file: Vec<u8> = (0..=255).cycle().take(PIECE_BYTES * 3 + 1).collect();
        let asked = Cell::new(0);
        let never = || {
            asked.set(asked.get() + 1);
            false
        };
        let limits = Limits::default();
        let mut read = Vec::new();
        RenderContext::new(&limits, &never)
            .reader(Cursor::new(&file))
            .read_to_end(&mut read)
            .unwrap();
        assert!(read == file && asked.get() >= 4, "{}", asked.get());
        let mut reader = RenderContext::new(&limits, &never).reader(Cursor::new(&file));
        asked.set(0);
        let mut length = 0;
        loop {
            let piece = reader.fill_buf().unwrap().len();
            if piece == 0 {
                break;
            }
            length += piece;
            reader.consume(piece);
        }
        assert!(length == file.len() && asked.get() >= 4, "{}", asked.get());
    }

    #[test]
    fn reader_fails_once_the_work_is_cancelled() {
        let limits = Limits::default();
        let context = RenderContext::new(&limits, &|| true);
        let mut reader = context.reader(Cursor::new([0; 8]));
        assert!(reader.read(&mut [0]).is_err() && reader.fill_buf().is_err());
        assert_eq!(context.decoder_error("an end"), ImageError::Cancelled);
    }
}
