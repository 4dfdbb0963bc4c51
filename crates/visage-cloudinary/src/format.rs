//! The image formats that can be named in a URL.

/// An image format that is stored or delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageFormat {
    /// JPEG.
    Jpg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless.
    Webp,
    /// AVIF.
    Avif,
    /// GIF.
    Gif,
    /// Windows bitmap; read, never made.
    Bmp,
    /// TIFF; read, never made.
    Tiff,
    /// Windows icon; read, never made.
    Ico,
}

impl ImageFormat {
    /// The file extension, which is also the format's name in `f_…` and in Cloudinary's answers.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Ico => "ico",
        }
    }

    /// The media type for `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Ico => "image/vnd.microsoft.icon",
        }
    }

    /// The format a file extension or an `f_` value names, in any letter case; `None` when it names none.
    pub fn from_extension(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => Self::Jpg,
            "png" => Self::Png,
            "webp" => Self::Webp,
            "avif" => Self::Avif,
            "gif" => Self::Gif,
            "bmp" => Self::Bmp,
            "tif" | "tiff" => Self::Tiff,
            "ico" => Self::Ico,
            _ => return None,
        })
    }

    /// Whether visage makes pictures in this format; the others are only read.
    pub fn is_made(self) -> bool {
        !matches!(self, Self::Bmp | Self::Tiff | Self::Ico)
    }
}
