//! Expected pictures: `tests/golden/*.png`, compared with a tolerance.
//!
//! A mismatch writes what was made and what was expected under `target/golden/`. With `VISAGE_BLESS=1` the expected
//! pictures are written anew; look at them before they are kept.

use std::path::PathBuf;

use crate::Limits;
use crate::encode::png::encode as encode_png;
use crate::pixels::{Layout, Pixels};

/// The most by which one level may differ.
const MOST: u8 = 24;
/// The most by which a channel may differ on average.
const MEAN: f64 = 1.0;

/// A landscape of 48 × 32 pixels with an edge, a circle, gradients, and fine stripes.
pub(crate) fn landscape() -> Pixels {
    draw(48, 32, Layout::Rgb, |x, y| {
        let (dx, dy) = (f64::from(x) - 36.0, f64::from(y) - 8.0);
        let (x, y) = (level(x), level(y));
        if dx.hypot(dy) < 5.0 {
            [250, 220, 60, 255]
        } else if y < 18 {
            [80 + x, 130 + y * 3, 230 - y * 2, 255]
        } else if x < 14 {
            [150 - x * 3, 40 + y, 30, 255]
        } else if x > 34 && x % 4 < 2 {
            [235, 235, 230, 255]
        } else {
            [30 + x, 120 - y, 40, 255]
        }
    })
}

/// A ring with soft edges and a hole, 40 × 32 pixels.
pub(crate) fn ring() -> Pixels {
    draw(40, 32, Layout::Rgba, |x, y| {
        let distance = (f64::from(x) - 19.5).hypot(f64::from(y) - 15.5);
        let coverage = (11.0 - distance).clamp(0.0, 1.0) * (distance - 4.0).clamp(0.0, 1.0);
        let alpha = (0..=255).rev().find(|alpha| f64::from(*alpha) <= coverage * 255.0);
        [200, level(x * 6), level(y * 7), alpha.unwrap_or(0)]
    })
}

fn level(value: u32) -> u8 {
    u8::try_from(value).unwrap()
}

pub(crate) fn draw(width: u32, height: u32, layout: Layout, colour: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, layout, &Limits::default()).unwrap();
    for (place, pixel) in (0..).zip(pixels.data.chunks_exact_mut(layout.channels())) {
        pixel.copy_from_slice(&colour(place % width, place / width)[..pixel.len()]);
    }
    pixels
}

/// Compares with the expected picture of this name.
pub(crate) fn check(name: &str, made: &Pixels) {
    let expected_file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.png"));
    let encoded = encode_png(made, None).unwrap();
    if std::env::var_os("VISAGE_BLESS").is_some() {
        std::fs::write(&expected_file, encoded).unwrap();
        return;
    }
    let expected = std::fs::read(&expected_file).unwrap_or_default();
    let Err(difference) = compare(made, &expected) else {
        return;
    };
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let folder = target.join("golden");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.made.png")), encoded).unwrap();
    std::fs::write(folder.join(format!("{name}.expected.png")), expected).unwrap();
    panic!("{name}: {difference}; see {}", folder.display());
}

fn compare(made: &Pixels, expected: &[u8]) -> Result<(), String> {
    let decoder = png::Decoder::new(std::io::Cursor::new(expected));
    let mut reader = decoder
        .read_info()
        .map_err(|cause| format!("no expected picture ({cause})"))?;
    let info = (
        reader.info().width,
        reader.info().height,
        reader.info().color_type.samples(),
    );
    let found = (made.width, made.height, made.layout.channels());
    if info != found {
        return Err(format!("expected {info:?}, made {found:?}"));
    }
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut data).unwrap();
    let mut sums = [0_u32; 4];
    let channels = made.layout.channels();
    for (place, (made, expected)) in made
        .data
        .chunks_exact(channels)
        .zip(data.chunks_exact(channels))
        .enumerate()
    {
        // The colour of what nobody sees does not count.
        let is_hidden = channels == 4 && made[3] == 0 && expected[3] == 0;
        for (channel, (made, expected)) in made.iter().zip(expected).enumerate() {
            let difference = if is_hidden { 0 } else { made.abs_diff(*expected) };
            if difference > MOST {
                return Err(format!("channel {channel} of pixel {place} is {made}, not {expected}"));
            }
            sums[channel] += u32::from(difference);
        }
    }
    let most = f64::from(made.width * made.height) * MEAN;
    match sums.into_iter().find(|sum| f64::from(*sum) > most) {
        Some(sum) => Err(format!("a channel differs by {sum} in all")),
        None => Ok(()),
    }
}

#[test]
fn a_difference_is_seen_at_its_limits() {
    let one = draw(10, 10, Layout::Rgb, |_, _| [100; 4]);
    let file = encode_png(&one, None).unwrap();
    let with = |count: u32, shift: u8| {
        draw(10, 10, Layout::Rgb, move |x, y| {
            let level = if y * 10 + x < count { 100 + shift } else { 100 };
            [level; 4]
        })
    };
    assert_eq!(compare(&with(0, 0), &file), Ok(()));
    assert_eq!(compare(&with(1, MOST), &file), Ok(()));
    assert!(compare(&with(1, MOST + 1), &file).is_err());
    assert_eq!(compare(&with(100, 1), &file), Ok(()));
    assert!(compare(&with(51, 2), &file).is_err());
    assert!(compare(&ring(), &file).is_err());
}
