//! `q_auto`: the quality at which this very picture looks as good as its level promises.
//!
//! A sample of the picture is encoded at the usual quality and measured (`similarity`); how its distance falls with
//! rising quality leads to the next guess. Two guesses, each on a sample of bounded size: for a large picture they cost
//! next to nothing, for a profile picture less than one more encode to WebP or AVIF, and about a millisecond for JPEG.
//!
//! The targets were found with SSIMULACRA2: `cargo test -p visage-image --release calibrat -- --ignored --nocapture`
//! encodes the corpus at 256 × 256 at many qualities and prints both measures, from which the distance that
//! belongs to a score of 82, 75, 68 and 60 (best, good, eco, low) is read, the mean over all pictures.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::QualityLevel;

use crate::context::RenderContext;
use crate::decode::decode;
use crate::encode::{EncodeOptions, encode};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::similarity::Reference;
use crate::{ImageError, Limits, buffer, probe};

/// Side of a tile in pixels: a multiple of every codec's small blocks, so that tiles do not disturb each other.
const TILE: u32 = 32;

/// Tiles per side of the sample of a picture up to 256 × 256, and of a larger one.
const FEW_TILES: u32 = 4;
const MANY_TILES: u32 = 8;

/// A picture up to so many pixels has the smaller sample.
const SMALL_PIXELS: u64 = 256 * 256;

/// How often a quality is tried at most.
const MAX_TRIES: u32 = 2;

/// How much of the way from the usual quality to the measured one is gone. Over the corpus, the qualities that samples
/// ask for spread twice as far as those that whole pictures need.
const TRUST: f64 = 0.5;

/// A guess this near to the one before is not tried any more.
const NEAR: f64 = 2.0;

/// How one encoder behaves.
#[derive(Debug)]
struct Behaviour {
    /// The quality that most pictures need: best, good, eco, low.
    usual: [u8; 4],
    /// The distance that each level allows.
    targets: [f64; 4],
    /// No picture gets less, or more.
    range: (u8, u8),
    /// By how much the logarithm of the distance falls from one quality to the next.
    fall: f64,
}

