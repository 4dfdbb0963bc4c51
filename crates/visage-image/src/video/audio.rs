//! Audio files: the header, and of Ogg the last page, which knows how long the file is.
//!
//! MP3, WAV, FLAC, AAC (ADTS) and Ogg. A raw AAC stream says nowhere how long it is.

use std::io::{self, Read, Seek};

use super::{AudioFacts, VideoFacts, read_at};
use crate::bytes;

/// Headers are at the beginning; so are all pages of Ogg at most 64 KiB long.
const LOOKED_AT_BYTES: u64 = 64 * 1024 + 1024;

pub(super) fn probe<R: Read + Seek>(reader: &mut R, format: &'static str, file_bytes: u64) -> io::Result<VideoFacts> {
    let mut facts = VideoFacts::of(format);
    let start = if format == "mp3" {
        after_tag(&read_at(reader, 0, 10)?)
    } else {
        0
    };
    let beginning = read_at(reader, start, LOOKED_AT_BYTES)?;
    let sound_bytes = file_bytes.saturating_sub(start);
    let found = match format {
        "mp3" => mp3(&beginning, sound_bytes),
        "wav" => wav(&beginning, sound_bytes),
        "flac" => flac(&beginning),
        "aac" => adts(&beginning),
        _ => {
            let end = read_at(reader, file_bytes.saturating_sub(LOOKED_AT_BYTES), LOOKED_AT_BYTES)?;
            describe_theora(&beginning, &mut facts);
            ogg(&beginning, &end)
        }
    };
    if let Some(sound) = found {
        facts.duration_seconds = sound.seconds;
        facts.audio = Some(AudioFacts {
            codec: sound.codec.map(str::to_owned),
            frequency_hertz: Some(sound.frequency_hertz),
            channels: Some(sound.channels),
        });
    }
    Ok(facts)
}

struct Sound {
    codec: Option<&'static str>,
    frequency_hertz: u32,
    channels: u32,
    seconds: Option<f64>,
}

/// Where an `ID3v2` tag ends: its size has seven bits per byte.
fn after_tag(beginning: &[u8]) -> u64 {
    const HEADER_BYTES: u64 = 10;
    let size = beginning.get(6..10).filter(|_| beginning.starts_with(b"ID3"));
    size.map_or(0, |size| {
        size.iter().fold(0, |sum, byte| (sum << 7) | u64::from(byte & 0x7F)) + HEADER_BYTES
    })
}

/// The header of a frame of MPEG audio, layer III (ISO 11172-3 and 13818-3).
struct Frame {
    is_version_1: bool,
    frequency_hertz: u32,
    bits_per_second: u32,
    is_mono: bool,
    length: usize,
}

