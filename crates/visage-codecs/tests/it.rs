#![cfg(test)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "the drawn pictures are small, and a test may stop"
)]
//! What is encoded is decoded again, limits hold, and both ends stop when they are told to.

use std::cell::Cell;

use visage_codecs::av1::{self, Chroma, DecodeOptions, Planes};
use visage_codecs::webp::{self, Channels};
use visage_codecs::{CodecError, av1::EncodeOptions};

const LOSSLESS: EncodeOptions = EncodeOptions { speed: 9, quantizer: 0 };

fn never() -> bool {
    false
}

fn pattern(length: usize, step: usize) -> Vec<u8> {
    (0..length).map(|index| (index * step % 251) as u8).collect()
}

fn options(max_pixels: u32) -> DecodeOptions {
    DecodeOptions {
        max_pixels,
        max_bytes: 1 << 20,
        operating_point: 0,
        layer: None,
    }
}

/// A lossless stream of these planes.
fn stream((width, height): (u32, u32), chroma: Chroma) -> (Vec<u8>, [Vec<u8>; 3]) {
    let (chroma_width, chroma_height) = chroma.plane_size(width, height);
    let chroma_length = (chroma_width * chroma_height) as usize;
    let planes = [
        pattern((width * height) as usize, 7),
        pattern(chroma_length, 5),
        pattern(chroma_length, 3),
    ];
    let picture = Planes {
        width,
        height,
        chroma,
        planes: planes.each_ref().map(Vec::as_slice),
    };
    (av1::encode(&picture, LOSSLESS, &never).unwrap(), planes)
}

#[test]
fn av1_returns_the_samples_that_went_in() {
    for chroma in [Chroma::Gray, Chroma::Quarter, Chroma::Full] {
        for size in [(1, 1), (2, 1), (1, 9), (33, 17), (64, 64), (130, 5), (257, 129)] {
            let (stream, planes) = stream(size, chroma);
            let frame = av1::decode(&stream, options(size.0 * size.1), &never).unwrap();
            assert_eq!((frame.width, frame.height), size);
            assert_eq!((frame.chroma, frame.depth, frame.full_range), (chroma, 8, true));
            for (index, plane) in planes.iter().enumerate().take(chroma.planes()) {
                let rows = if index == 0 {
                    size.1
                } else {
                    chroma.plane_size(size.0, size.1).1
                };
                let found: Vec<u8> = (0..rows).flat_map(|row| frame.row(index, row).to_vec()).collect();
                assert_eq!(&found, plane, "plane {index} of {size:?}, {chroma:?}");
            }
        }
    }
}

#[test]
fn av1_frame_is_refused_above_the_pixel_limit() {
    let (stream, _) = stream((40, 30), Chroma::Quarter);
    assert!(av1::decode(&stream, options(1201), &never).is_ok());
    assert!(av1::decode(&stream, options(1200), &never).is_ok());
    for max_pixels in [1199, 1, 0] {
        let refusal = av1::decode(&stream, options(max_pixels), &never).unwrap_err();
        assert!(matches!(refusal, CodecError::Damaged(_)), "{refusal:?}");
    }
}

#[test]
fn av1_frame_is_refused_above_the_memory_limit() {
    let (stream, _) = stream((40, 30), Chroma::Quarter);
    // One block of 128 × 128, half as much chroma, two alignments.
    let needed = 128 * 128 * 3 / 2 + 128;
    let with = |max_bytes| {
        av1::decode(
            &stream,
            DecodeOptions {
                max_bytes,
                ..options(1200)
            },
            &never,
        )
        .map(drop)
    };
    assert_eq!(with(needed + 1), Ok(()));
    assert_eq!(with(needed), Ok(()));
    let max_bytes = needed - 1;
    assert_eq!(with(max_bytes), Err(CodecError::TooLarge { max_bytes }));
}

#[test]
fn av1_stops_when_cancelled() {
    let (stream, planes) = stream((40, 30), Chroma::Gray);
    let refusal = av1::decode(&stream, options(1200), &|| true).map(drop);
    assert_eq!(refusal, Err(CodecError::Cancelled));
    let picture = Planes {
        width: 40,
        height: 30,
        chroma: Chroma::Gray,
        planes: planes.each_ref().map(Vec::as_slice),
    };
    let refusal = av1::encode(&picture, LOSSLESS, &|| true);
    assert_eq!(refusal, Err(CodecError::Cancelled));
}

#[test]
fn av1_stream_cut_anywhere_is_refused() {
    let (stream, _) = stream((40, 30), Chroma::Full);
    for length in 0..stream.len() {
        let result = av1::decode(&stream[..length], options(1200), &never);
        assert!(matches!(result, Err(CodecError::Damaged(_))), "cut at {length}");
    }
}

