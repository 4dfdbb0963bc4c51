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

/// A block as 3 × 3 pixels: the inverse transform of its 3 × 3 lowest coefficients, rows of `frequencies` from low to
/// high vertical frequency.
///
/// Along each side, `x = F0 ± √1.5 F1 + √0.5 F2` for the outer pixels and `F0 - √2 F2` for the middle one; an eighth of
/// that is the level.
#[inline(always)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates"
)]
pub(super) fn nine(frequencies: [[f32; 3]; 3]) -> [[u8; 3]; 3] {
    const SQRT_1_5: f32 = 1.224_744_9;
    const SQRT_0_5: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let line = |[mean, slope, bend]: [f32; 3]| {
        let (slope, bend) = (SQRT_1_5 * slope, SQRT_0_5 * bend);
        [mean + slope + bend, mean - 2.0 * bend, mean - slope + bend]
    };
    let across = frequencies.map(line);
    let columns = [0, 1, 2].map(|x| line([across[0][x], across[1][x], across[2][x]]));
    [0, 1, 2].map(|y| [0, 1, 2].map(|x: usize| (columns[x][y] / 8.0 + 128.5) as u8))
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
    #[test]
    fn nine_pixels_of_one_frequency_are_its_cosine() {
        let mut frequencies = [[0.0; 3]; 3];
        frequencies[0][0] = 80.0;
        assert_eq!(nine(frequencies), [[138; 3]; 3]);
        frequencies[0][1] = 16.0; // across: 2 √1.5 = 2.45
        assert_eq!(nine(frequencies), [[140, 138, 136]; 3]);
        frequencies[0][1] = 0.0;
        frequencies[2][0] = -16.0; // down: -2 √0.5 = -1.41, 2 √2 = 2.83
        assert_eq!(nine(frequencies), [[137; 3], [141; 3], [137; 3]]);
    }

    #[test]
    fn nine_pixels_stay_in_range_whatever_a_file_says() {
        assert_eq!(nine([[-1e9; 3]; 3])[0][0], 0);
        assert_eq!(nine([[1e9; 3]; 3])[0][0], 255);
    }
}
