//! What members show is changed by its owner alone. Every call of Cloudinary's API asks here before it changes, removes, hides or
//! names an asset, or changes a named transformation.

use std::collections::BTreeSet;

use visage_cloudinary::delivery_url::split_extension;
use visage_cloudinary::transformation::{Layer, Scope};
use visage_cloudinary::{DeliveryType, PublicId, RequestFacts, ResourceType, SourceFacts, Transformation};
use visage_store::{AssetFilter, AssetKey, AssetOrder, DocumentKind, Select, StoreError};

use super::named::{self, NamedTransformation};
use super::options::Description;
use crate::app::App;

/// How many rows are looked at in one step.
const PAGE: usize = 500;

/// Why a change is refused.
#[derive(Debug, thiserror::Error)]
pub enum InUseError {
    /// The asset is a profile image, or in a post, or part of how they are shown.
    #[error("{0} is in use: a user or a post refers to it")]
    Asset(PublicId),
    /// The transformation is part of a URL that a user or a post has.
    #[error("Transformation {0} is in use: pictures of users or posts are shown with it; name another one instead")]
    Transformation(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a user or a post shows the asset with this key, an exchange under way names it, or the display transformation of
/// profile images puts it onto them.
///
/// # Errors
/// When the database fails.
pub async fn is_in_use(app: &App, key: &AssetKey) -> Result<bool, StoreError> {
    if key.resource_type == ResourceType::Raw {
        return Ok(false);
    }
    if key.delivery_type == DeliveryType::Upload && app.directory.is_in_use(key.public_id.as_str()).await? {
        return Ok(true);
    }
    // One that is not there yet can be made: no picture is shown without it.
    Ok(shown_layers(app).await?.contains(key) && app.library.catalog.find_asset(key).await?.is_some())
}

/// To be asked before an asset is changed or removed.
///
/// # Errors
/// [`InUseError::Asset`], or the database's failure.
pub async fn refuse_change(app: &App, key: &AssetKey) -> Result<(), InUseError> {
    if is_in_use(app, key).await? {
        Err(InUseError::Asset(key.public_id.clone()))
    } else {
        Ok(())
    }
}

/// To be asked before an asset gets this key. The asset `me` would take over the URL `…/me.jpg`, which leads to the asset
/// `me.jpg` for as long as there is no `me`; so a member's `me.jpg` keeps the name `me` free.
///
/// # Errors
/// [`InUseError::Asset`], or the database's failure.
pub async fn refuse_name(app: &App, key: &AssetKey) -> Result<(), InUseError> {
    refuse_change(app, key).await?;
    if key.resource_type == ResourceType::Raw || key.delivery_type != DeliveryType::Upload {
        return Ok(());
    }
    let name = key.public_id.as_str();
    let filter = AssetFilter {
        resource_type: Some(key.resource_type),
        delivery_type: Some(key.delivery_type),
        select: Select::Prefix(format!("{name}.")),
        ..AssetFilter::default()
    };
    let mut after = None;
    loop {
        let catalog = &app.library.catalog;
        let page = catalog
            .list_assets(filter.clone(), AssetOrder::PublicId, after, PAGE)
            .await?;
        for asset in &page.items {
            let split = split_extension(asset.key.public_id.as_str(), key.resource_type);
            if split.is_some_and(|(stem, _)| stem == name) {
                refuse_change(app, &asset.key).await?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// To be asked before `said` is written to an asset. Its folder and its name for people say where the library lists it; everything
/// else may decide who sees it or what a transformation makes of it.
///
/// # Errors
/// [`InUseError::Asset`], or the database's failure.
pub async fn refuse_description(app: &App, key: &AssetKey, said: &Description) -> Result<(), InUseError> {
    let harmless = Description {
        asset_folder: said.asset_folder.clone(),
        display_name: said.display_name.clone(),
        ..Description::default()
    };
    if *said == harmless {
        return Ok(());
    }
    refuse_change(app, key).await
}

/// To be asked before the transformation that is kept as `name` (a name, or a text that is allowed where others are not) is changed
/// or removed: whether a URL of a user or a post shows it. That looks at all of them, which takes a moment.
///
/// # Errors
/// [`InUseError::Transformation`], or the database's failure.
pub async fn refuse_transformation(app: &App, name: &str) -> Result<(), InUseError> {
    let names = names_that_lead_to(app, name).await?;
    let shows = |transformation: &Transformation| {
        transformation.to_string() == name || transformation.names().iter().any(|name| names.contains(name))
    };
    let refused = || InUseError::Transformation(name.to_owned());
    if shows(&app.display_transformation) {
        return Err(refused());
    }
    let mut after = None;
    loop {
        let page = app.directory.all_references(after, PAGE).await?;
        let urls = page.iter().filter_map(|reference| reference.url.as_deref());
        let mut transformations = urls.filter_map(|url| app.media_host.transformation(url));
        if transformations.any(|transformation| shows(&transformation)) {
            return Err(refused());
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.owner),
            _ => return Ok(()),
        }
    }
}

/// `name`, and the names of transformations that ask for it, directly or not.
async fn names_that_lead_to(app: &App, name: &str) -> Result<BTreeSet<String>, StoreError> {
    let documents = &app.library.documents;
    let mut asks: Vec<(String, Vec<String>)> = Vec::new();
    let mut after = None;
    loop {
        let page = documents
            .list_documents(DocumentKind::Transformation, after, PAGE)
            .await?;
        asks.extend(page.items.into_iter().filter_map(|document| {
            let kept: NamedTransformation = serde_json::from_value(document.body).ok()?;
            let transformation = Transformation::parse(&kept.transformation?).ok()?;
            Some((document.name, transformation.names()))
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut found = BTreeSet::from([name.to_owned()]);
    loop {
        let known = found.len();
        for (asking, asked) in &asks {
            if asked.iter().any(|name| found.contains(name)) {
                found.insert(asking.clone());
            }
        }
        if found.len() == known {
            return Ok(found);
        }
    }
}

/// The pictures that the display transformation puts onto profile images.
async fn shown_layers(app: &App) -> Result<Vec<AssetKey>, StoreError> {
    let expanded = match named::expand(&*app.library.documents, &app.display_transformation).await {
        Ok(expanded) => expanded,
        Err(named::ExpandError::Store(error)) => return Err(error),
        // What cannot be expanded shows nothing.
        Err(named::ExpandError::Transformation(_)) => return Ok(Vec::new()),
    };
    let source = SourceFacts {
        format: visage_cloudinary::ImageFormat::Jpg,
        has_alpha: false,
        is_animated: false,
    };
    let layers = expanded
        .resolve(RequestFacts::default(), source, None)
        .layers(Scope::default());
    let keys = layers.into_iter().filter_map(|layer| match layer {
        Layer::Asset {
            delivery_type,
            public_id,
            ..
        } => Some(AssetKey {
            resource_type: ResourceType::Image,
            delivery_type,
            public_id,
        }),
        Layer::Fetch(_) | Layer::Text { .. } => None,
    });
    Ok(keys.collect())
}
