//! Deleting assets and what was made of them.

use serde_json::{Map, Value, json};
use visage_cloudinary::Transformation;
use visage_store::{Asset, AssetFilter, AssetId, AssetOrder, BlobKey, Derived, DerivedId, Page, Select};

use super::{cursor, delete};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::answers::Object;
use crate::library::in_use::is_in_use;
use crate::library::{answers, destroy, notifications};

/// Most ids that one request may name.
const MAX_IDS: usize = 100;
/// Most originals that one request deletes.
const MAX_ORIGINALS: usize = 1_000;
/// How many derived images are looked at in one step.
const PAGE: usize = 500;

const OPTIONS: &[&str] = &[
    "keep_original:flag",
    "invalidate:flag",
    "transformations",
    "next_cursor",
    "notification_url",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        delete(
            "/resources/{resource_type}/tags/{*tag}",
            "Deletes the assets with a tag",
            by_tag,
        )
        .takes(OPTIONS),
        delete("/resources/{resource_type}/{type}", "Deletes assets", by_selector)
            .takes(&["public_ids:list", "prefix", "all:flag"])
            .takes(OPTIONS),
        delete("/resources", "Deletes assets by their ids", by_asset_ids)
            .takes(&["asset_ids!:list"])
            .takes(OPTIONS),
        delete("/derived_resources", "Deletes derived images", derived)
            .takes(&["derived_resource_ids!:list", "invalidate:flag"]),
    ]
}

/// What is deleted of each asset.
struct What {
    keep_original: bool,
    /// Only these derived images; empty means all.
    transformations: Vec<String>,
}

impl What {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let mut transformations = Vec::new();
        for text in call.params.items("transformations") {
            for one in text.split('|').filter(|one| !one.is_empty()) {
                transformations.push(canonical(one));
            }
        }
        Ok(Self {
            // Whoever names derived images means them, not the original.
            keep_original: call.params.flag("keep_original")? || !transformations.is_empty(),
            transformations,
        })
    }
}

/// A transformation, perhaps with an extension, as derived images are listed.
fn canonical(text: &str) -> String {
    match Transformation::parse(text) {
        Ok(transformation) => transformation.to_string(),
        Err(_has_an_extension) => match text.rsplit_once('/') {
            Some((head, extension)) => match Transformation::parse(head) {
                Ok(head) if extension.is_empty() => head.to_string(),
                Ok(head) => format!("{head}/{extension}"),
                Err(_unknown) => text.to_owned(),
            },
            None => text.to_owned(),
        },
    }
}

/// What was deleted, in Cloudinary's form.
#[derive(Default)]
struct Report {
    deleted: Map<String, Value>,
    counts: Map<String, Value>,
    notified: Vec<Asset>,
}

impl Report {
    fn add(&mut self, name: &str, what: &str, original: u64, derived: u64) {
        self.deleted.insert(name.to_owned(), json!(what));
        let counts = json!({ "original": original, "derived": derived });
        self.counts.insert(name.to_owned(), counts);
    }
}

async fn by_selector(call: Call) -> Answer {
    if call.params.mentions("public_ids") {
        return by_public_ids(&call).await;
    }
    let select = match call.params.text("prefix") {
        Some(prefix) => Select::Prefix(prefix),
        None if call.params.flag("all")? => Select::All,
        None => return Err(missing("public_ids, prefix or all")),
    };
    by_list(&call, select).await
}

async fn by_tag(call: Call) -> Answer {
    let tag = call.path.require("tag")?.to_owned();
    by_list(&call, Select::Tag(tag)).await
}

async fn by_public_ids(call: &Call) -> Answer {
    let what = What::read(call)?;
    let public_ids = call.params.items("public_ids");
    if public_ids.is_empty() {
        return Err(missing("public_ids"));
    }
    if public_ids.len() > MAX_IDS {
        return Err(ApiError::bad_request(format!("Too many public_ids; at most {MAX_IDS}")));
    }
    let mut report = Report::default();
    for public_id in public_ids {
        let found = match assets::key(call, &public_id) {
            Ok(key) => call.app.library.catalog.find_asset(&key).await?,
            Err(_no_name) => None,
        };
        match found {
            Some(asset) => delete_one(call, &asset, &what, &public_id, &mut report).await?,
            None => report.add(&public_id, "not_found", 0, 0),
        }
    }
    answer(call, report, None).await
}

