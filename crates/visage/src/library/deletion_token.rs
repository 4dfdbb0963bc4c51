//! Tokens with which a browser may delete what it has just uploaded. A token is self-contained, so nothing has to be kept.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;
use visage_store::{Asset, AssetId, StoreError};

use crate::app::App;
use crate::clock::later;

/// How long a token is good for (Cloudinary docs, `return_delete_token`).
const LIFETIME: Duration = Duration::from_secs(600);

/// A token for this upload of this asset.
pub fn make(app: &App, asset: &Asset) -> String {
    let expires = later(app.clock.now(), LIFETIME).as_second();
    let claim = format!("{}.{}.{expires}", asset.id, asset.version);
    format!("{}.{}", BASE64URL_NOPAD.encode(claim.as_bytes()), mac(app, &claim))
}

/// The asset that a token is for; `None` when the token is wrong or too old, or the asset has changed or gone.
///
/// # Errors
/// When the database fails.
pub async fn read(app: &App, token: &str) -> Result<Option<Asset>, StoreError> {
    let Some((id, version)) = claim(app, token, app.clock.now()) else {
        return Ok(None);
    };
    let asset = app.library.catalog.find_asset_by_id(&id).await?;
    Ok(asset.filter(|asset| asset.version == version))
}

fn claim(app: &App, token: &str, now: Timestamp) -> Option<(AssetId, i64)> {
    let (claim, received) = token.split_once('.')?;
    let claim = String::from_utf8(BASE64URL_NOPAD.decode(claim.as_bytes()).ok()?).ok()?;
    if !bool::from(mac(app, &claim).as_bytes().ct_eq(received.as_bytes())) {
        return None;
    }
    let mut parts = claim.split('.');
    let (id, version, expires) = (parts.next()?, parts.next()?, parts.next()?);
    let expires: i64 = expires.parse().ok()?;
    (now.as_second() < expires).then_some((AssetId::parse(id).ok()?, version.parse().ok()?))
}

/// HMAC-SHA256 of the claim with the API secret, under a label of its own.
fn mac(app: &App, claim: &str) -> String {
    app.library.api_secret.mac(&format!("delete token {claim}"))
}
