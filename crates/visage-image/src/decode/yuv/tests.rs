use super::*;

/// Planes of random samples.
struct Random {
    description: Description,
    planes: [Vec<u16>; 3],
    bytes: [Vec<u8>; 3],
}

impl Random {
    fn new((width, height): (u32, u32), depth: u8, chroma: Chroma) -> Self {
        let (chroma_width, chroma_height) = chroma.plane_size(width, height);
        let mut state = 12_345_u32;
        let mut samples = |count: u32| -> Vec<u16> {
            (0..count)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    u16::try_from(state >> (32 - u32::from(depth))).unwrap()
                })
                .collect()
        };
        let chroma_count = chroma_width * chroma_height;
        let planes = [samples(width * height), samples(chroma_count), samples(chroma_count)];
        let bytes = planes.each_ref().map(|plane| match depth {
            8 => plane.iter().map(|sample| u8::try_from(*sample).unwrap()).collect(),
            _ => plane.iter().flat_map(|sample| sample.to_ne_bytes()).collect(),
        });
        Self {
            description: Description {
                width,
                height,
                depth,
                chroma,
                full_range: true,
            },
            planes,
            bytes,
        }
    }

    fn sample(&self, plane: usize, x: i64, y: i64) -> f64 {
        let Description {
            width, height, chroma, ..
        } = self.description;
        let (width, height) = if plane == 0 {
            (width, height)
        } else {
            chroma.plane_size(width, height)
        };
        let (x, y) = (x.clamp(0, i64::from(width) - 1), y.clamp(0, i64::from(height) - 1));
        f64::from(self.planes[plane][usize::try_from(y * i64::from(width) + x).unwrap()])
    }

    /// Chroma at a luma sample: linear between the four nearest, which lie in the middle of what they stand for.
    fn chroma_at(&self, plane: usize, x: i64, y: i64) -> f64 {
        let (half_columns, half_rows) = self.description.chroma.halves();
        let near_far = |at: i64, half: bool| {
            if half {
                (at / 2, at / 2 + if at % 2 == 1 { 1 } else { -1 })
            } else {
                (at, at)
            }
        };
        let ((x, far_x), (y, far_y)) = (near_far(x, half_columns), near_far(y, half_rows));
        let row = |y: i64| 0.75 * self.sample(plane, x, y) + 0.25 * self.sample(plane, far_x, y);
        0.75 * row(y) + 0.25 * row(far_y)
    }
}

impl PlaneRows for Random {
    fn description(&self) -> Description {
        self.description
    }

    fn row(&self, plane: usize, row: u32) -> &[u8] {
        let Description {
            width,
            height,
            depth,
            chroma,
            ..
        } = self.description;
        let (width, height) = if plane == 0 {
            (width, height)
        } else {
            chroma.plane_size(width, height)
        };
        let length = usize_from(width) * if depth > 8 { 2 } else { 1 };
        let start = usize_from(row.min(height.saturating_sub(1))) * length;
        &self.bytes[plane][start..start + length]
    }
}

/// H.273 written out, from 0 to 1.
fn expected(luma: f64, cb: f64, cr: f64, kr: f64, kb: f64) -> [f64; 3] {
    let (red, blue) = (luma + 2.0 * (1.0 - kr) * cr, luma + 2.0 * (1.0 - kb) * cb);
    [red, (luma - kr * red - kb * blue) / (1.0 - kr - kb), blue]
}

#[test]
fn samples_become_the_colours_of_h273_in_every_layout() {
    for (matrix, kr, kb) in [
        (1, 0.2126, 0.0722),
        (2, 0.299, 0.114),
        (6, 0.299, 0.114),
        (9, 0.2627, 0.0593),
    ] {
        for chroma in [Chroma::Gray, Chroma::Quarter, Chroma::Half, Chroma::Full] {
            for (depth, full_range) in [(8, true), (8, false), (10, true), (10, false), (12, true), (12, false)] {
                for size in [(1, 1), (2, 2), (7, 5), (16, 3)] {
                    let planes = Random::new(size, depth, chroma);
                    let colours = Colours {
                        primaries: 1,
                        matrix,
                        full_range,
                    };
                    check(&planes, colours, kr, kb);
                }
            }
        }
    }
}

