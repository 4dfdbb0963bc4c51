//! Inverse transforms of a block's lowest coefficients.

/// A block as one pixel, as libjpeg-turbo does it: even what no picture holds wraps as it does there.
#[inline(always)]
pub(super) fn one(dc: i32) -> u8 {
    let level = (dc + 4) >> 3;
    // The lowest ten bits, with their sign.
    clamped((level << 22) >> 22)
}

/// A block as 2 × 2 pixels: the inverse transform of its 2 × 2 lowest coefficients.
///
/// `x = (F00 ± F01 ± F10 ± F11) / 8`. libjpeg-turbo's own 2 × 2 folds in coefficients of odd high frequencies, too,
/// so it has to read them all; this is the better average of the pixels besides.
#[inline(always)]
pub(super) fn four(dc: i32, horizontal: i32, vertical: i32, diagonal: i32) -> [[u8; 2]; 2] {
    let level = |sum: i32| clamped((sum + 4) >> 3);
    let (left, right) = (dc + horizontal, dc - horizontal);
    let (down_left, down_right) = (vertical + diagonal, vertical - diagonal);
    [
        [level(left + down_left), level(right + down_right)],
        [level(left - down_left), level(right - down_right)],
    ]
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn clamped(level: i32) -> u8 {
    (level + 128).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pixel_is_the_rounded_mean() {
        assert_eq!(
            [-1024, -1020, 0, 3, 4, 1011, 1012, 1020].map(one),
            [0, 1, 128, 128, 129, 254, 255, 255]
        );
    }

    #[test]
    fn what_no_picture_holds_wraps_as_in_libjpeg() {
        assert_eq!([4091, 4092, 8000, -4100, -4101].map(one), [255, 0, 104, 0, 255]);
    }

    #[test]
    fn four_pixels_average_to_the_one_pixel() {
        let pixels = four(80, 24, -8, 0);
        assert_eq!(pixels, [[140, 134], [142, 136]]);
        let sum: u32 = pixels.concat().into_iter().map(u32::from).sum();
        assert_eq!(sum / 4, u32::from(one(80)));
        assert_eq!(four(-100_000, 0, 0, 100_000), [[128, 0], [0, 128]]);
    }
}
