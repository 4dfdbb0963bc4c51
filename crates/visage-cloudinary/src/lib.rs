//! Cloudinary's language: public ids, transformations, delivery URLs, signatures. Text in, values out, and back.
//!
//! Nothing here does I/O, knows the time or waits; the crate can be read and tested as arithmetic on text. It says what
//! a text means, not whether the asset exists or who may see it, and it never touches pixels.

mod asset_type;
mod client_url;
pub mod delivery_url;
mod format;
pub mod parameters;
mod public_id;
mod recipe;
mod request_facts;
mod resolve;
pub mod search;
mod secret;
pub mod signature;
mod time;
pub mod transformation;

pub use asset_type::{DeliveryType, ResourceType, UnknownDeliveryType, UnknownResourceType};
pub use client_url::{ClientUrl, ClientUrlError};
pub use delivery_url::{DeliveryUrl, DeliveryUrlError, FetchUrl, RequestedUrl};
pub use format::ImageFormat;
pub use public_id::{MAX_PUBLIC_ID_CHARS, PublicId, PublicIdError};
pub use recipe::{Recipe, RecipeError};
pub use request_facts::RequestFacts;
pub use resolve::{ResolvedTransformation, SourceFacts};
pub use secret::Secret;
pub use time::{read_time, read_unix_time};
pub use transformation::{Transformation, TransformationError};
