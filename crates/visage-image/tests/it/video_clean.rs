//! What is personal in a video is gone; the video stays as long as it is and tells the same of itself.

use visage_image::sanitise_video;

use crate::video::{UPRIGHT, boxed, element, facts, mp4, track, webm, words};

const SECRET: &[u8] = b"+52.5163+013.3777/Asha's phone";

fn holds(file: &[u8], text: &[u8]) -> bool {
    file.windows(text.len()).any(|part| part == text)
}

/// Cleans, and looks that everything else is as before.
#[track_caller]
fn clean(file: &[u8]) -> Vec<u8> {
    let before = facts(file).unwrap();
    let mut cleaned = file.to_vec();
    assert!(sanitise_video(&mut cleaned, &before));
    assert_eq!(cleaned.len(), file.len());
    assert_eq!(facts(&cleaned).unwrap(), before);
    let mut twice = cleaned.clone();
    sanitise_video(&mut twice, &before);
    assert!(twice == cleaned, "there is nothing left to clean");
    cleaned
}

/// Puts boxes into the box that is reached by `path`, at its end.
fn with(file: &[u8], path: &[&[u8; 4]], extra: &[u8]) -> Vec<u8> {
    let [kind, inside @ ..] = path else {
        return [file, extra].concat();
    };
    let (mut result, mut at, mut is_done) = (Vec::new(), 0, false);
    while at < file.len() {
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let contents = &file[at + 8..at + length];
        if !is_done && file[at + 4..at + 8] == **kind {
            result.extend(boxed(*kind, &with(contents, inside, extra)));
            is_done = true;
        } else {
            result.extend_from_slice(&file[at..at + length]);
        }
        at += length;
    }
    assert!(is_done);
    result
}

#[test]
fn whatever_is_neither_picture_nor_sound_goes_wherever_it_stands() {
    let paths: [&[&[u8; 4]]; 4] = [&[], &[b"moov"], &[b"moov", b"trak"], &[b"moov", b"trak", b"mdia"]];
    for brand in [b"isom", b"qt  "] {
        let plain = mp4(brand, UPRIGHT);
        for path in paths {
            for kind in [b"udta", b"meta", b"uuid", b"free", b"skip", b"PICT", b"\xA9xyz"] {
                let cleaned = clean(&with(&plain, path, &boxed(kind, SECRET)));
                assert!(!holds(&cleaned, b"Asha"), "{kind:?} in {path:?}");
                let expected = with(&plain, path, &boxed(b"free", &[0; SECRET.len()]));
                assert!(cleaned == expected, "nothing else changes: {kind:?} in {path:?}");
            }
        }
    }
}

#[test]
fn a_video_with_nothing_personal_stays_as_it_is() {
    for file in [mp4(b"isom", UPRIGHT), mp4(b"qt  ", UPRIGHT), webm(b"webm")] {
        assert!(clean(&file) == file);
    }
    // An old file, which is known by its first box.
    let old = [boxed(b"wide", b""), mp4(b"isom", UPRIGHT)[16..].to_vec()].concat();
    assert!(clean(&old) == old);
}

#[test]
fn what_follows_the_last_box_goes() {
    let plain = mp4(b"isom", UPRIGHT);
    for tail in [&b"Asha"[..], b"\0\0\0\x01Asha", b"\0\0\0\x05Asha and more"] {
        let cleaned = clean(&[&plain, tail].concat());
        assert!(cleaned == [&plain[..], &vec![0; tail.len()]].concat());
    }
    // A box of unknown kind that ends beyond the file.
    let cleaned = clean(&[&plain, &b"\0\0\xFF\xFFudtaAsha"[..]].concat());
    assert!(!holds(&cleaned, b"Asha"));
}

