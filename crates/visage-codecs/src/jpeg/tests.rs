use std::cell::Cell;

use turbojpeg::{
    Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, Transform, Transformer, YuvImage,
};

use super::*;

const NEVER: &dyn Fn() -> bool = &|| false;

const MAX_BYTES: u64 = 1 << 28;

fn options(scale: u8) -> DecodeOptions<'static> {
    DecodeOptions {
        scale,
        max_scans: 100,
        cancelled: NEVER,
    }
}

/// A gradient with grain.
fn drawn(width: usize, height: usize, subsampling: Subsamp) -> Vec<u8> {
    let mut noise = 1_u32;
    let mut pixels = Vec::new();
    for place in 0..width * height {
        let (x, y) = (place % width, place / width);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = u8::try_from(noise >> 27).unwrap();
        let levels = [x * 200 / width, y * 200 / height, (x / 16 + y / 16) * 24 % 200];
        pixels.extend(levels.map(|level| u8::try_from(level).unwrap() + grain));
    }
    let image = Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsampling).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

fn progressive(file: &[u8]) -> Vec<u8> {
    let mut transform = Transform::default();
    transform.progressive = true;
    Transformer::new().unwrap().transform_to_vec(&transform, file).unwrap()
}

fn files() -> Vec<(Subsamp, Vec<u8>)> {
    let kinds = [
        Subsamp::None,
        Subsamp::Sub2x1,
        Subsamp::Sub2x2,
        Subsamp::Sub1x2,
        Subsamp::Gray,
    ];
    let mut files = Vec::new();
    for (kind, size) in kinds
        .into_iter()
        .flat_map(|kind| [(kind, (83, 61)), (kind, (96, 64)), (kind, (1, 1))])
    {
        let file = drawn(size.0, size.1, kind);
        files.push((kind, progressive(&file)));
        files.push((kind, file));
    }
    files
}

#[test]
fn pixels_are_those_of_turbojpeg() {
    for (kind, file) in files() {
        for scale in [1, 2, 4, 8] {
            let mut decoder = Decoder::new(&file, MAX_BYTES).unwrap();
            let ours = decoder.pixels(PixelKind::Rgb, &options(scale)).unwrap();
            let mut theirs = vec![0; ours.data.len()];
            let mut turbo = Decompressor::new().unwrap();
            turbo.read_header(&file).unwrap();
            turbo
                .set_scaling_factor(ScalingFactor::new(1, usize::from(scale)))
                .unwrap();
            let image = Image {
                pixels: theirs.as_mut_slice(),
                width: ours.width as usize,
                pitch: ours.width as usize * 3,
                height: ours.height as usize,
                format: PixelFormat::RGB,
            };
            turbo.decompress(&file, image).unwrap();
            assert!(ours.data == theirs, "{kind:?} at 1/{scale}");
        }
    }
}

/// The last column and row of a padded plane are left out: `TurboJPEG` leaves chance in them.
fn inside(plane: &[u8], (width, height): (usize, usize), (shown_width, shown_height): (usize, usize)) -> Vec<u8> {
    let rows = plane.chunks_exact(width).take(height).take(shown_height);
    rows.flat_map(|row| row[..shown_width].to_vec()).collect()
}

#[test]
fn planes_are_those_of_turbojpeg() {
    for (kind, file) in files() {
        for scale in [1, 2, 4, 8] {
            let mut turbo = Decompressor::new().unwrap();
            let header = turbo.read_header(&file).unwrap();
            let factor = ScalingFactor::new(1, scale);
            turbo.set_scaling_factor(factor).unwrap();
            let (width, height) = (factor.scale(header.width), factor.scale(header.height));
            let mut theirs = YuvImage {
                pixels: vec![0; turbojpeg::yuv_pixels_len(width, 1, height, kind).unwrap()],
                width,
                align: 1,
                height,
                subsamp: kind,
            };
            let luma = (theirs.y_width(), theirs.y_height());
            let chroma = (theirs.uv_width(), theirs.uv_height());
            turbo.decompress_to_yuv(&file, theirs.as_deref_mut()).unwrap();
            let mut sizes = vec![luma];
            if kind != Subsamp::Gray {
                sizes.extend([chroma; 2]);
            }
            let as_u32 =
                |(width, height): (usize, usize)| (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
            let wanted: Vec<_> = sizes.iter().copied().map(as_u32).collect();
            let mut decoder = Decoder::new(&file, MAX_BYTES).unwrap();
            let options = options(u8::try_from(scale).unwrap());
            let ours = decoder.planes(&wanted, &options).unwrap();
            assert_eq!(ours.data.len(), theirs.pixels.len());
            let mut at = 0;
            for (number, size) in sizes.into_iter().enumerate() {
                let shown = if number == 0 { (width, height) } else { size };
                let end = at + size.0 * size.1;
                let (ours, theirs) = (&ours.data[at..end], &theirs.pixels[at..end]);
                assert!(
                    inside(ours, size, shown) == inside(theirs, size, shown),
                    "{kind:?} at 1/{scale}, plane {number}"
                );
                at = end;
            }
        }
    }
}

#[test]
fn header_says_what_turbojpeg_says() {
    let file = drawn(83, 61, Subsamp::Sub2x2);
    let decoder = Decoder::new(&file, MAX_BYTES).unwrap();
    let header = decoder.header();
    assert_eq!((header.width, header.height, header.colours), (83, 61, Colours::YCbCr));
    assert_eq!(header.sampling, [(2, 2), (1, 1), (1, 1)]);
}

#[test]
fn decoding_stops_at_the_question_that_is_answered_yes() {
    let file = drawn(64, 640, Subsamp::Sub2x2);
    for file in [progressive(&file), file] {
        let asked = Cell::new(0);
        let never = || {
            asked.set(asked.get() + 1);
            false
        };
        let count = |cancelled: &dyn Fn() -> bool| {
            let options = DecodeOptions {
                cancelled,
                ..options(1)
            };
            Decoder::new(&file, MAX_BYTES).unwrap().pixels(PixelKind::Rgb, &options)
        };
        count(&never).unwrap();
        let all = asked.get();
        assert!(all >= 40, "a question for each row of blocks: {all}");
        for last in [1, 2, all / 2, all] {
            asked.set(0);
            let later = || {
                asked.set(asked.get() + 1);
                asked.get() >= last
            };
            assert_eq!(count(&later), Err(CodecError::Cancelled));
            assert_eq!(asked.get(), last, "nothing is asked after a yes");
        }
    }
}

#[test]
fn planes_stop_at_the_question_that_is_answered_yes() {
    let file = drawn(64, 64, Subsamp::Gray);
    let asked = Cell::new(0);
    let later = || {
        asked.set(asked.get() + 1);
        asked.get() >= 3
    };
    let options = DecodeOptions {
        cancelled: &later,
        ..options(1)
    };
    let mut decoder = Decoder::new(&file, MAX_BYTES).unwrap();
    assert_eq!(decoder.planes(&[(64, 64)], &options), Err(CodecError::Cancelled));
    assert_eq!(asked.get(), 3);
}

#[test]
fn a_panic_in_the_question_goes_on_after_c_has_returned() {
    let file = drawn(64, 64, Subsamp::Sub2x2);
    let panics = || panic!("asked");
    let options = DecodeOptions {
        cancelled: &panics,
        ..options(1)
    };
    let mut decoder = Decoder::new(&file, MAX_BYTES).unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| decoder.pixels(PixelKind::Rgb, &options)));
    assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"asked"));
}

