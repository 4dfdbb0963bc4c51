//! The names under which Cloudinary's answers sum colours up (`predominant`).
//!
//! `google` is the twelve colours that Google's image search filters by. Cloudinary publishes no table for its own
//! palette; the names here are those its documentation shows, with the values that CSS gives the same words.

pub(super) type Palette = &'static [(&'static str, [u8; 3])];

pub(super) const GOOGLE: Palette = &[
    ("black", [0, 0, 0]),
    ("blue", [0, 0, 255]),
    ("brown", [136, 84, 24]),
    ("gray", [128, 128, 128]),
    ("green", [0, 153, 0]),
    ("orange", [255, 153, 0]),
    ("pink", [255, 152, 191]),
    ("purple", [102, 0, 153]),
    ("red", [204, 0, 0]),
    ("teal", [3, 192, 198]),
    ("white", [255, 255, 255]),
    ("yellow", [255, 255, 0]),
];

pub(super) const CLOUDINARY: Palette = &[
    ("black", [0, 0, 0]),
    ("blue", [0, 0, 255]),
    ("brown", [150, 75, 0]),
    ("cyan", [0, 255, 255]),
    ("gold", [255, 215, 0]),
    ("gray", [128, 128, 128]),
    ("green", [0, 128, 0]),
    ("lightblue", [173, 216, 230]),
    ("lime", [0, 255, 0]),
    ("olive", [128, 128, 0]),
    ("orange", [255, 165, 0]),
    ("pink", [255, 192, 203]),
    ("purple", [128, 0, 128]),
    ("red", [255, 0, 0]),
    ("teal", [0, 128, 128]),
    ("white", [255, 255, 255]),
    ("yellow", [255, 255, 0]),
];

/// CIE L*a*b* (D65) of a colour in sRGB, by the formulas of IEC 61966-2-1 and CIE 15: distances in it are about what
/// eyes see.
pub(super) fn lab(colour: [u8; 3]) -> [f64; 3] {
    let [red, green, blue] = colour.map(|level| {
        let level = f64::from(level) / 255.0;
        if level <= 0.04045 {
            level / 12.92
        } else {
            ((level + 0.055) / 1.055).powf(2.4)
        }
    });
    let x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505;
    let y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089;
    let [x, y, z] = [x, y, z].map(|t| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The place in `palette` (in L*a*b*) of the colour nearest to this one.
pub(super) fn nearest(colour: [u8; 3], palette: &[[f64; 3]]) -> usize {
    let wanted = lab(colour);
    let distance = |name: &[f64; 3]| -> f64 { name.iter().zip(wanted).map(|(a, b)| (a - b).powi(2)).sum() };
    let places = palette.iter().enumerate();
    let found = places.min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
    found.map_or(0, |(place, _)| place)
}
