//! Why a picture is refused, in sentences for the person who sent it.

use visage_cloudinary::ImageFormat;

/// A picture that cannot be taken or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// There are no bytes.
    #[error("The file is empty.")]
    Empty,
    /// A format that is not taken.
    #[error("The file is {name}, which is not supported. Send a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF picture.")]
    Unsupported {
        /// What the file is, such as "SVG" or "an unknown format".
        name: &'static str,
    },
    /// The bytes do not hold a whole picture.
    #[error("The picture is damaged or incomplete: {reason}.")]
    Damaged {
        /// What was found, without a full stop.
        reason: String,
    },
    /// More pixels than the limit.
    #[error("The picture has too many pixels: {width} × {height}; at most {max_pixels} are allowed.")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
    /// A side longer than the limit.
    #[error("The picture is too large: {width} × {height} pixels; at most {max_side_pixels} per side are allowed.")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooLargeSide {
        width: u32,
        height: u32,
        max_side_pixels: u32,
    },
    /// More frames than the limit.
    #[error("The animation has too many frames: at most {max_frames} are allowed.")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooManyFrames { max_frames: u32 },
    /// More memory than the limit.
    #[error("The picture needs too much memory: {needed_bytes} bytes; at most {max_bytes} are allowed.")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooMuchMemory { needed_bytes: u64, max_bytes: u64 },
    /// More work than the scans of one JPEG may be.
    #[error("The JPEG is stored in too many scans for its size: {scans}. Save it again as an ordinary JPEG.")]
    TooManyScans {
        /// How many of them were counted; there may be more.
        scans: u32,
    },
    /// The caller said stop.
    #[error("The work on the picture was cancelled.")]
    Cancelled,
    /// The pixels are fine, but the encoder failed.
    #[error("The picture could not be encoded as {}: {reason}.", format.extension())]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    Encode { format: ImageFormat, reason: String },
}

impl ImageError {
    /// Shorthand for [`ImageError::Damaged`].
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged { reason: reason.into() }
    }

    /// What a decoder had to say, as a part of our sentence.
    pub(crate) fn from_decoder(cause: impl std::fmt::Display) -> Self {
        Self::damaged(cause.to_string().trim_end_matches('.'))
    }
}

/// A transformation that cannot be planned; the texts suit Cloudinary's `X-Cld-Error`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// `c_thumb` says which part to show.
    #[error("Crop mode thumb requires a gravity")]
    ThumbWithoutGravity,
    /// `w_0`, `w_-1`, `w_0.0`.
    #[error("Invalid width in transformation: {value}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    InvalidWidth { value: String },
    /// `h_0` and its kin.
    #[error("Invalid height in transformation: {value}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    InvalidHeight { value: String },
    /// `ar_0`, `dpr_-1`, `z_0` and their kin.
    #[error("Invalid {name} in transformation: {value}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    InvalidNumber { name: &'static str, value: f64 },
    /// The result, or a step on the way, has more pixels than the limit.
    #[error("Maximum image size is {max_pixels} pixels. Requested {width}x{height}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
    /// A side of the result, or of a step on the way, is longer than the limit.
    #[error("Maximum image side is {max_side_pixels} pixels. Requested {width}x{height}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooLargeSide {
        width: u32,
        height: u32,
        max_side_pixels: u32,
    },
    /// `fill_pad` keeps what matters, so it must be told to look for it.
    #[error("Crop modes fill_pad and auto_pad require gravity auto")]
    FillPadWithoutAuto,
    /// Where everything stays in the picture there is nothing to choose.
    #[error("Use auto gravity only with crop, fill, lfill, fill_pad or thumb")]
    AutoGravity,
    /// `fl_layer_apply` without a layer.
    #[error("fl_layer_apply without a layer in transformation")]
    NoLayer,
    /// A layer that is not there.
    #[error("Unknown or invalid referenced image {0} of type upload")]
    MissingLayer(String),
    /// Layers in layers in layers, or too many of them.
    #[error("Too many layers in transformation. Maximum is {max_layers}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooManyLayers { max_layers: usize },
    /// More work than one picture may cost.
    #[error("The transformation needs too much work for an image of this size")]
    TooMuchWork,
    /// A page or frame that the picture does not have.
    #[error("Invalid page in transformation: {page}. The image has {pages}")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    NoSuchPage { page: u32, pages: u32 },
    /// A value that was computed from variables or sizes.
    #[error(transparent)]
    Transformation(#[from] visage_cloudinary::TransformationError),
    /// `fl_text_disallow_overflow`
    #[error("Text does not fit the requested size")]
    TextOverflow,
    /// A text layer that cannot be drawn.
    #[error(transparent)]
    Text(#[from] crate::TextError),
    /// The pixels had to be looked at, and could not be.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A format that is read but never made.
    #[error("Unsupported output format: {}", format.extension())]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    UnsupportedFormat { format: ImageFormat },
}
