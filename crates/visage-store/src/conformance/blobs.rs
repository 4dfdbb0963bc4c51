//! The contract of [`Blobs`] over any store.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Outcome;
use visage_cloudinary::Recipe;

use crate::blobs::{BlobError, BlobKey, Blobs, CopyError, Put, Stored};
use crate::error::BoxError;
use crate::ids::{Sha256, UploadId};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives empty blobs and a guard.
#[macro_export]
macro_rules! blobs_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { blobs, $fresh,
            an_original_reads_as_it_was_written
            an_original_is_never_overwritten
            a_missing_blob_is_missing
            a_damaged_blob_is_never_served
            a_derived_blob_is_overwritten
            deleting_what_is_missing_succeeds
            an_upload_is_deleted_with_everything_derived_from_it
            everything_stored_is_listed
            a_stream_is_stored_as_one_original
            a_stream_overwrites_nothing
            a_stream_that_fails_leaves_nothing
            any_range_of_an_original_is_read
            blocks_before_a_damaged_one_are_delivered_and_nothing_after
            an_original_of_another_size_is_damaged
            an_original_is_streamed_to_its_end_only_when_it_is_right
            a_copy_is_right_or_not_there
            a_damaged_original_is_replaced_by_a_good_copy_alone
        }
    };
}

pub async fn an_original_reads_as_it_was_written(blobs: &Blobs) -> Outcome {
    for size in [0, 1, 65_536, 65_537, 3_000_000] {
        let (upload, body) = (UploadId::random(), Bytes::from(vec![7; size]));
        blobs.put_original(&upload, body.clone()).await?;
        assert_eq!(
            blobs.get_original(&upload, &Sha256::of(&body), size as u64).await?,
            body
        );
    }
    Ok(())
}

pub async fn an_original_is_never_overwritten(blobs: &Blobs) -> Outcome {
    let upload = UploadId::random();
    blobs.put_original(&upload, FIRST).await?;
    let refused = blobs.put_original(&upload, SECOND).await;
    assert!(matches!(refused, Err(BlobError::Exists(_))), "{refused:?}");
    assert_eq!(blobs.get_original(&upload, &Sha256::of(&FIRST), 5).await?, FIRST);
    Ok(())
}

pub async fn a_missing_blob_is_missing(blobs: &Blobs) -> Outcome {
    let (upload, recipe, any) = (
        UploadId::random(),
        Recipe::parse(&format!("{:032}", 1))?,
        Sha256::of(b""),
    );
    let original = blobs.get_original(&upload, &any, 0).await;
    let derived = blobs.get_derived(&upload, &recipe, &any, 0).await;
    assert!(matches!(original, Err(BlobError::Missing(_))), "{original:?}");
    assert!(matches!(derived, Err(BlobError::Missing(_))), "{derived:?}");
    Ok(())
}

pub async fn a_damaged_blob_is_never_served(blobs: &Blobs) -> Outcome {
    let (upload, recipe) = (UploadId::random(), Recipe::parse(&format!("{:032}", 1))?);
    blobs.put_original(&upload, FIRST).await?;
    blobs.put_derived(&upload, &recipe, FIRST).await?;
    for (sha256, bytes) in [
        (Sha256::of(&SECOND), 5),
        (Sha256::of(&FIRST), 4),
        (Sha256::of(&FIRST), 6),
    ] {
        let original = blobs.get_original(&upload, &sha256, bytes).await;
        let derived = blobs.get_derived(&upload, &recipe, &sha256, bytes).await;
        assert!(matches!(original, Err(BlobError::Damaged { .. })), "{original:?}");
        assert!(matches!(derived, Err(BlobError::Damaged { .. })), "{derived:?}");
    }
    Ok(())
}

pub async fn a_derived_blob_is_overwritten(blobs: &Blobs) -> Outcome {
    let (upload, recipe) = (UploadId::random(), Recipe::parse(&format!("{:032}", 1))?);
    blobs.put_derived(&upload, &recipe, FIRST).await?;
    blobs.put_derived(&upload, &recipe, SECOND).await?;
    assert_eq!(
        blobs.get_derived(&upload, &recipe, &Sha256::of(&SECOND), 6).await?,
        SECOND
    );
    Ok(())
}

