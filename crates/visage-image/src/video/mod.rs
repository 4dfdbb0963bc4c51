//! What video and audio files are: container, size, length, tracks; and what is personal in them goes. Nothing is decoded.
//!
//! The bytes decide, not the name. Little is read: the index of an MP4, the beginning of a
//! Matroska file, the headers of audio.
//! Lengths in a file are believed only as far as there are bytes. AVI, FLV and MPEG streams are known by their first
//! bytes alone.
#![allow(
    clippy::cast_precision_loss,
    reason = "lengths, sizes and counts of files are far below 2^53"
)]

mod audio;
mod codec;
mod matroska;
mod matroska_clean;
mod mp4;
mod mp4_clean;
mod mp4_samples;

use std::io::{self, Read, Seek, SeekFrom};

/// What a video or audio file says about itself; what it does not say is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VideoFacts {
    /// The container, by its usual extension: `mp4`, `mov`, `m4a`, `webm`, `mkv`, `ogg`, `mp3`, `wav`, `flac`, `aac`,
    /// `avi`, `flv` or `mpeg`.
    pub format: &'static str,
    /// Width in pixels as it is shown, so after the rotation.
    pub width: Option<u32>,
    /// Height in pixels as it is shown.
    pub height: Option<u32>,
    /// Length in seconds.
    pub duration_seconds: Option<f64>,
    /// Bits of the file per second of its length.
    pub bit_rate: Option<u64>,
    /// Pictures per second, on average.
    pub frame_rate: Option<f64>,
    /// Pictures, where the file has an index of them.
    pub frames: Option<u64>,
    /// By how many degrees a player turns the stored pictures clockwise: 0, 90, 180 or 270.
    pub rotation: u16,
    /// The codec of the first video track, such as `h264`.
    pub video_codec: Option<String>,
    /// The first audio track.
    pub audio: Option<AudioFacts>,
}

/// An audio track.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudioFacts {
    /// The codec, such as `aac`.
    pub codec: Option<String>,
    /// Samples per second.
    pub frequency_hertz: Option<u32>,
    /// Channels.
    pub channels: Option<u32>,
}

impl VideoFacts {
    /// Whether there is sound and no picture: Cloudinary's `is_audio`.
    pub fn is_audio(&self) -> bool {
        self.video_codec.is_none() && (self.audio.is_some() || is_audio_format(self.format))
    }

    fn of(format: &'static str) -> Self {
        Self {
            format,
            ..Self::default()
        }
    }
}

/// Reads what a video or audio file is; `None` when it is neither. What is damaged is left out.
///
/// # Errors
///
/// Only when `reader` cannot be read.
pub fn probe_video<R: Read + Seek>(reader: &mut R) -> io::Result<Option<VideoFacts>> {
    const MAGIC_BYTES: u64 = 64;
    let file_bytes = reader.seek(SeekFrom::End(0))?;
    let beginning = read_at(reader, 0, MAGIC_BYTES)?;
    let Some(format) = container(&beginning) else {
        return Ok(None);
    };
    let mut facts = match format {
        "mp4" | "mov" | "m4a" => mp4::probe(reader, format, file_bytes)?,
        "webm" => matroska::probe(reader)?,
        "mp3" | "wav" | "flac" | "ogg" | "aac" => audio::probe(reader, format, file_bytes)?,
        _ => VideoFacts::of(format),
    };
    facts.duration_seconds = facts
        .duration_seconds
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    facts.bit_rate = facts.duration_seconds.map(|seconds| rate(file_bytes, seconds));
    Ok(Some(facts))
}

/// Why a video is not cleaned, in sentences for the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VideoError {
    /// A container that is not taken.
    #[error("Only MP4, MOV and WebM videos can be cleaned.")]
    Unsupported,
    /// Its structure contradicts itself, or nothing would be left to play.
    #[error("The video is damaged: its index contradicts itself.")]
    Damaged,
    /// There are samples of something else than picture and sound, and where they are cannot be told.
    #[error(
        "The video has data beside picture and sound, such as positions or subtitles, which cannot be taken out. Save it \
         without them and send it again."
    )]
    Data,
    /// The caller said stop.
    #[error("The work on the video was cancelled.")]
    Cancelled,
}

