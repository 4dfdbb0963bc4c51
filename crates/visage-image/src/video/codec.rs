//! The names by which people know codecs.

/// The name for an MP4 sample entry or a Matroska codec id; one that has no other name keeps its own.
pub(super) fn name(id: &str) -> String {
    let known = match id {
        "avc1" | "avc3" | "V_MPEG4/ISO/AVC" => "h264",
        "hvc1" | "hev1" | "V_MPEGH/ISO/HEVC" => "hevc",
        "vp08" | "V_VP8" => "vp8",
        "vp09" | "V_VP9" => "vp9",
        "av01" | "V_AV1" => "av1",
        "mp4v" | "V_MPEG4/ISO/ASP" => "mpeg4",
        "apch" | "apcn" | "apcs" | "apco" | "ap4h" => "prores",
        "mp4a" | "A_AAC" => "aac",
        "Opus" | "A_OPUS" => "opus",
        "A_VORBIS" => "vorbis",
        ".mp3" | "A_MPEG/L3" => "mp3",
        "ac-3" | "A_AC3" => "ac3",
        "ec-3" | "A_EAC3" => "eac3",
        "fLaC" | "A_FLAC" => "flac",
        "alac" => "alac",
        other => return other.chars().filter(char::is_ascii_graphic).take(32).collect(),
    };
    known.to_owned()
}