pub async fn deleting_what_is_missing_succeeds(blobs: &Blobs) -> Outcome {
    let (upload, recipe) = (UploadId::random(), Recipe::parse(&format!("{:032}", 1))?);
    blobs.delete(&BlobKey::Original(upload)).await?;
    blobs.delete_upload(&upload, &[recipe]).await?;
    Ok(())
}

pub async fn an_upload_is_deleted_with_everything_derived_from_it(blobs: &Blobs) -> Outcome {
    let (upload, other) = (UploadId::random(), UploadId::random());
    let recipes = [
        Recipe::parse(&format!("{:032}", 1))?,
        Recipe::parse(&format!("{:032}", 2))?,
    ];
    for upload in [&upload, &other] {
        blobs.put_original(upload, FIRST).await?;
        blobs.put_derived(upload, &recipes[0], FIRST).await?;
    }
    blobs.put_derived(&upload, &recipes[1], FIRST).await?;
    blobs.delete_upload(&upload, &recipes).await?;
    assert_eq!(
        stored(blobs).await?,
        [original(other, 5), derived(other, &recipes[0], 5)]
    );
    Ok(())
}

pub async fn everything_stored_is_listed(blobs: &Blobs) -> Outcome {
    assert_eq!(stored(blobs).await?, []);
    let (upload, recipe) = (UploadId::random(), Recipe::parse(&format!("{:032}", 1))?);
    blobs.put_original(&upload, FIRST).await?;
    blobs.put_derived(&upload, &recipe, SECOND).await?;
    assert_eq!(stored(blobs).await?, [original(upload, 5), derived(upload, &recipe, 6)]);
    assert_eq!((blobs.count_staging().await?, blobs.sweep_staging().await?), (0, 0));
    Ok(())
}

pub async fn a_stream_is_stored_as_one_original(blobs: &Blobs) -> Outcome {
    for sizes in [
        vec![],
        vec![0],
        vec![1, 0, 2],
        vec![BLOCK, BLOCK],
        vec![6 * BLOCK + 7, 1],
    ] {
        let pieces: Vec<Bytes> = sizes.iter().map(|size| pattern(*size)).collect();
        let body = Bytes::from(pieces.concat());
        let upload = UploadId::random();
        blobs.put_original_stream(&upload, stream_of(pieces, None)).await?;
        assert_eq!(
            blobs
                .get_original(&upload, &Sha256::of(&body), body.len() as u64)
                .await?,
            body
        );
    }
    assert_eq!(blobs.count_staging().await?, 0);
    Ok(())
}

pub async fn a_stream_overwrites_nothing(blobs: &Blobs) -> Outcome {
    let upload = UploadId::random();
    blobs.put_original(&upload, FIRST).await?;
    let refused = blobs.put_original_stream(&upload, stream_of(vec![SECOND], None)).await;
    assert!(matches!(refused, Err(BlobError::Exists(_))), "{refused:?}");
    assert_eq!(stored(blobs).await?, [original(upload, 5)]);
    assert_eq!(blobs.get_original(&upload, &Sha256::of(&FIRST), 5).await?, FIRST);
    assert_eq!(blobs.count_staging().await?, 0);
    Ok(())
}

pub async fn a_stream_that_fails_leaves_nothing(blobs: &Blobs) -> Outcome {
    let upload = UploadId::random();
    let broken = stream_of(vec![pattern(6 * BLOCK)], Some(io::ErrorKind::ConnectionReset));
    let failed = blobs.put_original_stream(&upload, broken).await;
    assert!(matches!(failed, Err(BlobError::Backend(_))), "{failed:?}");
    assert_eq!((stored(blobs).await?, blobs.count_staging().await?), (vec![], 0));
    let full = stream_of(vec![FIRST], Some(io::ErrorKind::StorageFull));
    let failed = blobs.put_original_stream(&upload, full).await;
    assert!(matches!(failed, Err(BlobError::NoSpace(_))), "{failed:?}");
    blobs.put_original_stream(&upload, stream_of(vec![FIRST], None)).await?;
    Ok(())
}

