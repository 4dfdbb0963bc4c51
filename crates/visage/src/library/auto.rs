//! What `auto` makes of a file that is no picture that can be taken: a film, a raw file, or a refusal.
//!
//! The rule: a file that says by its first bytes that it is a picture is taken as one or refused, and the refusal names the
//! format. SVG and PDF are documents here, as are all bytes that say nothing: they become raw files.

use visage_cloudinary::ResourceType;

use super::receive::ReceiveError;

/// Whether a file that cannot be taken as a picture, because of `refusal`, may be something else: where a picture is
/// `wanted` it may not.
///
/// # Errors
/// The refusal, with the name of the format where there is one.
pub(super) fn may_be_other(
    refusal: ReceiveError,
    head: &[u8],
    wanted: Option<ResourceType>,
) -> Result<(), ReceiveError> {
    match refusal {
        ReceiveError::NotAnImage => match picture_format(head) {
            Some(format) => Err(ReceiveError::DamagedImage { format }),
            None if wanted.is_some() => Err(ReceiveError::NotAnImage),
            None => Ok(()),
        },
        ReceiveError::UnsupportedImage { name: "SVG" | "PDF" } if wanted.is_none() => Ok(()),
        other => Err(other),
    }
}

/// The format of the picture that a file says it is, however damaged. Where a signature is short, more of the header has to
/// look like one: a text may begin with `BM`.
fn picture_format(head: &[u8]) -> Option<&'static str> {
    let at = |place: usize, magic: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(magic));
    let found = match head {
        [0xFF, 0xD8, 0xFF, ..] => "JPEG",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => "PNG",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "GIF",
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WEBP") => "WebP",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF",
        _ if at(4, b"ftypavif") || at(4, b"ftypavis") => "AVIF",
        _ if is_bmp(head) => "BMP",
        _ if is_icon(head) => "icon",
        _ => return None,
    };
    Some(found)
}

/// Two letters, two reserved numbers that are zero, and one of the lengths that the second header has had.
fn is_bmp(head: &[u8]) -> bool {
    let header_bytes = head.get(14..18).unwrap_or_default();
    let unused = head.get(6..10).unwrap_or_default();
    let is_known = matches!(header_bytes, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]);
    head.starts_with(b"BM") && unused == [0; 4] && is_known
}

/// An icon or a cursor: at least one picture, and a byte in its entry that is always zero.
fn is_icon(head: &[u8]) -> bool {
    matches!(head, [0, 0, 1 | 2, 0, count, 0, _, _, _, 0, ..] if *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\xFF\xD8\xFF\xE0"[..], Some("JPEG")),
            (b"\x89PNG\r\n\x1A\n", Some("PNG")),
            (b"GIF89a", Some("GIF")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("WebP")),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"II*\0", Some("TIFF")),
            (b"\0\0\0\x18ftypavif", Some("AVIF")),
            (b"BM\x1A\0\0\0\0\0\0\0\x1A\0\0\0\x28\0\0\0", Some("BMP")),
            (b"BMW is a make of cars, and this is a text.", None),
            (b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0", Some("icon")),
            (b"\0\0\x01\0\0\0", None),
            (b"\0\x01\0\0", None),
            (b"a text", None),
            (b"", None),
        ] {
            assert_eq!(picture_format(head), expected, "{head:?}");
        }
    }
}
