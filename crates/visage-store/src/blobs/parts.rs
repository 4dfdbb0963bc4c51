//! Writes a file whose size is not known yet to any store, in constant memory.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};

/// The size of a part: the least that S3 takes. A smaller file goes in one request.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// S3 takes a thousand more.
const MAX_PARTS: u64 = 9_000;

/// Parts of a file that are on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// Why a file was not written. Nothing is left of it, as far as the store still obeys.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The stream failed.
    Source(io::Error),
    /// The store failed.
    Store(object_store::Error),
}

/// Stores what comes, in place of what is there. It has its name when all of it is stored. Files above 40 GiB need larger parts, so
/// `bytes` says how much is expected, as far as that is known.
pub(crate) async fn write(
    store: &dyn ObjectStore,
    path: &Path,
    bytes: u64,
    mut pieces: BoxStream<'_, io::Result<Bytes>>,
) -> Result<(), WriteError> {
    let part_bytes = usize::try_from(bytes / MAX_PARTS).unwrap_or(PART_BYTES).max(PART_BYTES);
    let (mut first, mut first_bytes) = (Vec::new(), 0);
    while first_bytes < part_bytes {
        let Some(piece) = pieces.next().await else {
            let put = store.put(path, PutPayload::from_iter(first)).await;
            return put.map(drop).map_err(WriteError::Store);
        };
        let piece = piece.map_err(WriteError::Source)?;
        first_bytes += piece.len();
        first.push(piece);
    }
    let upload = store.put_multipart(path).await.map_err(WriteError::Store)?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, part_bytes);
    let mut pieces = futures_util::stream::iter(first).map(Ok).chain(pieces);
    while let Some(piece) = pieces.next().await {
        let room = match piece {
            Ok(piece) => upload
                .wait_for_capacity(PARTS_AT_ONCE)
                .await
                .map(|()| upload.put(piece))
                .map_err(WriteError::Store),
            Err(error) => Err(WriteError::Source(error)),
        };
        if let Err(error) = room {
            upload.abort().await.ok();
            return Err(error);
        }
    }
    // After a failure it gives the parts up itself.
    upload.finish().await.map(drop).map_err(WriteError::Store)
}
