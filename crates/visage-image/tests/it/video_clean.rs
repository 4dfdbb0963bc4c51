//! What is personal in a video is gone; the video stays as long as it is and tells the same of itself.

use visage_image::{VideoError, VideoFacts};

use crate::video::{UPRIGHT, boxed, facts, mp4, webm, words};
use crate::video_samples::data_track;

pub(crate) const SECRET: &[u8] = b"+52.5163+013.3777/Asha's phone";

pub(crate) fn holds(file: &[u8], text: &[u8]) -> bool {
    file.windows(text.len()).any(|part| part == text)
}

pub(crate) fn sanitise(file: &mut [u8], facts: &VideoFacts) -> Result<(), VideoError> {
    visage_image::sanitise_video(file, facts, &|| false)
}

/// What is said of a file that is not cleaned.
#[track_caller]
pub(crate) fn refusal(file: &[u8]) -> VideoError {
    sanitise(&mut file.to_vec(), &facts(file).unwrap()).unwrap_err()
}

/// Cleans, and looks that everything else is as before.
#[track_caller]
pub(crate) fn clean(file: &[u8]) -> Vec<u8> {
    let before = facts(file).unwrap();
    let mut cleaned = file.to_vec();
    sanitise(&mut cleaned, &before).unwrap();
    assert_eq!(cleaned.len(), file.len());
    assert_eq!(facts(&cleaned).unwrap(), before);
    let mut twice = cleaned.clone();
    sanitise(&mut twice, &before).unwrap();
    assert!(twice == cleaned, "there is nothing left to clean");
    cleaned
}

/// Puts boxes into the box that is reached by `path`, at its end.
pub(crate) fn with(file: &[u8], path: &[&[u8; 4]], extra: &[u8]) -> Vec<u8> {
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

/// A track as a device writes it, with `Asha` for every date and name; dates have 4 bytes each, or 8 in version 1.
fn filmed(handler: &[u8], version: u8, entry: &[u8]) -> Vec<u8> {
    let dates = b"Asha".repeat(if version == 1 { 4 } else { 2 });
    let begun = [&[version, 0, 0, 0], &dates[..]].concat();
    let duration = if version == 1 {
        words(&[0, 4000])
    } else {
        words(&[4000])
    };
    let matrix = words(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
    let header = [&begun[..], &words(&[1, 0]), &duration, &words(&[0; 4]), &matrix].concat();
    let place = boxed(b"alis", &[&[0, 0, 0, 1], SECRET].concat());
    let information = [
        boxed(b"hdlr", b"\0\0\0\0dhlralisAsha\0\0\0\0\0\0\0\0\x04Asha"),
        boxed(b"dinf", &boxed(b"dref", &[words(&[0, 1]), place].concat())),
        boxed(
            b"stbl",
            &[
                boxed(b"stsd", &[words(&[0, 1]), entry.to_vec()].concat()),
                boxed(b"stsz", &words(&[0, 7, 100])),
                boxed(b"Asha", SECRET),
            ]
            .concat(),
        ),
        boxed(b"Asha", SECRET),
    ];
    let media = [
        boxed(
            b"mdhd",
            &[&begun[..], &words(&[1000]), &duration, &words(&[0])].concat(),
        ),
        boxed(
            b"hdlr",
            &[b"\0\0\0\0mhlr", handler, b"Asha\0\0\0\0\0\0\0\0", SECRET].concat(),
        ),
        boxed(b"minf", &information.concat()),
    ];
    let chapters = boxed(b"tref", &boxed(b"chap", b"Asha"));
    let parts = [boxed(b"tkhd", &header), chapters, boxed(b"mdia", &media.concat())];
    boxed(b"trak", &parts.concat())
}

#[test]
fn dates_and_the_names_of_devices_programs_and_files_go_from_what_is_kept() {
    let mut picture = vec![0; 78];
    picture[12..16].copy_from_slice(b"Asha");
    picture[24..28].copy_from_slice(&[0x02, 0x80, 0x01, 0x68]);
    picture[42..60].copy_from_slice(b"\x11Asha's own camera");
    picture.extend(boxed(b"avcC", b"how to decode"));
    let mut sound = vec![0; 28];
    sound[12..16].copy_from_slice(b"Asha");
    sound[17] = 2;
    sound.extend(boxed(
        b"esds",
        b"how to decode the sound, in more bytes than a name has",
    ));
    for version in [0, 1] {
        let dates = b"Asha".repeat(if version == 1 { 4 } else { 2 });
        let duration = if version == 1 {
            words(&[0, 4000])
        } else {
            words(&[4000])
        };
        let extends = boxed(b"mvex", &boxed(b"udta", SECRET));
        let index = [
            boxed(
                b"mvhd",
                &[&[version, 0, 0, 0], &dates[..], &words(&[1000]), &duration].concat(),
            ),
            filmed(b"vide", version, &boxed(b"avc1", &picture)),
            filmed(b"soun", version, &boxed(b"mp4a", &sound)),
            extends,
        ];
        let file = [boxed(b"ftyp", b"qt  \0\0\0\0"), boxed(b"moov", &index.concat())].concat();
        let cleaned = clean(&file);
        assert!(!holds(&cleaned, b"Asha"), "{}", cleaned.escape_ascii());
        for kept in [
            &b"avcChow to decode"[..],
            b"esdshow to decode the sound, in more bytes than a name has",
            b"mhlrvide",
            b"mhlrsoun",
            b"dhlralis",
        ] {
            assert!(holds(&cleaned, kept), "{}", kept.escape_ascii());
        }
    }
}

#[test]
fn boxes_in_boxes_without_end_do_not_use_up_the_stack() {
    const DEPTH: u32 = 200_000;
    let nested: Vec<u8> = (1..=DEPTH)
        .rev()
        .flat_map(|depth| [&(depth * 8).to_be_bytes()[..], b"traf"].concat())
        .collect();
    let fragment = boxed(b"traf", &[boxed(b"tfhd", &words(&[0, 0])), nested].concat());
    let file = [mp4(b"isom", UPRIGHT), boxed(b"moof", &fragment)].concat();
    let cleaned = clean(&file);
    assert_eq!(cleaned.windows(4).filter(|name| name == b"traf").count(), 1);
}

#[test]
fn no_bytes_make_it_panic_and_none_are_added() {
    let files = [
        with(&mp4(b"isom", UPRIGHT), &[b"moov"], &data_track(b"meta", 60, 90, true)),
        with(
            &mp4(b"qt  ", UPRIGHT),
            &[b"moov"],
            &data_track(b"text", u32::MAX, 0, false),
        ),
        webm(b"webm"),
    ];
    for file in files {
        let facts = facts(&file).unwrap();
        for at in 0..file.len() {
            let mut cut = file[..at].to_vec();
            let is_same = sanitise(&mut cut, &facts).is_ok();
            assert!(!is_same || crate::video::facts(&cut).as_ref() == Some(&facts));
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = file.clone();
                changed[at] = value;
                let is_same = sanitise(&mut changed, &facts).is_ok();
                assert!(!is_same || crate::video::facts(&changed).as_ref() == Some(&facts));
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
    assert_eq!(sanitise(&mut file, &facts), Err(VideoError::Unsupported));
    assert!(file == before);
}