async fn by_asset_ids(call: Call) -> Answer {
    let what = What::read(&call)?;
    let ids = call.params.list("asset_ids");
    if ids.is_empty() {
        return Err(missing("asset_ids"));
    }
    if ids.len() > MAX_IDS {
        return Err(ApiError::bad_request(format!("Too many asset_ids; at most {MAX_IDS}")));
    }
    let mut report = Report::default();
    for text in ids {
        let found = match AssetId::parse(&text) {
            Ok(id) => call.app.library.catalog.find_asset_by_id(&id).await?,
            Err(_no_id) => None,
        };
        match found {
            Some(asset) => {
                let name = asset.key.public_id.to_string();
                delete_one(&call, &asset, &what, &name, &mut report).await?;
            }
            None => report.add(&text, "not_found", 0, 0),
        }
    }
    answer(&call, report, None).await
}

/// Deletes at most a thousand; the cursor says where the next call goes on.
async fn by_list(call: &Call, select: Select) -> Answer {
    let what = What::read(call)?;
    let in_path = call.path.get("type").is_some() || call.params.has("type");
    let filter = AssetFilter {
        resource_type: Some(assets::resource_type(call)?),
        delivery_type: in_path.then(|| assets::delivery_type(call)).transpose()?,
        select,
        ..AssetFilter::default()
    };
    let after = cursor(call, "next_cursor")?;
    let catalog = &call.app.library.catalog;
    let Page { items, next } = catalog
        .list_assets(filter, AssetOrder::PublicId, after, MAX_ORIGINALS)
        .await?;
    let mut report = Report::default();
    for asset in items {
        let name = asset.key.public_id.to_string();
        delete_one(call, &asset, &what, &name, &mut report).await?;
    }
    answer(call, report, next.map(|next| next.to_string())).await
}

async fn delete_one(call: &Call, asset: &Asset, what: &What, name: &str, report: &mut Report) -> Result<(), ApiError> {
    if !what.keep_original && is_in_use(&call.app, &asset.key).await? {
        // A user's profile image goes when the user says so.
        report.add(name, "in_use", 0, 0);
        return Ok(());
    }
    let derived = delete_derived(call, asset, &what.transformations).await?;
    if what.keep_original {
        report.add(name, "deleted", 0, derived);
        return Ok(());
    }
    match destroy::destroy(&call.app.library, &asset.key).await? {
        Some(gone) => {
            report.notified.push(gone);
            report.add(name, "deleted", 1, derived);
        }
        None => report.add(name, "not_found", 0, derived),
    }
    Ok(())
}

/// Deletes the derived images of an asset: all of them, or those of these transformations.
async fn delete_derived(call: &Call, asset: &Asset, only: &[String]) -> Result<u64, ApiError> {
    let mut deleted = 0;
    let mut after = None;
    loop {
        let page = call
            .app
            .library
            .catalog
            .derived_of(&asset.upload.id, after, PAGE)
            .await?;
        for derived in &page.items {
            let facts = &derived.facts;
            let listed = answers::with_extension(&facts.transformation, facts.extension.as_deref());
            if only.is_empty() || only.contains(&listed) || only.contains(&facts.transformation) {
                delete_blob(call, derived).await?;
                deleted += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(deleted);
        }
    }
}

/// The bytes go before the row does, so that nothing is left that no row knows.
async fn delete_blob(call: &Call, derived: &Derived) -> Result<(), ApiError> {
    let library = &call.app.library;
    let key = BlobKey::Derived(derived.key.upload, derived.key.recipe.clone());
    library.blobs.delete(&key).await?;
    library.catalog.forget_derived(&derived.key, derived.used_at).await?;
    library.forget_hot(&derived.key);
    Ok(())
}

async fn answer(call: &Call, report: Report, next_cursor: Option<String>) -> Answer {
    let url = call.params.text("notification_url");
    for asset in &report.notified {
        notifications::deleted(&call.app, url.clone(), "delete", asset).await?;
    }
    let mut body = Object::new();
    body.insert("deleted".to_owned(), Value::Object(report.deleted));
    body.insert("deleted_counts".to_owned(), Value::Object(report.counts));
    body.insert("partial".to_owned(), json!(next_cursor.is_some()));
    answers::insert_some(&mut body, "next_cursor", next_cursor);
    ok(Value::Object(body))
}

async fn derived(call: Call) -> Answer {
    let ids = call.params.list("derived_resource_ids");
    if ids.is_empty() {
        return Err(missing("derived_resource_ids"));
    }
    if ids.len() > MAX_IDS {
        return Err(ApiError::bad_request(format!(
            "Too many derived_resource_ids; at most {MAX_IDS}"
        )));
    }
    let mut deleted = Object::new();
    for text in ids {
        let found = match DerivedId::parse(&text) {
            Ok(id) => call.app.library.catalog.find_derived_by_id(&id).await?,
            Err(_no_id) => None,
        };
        let what = match found {
            Some((_, derived)) => {
                delete_blob(&call, &derived).await?;
                "deleted"
            }
            None => "not_found",
        };
        deleted.insert(text, json!(what));
    }
    ok(json!({ "deleted": deleted }))
}