impl Frame {
    fn read(data: &[u8]) -> Option<Self> {
        const RATES: [u32; 3] = [44_100, 48_000, 32_000];
        const KILOBITS_1: [u32; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
        const KILOBITS_2: [u32; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
        let [0xFF, second, third, fourth] = *data.first_chunk::<4>()? else {
            return None;
        };
        if !super::is_mpeg_audio(second, third) {
            return None;
        }
        let version = (second >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
        let rate = RATES.get(usize::from((third >> 2) & 3))?;
        let frequency_hertz = match version {
            3 => *rate,
            2 => rate / 2,
            _ => rate / 4,
        };
        let kilobits = if version == 3 { KILOBITS_1 } else { KILOBITS_2 };
        let bits_per_second = kilobits[usize::from(third >> 4)] * 1000;
        let samples = if version == 3 { 1152 } else { 576 };
        let length = samples / 8 * bits_per_second / frequency_hertz + u32::from((third >> 1) & 1);
        Some(Self {
            is_version_1: version == 3,
            frequency_hertz,
            bits_per_second,
            is_mono: fourth >> 6 == 3,
            length: usize::try_from(length).ok()?,
        })
    }

    /// How many frames there are, if the encoder wrote it into the first one (the "Xing" header).
    fn counted(&self, frame: &[u8]) -> Option<u32> {
        let place = match (self.is_version_1, self.is_mono) {
            (true, false) => 36,
            (true, true) | (false, false) => 21,
            (false, true) => 13,
        };
        let header = frame.get(place..)?;
        let has_count = header.starts_with(b"Xing") || header.starts_with(b"Info");
        (has_count && bytes::u32_be(header, 4)? & 1 == 1).then(|| bytes::u32_be(header, 8))?
    }
}

/// The first frame that another one follows; without a count, all are taken to be as large as the first.
fn mp3(data: &[u8], sound_bytes: u64) -> Option<Sound> {
    let follows = |place: usize, frame: &Frame| {
        let next = data.get(place + frame.length..).unwrap_or_default();
        next.len() < 4 || Frame::read(next).is_some()
    };
    let mut frames = (0..data.len()).filter_map(|place| Some((place, Frame::read(data.get(place..)?)?)));
    let (place, frame) = frames.find(|(place, frame)| follows(*place, frame))?;
    let samples = if frame.is_version_1 { 1152.0 } else { 576.0 };
    let seconds = match frame.counted(data.get(place..)?) {
        Some(count) => f64::from(count) * samples / f64::from(frame.frequency_hertz),
        None => sound_bytes.saturating_sub(place as u64) as f64 * 8.0 / f64::from(frame.bits_per_second),
    };
    Some(Sound {
        codec: Some("mp3"),
        frequency_hertz: frame.frequency_hertz,
        channels: if frame.is_mono { 1 } else { 2 },
        seconds: Some(seconds),
    })
}

/// The chunks `fmt ` and `data`.
fn wav(data: &[u8], file_bytes: u64) -> Option<Sound> {
    const PCM: u16 = 1;
    let mut sound = None;
    let mut bytes_per_second = 0;
    let mut place = 12;
    loop {
        let kind = data.get(place..)?.first_chunk::<4>()?;
        let length = bytes::u32_le(data, place + 4)?;
        match kind {
            b"fmt " => {
                bytes_per_second = bytes::u32_le(data, place + 16)?;
                sound = Some(Sound {
                    codec: (bytes::u16_le(data, place + 8)? == PCM).then_some("pcm"),
                    channels: bytes::u16_le(data, place + 10)?.into(),
                    frequency_hertz: bytes::u32_le(data, place + 12)?,
                    seconds: None,
                });
            }
            b"data" => {
                let there = file_bytes.saturating_sub(place as u64 + 8).min(length.into());
                let mut sound = sound?;
                sound.seconds = (bytes_per_second > 0).then(|| there as f64 / f64::from(bytes_per_second));
                return Some(sound);
            }
            _ => {}
        }
        place = place
            .checked_add(8)?
            .checked_add(usize::try_from(u64::from(length) + u64::from(length % 2)).ok()?)?;
    }
}

/// STREAMINFO (RFC 9639): 20 bits of frequency, 3 of channels, 5 of depth, 36 of samples.
fn flac(data: &[u8]) -> Option<Sound> {
    let packed = bytes::u64_be(data, 18).filter(|_| matches!(data.get(4), Some(0 | 0x80)))?;
    let frequency_hertz = u32::try_from(packed >> 44).ok().filter(|hertz| *hertz > 0)?;
    let samples = packed & 0xF_FFFF_FFFF;
    Some(Sound {
        codec: Some("flac"),
        frequency_hertz,
        channels: u32::try_from((packed >> 41) & 7).ok()? + 1,
        seconds: Some(samples as f64 / f64::from(frequency_hertz)),
    })
}

/// The header of the first frame (ISO 13818-7).
fn adts(data: &[u8]) -> Option<Sound> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
    ];
    let [_, _, third, fourth] = *data.first_chunk::<4>()?;
    Some(Sound {
        codec: Some("aac"),
        frequency_hertz: *RATES.get(usize::from((third >> 2) & 15))?,
        channels: u32::from(((third & 1) << 2) | (fourth >> 6)),
        seconds: None,
    })
}

/// The first packet of an Ogg file (RFC 3533), behind its page's header.
fn first_packet(page: &[u8]) -> Option<&[u8]> {
    page.get(27 + usize::from(*page.get(26)?)..)
}

/// Vorbis or Opus; the last page of the same stream says how many samples came before its end.
fn ogg(beginning: &[u8], end: &[u8]) -> Option<Sound> {
    let packet = first_packet(beginning)?;
    let (codec, channels, frequency_hertz, skipped) = if packet.starts_with(b"\x01vorbis") {
        ("vorbis", *packet.get(11)?, bytes::u32_le(packet, 12)?, 0)
    } else if packet.starts_with(b"OpusHead") {
        ("opus", *packet.get(9)?, 48_000, bytes::u16_le(packet, 10)?)
    } else {
        return None;
    };
    let samples = last_position(end, beginning.get(14..18)?).map(|position| position.saturating_sub(skipped.into()));
    Some(Sound {
        codec: Some(codec),
        frequency_hertz,
        channels: channels.into(),
        seconds: samples
            .filter(|_| frequency_hertz > 0)
            .map(|samples| samples as f64 / f64::from(frequency_hertz)),
    })
}

/// The position that the last page of a stream states; all bits set means none.
fn last_position(end: &[u8], serial: &[u8]) -> Option<u64> {
    let pages = end
        .windows(18)
        .rev()
        .filter(|page| page.starts_with(b"OggS") && page.ends_with(serial));
    let mut positions = pages.filter_map(|page| page.get(6..14)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)));
    positions.find(|position| *position != u64::MAX)
}

/// Theora, the only video in Ogg that is still met.
fn describe_theora(beginning: &[u8], facts: &mut VideoFacts) {
    let Some(packet) = first_packet(beginning).filter(|packet| packet.starts_with(b"\x80theora")) else {
        return;
    };
    let side = |place: usize| {
        bytes::u32_be(packet, place)
            .map(|side| side & 0xFF_FFFF)
            .filter(|side| *side > 0)
    };
    (facts.width, facts.height) = (side(13), side(16));
    facts.video_codec = Some("theora".to_owned());
}
