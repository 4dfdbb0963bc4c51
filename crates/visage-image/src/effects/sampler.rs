//! Reading a picture between its pixels.

use super::stop_if;
use crate::effects::with_alpha;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, Limits};

/// Makes a picture of `size` of which every pixel shows the place in `source` that `place` says for the pixel's middle;
/// `None` is outside, where it is transparent. Bilinear, premultiplied; edges are smooth over a pixel.
pub(crate) fn map(
    source: Pixels,
    size: (u32, u32),
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
    place: impl Fn(f64, f64) -> Option<(f64, f64)>,
) -> Result<Pixels, ImageError> {
    let source = with_alpha(source, limits)?;
    let mut target = Pixels::zeroed(size.0, size.1, Layout::Rgba, limits)?;
    let row_bytes = target.row_bytes();
    for (y, row) in (0_u32..).zip(target.data.chunks_exact_mut(row_bytes)) {
        if y % 16 == 0 {
            stop_if(cancelled)?;
        }
        for (x, pixel) in (0_u32..).zip(row.as_chunks_mut::<4>().0) {
            if let Some((from_x, from_y)) = place(f64::from(x) + 0.5, f64::from(y) + 0.5) {
                *pixel = straight(sample(&source, from_x - 0.5, from_y - 0.5));
            }
        }
    }
    Ok(target)
}

/// The four pixels around a place, weighted by 256ths; beyond the edge there is nothing. The sums of colours times alpha
/// stay below `255 · 255 · 65536`, which is below 2³².
fn sample(source: &Pixels, x: f64, y: f64) -> [u32; 4] {
    let (width, height) = (f64::from(source.width), f64::from(source.height));
    if !(x > -1.0 && y > -1.0 && x < width && y < height) {
        return [0; 4];
    }
    let (left, top) = (x.floor(), y.floor());
    let (right_part, lower_part) = (((x - left) * 256.0) as u32, ((y - top) * 256.0) as u32);
    let (left, top) = (left as i64, top as i64);
    let mut sums = [0; 4];
    for (row, row_weight) in [(top, 256 - lower_part), (top + 1, lower_part)] {
        for (column, weight) in [(left, 256 - right_part), (left + 1, right_part)] {
            let [red, green, blue, alpha] = at(source, column, row).map(u32::from);
            let weight = alpha * weight * row_weight;
            for (sum, level) in sums.iter_mut().zip([red, green, blue, 1]) {
                *sum += level * weight;
            }
        }
    }
    sums
}

fn at(source: &Pixels, x: i64, y: i64) -> [u8; 4] {
    match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) if x < source.width && y < source.height => {
            let place = usize_from(y) * usize_from(source.width) + usize_from(x);
            source.data.as_chunks::<4>().0.get(place).copied().unwrap_or_default()
        }
        _ => [0; 4],
    }
}

/// Sums of 65536ths, colours times alpha, as a pixel.
fn straight([red, green, blue, alpha]: [u32; 4]) -> [u8; 4] {
    let whole = ((alpha + 32_768) >> 16) as u8;
    if whole == 0 {
        return [0; 4];
    }
    let level = |sum: u32| ((u64::from(sum) + u64::from(alpha) / 2) / u64::from(alpha)) as u8;
    [level(red), level(green), level(blue), whole]
}