/// A track of data whose samples, of 10 bytes each, are in chunks of one and of two.
fn data_track(first: u32, second: u32, wide: bool) -> Vec<u8> {
    let places = if wide {
        boxed(b"co64", &words(&[0, 2, 0, first, 0, second]))
    } else {
        boxed(b"stco", &words(&[0, 2, first, second]))
    };
    let runs = boxed(b"stsc", &words(&[0, 2, 1, 1, 1, 2, 2, 1]));
    let track = track(b"meta", &boxed(b"mebx", b"Asha"), 3, UPRIGHT);
    let sizes = boxed(b"stsz", &words(&[0, 0, 3, 10, 10, 10]));
    let tables = [&b"mdia"[..], b"minf", b"stbl"].map(|kind| <&[u8; 4]>::try_from(kind).unwrap());
    let path: Vec<&[u8; 4]> = std::iter::once(b"trak").chain(tables).collect();
    let track = with(&track, &path, &[runs, places].concat());
    // The table of the helper says that all samples have 7 bytes.
    let old = boxed(b"stsz", &words(&[0, 7, 3]));
    let at = track.windows(old.len()).position(|part| part == old).unwrap();
    let grown = sizes.len() - old.len();
    let mut track = [&track[..at], &sizes[..], &track[at + old.len()..]].concat();
    for kind in [b"trak", b"mdia", b"minf", b"stbl"] {
        let at = track.windows(4).position(|part| part == kind).unwrap() - 4;
        let length = u32::from_be_bytes(track[at..at + 4].try_into().unwrap()) + grown as u32;
        track[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    track
}

#[test]
fn a_track_of_positions_goes_with_its_samples() {
    for wide in [false, true] {
        let mut file = mp4(b"isom", UPRIGHT);
        // In the helper's file the samples begin after two headers, and are all sevens.
        let samples = file.windows(4).position(|part| part == [7; 4]).unwrap();
        file[samples + 100..samples + 110].copy_from_slice(b"N52.516300");
        file[samples + 200..samples + 220].copy_from_slice(b"E013.377700E013.3777");
        let (first, second) = (samples as u32 + 100, samples as u32 + 200);
        let cleaned = clean(&with(&file, &[b"moov"], &data_track(first, second, wide)));
        for text in [&b"N52"[..], b"E013", b"Asha", b"mebx"] {
            assert!(!holds(&cleaned, text), "{}", String::from_utf8_lossy(text));
        }
        let mut expected = [7; 1000];
        for part in [100..110, 200..220] {
            expected[part].fill(0);
        }
        assert!(
            cleaned[samples..samples + 1000] == expected,
            "the pictures are untouched"
        );
    }
}

#[test]
fn tags_attachments_titles_and_dates_of_a_webm_go() {
    let plain = webm(b"webm");
    let secrets = [
        element(&[0x12, 0x54, 0xC3, 0x67], SECRET),
        element(&[0x19, 0x41, 0xA4, 0x69], SECRET),
        element(&[0xBF], b"Asha"),
    ];
    for secret in &secrets {
        // The segment is without a length and so ends where the file does.
        let cleaned = clean(&[&plain[..], secret].concat());
        assert!(!holds(&cleaned, b"Asha") && cleaned.starts_with(&plain));
        assert_eq!(cleaned[plain.len()], 0xEC, "it is a void");
    }
    let duration = element(&[0x44, 0x89], &2500_f64.to_be_bytes());
    let described = [
        element(&[0x7B, 0xA9], SECRET),
        duration.clone(),
        element(&[0x44, 0x61], b"Ashadate"),
    ];
    let old = element(&[0x15, 0x49, 0xA9, 0x66], &duration);
    let new = element(&[0x15, 0x49, 0xA9, 0x66], &described.concat());
    let at = plain.windows(old.len()).position(|part| part == old).unwrap();
    let cleaned = clean(&[&plain[..at], &new, &plain[at + old.len()..]].concat());
    assert!(!holds(&cleaned, b"Asha"));
}

#[test]
fn tags_after_a_cluster_without_a_length_are_found() {
    let plain = webm(b"webm");
    let cluster = [
        &[0x1F, 0x43, 0xB6, 0x75, 0xFF][..],
        &element(&[0xE7], &[0]),
        &element(&[0xA3], &[1; 50]),
    ]
    .concat();
    let recorded = [&plain[..], &cluster].concat();
    assert!(clean(&recorded) == recorded);
    let cleaned = clean(&[&recorded[..], &element(&[0x12, 0x54, 0xC3, 0x67], SECRET)].concat());
    assert!(!holds(&cleaned, b"Asha") && cleaned.starts_with(&recorded));
}

#[test]
fn no_bytes_make_it_panic_and_none_are_added() {
    let files = [
        with(&mp4(b"isom", UPRIGHT), &[b"moov"], &data_track(60, 90, true)),
        with(&mp4(b"qt  ", UPRIGHT), &[b"moov"], &data_track(u32::MAX, 0, false)),
        webm(b"webm"),
    ];
    for file in files {
        let facts = facts(&file).unwrap();
        for at in 0..file.len() {
            let mut cut = file[..at].to_vec();
            sanitise_video(&mut cut, &facts);
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = file.clone();
                changed[at] = value;
                sanitise_video(&mut changed, &facts);
                assert_eq!(changed.len(), file.len());
            }
        }
    }
}

#[test]
fn other_containers_are_left_alone() {
    let mut file = webm(b"matroska");
    let facts = facts(&file).unwrap();
    let before = file.clone();
    assert!(!sanitise_video(&mut file, &facts));
    assert!(file == before);
}
