//! Tracks that are neither pictures nor sound go with their samples, in work that the length of the file bounds.

use std::cell::Cell;

use visage_image::{VideoError, sanitise_video, sanitise_video_memory_bytes};

use crate::video::{UPRIGHT, boxed, facts, mp4, words};
use crate::video_clean::{clean, holds, refusal, with};

/// A track with these tables beside its `stsd`.
fn track_of(handler: &[u8; 4], tables: &[Vec<u8>]) -> Vec<u8> {
    let description = boxed(b"stsd", &[words(&[0, 1]), boxed(b"mebx", b"Asha")].concat());
    let tables = boxed(b"stbl", &[description, tables.concat()].concat());
    let media = [
        boxed(b"hdlr", &[words(&[0, 0]), handler.to_vec()].concat()),
        boxed(b"minf", &tables),
    ];
    let header = boxed(b"tkhd", &words(&[0, 0, 0, 9]));
    boxed(b"trak", &[header, boxed(b"mdia", &media.concat())].concat())
}

/// A track of data whose samples, of 10 bytes each, are in chunks of one and of two.
pub(crate) fn data_track(handler: &[u8; 4], first: u32, second: u32, wide: bool) -> Vec<u8> {
    let places = if wide {
        boxed(b"co64", &words(&[0, 2, 0, first, 0, second]))
    } else {
        boxed(b"stco", &words(&[0, 2, first, second]))
    };
    track_of(handler, &[sizes(&[10; 3]), runs(&[(1, 1), (2, 2)]), places])
}

fn sizes(each: &[u32]) -> Vec<u8> {
    boxed(b"stsz", &words(&[&[0, 0, each.len() as u32], each].concat()))
}

fn runs(runs: &[(u32, u32)]) -> Vec<u8> {
    let entries: Vec<u32> = runs.iter().flat_map(|(first, samples)| [*first, *samples, 1]).collect();
    boxed(b"stsc", &words(&[&[0, runs.len() as u32], &entries[..]].concat()))
}

fn places(places: &[u32]) -> Vec<u8> {
    boxed(b"stco", &words(&[&[0, places.len() as u32], places].concat()))
}

/// A video with this track, and where the sevens of its `mdat` begin.
fn video_with(track: &[u8]) -> (Vec<u8>, usize) {
    let file = with(&mp4(b"isom", UPRIGHT), &[b"moov"], track);
    let begin = file.windows(4).position(|part| part == [7; 4]).unwrap();
    (file, begin)
}

/// Where the sevens begin in every file of [`video_with`].
const BEGIN: u32 = 24;

/// The parts of the sevens that have become zeros.
fn blanked(track: &[u8]) -> Vec<usize> {
    let (file, begin) = video_with(track);
    assert_eq!(begin, BEGIN as usize);
    let cleaned = clean(&file);
    assert!(!holds(&cleaned, b"Asha"));
    (0..1000).filter(|at| cleaned[begin + at] == 0).collect()
}

#[test]
fn a_track_that_is_neither_picture_nor_sound_goes_with_its_samples() {
    let expected: Vec<usize> = (100..110).chain(200..220).collect();
    for handler in [b"meta", b"text", b"sbtl", b"subt", b"clcp", b"tmcd", b"camm"] {
        for wide in [false, true] {
            let track = data_track(handler, BEGIN + 100, BEGIN + 200, wide);
            assert_eq!(blanked(&track), expected, "{}", handler.escape_ascii());
        }
    }
    for handler in [b"vide", b"soun", b"auxv", b"pict"] {
        let (file, _) = video_with(&data_track(handler, BEGIN + 100, BEGIN + 200, false));
        assert!(clean(&file) == file, "{}", handler.escape_ascii());
    }
}

