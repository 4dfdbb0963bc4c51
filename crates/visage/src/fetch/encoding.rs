//! Undoes the `Content-Encoding` of servers that compress although nothing of the kind was asked for.
//!
//! Little is decoded at a time, so that a bomb meets the reader's limit before it needs memory.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderMap, header};

use super::Refusal;

/// What is decoded at once; it may become about a thousand times as much.
const SLICE_BYTES: usize = 512;

/// What one step of inflating may write.
const STEP_BYTES: usize = 32 * 1024;

/// How an answer is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// Reads `Content-Encoding`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut found = Self::Identity;
        for line in headers.get_all(header::CONTENT_ENCODING) {
            let line = line.to_str().map_err(|_not_ascii| Refusal::Encoding)?;
            for name in line.split(',').map(|name| name.trim().to_ascii_lowercase()) {
                found = match (name.as_str(), found) {
                    ("" | "identity", found) => found,
                    ("gzip" | "x-gzip", Self::Identity) => Self::Gzip,
                    ("deflate", Self::Identity) => Self::Deflate,
                    _ => return Err(Refusal::Encoding),
                };
            }
        }
        Ok(found)
    }

    fn decoder(self) -> Decoder {
        match self {
            Self::Identity => Decoder::Plain(Vec::new()),
            Self::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Self::Deflate => Decoder::Deflate(Inflater::default()),
        }
    }
}

/// The bytes of `stream` before they were encoded.
pub(super) fn decoded(
    encoding: Encoding,
    stream: impl Stream<Item = Result<Bytes, Refusal>> + Send + Unpin + 'static,
) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + Unpin {
    let state = Decoding {
        source: Some(stream),
        pending: Bytes::new(),
        decoder: encoding.decoder(),
    };
    Box::pin(futures_util::stream::try_unfold(state, async |mut state| {
        let piece = state.next().await?;
        Ok(piece.map(|piece| (piece, state)))
    }))
}

struct Decoding<S> {
    /// `None` when it has ended.
    source: Option<S>,
    pending: Bytes,
    decoder: Decoder,
}

impl<S: Stream<Item = Result<Bytes, Refusal>> + Unpin> Decoding<S> {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let Some(source) = &mut self.source else {
                return Ok(None);
            };
            if self.pending.is_empty() {
                if let Some(piece) = source.try_next().await? {
                    self.pending = piece;
                    continue;
                }
                self.source = None;
                self.decoder.finish()?;
            } else {
                let slice = self.pending.split_to(self.decoder.slice_bytes(self.pending.len()));
                self.decoder.push(&slice)?;
            }
            let piece = self.decoder.take();
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

enum Decoder {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Inflater),
}

impl Decoder {
    fn slice_bytes(&self, available: usize) -> usize {
        match self {
            Self::Plain(_) => available,
            Self::Gzip(_) | Self::Deflate(_) => available.min(SLICE_BYTES),
        }
    }

    fn push(&mut self, slice: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::Plain(bytes) => bytes.extend_from_slice(slice),
            Self::Gzip(decoder) => decoder.write_all(slice).map_err(|_damaged| Refusal::Answer)?,
            Self::Deflate(inflater) => inflater.push(slice)?,
        }
        Ok(())
    }

    /// What is left at the end; an error when the end is missing.
    fn finish(&mut self) -> Result<(), Refusal> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish().map_err(|_cut_off| Refusal::Answer),
            Self::Deflate(inflater) if inflater.is_done => Ok(()),
            Self::Deflate(_) => Err(Refusal::Answer),
        }
    }

    fn take(&mut self) -> Bytes {
        let bytes = match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(inflater) => &mut inflater.bytes,
        };
        std::mem::take(bytes).into()
    }
}

/// `deflate`: with the header of zlib as the standard has it (RFC 9110, 8.4.1.2), or without as some servers send it.
#[derive(Default)]
struct Inflater {
    decoder: Option<Decompress>,
    bytes: Vec<u8>,
    is_done: bool,
}

impl Inflater {
    fn push(&mut self, mut slice: &[u8]) -> Result<(), Refusal> {
        let decoder = self
            .decoder
            .get_or_insert_with(|| Decompress::new(slice.first().is_some_and(|first| first & 0x0F == 8)));
        while !self.is_done {
            self.bytes.reserve(STEP_BYTES);
            let (read, written) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress_vec(slice, &mut self.bytes, FlushDecompress::None);
            self.is_done = status.map_err(|_damaged| Refusal::Answer)? == Status::StreamEnd;
            let read = usize::try_from(decoder.total_in() - read).unwrap_or(usize::MAX);
            slice = slice.get(read..).unwrap_or_default();
            if read == 0 && decoder.total_out() == written {
                break;
            }
        }
        Ok(())
    }
}
