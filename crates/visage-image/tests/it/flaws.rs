//! Flaws that browsers pass over: taken, and stored repaired. What lacks pixels is refused.

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, Sanitised, plan, probe, render};

use crate::draw::{self, chunk, with_chunks};
use crate::support::{pixels, rendered, sanitised};

/// The file is shown and stored as the flawless one is.
fn assert_like(flawed: &[u8], whole: &Sanitised, what: &str) {
    let stored = sanitised(flawed).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(stored.facts, whole.facts, "{what}");
    assert_eq!(pixels(&stored.bytes), pixels(&whole.bytes), "{what}, as stored");
    assert_eq!(pixels(flawed), pixels(&whole.bytes), "{what}, as sent");
    assert_eq!(animated(flawed), animated(&whole.bytes), "{what}, as an animation");
}

fn animated(file: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let facts = probe(file, &limits).unwrap();
    let plan = plan(&Transformation::default(), &facts, ImageFormat::Webp, &limits).unwrap();
    render(file, &plan, &[], &limits, &|| false).unwrap().bytes
}

/// How many bytes may lack at the end of a file before it is refused.
fn bearable_cut(whole: &[u8]) -> usize {
    let limits = Limits::default();
    let cut = |length: usize| &whole[..whole.len() - length];
    let is_taken = |file: &[u8]| {
        let clean = sanitised(file);
        let shown = probe(file, &limits).and_then(|_| rendered(file, "", ImageFormat::Png));
        assert_eq!(clean.is_ok(), shown.is_ok(), "{:?} {:?}", clean.err(), shown.err());
        clean.is_ok()
    };
    (0..whole.len()).take_while(|length| is_taken(cut(*length))).count() - 1
}

#[test]
fn gif_without_its_last_bytes_is_taken_and_stored_whole() {
    let file = draw::gif(48, 32);
    let whole = sanitised(&file).unwrap();
    assert_eq!(whole.facts.frames, 2);
    // The trailer, and the mark that no more of the frame follows.
    for cut in 1..=2 {
        assert_like(&file[..file.len() - cut], &whole, &format!("{cut} bytes cut"));
        assert_eq!(sanitised(&file[..file.len() - cut]).unwrap().bytes, whole.bytes);
    }
    for cut in 3..20 {
        assert!(sanitised(&file[..file.len() - cut]).is_err(), "{cut} bytes cut");
    }
    let frame_of_nothing = [&file[..file.len() - 1], b"\x2C\0\0\0\0\x30"].concat();
    assert!(matches!(sanitised(&frame_of_nothing), Err(ImageError::Damaged { .. })));
}

#[test]
fn gif_with_bytes_that_are_no_block_ends_there() {
    let file = draw::gif(48, 32);
    let whole = sanitised(&file).unwrap();
    assert_like(&[&file, b"tail".as_slice()].concat(), &whole, "after the trailer");
    let before_trailer = &file[..file.len() - 1];
    for junk in [
        b"\0".as_slice(),
        b"\0\0\0;",
        b"junk;",
        b"!",
        b"!\xF9\x04",
        b"!\xFE\x09short",
    ] {
        assert_like(&[before_trailer, junk].concat(), &whole, &format!("{junk:?}"));
    }
    let unknown_extension = [before_trailer, b"!\x42\x01x\0;"].concat();
    assert_like(&unknown_extension, &whole, "an unknown extension");
    let no_frame = [b"GIF89a\x01\0\x01\0\0\0\0".as_slice(), b"\0;"].concat();
    assert!(matches!(sanitised(&no_frame), Err(ImageError::Damaged { .. })));
}

#[test]
fn png_without_its_end_is_taken_while_every_pixel_is_there() {
    let file = draw::png(48, 32, &draw::picture(48, 32), None);
    let whole = sanitised(&file).unwrap();
    // IEND and the checksum of the pixels.
    for cut in 1..=12 + 4 {
        let stored = sanitised(&file[..file.len() - cut]).unwrap_or_else(|error| panic!("{cut} bytes cut: {error}"));
        assert!(
            stored.bytes.ends_with(b"\0\0\0\0IEND\xAE\x42\x60\x82"),
            "{cut} bytes cut"
        );
        assert_like(&file[..file.len() - cut], &whole, &format!("{cut} bytes cut"));
    }
    assert_eq!(bearable_cut(&file), 12 + 4);
    for junk in [b"tail".as_slice(), &[0; 40], b"\0\0\0\x01IE", b"\xFF\xFF\xFF\xFFtEXt"] {
        let replaced = [&file[..file.len() - 12], junk].concat();
        assert_like(&replaced, &whole, &format!("{junk:?} instead of the end"));
    }
    assert_like(&[file.as_slice(), b"tail"].concat(), &whole, "after the end");
}

#[test]
fn animated_png_without_its_end_is_taken_with_all_frames_or_not() {
    let file = draw::apng(48, 32);
    let whole = sanitised(&file).unwrap();
    assert_eq!(whole.facts.frames, 2);
    for cut in [1, 12, 16] {
        assert_like(&file[..file.len() - cut], &whole, &format!("{cut} bytes cut"));
    }
    for cut in 17..file.len() {
        assert!(sanitised(&file[..file.len() - cut]).is_err(), "{cut} bytes cut");
    }
}

#[test]
fn gif_cut_anywhere_has_whole_frames_only() {
    let file = draw::gif(48, 32);
    let wanted = pixels(&file);
    for end in 0..file.len() {
        if let Ok(clean) = sanitised(&file[..end]) {
            assert_eq!(pixels(&clean.bytes), wanted, "cut to {end} of {} bytes", file.len());
            assert_eq!(clean.bytes.last(), Some(&0x3B), "cut to {end} of {} bytes", file.len());
        }
    }
    assert_eq!(bearable_cut(&file), 2);
}

#[test]
fn wrong_checksum_makes_an_ancillary_chunk_of_png_absent() {
    let plain = draw::png(48, 32, &draw::picture(48, 32), None);
    let whole = sanitised(&plain).unwrap();
    let damaged = |mut chunk: Vec<u8>| {
        *chunk.last_mut().unwrap() ^= 1;
        chunk
    };
    let turned = chunk("eXIf", &draw::exif(6)[6..]);
    let transparent = chunk("tRNS", &[0, 100, 0, 100, 0, 128]);
    let animated = chunk("acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);
    for ignored in [turned, transparent, animated, chunk("tEXt", b"Comment\0text")] {
        let file = with_chunks(&plain, &[damaged(ignored.clone())]);
        assert_like(&file, &whole, &String::from_utf8_lossy(&ignored[4..8]));
    }
    let mut critical = plain.clone();
    let end = critical.len();
    critical[end - 13] ^= 1;
    assert!(matches!(sanitised(&critical), Err(ImageError::Damaged { .. })));
}