#[test]
fn samples_are_found_however_their_sizes_are_written() {
    let [first, second] = [BEGIN + 100, BEGIN + 200];
    let expected: Vec<usize> = (100..110).chain(200..209).collect();
    let compact = |bits: u32, table: &[u8]| boxed(b"stz2", &[words(&[0, bits, 3]), table.to_vec()].concat());
    for sizes in [
        sizes(&[10, 4, 5]),
        compact(4, &[0xA4, 0x50]),
        compact(8, &[10, 4, 5]),
        compact(16, &[0, 10, 0, 4, 0, 5]),
    ] {
        let tables = [sizes, runs(&[(1, 1), (2, 2)]), places(&[first, second])];
        assert_eq!(blanked(&track_of(b"meta", &tables)), expected);
    }
    let all_of_ten = boxed(b"stsz", &words(&[0, 10, 2]));
    let tables = [all_of_ten, runs(&[(1, 1)]), places(&[first, second])];
    let expected: Vec<usize> = (100..110).chain(200..210).collect();
    assert_eq!(blanked(&track_of(b"meta", &tables)), expected);
    // Without samples, and with those of a file that was cut short.
    assert_eq!(blanked(&track_of(b"meta", &[sizes(&[])])), [0; 0]);
    let (whole, _) = video_with(&[]);
    let cut = track_of(
        b"meta",
        &[sizes(&[9]), runs(&[(1, 1)]), places(&[whole.len() as u32 * 9])],
    );
    assert_eq!(blanked(&cut), [0; 0]);
}

#[test]
fn a_file_with_samples_that_cannot_be_found_is_refused() {
    let (sizes, runs, places) = (sizes(&[10]), runs(&[(1, 1)]), places(&[BEGIN]));
    for tables in [
        vec![runs.clone(), places.clone()],
        vec![sizes.clone(), runs.clone()],
        vec![sizes.clone()],
        vec![self::sizes(&[10, 10]), runs.clone(), places.clone()],
    ] {
        assert_eq!(refusal(&video_with(&track_of(b"meta", &tables)).0), VideoError::Data);
    }
    assert_eq!(refusal(&video_with(&boxed(b"trak", b"")).0), VideoError::Data);
    let fragment = |id: u32| boxed(b"moof", &boxed(b"traf", &boxed(b"tfhd", &words(&[0, id]))));
    let (file, _) = video_with(&track_of(b"meta", &[]));
    assert_eq!(refusal(&file), VideoError::Data);
    let (file, _) = video_with(&track_of(b"meta", &[self::sizes(&[])]));
    for (id, expected) in [(0, None), (9, Some(VideoError::Data)), (1, Some(VideoError::Data))] {
        let file = [&file[..], &fragment(id)].concat();
        match expected {
            Some(expected) => assert_eq!(refusal(&file), expected),
            None => assert!(holds(&clean(&file), b"tfhd"), "the pictures' own"),
        }
    }
}

#[test]
fn tables_that_contradict_themselves_are_refused() {
    let good = || [sizes(&[10, 10]), runs(&[(1, 1)]), places(&[BEGIN, BEGIN + 50])];
    blanked(&track_of(b"meta", &good()));
    let wrong_runs: [&[(u32, u32)]; 5] = [
        &[],
        &[(2, 1)],
        &[(0, 1)],
        &[(1, 1), (1, 1)],
        &[(1, 1), (u32::MAX, 1), (2, 1)],
    ];
    for (number, wrong) in wrong_runs.into_iter().enumerate() {
        let [sizes, _, places] = good();
        let (file, _) = video_with(&track_of(b"meta", &[sizes, runs(wrong), places]));
        // The last one has a run out of order behind the last chunk, which nobody gets to.
        if number == 4 {
            clean(&file);
        } else {
            assert_eq!(refusal(&file), VideoError::Damaged, "{wrong:?}");
        }
    }
    let [sizes, runs, places] = good();
    let short_sizes = boxed(b"stsz", &words(&[0, 0, 3, 10, 10]));
    let long_places = boxed(b"stco", &words(&[0, 3, BEGIN, BEGIN]));
    for tables in [
        [short_sizes, runs.clone(), places.clone()].to_vec(),
        [sizes.clone(), runs.clone(), long_places].to_vec(),
        [
            sizes.clone(),
            boxed(b"stz2", &words(&[0, 8, 0])),
            runs.clone(),
            places.clone(),
        ]
        .to_vec(),
        [boxed(b"stz2", &words(&[0, 5, 0])), runs.clone(), places.clone()].to_vec(),
        [sizes, runs, places.clone(), boxed(b"co64", &words(&[0, 0]))].to_vec(),
    ] {
        assert_eq!(refusal(&video_with(&track_of(b"meta", &tables)).0), VideoError::Damaged);
    }
}

