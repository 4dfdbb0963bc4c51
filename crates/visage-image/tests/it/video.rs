//! Video and audio files, put together here byte by byte.

use std::io::{Cursor, Read, Seek, SeekFrom};

use visage_image::{VideoFacts, probe_video};

use crate::draw::one_of_each;

pub(crate) fn facts(file: &[u8]) -> Option<VideoFacts> {
    probe_video(&mut Cursor::new(file)).unwrap()
}

pub(crate) fn boxed(kind: &[u8], contents: &[u8]) -> Vec<u8> {
    [&(contents.len() as u32 + 8).to_be_bytes(), kind, contents].concat()
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// One track: handler, sample entry, number of samples, and its matrix; all at 1000 units per second.
pub(crate) fn track(handler: &[u8], entry: &[u8], samples: u32, matrix: [u32; 4]) -> Vec<u8> {
    let header = [
        words(&[0; 10]),
        words(&[matrix[0], matrix[1], 0, matrix[2], matrix[3], 0, 0, 0, 0x4000_0000]),
    ]
    .concat();
    let tables = [
        boxed(b"stsd", &[words(&[0, 1]), entry.to_vec()].concat()),
        boxed(b"stsz", &words(&[0, 7, samples])),
    ];
    let media = [
        boxed(b"mdhd", &words(&[0, 0, 0, 1000, 4000, 0])),
        boxed(b"hdlr", &[words(&[0, 0]), handler.to_vec()].concat()),
        boxed(b"minf", &boxed(b"stbl", &tables.concat())),
    ];
    boxed(
        b"trak",
        &[boxed(b"tkhd", &header), boxed(b"mdia", &media.concat())].concat(),
    )
}

pub(crate) fn mp4(brand: &[u8], matrix: [u32; 4]) -> Vec<u8> {
    let mut picture = vec![0; 78];
    picture[24..28].copy_from_slice(&[0x02, 0x80, 0x01, 0x68]); // 640 × 360
    let mut sound = vec![0; 28];
    sound[17] = 2;
    sound[24..26].copy_from_slice(&44_100_u16.to_be_bytes());
    let index = [
        boxed(b"mvhd", &words(&[0, 0, 0, 1000, 4000])),
        track(b"vide", &boxed(b"avc1", &picture), 100, matrix),
        track(b"soun", &boxed(b"mp4a", &sound), 200, matrix),
    ];
    [
        boxed(b"ftyp", &[brand, &[0; 4]].concat()),
        boxed(b"mdat", &[7; 1000]),
        boxed(b"moov", &index.concat()),
    ]
    .concat()
}

pub(crate) const UPRIGHT: [u32; 4] = [0x1_0000, 0, 0, 0x1_0000];

#[test]
fn an_mp4_tells_size_length_rate_and_tracks() {
    let file = mp4(b"isom", UPRIGHT);
    let facts = facts(&file).unwrap();
    assert_eq!(
        (facts.format, facts.width, facts.height, facts.rotation),
        ("mp4", Some(640), Some(360), 0)
    );
    assert_eq!(
        (facts.duration_seconds, facts.frames, facts.frame_rate),
        (Some(4.0), Some(100), Some(25.0))
    );
    assert_eq!(facts.bit_rate, Some(file.len() as u64 * 2));
    assert_eq!(facts.video_codec.as_deref(), Some("h264"));
    assert!(!facts.is_audio());
    let audio = facts.audio.unwrap();
    assert_eq!(
        (audio.codec.as_deref(), audio.channels, audio.frequency_hertz),
        (Some("aac"), Some(2), Some(44_100))
    );
}

#[test]
fn a_video_that_was_filmed_upright_is_higher_than_wide() {
    let minus = 0x1_0000_u32.wrapping_neg();
    for (matrix, rotation, width) in [
        ([0, 0x1_0000, minus, 0], 90, 360),
        ([minus, 0, 0, minus], 180, 640),
        ([0, minus, 0x1_0000, 0], 270, 360),
    ] {
        let facts = facts(&mp4(b"qt  ", matrix)).unwrap();
        assert_eq!(
            (facts.format, facts.rotation, facts.width),
            ("mov", rotation, Some(width))
        );
    }
}

#[test]
fn an_mp4_without_pictures_is_audio() {
    let mut file = mp4(b"M4A ", UPRIGHT);
    let place = file.windows(4).position(|part| part == b"vide").unwrap();
    file[place..place + 4].copy_from_slice(b"hint");
    let facts = facts(&file).unwrap();
    assert!(facts.is_audio() && facts.format == "m4a" && facts.width.is_none());
}

pub(crate) fn element(id: &[u8], contents: &[u8]) -> Vec<u8> {
    let length = (contents.len() as u32 | 0x1000_0000).to_be_bytes();
    [id, &length, contents].concat()
}

pub(crate) fn webm(kind: &[u8]) -> Vec<u8> {
    let video = [element(&[0xB0], &[2, 128]), element(&[0xBA], &[1, 104])].concat();
    let audio = [element(&[0xB5], &48_000_f32.to_be_bytes()), element(&[0x9F], &[2])].concat();
    let picture = [
        element(&[0xD7], &[1]),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_VP9"),
        element(&[0x23, 0xE3, 0x83], &40_000_000_u32.to_be_bytes()),
        element(&[0xE0], &video),
    ];
    let sound = [
        element(&[0xD7], &[2]),
        element(&[0x83], &[2]),
        element(&[0x86], b"A_OPUS"),
        element(&[0xE1], &audio),
    ];
    let tracks = [element(&[0xAE], &picture.concat()), element(&[0xAE], &sound.concat())].concat();
    let segment = [
        element(
            &[0x15, 0x49, 0xA9, 0x66],
            &element(&[0x44, 0x89], &2500_f64.to_be_bytes()),
        ),
        element(&[0x16, 0x54, 0xAE, 0x6B], &tracks),
        element(&[0x1F, 0x43, 0xB6, 0x75], &[0; 100]),
    ];
    let header = element(&[0x42, 0x82], kind);
    // The segment's length is unknown, as in a live recording.
    let start = [0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    [
        element(&[0x1A, 0x45, 0xDF, 0xA3], &header),
        start.to_vec(),
        segment.concat(),
    ]
    .concat()
}

#[test]
fn a_webm_tells_size_length_rate_and_tracks() {
    let facts = facts(&webm(b"webm")).unwrap();
    assert_eq!(
        (facts.format, facts.width, facts.height),
        ("webm", Some(640), Some(360))
    );
    assert_eq!(
        (facts.duration_seconds, facts.frame_rate, facts.frames),
        (Some(2.5), Some(25.0), None)
    );
    assert_eq!(facts.video_codec.as_deref(), Some("vp9"));
    let audio = facts.audio.unwrap();
    assert_eq!(
        (audio.codec.as_deref(), audio.channels, audio.frequency_hertz),
        (Some("opus"), Some(2), Some(48_000))
    );
    assert_eq!(self::facts(&webm(b"matroska")).unwrap().format, "mkv");
}

fn wav() -> Vec<u8> {
    let format = [1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0]; // PCM, mono, 8000 Hz, 16 bits
    let sound = vec![0; 16_000];
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    file.extend(format);
    file.extend(b"data");
    file.extend((sound.len() as u32).to_le_bytes());
    file.extend(sound);
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// Frames of MPEG-1 layer III, 128 kbit/s at 44.1 kHz: 417 bytes for 1152 samples each.
fn mp3(frames: usize) -> Vec<u8> {
    let frame = [[0xFF, 0xFB, 0x90, 0x00].as_slice(), &[0; 413]].concat();
    frame.repeat(frames)
}

#[test]
fn audio_files_tell_their_length_and_are_audio() {
    let sound = facts(&wav()).unwrap();
    assert_eq!((sound.format, sound.duration_seconds), ("wav", Some(1.0)));
    assert_eq!(sound.audio.as_ref().unwrap().frequency_hertz, Some(8000));
    let music = facts(&mp3(100)).unwrap();
    assert_eq!((music.format, music.audio.as_ref().unwrap().channels), ("mp3", Some(2)));
    let seconds = music.duration_seconds.unwrap();
    assert!((seconds - 100.0 * 1152.0 / 44_100.0).abs() < 0.05, "{seconds}");
    assert!(sound.is_audio() && music.is_audio());
}

/// A page of one packet.
fn page(position: u64, packet: &[u8]) -> Vec<u8> {
    let header = [
        b"OggS\0\0".as_slice(),
        &position.to_le_bytes(),
        &[7; 4],
        &[0; 8],
        &[1, packet.len() as u8],
    ];
    [header.concat(), packet.to_vec()].concat()
}

#[test]
fn ogg_flac_and_aac_are_read_too() {
    let vorbis = [
        b"\x01vorbis\0\0\0\0\x02".as_slice(),
        &44_100_u32.to_le_bytes(),
        &[0; 14],
    ]
    .concat();
    let opus = [b"OpusHead\x01\x01".as_slice(), &312_u16.to_le_bytes(), &[0; 7]].concat();
    let theora = [
        b"\x80theora\x03\x02\x01".as_slice(),
        &[0, 40, 0, 23, 0, 2, 128, 0, 1, 104],
    ]
    .concat();
    let flac_facts = (44_100_u64 << 44) + (1 << 41) + (15 << 36) + 88_200;
    let flac = [
        b"fLaC\0\0\0\x22".as_slice(),
        &[0; 10],
        &flac_facts.to_be_bytes(),
        &[0; 16],
    ]
    .concat();
    let cases = [
        ([page(0, &vorbis), page(88_200, b"x")].concat(), "vorbis", 2, Some(2.0)),
        (
            [page(0, &opus), page(48_312, b"x"), page(u64::MAX, b"y")].concat(),
            "opus",
            1,
            Some(1.0),
        ),
        (flac, "flac", 2, Some(2.0)),
        (vec![0xFF, 0xF1, 0x50, 0x80, 0x01, 0x3F, 0xFC], "aac", 2, None),
    ];
    for (file, codec, channels, seconds) in cases {
        let facts = facts(&file).unwrap();
        assert!(facts.is_audio());
        assert_eq!(facts.duration_seconds, seconds, "{codec}");
        let audio = facts.audio.unwrap();
        assert_eq!((audio.codec.as_deref(), audio.channels), (Some(codec), Some(channels)));
    }
    let film = facts(&page(0, &theora)).unwrap();
    assert_eq!(
        (film.is_audio(), film.width, film.height),
        (false, Some(640), Some(360))
    );
}

#[test]
fn an_mp3_is_as_long_as_its_first_frame_or_its_tag_says() {
    let mut counted = mp3(3);
    counted[36..48].copy_from_slice(b"Xing\0\0\0\x01\0\0\x03\xE8");
    let seconds = facts(&counted).unwrap().duration_seconds.unwrap();
    assert!((seconds - 1000.0 * 1152.0 / 44_100.0).abs() < 1e-9);
    let tagged = [b"ID3\x04\0\0\0\0\x01\0".as_slice(), &[0xFF; 128], &mp3(100)].concat();
    assert_eq!(
        facts(&tagged).unwrap().duration_seconds,
        facts(&mp3(100)).unwrap().duration_seconds
    );
}

#[test]
fn pictures_and_texts_are_no_video() {
    for (format, file) in one_of_each() {
        assert_eq!(facts(&file), None, "{format:?}");
    }
    for text in ["", "a", "<html>", "\0\0\0\x18ftypheic", "RIFF....WEBP", "%PDF-1.7"] {
        assert_eq!(facts(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn other_containers_are_known_by_their_first_bytes() {
    for (bytes, format) in [
        (b"RIFF\0\0\0\0AVI LIST".as_slice(), "avi"),
        (b"FLV\x01\x05\0\0\0\x09", "flv"),
        (b"\0\0\x01\xBA\x44\0", "mpeg"),
        (b"OggS\0\x02", "ogg"),
        (b"ID3\x04\0\0\0\0\0\0", "mp3"),
    ] {
        let facts = facts(bytes).unwrap();
        assert_eq!(
            (facts.format, facts.duration_seconds, facts.bit_rate),
            (format, None, None)
        );
    }
}

#[test]
fn cut_and_damaged_files_are_read_as_far_as_they_go() {
    for file in [mp4(b"isom", UPRIGHT), webm(b"webm"), wav(), mp3(3)] {
        for length in 0..file.len().min(3000) {
            facts(&file[..length]);
        }
        let start = file.len().saturating_sub(1200);
        for place in (0..200.min(file.len())).chain(start..file.len()) {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut damaged = file.clone();
                damaged[place] = value;
                if let Some(facts) = facts(&damaged) {
                    assert!(
                        facts
                            .duration_seconds
                            .is_none_or(|seconds| seconds > 0.0 && seconds.is_finite())
                    );
                }
            }
        }
    }
}

/// A file that is said to be huge, and counts what is read of it.
struct Endless {
    beginning: Vec<u8>,
    place: u64,
    read_bytes: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for (offset, byte) in (self.place..).zip(buffer.iter_mut()) {
            *byte = self.beginning.get(offset as usize).copied().unwrap_or(0);
        }
        self.place += buffer.len() as u64;
        self.read_bytes += buffer.len() as u64;
        Ok(buffer.len())
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.place = match to {
            SeekFrom::Start(place) => place,
            SeekFrom::End(offset) => (1_u64 << 50).saturating_add_signed(offset),
            SeekFrom::Current(offset) => self.place.saturating_add_signed(offset),
        };
        Ok(self.place)
    }
}

#[test]
fn a_header_does_not_choose_how_much_is_read() {
    let type_box = boxed(b"ftyp", b"isom\0\0\0\0");
    let index = |length: u64| {
        let header = [words(&[1]), b"moov".to_vec(), (length + 16).to_be_bytes().to_vec()].concat();
        [type_box.clone(), header].concat()
    };
    let most: u64 = 32 * 1024 * 1024;
    let cases = [
        (index(most), most),
        (index(most + 1), 0),
        (index(1 << 49), 0),
        (webm(b"webm"), 1024 * 1024),
    ];
    for (beginning, expected) in cases {
        let mut file = Endless {
            beginning,
            place: 0,
            read_bytes: 0,
        };
        assert!(probe_video(&mut file).unwrap().is_some());
        assert!(
            file.read_bytes >= expected && file.read_bytes < expected + 1024 * 128,
            "{}",
            file.read_bytes
        );
    }
}

#[test]
fn audio_that_never_begins_is_not_searched_for_ever() {
    let beginnings = [
        b"ID3\x04\0\0\0\0\0\0".as_slice(),
        b"ID3\x04\0\0\x7F\x7F\x7F\x7F",
        b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1E\x01vorbis",
        b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0",
        b"fLaC\0\0\0\x22",
        b"\xFF\xF1\x50\x80\x01\x3F\xFC",
        b"\xFF\xFB\x90\0",
    ];
    for beginning in beginnings {
        let mut file = Endless {
            beginning: beginning.to_vec(),
            place: 0,
            read_bytes: 0,
        };
        let facts = probe_video(&mut file).unwrap().unwrap();
        assert!(facts.is_audio(), "{facts:?}");
        assert!(file.read_bytes <= 256 * 1024, "{}", file.read_bytes);
    }
}