pub async fn any_range_of_an_original_is_read(blobs: &Blobs) -> Outcome {
    let (upload, body) = (UploadId::random(), pattern(2 * BLOCK + 10));
    blobs.put_original(&upload, body.clone()).await?;
    let bytes = body.len() as u64;
    let one = BLOCK as u64;
    for (start, end) in [
        (0, bytes),
        (0, 1),
        (one - 1, one),
        (one, one + 1),
        (one - 1, one + 1),
        (5, 2 * one + 3),
        (bytes - 1, bytes + 100),
    ] {
        let read = read(blobs, upload, &hashes(&body), bytes, start..end).await?;
        let (start, end) = (usize::try_from(start)?, usize::try_from(end.min(bytes))?);
        assert_eq!(read.concat(), body[start..end], "{start}..{end}");
        assert!(read.iter().all(|piece| piece.len() <= BLOCK));
    }
    #[allow(clippy::reversed_empty_ranges, reason = "whoever asks may ask for nonsense")]
    for nothing in [
        7..7,
        9..7,
        one..one,
        bytes..bytes,
        bytes + 5..bytes + 9,
        u64::MAX..u64::MAX,
        5..0,
    ] {
        assert_eq!(read(blobs, upload, &hashes(&body), bytes, nothing).await?.concat(), b"");
    }
    let empty = UploadId::random();
    blobs.put_original(&empty, Bytes::new()).await?;
    assert_eq!(read(blobs, empty, &[], 0, 0..u64::MAX).await?, Vec::<Bytes>::new());
    Ok(())
}

pub async fn blocks_before_a_damaged_one_are_delivered_and_nothing_after(blobs: &Blobs) -> Outcome {
    let (upload, body) = (UploadId::random(), pattern(5 * BLOCK));
    let mut damaged = body.to_vec();
    damaged[3 * BLOCK + 17] ^= 1;
    blobs.put_original(&upload, damaged.into()).await?;
    let bytes = body.len() as u64;
    let mut blocks = blobs.read_original(&upload, bytes, &hashes(&body), 0..bytes).await?;
    for number in 0..3 {
        let block = blocks.try_next().await?.ok_or("three blocks are good")?;
        assert_eq!(block, body[number * BLOCK..(number + 1) * BLOCK]);
    }
    let refused = blocks.try_next().await;
    assert!(matches!(refused, Err(BlobError::Damaged { .. })), "{refused:?}");
    assert!(blocks.try_next().await?.is_none());
    let after = 4 * BLOCK as u64..bytes;
    assert_eq!(
        read(blobs, upload, &hashes(&body), bytes, after).await?.concat(),
        body[4 * BLOCK..]
    );
    Ok(())
}

pub async fn an_original_of_another_size_is_damaged(blobs: &Blobs) -> Outcome {
    let upload = UploadId::random();
    blobs.put_original(&upload, FIRST).await?;
    for (bytes, hashes) in [
        (4, hashes(&FIRST)),
        (6, hashes(&FIRST)),
        (5, Vec::new()),
        (5, vec![Sha256::of(&FIRST); 2]),
    ] {
        let refused = blobs.read_original(&upload, bytes, &hashes, 0..1).await.err();
        assert!(matches!(refused, Some(BlobError::Damaged { .. })), "{refused:?}");
    }
    let missing = blobs
        .read_original(&UploadId::random(), 5, &hashes(&FIRST), 0..1)
        .await
        .err();
    assert!(matches!(missing, Some(BlobError::Missing(_))), "{missing:?}");
    Ok(())
}

pub async fn an_original_is_streamed_to_its_end_only_when_it_is_right(blobs: &Blobs) -> Outcome {
    for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5] {
        let (upload, body) = (UploadId::random(), pattern(size));
        blobs.put_original(&upload, body.clone()).await?;
        let pieces = blobs.stream_original(&upload, &Sha256::of(&body), size as u64).await?;
        assert_eq!(pieces.try_collect::<Vec<_>>().await?.concat(), body, "{size}");
        for (sha256, bytes) in [
            (Sha256::of(b"other"), size as u64),
            (Sha256::of(&body), size as u64 + 1),
        ] {
            let read = async {
                blobs
                    .stream_original(&upload, &sha256, bytes)
                    .await?
                    .try_collect::<Vec<_>>()
                    .await
            };
            let refused = read.await;
            assert!(matches!(refused, Err(BlobError::Damaged { .. })), "{size}: {refused:?}");
        }
    }
    let missing = blobs
        .stream_original(&UploadId::random(), &Sha256::of(b""), 5_000_000)
        .await
        .err();
    assert!(matches!(missing, Some(BlobError::Missing(_))), "{missing:?}");
    Ok(())
}

