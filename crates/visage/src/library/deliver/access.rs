//! Who asks for an asset, and whether what is asked for may be made of it.

use visage_cloudinary::{DeliveryUrl, Transformation};
use visage_store::Asset;

use super::super::access::{Credentials, PresentedToken, Reader, Refusal};
use super::super::extra::Extra;
use super::super::options::Eager;
use super::super::{Library, named, urls};
use super::{DeliverError, Visitor, expand_error};

/// The visitor of `url` as a reader. The signature was checked already.
pub(super) fn reader<'a>(library: &'a Library, url: &DeliveryUrl, visitor: Visitor<'a>) -> Reader<'a> {
    if visitor.is_operator {
        return Reader::Operator;
    }
    let presented = visitor.token.zip(library.auth_token_key.as_ref());
    Reader::Visitor(Credentials {
        now: library.clock.now(),
        is_signed: url.signature.is_some(),
        token: presented.map(|(text, key)| PresentedToken {
            text,
            key,
            address: visitor.address,
        }),
        path: visitor.path.into(),
    })
}

/// A refusal as this URL answers it: a rejected asset is as good as none.
pub(super) fn refusal(url: &DeliveryUrl, refusal: Refusal) -> DeliverError {
    match refusal {
        Refusal::Rejected => DeliverError::NotFound(url.source.clone()),
        Refusal::Denied => DeliverError::Denied,
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
