//! The small languages inside upload parameters: lists, pairs, coordinates, eager transformations, chunks, data URIs.
//!
//! Each text becomes a value or is refused; limits are checked before anything is collected.

mod boolean;
mod content_range;
mod coordinates;
mod data_uri;
mod eager;
mod error;
mod headers;
mod pairs;
mod tags;

pub use boolean::{boolean, boolean_json};
pub use content_range::ContentRange;
pub use coordinates::{MAX_RECTANGLES, Rectangle, print_rectangles, rectangles};
pub use data_uri::DataUri;
pub use eager::{Eager, EagerExtension, MAX_EAGER, eager};
pub use error::ParameterError;
pub use headers::{DeliveryHeader, delivery_headers};
pub use pairs::{MAX_KEY_CHARS, MAX_PAIRS, MetadataValue, context, metadata, print_context};
pub use tags::{MAX_TAG_CHARS, MAX_TAGS, tags};