pub async fn a_copy_is_right_or_not_there(blobs: &Blobs) -> Outcome {
    let source = Blobs::in_memory();
    for size in [5, 2 * BLOCK + 5] {
        let (upload, body) = (UploadId::random(), pattern(size));
        let (sha256, bytes) = (Sha256::of(&body), size as u64);
        let copy = || blobs.copy_original_from(&source, &upload, &sha256, bytes, Put::Create);
        let missing = copy().await;
        assert!(
            matches!(missing, Err(CopyError::Source(BlobError::Missing(_)))),
            "{missing:?}"
        );
        let mut other = body.to_vec();
        other[size - 1] ^= 1;
        source.put_original(&upload, other.into()).await?;
        let damaged = copy().await;
        assert!(
            matches!(damaged, Err(CopyError::Source(BlobError::Damaged { .. }))),
            "{damaged:?}"
        );
        assert!(!blobs.original_sizes().await?.contains_key(&upload), "{size}");
        source.delete(&BlobKey::Original(upload)).await?;
        source.put_original(&upload, body.clone()).await?;
        copy().await?;
        assert_eq!(blobs.get_original(&upload, &sha256, bytes).await?, body);
        assert_eq!(blobs.original_sizes().await?.get(&upload), Some(&bytes));
        let again = copy().await;
        assert!(
            matches!(again, Err(CopyError::Target(BlobError::Exists(_)))),
            "{again:?}"
        );
        assert_eq!(blobs.get_original(&upload, &sha256, bytes).await?, body);
    }
    Ok(())
}

pub async fn a_damaged_original_is_replaced_by_a_good_copy_alone(blobs: &Blobs) -> Outcome {
    let source = Blobs::in_memory();
    for size in [5, 2 * BLOCK + 5] {
        let (upload, body) = (UploadId::random(), pattern(size));
        let (sha256, bytes) = (Sha256::of(&body), size as u64);
        let mut damaged = body.to_vec();
        damaged[size - 1] ^= 1;
        let damaged = Bytes::from(damaged);
        blobs.put_original(&upload, damaged.clone()).await?;
        source.put_original(&upload, damaged.clone()).await?;
        let replace = || blobs.copy_original_from(&source, &upload, &sha256, bytes, Put::Replace);
        let refused = replace().await;
        assert!(matches!(refused, Err(CopyError::Source(_))), "{refused:?}");
        assert_eq!(
            blobs.get_original(&upload, &Sha256::of(&damaged), bytes).await?,
            damaged,
            "nothing was changed"
        );
        source.delete(&BlobKey::Original(upload)).await?;
        source.put_original(&upload, body.clone()).await?;
        replace().await?;
        assert_eq!(blobs.get_original(&upload, &sha256, bytes).await?, body);
    }
    assert_eq!(blobs.count_staging().await?, 0);
    Ok(())
}

const BLOCK: usize = 1024 * 1024;

fn pattern(size: usize) -> Bytes {
    (0..=250).cycle().take(size).collect()
}

fn hashes(body: &[u8]) -> Vec<Sha256> {
    body.chunks(BLOCK).map(Sha256::of).collect()
}

/// These pieces, then an error if one is given.
fn stream_of(pieces: Vec<Bytes>, error: Option<io::ErrorKind>) -> BoxStream<'static, io::Result<Bytes>> {
    let error = error.map(|kind| Err(kind.into()));
    futures_util::stream::iter(pieces.into_iter().map(Ok).chain(error)).boxed()
}

async fn read(
    blobs: &Blobs,
    upload: UploadId,
    blocks: &[Sha256],
    bytes: u64,
    range: Range<u64>,
) -> Result<Vec<Bytes>, BoxError> {
    Ok(blobs
        .read_original(&upload, bytes, blocks, range)
        .await?
        .try_collect()
        .await?)
}

const FIRST: Bytes = Bytes::from_static(b"first");
const SECOND: Bytes = Bytes::from_static(b"second");

async fn stored(blobs: &Blobs) -> Result<Vec<Stored>, BoxError> {
    let mut stored: Vec<_> = blobs.list().try_collect().await?;
    stored.sort();
    Ok(stored)
}

fn original(upload: UploadId, bytes: u64) -> Stored {
    Stored::Blob {
        key: BlobKey::Original(upload),
        bytes,
    }
}

fn derived(upload: UploadId, recipe: &Recipe, bytes: u64) -> Stored {
    Stored::Blob {
        key: BlobKey::Derived(upload, recipe.clone()),
        bytes,
    }
}
