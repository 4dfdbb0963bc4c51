//! The contract of [`Blobs`] over any store.

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::Outcome;
use visage_cloudinary::Recipe;

use crate::blobs::{BlobError, BlobKey, Blobs, Stored};
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