/// Takes out of a video what is neither picture nor sound, in place: the file stays as long as it is, and is found to be the
/// same video as before. `facts` are those of [`probe_video`] for the same bytes. The work grows with the length of the file
/// and no number in it; `cancelled` is asked now and then.
///
/// # Errors
///
/// When it is not `mp4`, `mov` or `webm`, which is said before a byte changes; when it is damaged, has samples of data that
/// cannot be found, or `cancelled` says so, and then what is in `file` is of no use.
pub fn sanitise_video(file: &mut [u8], facts: &VideoFacts, cancelled: &dyn Fn() -> bool) -> Result<(), VideoError> {
    let mut steps = Steps { cancelled, taken: 0 };
    match facts.format {
        "mp4" | "mov" => mp4_clean::clean(file, &mut steps)?,
        "webm" => matroska_clean::clean(file, &mut steps)?,
        _ => return Err(VideoError::Unsupported),
    }
    // Tables that lie may have had the index itself blanked.
    let left = probe_video(&mut io::Cursor::new(&*file)).ok().flatten();
    if left.as_ref() == Some(facts) {
        Ok(())
    } else {
        Err(VideoError::Damaged)
    }
}

/// How much memory [`sanitise_video`] may need, with the file: tables and index are copied, and are no longer than it.
pub fn sanitise_video_memory_bytes(file_bytes: u64) -> u64 {
    file_bytes.saturating_mul(2)
}

/// Counts what was looked at, so that the question whether to go on is asked now and then.
struct Steps<'a> {
    cancelled: &'a dyn Fn() -> bool,
    taken: u32,
}

impl Steps<'_> {
    /// Enough for the question to cost nothing, few enough to be done in no time.
    const BETWEEN_QUESTIONS: u32 = 4096;

    fn take(&mut self) -> Result<(), VideoError> {
        self.taken = self.taken.wrapping_add(1);
        if self.taken.is_multiple_of(Self::BETWEEN_QUESTIONS) && (self.cancelled)() {
            return Err(VideoError::Cancelled);
        }
        Ok(())
    }
}

/// The container by its first bytes. Pictures in the same container (AVIF, HEIC) are none of it; what the EBML header
/// of a `webm` really says is seen later.
fn container(bytes: &[u8]) -> Option<&'static str> {
    let at = |place: usize, magic: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(magic));
    if at(4, b"ftyp") {
        return match bytes.get(8..12)? {
            b"avif" | b"avis" | b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => None,
            b"qt  " => Some("mov"),
            b"M4A " | b"M4B " => Some("m4a"),
            _ => Some("mp4"),
        };
    }
    if at(4, b"moov") || at(4, b"mdat") || at(4, b"wide") {
        return Some("mov"); // from before `ftyp` was invented
    }
    let found = match bytes {
        [0x1A, 0x45, 0xDF, 0xA3, ..] => "webm",
        [b'O', b'g', b'g', b'S', ..] => "ogg",
        [b'f', b'L', b'a', b'C', ..] => "flac",
        [b'F', b'L', b'V', 1, ..] => "flv",
        [b'I', b'D', b'3', 2..=4, ..] => "mp3",
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WAVE") => "wav",
        [b'R', b'I', b'F', b'F', ..] if at(8, b"AVI ") => "avi",
        [0, 0, 1, 0xBA, ..] => "mpeg",
        [0xFF, 0xF0 | 0xF1 | 0xF8 | 0xF9, ..] => "aac",
        [0xFF, second, third, ..] if is_mpeg_audio(*second, *third) => "mp3",
        _ => return None,
    };
    Some(found)
}

/// A frame header of MPEG audio, layer III, with a bit rate and a sample rate that exist.
fn is_mpeg_audio(second: u8, third: u8) -> bool {
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    second & 0xE0 == 0xE0 && version != 1 && layer == 1 && !matches!(third >> 4, 0 | 15) && (third >> 2) & 3 != 3
}

fn is_audio_format(format: &str) -> bool {
    matches!(format, "m4a" | "ogg" | "mp3" | "wav" | "flac" | "aac")
}

/// At most `max_bytes` from `start` on; memory grows with what is there, not with what was asked for.
fn read_at<R: Read + Seek>(reader: &mut R, start: u64, max_bytes: u64) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(start))?;
    let mut found = Vec::new();
    reader.take(max_bytes).read_to_end(&mut found)?;
    Ok(found)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast from a float stops at the largest number"
)]
fn rate(file_bytes: u64, seconds: f64) -> u64 {
    (file_bytes as f64 * 8.0 / seconds).round() as u64
}