#[test]
fn a_track_that_would_have_the_index_blanked_is_refused() {
    let (whole, _) = video_with(&[]);
    let at = whole.windows(4).position(|part| part == b"mvhd").unwrap() as u32;
    let track = track_of(b"meta", &[sizes(&[400]), runs(&[(1, 1)]), places(&[at])]);
    assert_eq!(refusal(&video_with(&track).0), VideoError::Damaged);
}

/// Five chunks that lie upon each other and have `total` bytes together.
fn piled(total: u32) -> Vec<u8> {
    let each = total / 5;
    let sizes = sizes(&[each, each, each, each, total - each * 4]);
    video_with(&track_of(b"meta", &[sizes, runs(&[(1, 1)]), places(&[BEGIN; 5])])).0
}

#[test]
fn no_more_is_blanked_than_the_file_has() {
    let length = piled(0).len() as u32;
    for total in [length - 1, length] {
        assert_eq!(clean(&piled(total))[BEGIN as usize], 0);
    }
    assert_eq!(refusal(&piled(length + 1)), VideoError::Damaged);
}

#[test]
fn a_table_of_places_that_each_are_the_whole_file_is_refused() {
    const CHUNKS: u32 = 100_000;
    let constant = boxed(b"stsz", &words(&[0, u32::MAX, CHUNKS]));
    let tables = [constant, runs(&[(1, 1)]), places(&vec![0; CHUNKS as usize])];
    let (file, _) = video_with(&track_of(b"meta", &tables));
    assert_eq!(refusal(&file), VideoError::Damaged);
}

/// Cleans, and tells how often it was asked whether to go on.
fn questions(file: &[u8], answer: bool) -> (Result<(), VideoError>, usize) {
    let asked = Cell::new(0);
    let cancelled = || {
        asked.set(asked.get() + 1);
        answer
    };
    let result = sanitise_video(&mut file.to_vec(), &facts(file).unwrap(), &cancelled);
    (result, asked.get())
}

#[test]
fn long_tables_are_read_once_and_may_be_given_up() {
    const CHUNKS: u32 = 100_000;
    let numbers = || 1..=CHUNKS;
    let every_chunk_its_own: Vec<(u32, u32)> = numbers().map(|chunk| (chunk, 1)).collect();
    let never_begun: Vec<(u32, u32)> = numbers().map(|_| (u32::MAX, 1)).collect();
    let all = |runs: Vec<u8>| {
        let tables = [
            sizes(&vec![0; CHUNKS as usize]),
            runs,
            places(&vec![0; CHUNKS as usize]),
        ];
        video_with(&track_of(b"meta", &tables)).0
    };
    let file = all(runs(&every_chunk_its_own));
    let (result, asked) = questions(&file, false);
    assert_eq!(result, Ok(()));
    // One step per chunk and one per size.
    let expected = 2 * CHUNKS as usize / 4096;
    assert!((expected..=expected + 1).contains(&asked), "{asked}");
    assert_eq!(questions(&file, true), (Err(VideoError::Cancelled), 1));
    let refused = questions(&all(runs(&never_begun)), false);
    assert_eq!(refused, (Err(VideoError::Damaged), 0));
}

#[test]
fn many_boxes_may_be_given_up() {
    let file = [mp4(b"isom", UPRIGHT), boxed(b"free", b"").repeat(5000)].concat();
    assert_eq!(questions(&file, true), (Err(VideoError::Cancelled), 1));
}

#[test]
fn only_so_many_tracks_are_taken() {
    let more = |count: usize| {
        let tracks = track_of(b"meta", &[sizes(&[])]).repeat(count);
        with(&mp4(b"isom", UPRIGHT), &[b"moov"], &tracks)
    };
    // With the two of the helper.
    clean(&more(29));
    clean(&more(30));
    assert_eq!(refusal(&more(31)), VideoError::Damaged);
}

#[test]
fn the_memory_asked_for_is_that_of_the_file_and_a_copy() {
    assert_eq!(sanitise_video_memory_bytes(10), 20);
    assert_eq!(sanitise_video_memory_bytes(u64::MAX), u64::MAX);
}