fn check(planes: &Random, colours: Colours, kr: f64, kb: f64) {
    let Description {
        width, depth, chroma, ..
    } = planes.description;
    let unit = f64::from(1_u32 << (depth - 8));
    let (black, of_luma, of_chroma) = if colours.full_range {
        (0.0, 256.0 * unit - 1.0, 256.0 * unit - 1.0)
    } else {
        (16.0 * unit, 219.0 * unit, 224.0 * unit)
    };
    let pixels = to_rgb(planes, colours, Layout::Rgb, &Limits::default()).unwrap();
    for (index, pixel) in (0_i64..).zip(pixels.data.as_chunks::<3>().0) {
        let (x, y) = (index % i64::from(width), index / i64::from(width));
        let luma = (planes.sample(0, x, y) - black) / of_luma;
        let difference = |plane: usize| match chroma {
            Chroma::Gray => 0.0,
            _ => (planes.chroma_at(plane, x, y) - 128.0 * unit) / of_chroma,
        };
        let wanted =
            expected(luma, difference(1), difference(2), kr, kb).map(|level| (level * 255.0).clamp(0.0, 255.0));
        for (found, wanted) in pixel.iter().zip(wanted) {
            let is_near = (f64::from(*found) - wanted).abs() <= 0.51;
            assert!(
                is_near,
                "{found} is not {wanted} at {x}, {y} of {:?}",
                planes.description
            );
        }
    }
}

#[test]
fn identity_and_ycgco_are_what_they_say() {
    let planes = Random::new((9, 4), 8, Chroma::Full);
    let with = |matrix| {
        let colours = Colours {
            primaries: 1,
            matrix,
            full_range: true,
        };
        to_rgb(&planes, colours, Layout::Rgb, &Limits::default()).unwrap().data
    };
    let samples = (0..36).map(|index| [0, 1, 2].map(|plane: usize| i32::from(planes.bytes[plane][index])));
    let identity: Vec<u8> = samples
        .clone()
        .flat_map(|[y, cb, cr]| [cr, y, cb].map(|level| u8::try_from(level).unwrap()))
        .collect();
    assert_eq!(with(0), identity);
    let byte = |level: i32| u8::try_from(level.clamp(0, 255)).unwrap();
    let ycgco: Vec<u8> = samples
        .map(|[y, cg, co]| (y, cg - 128, co - 128))
        .flat_map(|(y, cg, co)| [byte(y - cg + co), byte(y + cg), byte(y - cg - co)])
        .collect();
    assert_eq!(with(8), ycgco);
}

#[test]
fn weights_of_primaries_are_those_of_their_standards() {
    let near = |primaries: u32, red: f32, blue: f32| {
        let (found_red, found_blue) = weights_of_primaries(primaries);
        let is_near = (found_red - red).abs() < 0.001 && (found_blue - blue).abs() < 0.001;
        assert!(is_near, "{primaries}: {found_red}, {found_blue}");
    };
    near(1, 0.2126, 0.0722);
    near(9, 0.2627, 0.0593);
    near(6, 0.2124, 0.0866);
}

#[test]
fn alpha_of_limited_range_reaches_both_ends() {
    let mut planes = Random::new((4, 1), 10, Chroma::Gray);
    planes.description.full_range = false;
    planes.bytes[0] = [0_u16, 64, 940, 1023]
        .iter()
        .flat_map(|sample| sample.to_ne_bytes())
        .collect();
    let mut pixels = Pixels::zeroed(4, 1, Layout::Rgba, &Limits::default()).unwrap();
    put_alpha(&planes, &mut pixels);
    let alpha: Vec<u8> = pixels.data.as_chunks::<4>().0.iter().map(|pixel| pixel[3]).collect();
    assert_eq!(alpha, [0, 0, 255, 255]);
}
