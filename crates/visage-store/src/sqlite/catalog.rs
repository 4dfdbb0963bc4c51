//! [`Catalog`]: each method is one transaction around one function of `uploads.rs` or `derived.rs`.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Sqlite, derived, uploads};
use crate::catalog::{
    Asset, AssetKey, Catalog, Commit, CommitError, CommitUpload, Derived, DerivedFacts, DerivedKey, DoomedUpload,
    UploadRecord,
};
use crate::error::Result;
use crate::ids::{AssetId, UploadId};

#[async_trait]
impl Catalog for Sqlite {
    async fn begin_upload(&self, id: &UploadId, now: Timestamp) -> Result<()> {
        let id = *id;
        self.write(move |tx| uploads::begin(tx, &id, now)).await
    }

    async fn commit_upload(&self, commit: CommitUpload, now: Timestamp) -> Result<Commit, CommitError> {
        self.write(move |tx| uploads::commit(tx, &commit, now)).await
    }

    async fn abandon_upload(&self, id: &UploadId, now: Timestamp) -> Result<()> {
        let id = *id;
        self.write(move |tx| uploads::doom_pending(tx, &id, now).map(drop))
            .await
    }

    async fn find_asset(&self, key: &AssetKey) -> Result<Option<Asset>> {
        let key = key.clone();
        self.read(move |tx| uploads::find(tx, &key)).await
    }

    async fn destroy_asset(&self, key: &AssetKey, purge_at: Timestamp, _now: Timestamp) -> Result<bool> {
        let key = key.clone();
        self.write(move |tx| uploads::destroy(tx, &key, purge_at)).await
    }

    async fn forget_destroyed_assets(&self, before: Timestamp) -> Result<u64> {
        self.write(move |tx| uploads::forget_destroyed(tx, before)).await
    }

    async fn doom_abandoned_uploads(&self, begun_before: Timestamp, now: Timestamp) -> Result<u64> {
        self.write(move |tx| uploads::doom_abandoned(tx, begun_before, now))
            .await
    }

    async fn due_uploads(&self, now: Timestamp, limit: usize) -> Result<Vec<DoomedUpload>> {
        self.read(move |tx| uploads::due(tx, now, limit)).await
    }

    async fn forget_upload(&self, id: &UploadId) -> Result<()> {
        let id = *id;
        self.write(move |tx| uploads::forget(tx, &id)).await
    }

    async fn record_derived(&self, key: &DerivedKey, facts: &DerivedFacts, now: Timestamp) -> Result<bool> {
        let (key, facts) = (key.clone(), facts.clone());
        self.write(move |tx| derived::record(tx, &key, &facts, now)).await
    }

    async fn find_derived(&self, key: &DerivedKey) -> Result<Option<Derived>> {
        let key = key.clone();
        self.read(move |tx| derived::find(tx, &key)).await
    }

    async fn touch_derived(&self, key: &DerivedKey, now: Timestamp) -> Result<()> {
        let key = key.clone();
        self.write(move |tx| derived::touch(tx, &key, now)).await
    }

    async fn derived_bytes(&self) -> Result<u64> {
        self.read(derived::total_bytes).await
    }

    async fn least_recent_derived(&self, limit: usize) -> Result<Vec<Derived>> {
        self.read(move |tx| derived::least_recent(tx, limit)).await
    }

    async fn forget_derived(&self, key: &DerivedKey, used_at: Timestamp) -> Result<bool> {
        let key = key.clone();
        self.write(move |tx| derived::forget(tx, &key, used_at)).await
    }

    async fn all_assets(&self, after: Option<AssetId>, limit: usize) -> Result<Vec<Asset>> {
        self.read(move |tx| uploads::all_assets(tx, after, limit)).await
    }

    async fn all_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadRecord>> {
        self.read(move |tx| uploads::all_uploads(tx, after, limit)).await
    }

    async fn all_derived(&self, after: Option<DerivedKey>, limit: usize) -> Result<Vec<Derived>> {
        self.read(move |tx| derived::all(tx, after.as_ref(), limit)).await
    }
}
