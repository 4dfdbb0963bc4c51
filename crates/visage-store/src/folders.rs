//! Folders of the embedded media store: what people sort assets into. A folder exists because somebody made it or because an
//! asset was put into it, and it stays when it is emptied.

use async_trait::async_trait;
use jiff::Timestamp;
use visage_cloudinary::search::{Expression, FolderField, SortBy};

use crate::error::Result;
use crate::listing::{Cursor, Page};

/// Folders. Paths have no slash at either end; the root is the empty path and always exists.
///
/// # Errors
/// Every method fails with [`crate::StoreError`] when the database does.
#[async_trait]
pub trait Folders: Send + Sync + std::fmt::Debug {
    /// Makes a folder and those above it. `false`: it was there already.
    async fn create_folder(&self, path: &str, now: Timestamp) -> Result<bool>;

    /// Up to `limit` folders directly inside `parent`, by name, and how many there are in all; `None`: there is no such parent.
    async fn list_folders(
        &self,
        parent: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Option<(Page<Folder>, u64)>>;

    /// Gives a folder, with all that is inside, another path; public ids stay as they are.
    async fn rename_folder(&self, from: &str, to: &str, now: Timestamp) -> Result<RenamedFolder>;

    /// Deletes a folder and the empty folders inside.
    async fn delete_folder(&self, path: &str) -> Result<DeletedFolder>;

    /// The folders that a search expression means, and how many there are in all.
    async fn search_folders(&self, query: FolderQuery) -> Result<(Page<Folder>, u64)>;
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// Its name in Cloudinary's API: random hexadecimal digits.
    pub external_id: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a search for folders is asked.
#[derive(Debug, Clone)]
pub struct FolderQuery {
    /// Which folders.
    pub expression: Option<Expression<FolderField>>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// The length of a page.
    pub limit: usize,
    /// The order.
    pub sort_by: Vec<SortBy<FolderField>>,
}

/// What [`Folders::rename_folder`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenamedFolder {
    /// It has its new path.
    Done,
    /// There is no such folder.
    NotFound,
    /// Another folder has the new path, or it lies inside the folder itself.
    Taken,
}

/// What [`Folders::delete_folder`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletedFolder {
    /// These are gone.
    Done(Vec<String>),
    /// There is no such folder.
    NotFound,
    /// There is an asset in it or in a folder inside.
    NotEmpty,
}

impl Folder {
    /// The last segment of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}
