//! Responsive breakpoints: widths of a picture whose files differ by about as many bytes, so that a page needs few of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use visage_cloudinary::Transformation;
use visage_image::Breakpoint;
use visage_store::Asset;

use super::deliver::{self, DeliverError};
use super::options::{BreakpointsRequest, Eager};
use super::{named, urls};
use crate::app::App;

/// What was found for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBreakpoints {
    /// Sizes, widest first.
    pub sizes: Vec<Size>,
    /// What else was asked for.
    pub transformation: String,
    /// The extension of the URLs.
    pub extension: String,
}

/// One size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The size of the file.
    pub bytes: u64,
    /// What makes it.
    pub transformation: String,
}

/// Finds the sizes for each request.
///
/// # Errors
/// When the asset is no image, or cannot be rendered so.
pub async fn find(
    app: &Arc<App>,
    asset: &Asset,
    requests: &[BreakpointsRequest],
) -> Result<Vec<FoundBreakpoints>, DeliverError> {
    let mut found = Vec::new();
    for request in requests {
        found.push(find_one(app, asset, request).await?);
    }
    Ok(found)
}

async fn find_one(
    app: &Arc<App>,
    asset: &Asset,
    request: &BreakpointsRequest,
) -> Result<FoundBreakpoints, DeliverError> {
    let extension = match request.format {
        Some(format) => format.extension().to_owned(),
        None => urls::format_of(asset).unwrap_or_default(),
    };
    let wanted = visage_image::BreakpointsRequest {
        min_width: request.min_width,
        max_width: request.max_width,
        max_images: request.max_images,
        bytes_step: request.bytes_step,
    };
    let widest = widest(app, asset, request, &extension).await?;
    let mut search = visage_image::Breakpoints::new(wanted, widest);
    let mut made = BTreeMap::new();
    while let Some(width) = search.next_width() {
        let size = size(app, asset, request, &extension, width).await?;
        search.add(Breakpoint {
            // What was asked for is what the search knows this size by.
            width,
            height: size.height,
            bytes: size.bytes,
        });
        made.insert(width, size);
    }
    let found = search.into_breakpoints();
    Ok(FoundBreakpoints {
        sizes: found
            .iter()
            .filter_map(|breakpoint| made.remove(&breakpoint.width))
            .collect(),
        transformation: request.transformation.to_string(),
        extension,
    })
}

/// The largest width that enlarges nothing: that of what the request's transformation makes.
async fn widest(
    app: &Arc<App>,
    asset: &Asset,
    request: &BreakpointsRequest,
    extension: &str,
) -> Result<u32, DeliverError> {
    let asked = Eager {
        transformation: request.transformation.clone(),
        extension: Some(extension.to_owned()),
    };
    let width = deliver::width_ahead(&app.library, asset, &asked).await?;
    // Every width that is asked for is multiplied by `dpr_`, wherever that stands.
    let dpr = request
        .transformation
        .components
        .iter()
        .rev()
        .find_map(|component| component.dpr);
    Ok(divided(
        width,
        dpr.map_or(1.0, visage_cloudinary::transformation::Dpr::value),
    ))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a width by a factor of at least a hundredth is a width; more saturates"
)]
fn divided(width: u32, dpr: f64) -> u32 {
    (f64::from(width) / dpr.max(0.01)).floor().max(1.0) as u32
}

async fn size(
    app: &Arc<App>,
    asset: &Asset,
    request: &BreakpointsRequest,
    extension: &str,
    width: u32,
) -> Result<Size, DeliverError> {
    let scale = Transformation::parse(&format!("c_scale,w_{width}"))?;
    let mut transformation = named::expand(&*app.library.documents, &request.transformation)
        .await
        .map_err(deliver::expand_error)?;
    transformation.components.extend(scale.components);
    let asked = Eager {
        transformation,
        extension: Some(extension.to_owned()),
    };
    // With `create_derived` or without: what was made may as well be kept, and may vanish at any time.
    let made = deliver::make_ahead(&app.library, asset, &asked).await?;
    Ok(Size {
        width: made.width,
        height: made.height,
        bytes: made.bytes,
        transformation: asked.transformation.to_string(),
    })
}
