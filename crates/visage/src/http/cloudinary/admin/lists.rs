//! Lists of assets under `/resources`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use visage_cloudinary::search::{Expression, SearchField, SearchTest, SearchValue, Term};
use visage_store::{Asset, AssetFilter, AssetId, AssetOrder, ModerationStatus, Page, SearchQuery, Select};

use super::{cursor, get, max_results, page};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::upload::options;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::answers::{self, Object};
use crate::library::change;
use crate::library::extra::Extra;

/// Most ids that one request may name.
const MAX_IDS: usize = 100;

/// Members that are computed for a list where they are not known yet.
const ANALYSIS_MEMBERS: &[&str] = &[
    "image_metadata",
    "media_metadata",
    "faces",
    "colors",
    "phash",
    "quality_analysis",
];

const SWITCHES: &[&str] = &[
    "tags:flag",
    "context:flag",
    "metadata:flag",
    "moderations:flag",
    "image_metadata:flag",
    "media_metadata:flag",
    "faces:flag",
    "colors:flag",
    "phash:flag",
    "quality_analysis:flag",
    "fields:list",
    "direction",
    "start_at",
    "max_results:int",
    "next_cursor",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/resources/by_asset_ids", "Lists assets by their ids", by_asset_ids)
            .takes(&["asset_ids!:list"])
            .takes(SWITCHES),
        get(
            "/resources/by_asset_folder",
            "Lists the assets in a folder",
            by_asset_folder,
        )
        .takes(&["asset_folder!"])
        .takes(SWITCHES),
        get(
            "/resources/{resource_type}/tags/{*tag}",
            "Lists the assets with a tag",
            by_tag,
        )
        .takes(SWITCHES),
        get(
            "/resources/{resource_type}/context",
            "Lists the assets with a key in their context",
            by_context,
        )
        .takes(&["key!", "value"])
        .takes(SWITCHES),
        get(
            "/resources/{resource_type}/moderations/{kind}/{status}",
            "Lists the assets about which this was decided",
            by_moderation,
        )
        .takes(SWITCHES),
        get("/resources/{resource_type}/{type}", "Lists assets", all)
            .takes(&["prefix", "public_ids:list"])
            .takes(SWITCHES),
        get("/resources/{resource_type}", "Lists assets", all)
            .takes(&["type", "prefix", "public_ids:list"])
            .takes(SWITCHES),
    ]
}

async fn all(call: Call) -> Answer {
    let public_ids = call.params.items("public_ids");
    if public_ids.len() > MAX_IDS {
        return Err(too_many("public_ids"));
    }
    let select = if call.params.mentions("public_ids") {
        Select::PublicIds(public_ids)
    } else if let Some(prefix) = call.params.text("prefix") {
        Select::Prefix(prefix)
    } else {
        Select::All
    };
    list(&call, select, 10).await
}

async fn by_asset_ids(call: Call) -> Answer {
    let ids = call.params.list("asset_ids");
    if ids.is_empty() {
        return Err(missing("asset_ids"));
    }
    if ids.len() > MAX_IDS {
        return Err(too_many("asset_ids"));
    }
    // What is no id names no asset.
    let ids = ids.iter().filter_map(|id| AssetId::parse(id).ok()).collect();
    list(&call, Select::AssetIds(ids), MAX_IDS).await
}

async fn by_asset_folder(call: Call) -> Answer {
    if !call.params.mentions("asset_folder") {
        return Err(missing("asset_folder"));
    }
    let folder = call.params.text("asset_folder").unwrap_or_default();
    let folder = folder.trim_matches('/');
    let mut answer = list_page(&call, Select::Folder(folder.to_owned()), 50).await?;
    answer.insert("total_count".to_owned(), json!(count_in_folder(&call, folder).await?));
    ok(Value::Object(answer))
}

/// All assets in a folder, on whichever page.
async fn count_in_folder(call: &Call, folder: &str) -> Result<u64, ApiError> {
    let in_folder = Expression::Term(Term {
        field: SearchField::AssetFolder,
        test: SearchTest::Equals(SearchValue::Text(folder.to_owned())),
    });
    let query = SearchQuery {
        expression: Some(in_folder),
        sort_by: Vec::new(),
        after: None,
        limit: 1,
        aggregate: Vec::new(),
    };
    Ok(call.app.library.catalog.search_assets(query).await?.total)
}

async fn by_tag(call: Call) -> Answer {
    let tag = call.path.require("tag")?.to_owned();
    list(&call, Select::Tag(tag), 10).await
}

async fn by_context(call: Call) -> Answer {
    let key = call.params.required("key")?;
    let value = call.params.text("value");
    list(&call, Select::Context { key, value }, 10).await
}