#[test]
fn av1_stream_of_endless_pictures_is_refused() {
    let (one, _) = stream((40, 30), Chroma::Quarter);
    let layer_that_never_comes = DecodeOptions {
        layer: Some(3),
        ..options(1200)
    };
    let refusal = av1::decode(&one.repeat(100), layer_that_never_comes, &never).unwrap_err();
    assert_eq!(refusal, CodecError::TooLarge { max_bytes: 1 << 20 });
}

#[test]
fn av1_planes_of_another_length_are_refused() {
    let planes = [pattern(6, 1), pattern(2, 1), pattern(2, 1)];
    let with = |width, height, chroma| {
        let planes = planes.each_ref().map(Vec::as_slice);
        let picture = Planes {
            width,
            height,
            chroma,
            planes,
        };
        av1::encode(&picture, LOSSLESS, &never).map(drop)
    };
    assert_eq!(with(3, 2, Chroma::Quarter), Ok(()));
    for (width, height, chroma) in [
        (3, 3, Chroma::Quarter),
        (2, 3, Chroma::Full),
        (3, 2, Chroma::Gray),
        (0, 2, Chroma::Quarter),
        (6, u32::MAX, Chroma::Quarter),
    ] {
        assert!(
            matches!(with(width, height, chroma), Err(CodecError::Failed(_))),
            "{width} × {height}"
        );
    }
    assert_eq!(with(3, 2, Chroma::Half), Err(CodecError::Unsupported("4:2:2")));
}

fn webp_file(channels: Channels, lossless: bool) -> (Vec<u8>, Vec<u8>) {
    let pixels = pattern(50 * 40 * channels.count(), 7);
    let options = webp::EncodeOptions {
        lossless,
        quality: 75.0,
        method: 4,
    };
    (
        webp::encode((50, 40), channels, &pixels, options, &never).unwrap(),
        pixels,
    )
}

#[test]
fn webp_returns_the_pixels_that_went_in() {
    let (file, pixels) = webp_file(Channels::Rgb, true);
    let picture = webp::decode(&file, (50, 40), u64::MAX, &never).unwrap();
    assert_eq!(
        (picture.width, picture.height, picture.channels),
        (50, 40, Channels::Rgb)
    );
    assert_eq!(picture.pixels, pixels);
    let (file, _) = webp_file(Channels::Rgba, false);
    let picture = webp::decode(&file, (50, 40), u64::MAX, &never).unwrap();
    assert_eq!(picture.channels, Channels::Rgba);
}

#[test]
fn webp_is_refused_above_the_memory_limit_or_of_another_size() {
    let (file, _) = webp_file(Channels::Rgb, false);
    let needed = 50 * 40 * 3;
    let with = |size, max_bytes| webp::decode(&file, size, max_bytes, &never).map(drop);
    assert_eq!(with((50, 40), needed + 1), Ok(()));
    assert_eq!(with((50, 40), needed), Ok(()));
    let max_bytes = needed - 1;
    assert_eq!(with((50, 40), max_bytes), Err(CodecError::TooLarge { max_bytes }));
    for size in [(49, 40), (51, 40), (40, 50)] {
        assert!(matches!(with(size, needed), Err(CodecError::Damaged(_))), "{size:?}");
    }
}

#[test]
fn webp_stops_when_cancelled() {
    for lossless in [false, true] {
        let (file, pixels) = webp_file(Channels::Rgba, lossless);
        let refusal = webp::decode(&file, (50, 40), u64::MAX, &|| true).map(drop);
        assert_eq!(refusal, Err(CodecError::Cancelled));
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        let options = webp::EncodeOptions {
            lossless,
            quality: 75.0,
            method: 4,
        };
        let refusal = webp::encode((50, 40), Channels::Rgba, &pixels, options, &cancelled);
        assert_eq!(refusal, Err(CodecError::Cancelled));
    }
}

#[test]
fn webp_cut_anywhere_is_refused_or_whole() {
    for lossless in [false, true] {
        let (file, _) = webp_file(Channels::Rgb, lossless);
        let whole = webp::decode(&file, (50, 40), u64::MAX, &never).unwrap().pixels;
        for length in 0..file.len() {
            let result = webp::decode(&file[..length], (50, 40), u64::MAX, &never);
            // The last bytes only end the code; the pixels do not depend on them.
            let is_right = match result {
                Ok(picture) => length + 4 > file.len() && picture.pixels == whole,
                Err(cause) => matches!(cause, CodecError::Damaged(_)),
            };
            assert!(is_right, "cut at {length} of {}", file.len());
        }
    }
}
