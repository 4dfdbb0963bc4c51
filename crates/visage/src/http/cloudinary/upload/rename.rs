//! `POST /{resource_type}/rename`

use serde_json::{Value, json};
use visage_cloudinary::PublicId;
use visage_store::{AssetKey, RenameAsset, Renamed};

use crate::clock::later;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::extra::Extra;
use crate::library::{answers, in_use, notifications};

/// Gives an asset another name, another type, or both.
pub(super) async fn rename(call: Call) -> Answer {
    let from = assets::key(&call, &call.params.required("from_public_id")?)?;
    let to_public_id = call.params.required("to_public_id")?;
    let to = AssetKey {
        resource_type: from.resource_type,
        delivery_type: match call.params.text("to_type") {
            Some(word) => word.parse().map_err(ApiError::bad_request)?,
            None => from.delivery_type,
        },
        public_id: PublicId::parse(&to_public_id).map_err(ApiError::bad_request)?,
    };
    in_use::refuse_change(&call.app, &from).await?;
    in_use::refuse_name(&call.app, &to).await?;
    // The time of the rename is noted with the asset afterwards: what cannot be noted is not begun.
    if let Some(asset) = call.app.library.catalog.find_asset(&from).await? {
        Extra::read(&asset.details).map_err(ApiError::internal)?;
    }
    let now = call.app.clock.now();
    let rename = RenameAsset {
        purge_at: later(now, call.app.library.purge_delay),
        overwrite: call.params.flag("overwrite")?,
        from: from.clone(),
        to,
    };
    match call.app.library.catalog.rename_asset(rename, now).await? {
        Renamed::NotFound => Err(assets::not_found(from.public_id.as_str())),
        Renamed::Taken => Err(ApiError::bad_request(format!(
            "to_public_id ({to_public_id}) already exists"
        ))),
        Renamed::Done(asset) => {
            let marked = Box::new(move |details: &mut visage_store::AssetDetails| {
                let mut extra = Extra::of(details);
                extra.last_updated.public_id_updated_at = Some(now);
                extra.keep_in(details);
            });
            let edited = call.app.library.catalog.edit_asset(&asset.id, marked, now).await?;
            let asset = edited.map_or(asset, |edited| edited.asset);
            let url = call.params.text("notification_url");
            notifications::renamed(&call.app, url, &asset, &from.public_id).await?;
            ok(Value::Object(answer(&call, &asset)?))
        }
    }
}

fn answer(call: &Call, asset: &visage_store::Asset) -> Result<answers::Object, ApiError> {
    let mut answer = answers::uploaded(&call.app, asset);
    let details = &asset.details;
    if call.params.flag("context")? {
        answer.insert("context".to_owned(), json!({ "custom": details.context }));
    }
    if call.params.flag("metadata")? {
        answer.insert("metadata".to_owned(), json!(details.metadata));
    }
    Ok(answer)
}