/// The encoder quality for a finished picture; the usual one when there is nothing to measure.
pub(crate) fn choose(
    pixels: &Pixels,
    format: ImageFormat,
    level: QualityLevel,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> u8 {
    let index = match level {
        QualityLevel::Best => 0,
        QualityLevel::Good => 1,
        QualityLevel::Eco => 2,
        QualityLevel::Low => 3,
    };
    let behaviour = behaviour_of(format);
    let usual = behaviour.usual[index];
    if !matches!(format, ImageFormat::Jpg | ImageFormat::Webp | ImageFormat::Avif) {
        return usual;
    }
    search(
        pixels,
        format,
        &behaviour,
        (usual, behaviour.targets[index]),
        RenderContext::new(limits, cancelled),
    )
    .unwrap_or(usual)
}

fn behaviour_of(format: ImageFormat) -> Behaviour {
    match format {
        ImageFormat::Avif => Behaviour {
            usual: [74, 60, 52, 45],
            targets: [0.038, 0.058, 0.080, 0.105],
            range: (35, 90),
            fall: 0.036,
        },
        ImageFormat::Webp => Behaviour {
            usual: [85, 73, 54, 42],
            targets: [0.039, 0.060, 0.082, 0.120],
            range: (35, 96),
            fall: 0.028,
        },
        _ => Behaviour {
            usual: [85, 71, 54, 42],
            targets: [0.040, 0.060, 0.082, 0.118],
            range: (35, 96),
            fall: 0.028,
        },
    }
}

fn search(
    pixels: &Pixels,
    format: ImageFormat,
    behaviour: &Behaviour,
    (usual, target): (u8, f64),
    context: RenderContext<'_>,
) -> Result<u8, ImageError> {
    let sample = sample_of(pixels)?;
    let reference = Reference::new(&sample)?;
    let (lowest, highest) = (f64::from(behaviour.range.0), f64::from(behaviour.range.1));
    let (mut quality, mut fall) = (f64::from(usual), behaviour.fall);
    let mut before: Option<(f64, f64)> = None;
    for _ in 0..MAX_TRIES {
        context.check()?;
        let distance = distance_at(&sample, &reference, format, whole(quality), context)?;
        let height = (distance.max(1e-6) / target).ln();
        if let Some((other_quality, other_height)) = before {
            let measured = (other_height - height) / (quality - other_quality);
            // A slope far from the usual one is an accident of two near qualities.
            fall = measured.clamp(behaviour.fall / 2.5, behaviour.fall * 2.5);
        }
        let next = (quality + height / fall).clamp(lowest, highest).round();
        before = Some((quality, height));
        let is_near = (next - quality).abs() <= NEAR;
        quality = next;
        if is_near {
            break;
        }
    }
    let usual = f64::from(usual);
    Ok(whole(usual + TRUST * (quality - usual)))
}

/// Encodes the sample, decodes it, and measures what that did to it.
fn distance_at(
    sample: &Pixels,
    reference: &Reference,
    format: ImageFormat,
    quality: u8,
    context: RenderContext<'_>,
) -> Result<f64, ImageError> {
    let limits = context.limits;
    let file = encode(sample, format, EncodeOptions::with_quality(quality), limits)?;
    let facts = probe(&file, limits)?;
    let decoded = decode(&file, &facts, 1, context)?;
    Ok(reference.distance(&Reference::new(&decoded)?))
}

/// Tiles from all over the picture, put together; the picture itself when it is not larger.
fn sample_of(pixels: &Pixels) -> Result<Pixels, ImageError> {
    let count = u64::from(pixels.width) * u64::from(pixels.height);
    let tiles = if count <= SMALL_PIXELS { FEW_TILES } else { MANY_TILES };
    let across = tiles.min(pixels.width / TILE);
    let down = tiles.min(pixels.height / TILE);
    let is_whole = across < tiles && down < tiles;
    let channels = pixels.layout.channels();
    if is_whole || across == 0 || down == 0 || !matches!(pixels.layout, Layout::Rgb | Layout::Rgba) {
        let rows = if is_whole {
            pixels.height
        } else {
            pixels.height.min(TILE * MANY_TILES)
        };
        let length = pixels.row_bytes() * usize_from(rows);
        let mut data = buffer::with_room(length)?;
        data.extend_from_slice(pixels.data.get(..length).unwrap_or_default());
        return Ok(Pixels {
            height: rows,
            data,
            ..*pixels
        });
    }
    let (width, height) = (across * TILE, down * TILE);
    let mut data = buffer::with_room(usize_from(width) * usize_from(height) * channels)?;
    for y in 0..height {
        let from_y = start_of(y / TILE, down, pixels.height) + y % TILE;
        for column in 0..across {
            let from_x = start_of(column, across, pixels.width);
            let start = (usize_from(from_y) * usize_from(pixels.width) + usize_from(from_x)) * channels;
            let tile_row = pixels.data.get(start..start + usize_from(TILE) * channels);
            data.extend_from_slice(tile_row.unwrap_or_default());
        }
    }
    Ok(Pixels {
        width,
        height,
        layout: pixels.layout,
        data,
    })
}

/// Where tile `index` of `count` begins, spread evenly over a side.
fn start_of(index: u32, count: u32, side: u32) -> u32 {
    let room = u64::from(side.saturating_sub(TILE));
    let start = if count < 2 {
        room / 2
    } else {
        room * u64::from(index) / u64::from(count - 1)
    };
    u32::try_from(start).unwrap_or_default()
}

fn whole(quality: f64) -> u8 {
    (1..=100_u8)
        .find(|number| f64::from(*number) >= quality - 0.5)
        .unwrap_or(100)
}

#[cfg(test)]
mod tests;
