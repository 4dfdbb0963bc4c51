//! PNG through the png crate.

use png::{BitDepth, ColorType, Compression, Encoder, Info};
use visage_cloudinary::ImageFormat;

use super::failed;
use crate::ImageError;
use crate::pixels::{Layout, Pixels};

/// Above this many bytes of pixels, speed counts more than the last percents of size.
const BALANCED_UP_TO_BYTES: usize = 4 * 1024 * 1024;

/// Encodes eight bits per channel, with a colour profile if one is given.
pub(crate) fn encode(pixels: &Pixels, profile: Option<Vec<u8>>) -> Result<Vec<u8>, ImageError> {
    let color_type = match pixels.layout {
        Layout::Gray => ColorType::Grayscale,
        Layout::GrayAlpha => ColorType::GrayscaleAlpha,
        Layout::Rgb => ColorType::Rgb,
        Layout::Rgba => ColorType::Rgba,
        Layout::Cmyk => return Err(failed(ImageFormat::Png, "these channels are not made")),
    };
    let mut info = Info::with_size(pixels.width, pixels.height);
    info.color_type = color_type;
    info.bit_depth = BitDepth::Eight;
    info.icc_profile = profile.map(Into::into);
    write(info, &pixels.data)
}

/// Writes pixels that are laid out as `info` says.
pub(crate) fn write(info: Info<'_>, data: &[u8]) -> Result<Vec<u8>, ImageError> {
    let compression = if data.len() <= BALANCED_UP_TO_BYTES {
        Compression::Balanced
    } else {
        Compression::Fast
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::with_info(&mut file, info).map_err(|cause| failed(ImageFormat::Png, cause))?;
    encoder.set_compression(compression);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(data)?;
            writer.finish()
        })
        .map_err(|cause| failed(ImageFormat::Png, cause))?;
    Ok(file)
}