#[test]
fn truncated_files_are_damaged_at_every_length() {
    for (kind, file) in files().into_iter().filter(|(_, file)| file.len() < 8000) {
        let whole = file.len();
        for length in (0..whole - 2).step_by(7).chain(whole - 20..whole - 2) {
            let made = Decoder::new(&file[..length], MAX_BYTES)
                .and_then(|mut decoder| decoder.pixels(PixelKind::Rgb, &options(8)));
            assert!(made.is_err(), "{kind:?}: {length} of {whole}");
        }
        for length in [whole - 2, whole - 1] {
            let mut decoder = Decoder::new(&file[..length], MAX_BYTES).unwrap();
            decoder.pixels(PixelKind::Rgb, &options(8)).unwrap();
        }
    }
}

#[test]
fn stray_bytes_are_counted_and_limited() {
    let file = drawn(40, 40, Subsamp::Sub2x2);
    let (body, end) = file.split_at(file.len() - 2);
    // Up to eight of them have been read ahead, and count as read.
    for (count, is_taken) in [(0, true), (1, true), (100, true), (65_536, true), (65_545, false)] {
        let stray = [body, &vec![0x7F; count], end].concat();
        let mut decoder = Decoder::new(&stray, MAX_BYTES).unwrap();
        let made = decoder.pixels(PixelKind::Rgb, &options(8));
        assert_eq!(made.is_ok(), is_taken, "{count}");
        let counted = decoder.stray_bytes() as usize;
        assert!(
            !is_taken || (counted <= count && counted + 8 >= count),
            "{count}: {counted}"
        );
    }
}

#[test]
fn memory_is_limited_for_results_and_for_libjpeg() {
    let file = drawn(256, 256, Subsamp::Sub2x2);
    let decode = |file: &[u8], max_bytes| {
        Decoder::new(file, max_bytes).and_then(|mut decoder| decoder.pixels(PixelKind::Rgb, &options(1)))
    };
    assert!(decode(&file, 256 * 256 * 3).is_ok());
    let too_large = Err(CodecError::TooLarge {
        max_bytes: 256 * 256 * 3 - 1,
    });
    assert_eq!(decode(&file, 256 * 256 * 3 - 1), too_large);
    // Its coefficients take as much as the pixels, and libjpeg has tables besides.
    assert!(decode(&progressive(&file), 256 * 256 * 3).is_err());
    assert!(decode(&progressive(&file), 1 << 20).is_ok());
}

#[test]
fn rewritten_file_has_the_same_pixels_and_nothing_stray() {
    for (kind, file) in files() {
        let (body, end) = file.split_at(file.len() - 2);
        let stray = [body, &[0; 300], end].concat();
        let pixels = |file: &[u8]| {
            let mut decoder = Decoder::new(file, MAX_BYTES).unwrap();
            let pixels = decoder.pixels(PixelKind::Rgb, &options(1)).unwrap();
            (pixels.data, decoder.stray_bytes())
        };
        let again = Decoder::new(&stray, MAX_BYTES).unwrap().rewrite(&options(1)).unwrap();
        assert!(
            pixels(&stray).1 > 0 && pixels(&again) == (pixels(&file).0, 0),
            "{kind:?}"
        );
        assert!(again.len() < file.len() + 300 && again.ends_with(end), "{kind:?}");
    }
}
