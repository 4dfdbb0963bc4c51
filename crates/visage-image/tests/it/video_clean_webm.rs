//! What is personal in a `WebM` is gone; pictures and sound are as they were.

use visage_image::VideoError;

use crate::video::{element, webm};
use crate::video_clean::{SECRET, clean, holds, refusal};

const INFO: &[u8] = &[0x15, 0x49, 0xA9, 0x66];
const TRACKS: &[u8] = &[0x16, 0x54, 0xAE, 0x6B];
const CLUSTER: &[u8] = &[0x1F, 0x43, 0xB6, 0x75];

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
        &element(&[0xA3], &[0x81; 50]),
    ]
    .concat();
    let recorded = [&plain[..], &cluster].concat();
    assert!(clean(&recorded) == recorded);
    let cleaned = clean(&[&recorded[..], &element(&[0x12, 0x54, 0xC3, 0x67], SECRET)].concat());
    assert!(!holds(&cleaned, b"Asha") && cleaned.starts_with(&recorded));
}

/// An element that does not say how long it is.
fn endless(id: &[u8], contents: &[u8]) -> Vec<u8> {
    [id, &[0xFF], contents].concat()
}

/// Puts `track` in front of the others.
fn with_track(file: &[u8], track: &[u8]) -> Vec<u8> {
    let at = file.windows(4).position(|part| part == TRACKS).unwrap();
    let length = u32::from_be_bytes(file[at + 4..at + 8].try_into().unwrap()) & 0x0FFF_FFFF;
    let (old, after) = file[at + 8..].split_at(length as usize);
    [&file[..at], &element(TRACKS, &[track, old].concat()), after].concat()
}

#[test]
fn tracks_of_subtitles_go_with_their_blocks() {
    let (seen, hidden) = (
        element(&[0xA3], b"\x82\0\0\0sound"),
        element(&[0xA3], b"\x83\0\0\0Asha"),
    );
    let group = |block: &[u8]| element(&[0xA0], &[element(&[0x9B], &[9]), element(&[0xA1], block)].concat());
    let blocks = [
        element(&[0xE7], &[0]),
        seen,
        hidden,
        group(b"\x81\0\0\0picture"),
        group(b"\x83\0\0\0Asha"),
        element(&[0xA3], b"\x84\0\0\0Asha"), // of no track
    ]
    .concat();
    for kind in [0x11, 0x12, 0x20, 0x21] {
        let subtitles = [
            element(&[0xD7], &[3]),
            element(&[0x83], &[kind]),
            element(&[0x86], b"D_WEBVTT/Asha"),
        ];
        let plain = with_track(&webm(b"webm"), &element(&[0xAE], &subtitles.concat()));
        for cluster in [element(CLUSTER, &blocks), endless(CLUSTER, &blocks)] {
            let cleaned = clean(&[&plain[..], &cluster].concat());
            assert!(!holds(&cleaned, b"Asha"), "{}", cleaned.escape_ascii());
            assert!(holds(&cleaned, b"\x82\0\0\0sound") && holds(&cleaned, b"\x81\0\0\0picture"));
        }
    }
}

#[test]
fn names_of_tracks_and_programs_and_what_is_no_block_of_a_cluster_go() {
    let sound = [
        element(&[0xD7], &[3]),
        element(&[0x83], &[2]),
        element(&[0x86], b"A_OPUS"),
        element(&[0x53, 0x6E], SECRET),
        element(&[0x63, 0xA2], b"OpusHead"),
    ];
    // Behind the sound of the file, of which the facts are.
    let second = [webm(b"webm"), element(TRACKS, &element(&[0xAE], &sound.concat()))].concat();
    let programs = [element(&[0x4D, 0x80], SECRET), element(&[0x57, 0x41], SECRET)].concat();
    let other = [
        element(&[0xE7], &[0]),
        element(&[0xEC], SECRET),
        element(&[0xAF], SECRET),
    ]
    .concat();
    let file = with_track(&webm(b"webm"), &element(&[0xBF], b"Asha"));
    for personal in [element(INFO, &programs), element(CLUSTER, &other)] {
        assert!(!holds(&clean(&[&file[..], &personal].concat()), b"Asha"));
    }
    let cleaned = clean(&second);
    assert!(!holds(&cleaned, b"Asha"));
}

#[test]
fn what_must_have_a_length_and_has_none_is_refused() {
    let plain = webm(b"webm");
    for id in [INFO, TRACKS, &[0x12, 0x54, 0xC3, 0x67]] {
        assert_eq!(
            refusal(&[&plain[..], &endless(id, SECRET)].concat()),
            VideoError::Damaged
        );
    }
    // The tracks as a live recorder might write them: not blanked and then taken for a video.
    let at = plain.windows(4).position(|part| part == TRACKS).unwrap();
    let live = [
        &plain[..at + 4],
        &[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &plain[at + 8..],
    ]
    .concat();
    assert_eq!(refusal(&live), VideoError::Damaged);
}

#[test]
fn a_track_without_a_number_is_refused() {
    let nameless = element(&[0xAE], &element(&[0x83], &[2]));
    assert_eq!(refusal(&with_track(&webm(b"webm"), &nameless)), VideoError::Damaged);
}
