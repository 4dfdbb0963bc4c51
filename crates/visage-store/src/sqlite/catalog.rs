//! [`Catalog`]: each method is one transaction around one function of `uploads.rs` or `derived.rs`.

use async_trait::async_trait;
use jiff::Timestamp;

use visage_cloudinary::ResourceType;

use super::{Sqlite, assets, backups, derived, lists, search, uploads};
use crate::asset::{Asset, AssetKey, Backup};
use crate::catalog::{
    Catalog, Commit, CommitError, CommitUpload, Derived, DerivedFacts, DerivedKey, DerivedTotals, DoomedUpload,
    EditDetails, Edited, RenameAsset, Renamed, UploadRecord, Usage,
};
use crate::error::Result;
use crate::ids::{AssetId, DerivedId, UploadId};
use crate::listing::{AssetFilter, AssetOrder, Cursor, Page, SearchPage, SearchQuery};

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

    async fn find_asset_by_id(&self, id: &AssetId) -> Result<Option<Asset>> {
        let id = *id;
        self.read(move |tx| uploads::find_by_id(tx, &id)).await
    }

    async fn destroy_asset(&self, key: &AssetKey, purge_at: Timestamp, now: Timestamp) -> Result<Option<Asset>> {
        let key = key.clone();
        self.write(move |tx| uploads::destroy(tx, &key, purge_at, now)).await
    }

    async fn edit_asset(&self, id: &AssetId, edit: EditDetails, now: Timestamp) -> Result<Option<Edited>> {
        let id = *id;
        self.write(move |tx| assets::edit(tx, &id, &edit, now)).await
    }

    async fn rename_asset(&self, rename: RenameAsset, now: Timestamp) -> Result<Renamed> {
        self.write(move |tx| assets::rename(tx, &rename, now)).await
    }

    async fn list_assets(
        &self,
        filter: AssetFilter,
        order: AssetOrder,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Asset>> {
        self.read(move |tx| lists::list(tx, &filter, order, after.as_ref(), limit))
            .await
    }

    async fn search_assets(&self, query: SearchQuery) -> Result<SearchPage> {
        self.read_many(move |tx| search::search(tx, &query)).await
    }

    async fn list_tags(
        &self,
        resource_type: ResourceType,
        prefix: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<String>> {
        let prefix = prefix.to_owned();
        self.read_many(move |tx| lists::tags(tx, resource_type, &prefix, after.as_ref(), limit))
            .await
    }

    async fn backups(&self, id: &AssetId) -> Result<Vec<Backup>> {
        let id = *id;
        self.read(move |tx| backups::of_asset(tx, &id)).await
    }

    async fn find_destroyed(&self, key: &AssetKey) -> Result<Option<Backup>> {
        let key = key.clone();
        self.read(move |tx| backups::find_destroyed(tx, &key)).await
    }

    async fn drop_backup(&self, upload: &UploadId, purge_at: Timestamp) -> Result<bool> {
        let upload = *upload;
        self.write(move |tx| backups::drop(tx, &upload, purge_at)).await
    }

    async fn release_room(&self) -> Result<()> {
        self.truncate_log().await
    }

    async fn usage(&self) -> Result<Usage> {
        self.read_many(assets::usage).await
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

    async fn find_derived_by_id(&self, id: &DerivedId) -> Result<Option<(Asset, Derived)>> {
        let id = *id;
        self.read(move |tx| derived::find_by_id(tx, &id)).await
    }

    async fn derived_of(&self, upload: &UploadId, after: Option<Cursor>, limit: usize) -> Result<Page<Derived>> {
        let upload = *upload;
        self.read(move |tx| derived::of(tx, &upload, after.as_ref(), limit))
            .await
    }

    async fn derived_by_transformation(
        &self,
        transformation: &str,
        extension: Option<&str>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<(Asset, Derived)>> {
        let (transformation, extension) = (transformation.to_owned(), extension.map(str::to_owned));
        self.read_many(move |tx| {
            derived::by_transformation(tx, (&transformation, extension.as_deref()), after.as_ref(), limit)
        })
        .await
    }

    async fn used_transformations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<(String, Option<String>)>> {
        self.read_many(move |tx| derived::transformations(tx, after.as_ref(), limit))
            .await
    }

    async fn touch_derived(&self, key: &DerivedKey, now: Timestamp) -> Result<()> {
        let key = key.clone();
        self.write(move |tx| derived::touch(tx, &key, now)).await
    }

    async fn derived_bytes(&self) -> Result<u64> {
        Ok(self.derived_totals().await?.bytes)
    }

    async fn derived_totals(&self) -> Result<DerivedTotals> {
        self.read_many(derived::totals).await
    }

    async fn count_derived(&self, upload: &UploadId, at_most: u64) -> Result<u64> {
        let upload = *upload;
        self.read(move |tx| derived::count(tx, &upload, at_most)).await
    }

    async fn crowded_uploads(
        &self,
        at_least: u64,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<(UploadId, u64)>> {
        self.read_many(move |tx| derived::crowded(tx, at_least, after, limit))
            .await
    }

    async fn least_recent_derived_of(&self, upload: &UploadId, limit: usize) -> Result<Vec<Derived>> {
        let upload = *upload;
        self.read(move |tx| derived::least_recent_of(tx, &upload, limit)).await
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