async fn by_moderation(call: Call) -> Answer {
    let status = match call.path.require("status")? {
        "pending" => ModerationStatus::Pending,
        "approved" => ModerationStatus::Approved,
        "rejected" => ModerationStatus::Rejected,
        other => return Err(ApiError::bad_request(format!("Invalid moderation status: {other}"))),
    };
    let kind = call.path.require("kind")?.to_owned();
    list(&call, Select::Moderation { kind, status }, 10).await
}

fn too_many(name: &str) -> ApiError {
    ApiError::bad_request(format!("Too many {name}; at most {MAX_IDS}"))
}

async fn list(call: &Call, select: Select, default_limit: usize) -> Answer {
    ok(Value::Object(list_page(call, select, default_limit).await?))
}

async fn list_page(call: &Call, select: Select, default_limit: usize) -> Result<Object, ApiError> {
    let switches = Switches::read(call)?;
    let by_name = matches!(select, Select::Prefix(_));
    let named = matches!(select, Select::PublicIds(_) | Select::AssetIds(_));
    let has_type = call.path.get("resource_type").is_some();
    let has_delivery_type = call.path.get("type").is_some() || call.params.has("type");
    let filter = AssetFilter {
        resource_type: has_type.then(|| assets::resource_type(call)).transpose()?,
        delivery_type: has_delivery_type.then(|| assets::delivery_type(call)).transpose()?,
        start_at: call.params.time("start_at")?,
        select,
    };
    let order = if by_name {
        AssetOrder::PublicId
    } else {
        direction(call)?
    };
    let limit = max_results(call, if named { MAX_IDS } else { default_limit })?;
    let found = call
        .app
        .library
        .catalog
        .list_assets(filter, order, cursor(call, "next_cursor")?, limit)
        .await?;
    let found = switches.complete(call, found).await;
    Ok(page("resources", found, |asset| switches.view(call, &asset)))
}

fn direction(call: &Call) -> Result<AssetOrder, ApiError> {
    match call.params.text("direction").as_deref() {
        None | Some("desc" | "-1") => Ok(AssetOrder::NewestFirst),
        Some("asc" | "1") => Ok(AssetOrder::OldestFirst),
        Some(other) => Err(ApiError::bad_request(format!("Invalid direction: {other}"))),
    }
}

/// What an item of a list says.
#[allow(clippy::struct_excessive_bools, reason = "they are Cloudinary's switches")]
pub(super) struct Switches {
    tags: bool,
    context: bool,
    metadata: bool,
    moderations: bool,
    /// The members of [`ANALYSIS_MEMBERS`] that items have.
    analysis: BTreeSet<&'static str>,
    /// Only these members; empty means all.
    fields: BTreeSet<String>,
}

impl Switches {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let fields: BTreeSet<String> = call.params.list("fields").into_iter().collect();
        let on = |name: &str| -> Result<bool, ApiError> { Ok(call.params.flag(name)? || fields.contains(name)) };
        let mut analysis = BTreeSet::new();
        for &name in ANALYSIS_MEMBERS {
            if on(name)? {
                analysis.insert(name);
            }
        }
        Ok(Self {
            tags: on("tags")?,
            context: on("context")?,
            metadata: on("metadata")?,
            moderations: on("moderations")?,
            analysis,
            fields,
        })
    }

    async fn complete(&self, call: &Call, page: Page<Asset>) -> Page<Asset> {
        let asked = options::analyse_for(&|name| self.analysis.contains(name));
        if asked.is_empty() {
            return page;
        }
        let items = change::complete(&call.app, page.items, asked).await;
        Page { items, ..page }
    }

    fn view(&self, call: &Call, asset: &Asset) -> Value {
        let mut item = answers::base(&call.app, asset);
        let details = &asset.details;
        let extra = Extra::of(details);
        item.insert("access_mode".to_owned(), json!(answers::access_mode(&extra)));
        item.insert("folder".to_owned(), json!(details.asset_folder));
        if self.tags {
            item.insert("tags".to_owned(), json!(details.tags));
        }
        if self.context && !details.context.is_empty() {
            item.insert("context".to_owned(), json!({ "custom": details.context }));
        }
        if self.metadata {
            item.insert("metadata".to_owned(), json!(details.metadata));
        }
        if let Some(moderation) = details.moderation.as_ref().filter(|_| self.moderations) {
            item.insert("moderation_kind".to_owned(), json!(moderation.kind));
            item.insert("moderation_status".to_owned(), json!(moderation.status));
        }
        if !self.analysis.is_empty() {
            let found = answers::found(asset).into_iter();
            item.extend(found.filter(|(name, _)| self.analysis.contains(name.as_str())));
        }
        Value::Object(self.only_fields(item))
    }

    fn only_fields(&self, item: Object) -> Object {
        if self.fields.is_empty() {
            return item;
        }
        let always = ["asset_id", "public_id", "folder"];
        let wanted = |name: &str| always.contains(&name) || self.fields.contains(name);
        item.into_iter().filter(|(name, _)| wanted(name)).collect()
    }
}
