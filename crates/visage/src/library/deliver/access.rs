//! Whether a visitor may see an asset, and whether what is asked for may be made of it.

use visage_cloudinary::signature::verify_auth_token;
use visage_cloudinary::{DeliveryType, DeliveryUrl, Transformation};
use visage_store::Asset;

use super::super::access::{self, Access};
use super::super::extra::Extra;
use super::super::options::Eager;
use super::super::{Library, named, urls};
use super::{DeliverError, Visitor, expand_error};

/// Whether the visitor may see what is asked for; the answer is whether only this visitor may keep it.
pub(super) fn check_access(
    library: &Library,
    url: &DeliveryUrl,
    asset: &Asset,
    visitor: Visitor<'_>,
) -> Result<bool, DeliverError> {
    let now = library.clock.now();
    let has_token = || {
        let key = &library.auth_token_key;
        let token = visitor.token;
        let address = visitor.address.map(|address| address.to_string());
        token.zip(key.as_ref()).is_some_and(|(token, key)| {
            verify_auth_token(token, visitor.path, now.as_second(), address.as_deref(), key).is_ok()
        })
    };
    match access::of(&asset.details, now) {
        Access::Hidden => return Err(DeliverError::NotFound(url.source.clone())),
        Access::ByToken if has_token() => return Ok(true),
        Access::ByToken => return Err(DeliverError::Denied),
        Access::ByType => {}
    }
    // A signature was checked already.
    let is_open = url.signature.is_some()
        || match asset.key.delivery_type {
            DeliveryType::Upload => true,
            DeliveryType::Private => url.transformation.changes_pixels(),
            DeliveryType::Authenticated => false,
        };
    match is_open {
        true => Ok(false),
        false if has_token() => Ok(true),
        false => Err(DeliverError::Denied),
    }
}

/// The transformation to carry out, with names expanded; where only some are allowed, if this one is.
pub(super) async fn allowed(
    library: &Library,
    asset: &Asset,
    asked: &Eager,
    is_signed: bool,
) -> Result<Transformation, DeliverError> {
    let restricted = library.strict_transformations && !is_signed && asked.transformation.changes_pixels();
    if restricted && !was_eager(asset, asked) && !named::is_allowed(&*library.documents, asked).await? {
        return Err(DeliverError::NotAllowed(named::strict_text(asked)));
    }
    named::expand(&*library.documents, &asked.transformation)
        .await
        .map_err(expand_error)
}

/// Whether this was made when the asset was uploaded. Without an extension, the original's was meant.
fn was_eager(asset: &Asset, asked: &Eager) -> bool {
    let eager = Extra::of(&asset.details).eager;
    let plain = asked.transformation.to_string();
    let original = urls::format_of(asset);
    match &asked.extension {
        None => eager.contains(&plain) || eager.contains(&format!("{plain}/")),
        Some(extension) if Some(extension) == original.as_ref() => {
            eager.contains(&plain) || eager.contains(&named::strict_text(asked))
        }
        Some(_) => eager.contains(&named::strict_text(asked)),
    }
}
