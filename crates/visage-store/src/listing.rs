//! What lists and searches are asked, and how they answer.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use visage_cloudinary::search::{Expression, SortBy};
use visage_cloudinary::{DeliveryType, ResourceType};

use crate::asset::{Asset, ModerationStatus};
use crate::ids::{AssetId, IdError};

/// Where a page ended. Callers hand it on as text and need not know what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items in order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// Which assets are listed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssetFilter {
    /// Only of this type.
    pub resource_type: Option<ResourceType>,
    /// Only of this type.
    pub delivery_type: Option<DeliveryType>,
    /// Only those created at this time or later (earlier, in [`AssetOrder::NewestFirst`]).
    pub start_at: Option<Timestamp>,
    /// Which of these.
    pub select: Select,
}

/// Which assets are listed, among those of a type.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Select {
    /// All.
    #[default]
    All,
    /// Those whose public id begins so, letter for letter.
    Prefix(String),
    /// Those with exactly these public ids.
    PublicIds(Vec<String>),
    /// Those with these ids.
    AssetIds(Vec<AssetId>),
    /// Those in this folder, not those in folders inside; in any letter case.
    Folder(String),
    /// Those with this tag.
    Tag(String),
    /// Those with this key in their context and, when given, this value.
    Context {
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
    },
    /// Those about which this was decided.
    Moderation {
        /// Who decides.
        kind: String,
        /// What was decided.
        status: ModerationStatus,
    },
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssetOrder {
    /// By creation, newest first; stable, and finer than any clock.
    #[default]
    NewestFirst,
    /// The exact reverse.
    OldestFirst,
    /// By public id.
    PublicId,
}

/// What a search is asked.
#[derive(Debug, Clone)]
pub struct SearchQuery {
    /// Which assets.
    pub expression: Option<Expression>,
    /// The order: by the first field, then by the second, …; at last, newest first.
    pub sort_by: Vec<SortBy>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// The length of a page.
    pub limit: usize,
    /// What to count besides.
    pub aggregate: Vec<Aggregate>,
}

/// What a search may count.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// How many of each format.
    Format,
    /// How many of each resource type.
    ResourceType,
    /// How many of each delivery type.
    Type,
    /// How many in each range of sizes: key, from (inclusive), to (exclusive).
    Bytes(Vec<(String, Option<u64>, Option<u64>)>),
}

/// A search's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    /// All that were found.
    pub total: u64,
    /// This page of them.
    pub page: Page<Asset>,
    /// Counts by what was asked and by key.
    pub aggregations: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The longest cursor: a public id and a number fit.
const MAX_CURSOR_CHARS: usize = 2_000;

impl Cursor {
    /// Reads what [`std::fmt::Display`] writes.
    ///
    /// # Errors
    /// [`IdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let decoded = (text.len() <= MAX_CURSOR_CHARS).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        let decoded = decoded.flatten().and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.map(Self).ok_or_else(|| IdError::new("cursor", text))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        BASE64URL_NOPAD.encode_display(self.0.as_bytes()).fmt(f)
    }
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}
