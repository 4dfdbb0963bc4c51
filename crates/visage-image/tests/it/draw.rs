//! Draws small pictures and writes them in every format, with whatever metadata a test wants gone.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
use visage_cloudinary::ImageFormat;
use visage_codecs::webp::{Channels, EncodeOptions, encode};

use crate::support::rendered;

/// What must never be found in a file that leaves.
pub(crate) const SECRET: &str = "SECRET-MAKE";

/// Red, green, blue and yellow: the marks in the corners, clockwise from the top left.
pub(crate) const MARKS: [[u8; 3]; 4] = [[220, 20, 20], [20, 200, 20], [20, 20, 220], [220, 200, 20]];

/// Red, green and blue bytes of a soft gradient with a mark in each corner, a third of each side large.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (left, right) = (x < width / 3, x >= width - width / 3);
            let (top, bottom) = (y < height / 3, y >= height - height / 3);
            pixels.extend(match (left, right, top, bottom) {
                (true, _, true, _) => MARKS[0],
                (_, true, true, _) => MARKS[1],
                (_, true, _, true) => MARKS[2],
                (true, _, _, true) => MARKS[3],
                _ => [100 + (x * 50 / width) as u8, 100 + (y * 50 / height) as u8, 128],
            });
        }
    }
    pixels
}

/// Stores an upright picture so that `orientation` (1 to 8) turns it upright again.
pub(crate) fn stored(width: u32, height: u32, orientation: u16) -> (u32, u32, Vec<u8>) {
    let upright = picture(width, height);
    let (w, h) = if orientation >= 5 {
        (height, width)
    } else {
        (width, height)
    };
    let mut pixels = Vec::new();
    for y in 0..h {
        for x in 0..w {
            let (ux, uy) = match orientation {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (h - 1 - y, x),
                7 => (h - 1 - y, w - 1 - x),
                8 => (y, w - 1 - x),
                _ => (x, y),
            };
            let at = ((uy * width + ux) * 3) as usize;
            pixels.extend_from_slice(&upright[at..at + 3]);
        }
    }
    (w, h, pixels)
}

/// An EXIF block: orientation, make, and a GPS position.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    let make = format!("{SECRET}\0");
    let after = 8 + 2 + 3 * 12 + 4;
    let entry = |tiff: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: u32| {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(count.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    };
    entry(&mut tiff, 271, 2, make.len() as u32, after);
    entry(&mut tiff, 274, 3, 1, u32::from(orientation));
    entry(&mut tiff, 34853, 4, 1, after + make.len() as u32);
    tiff.extend([0; 4]);
    tiff.extend(make.as_bytes());
    tiff.extend(1_u16.to_le_bytes());
    entry(&mut tiff, 1, 2, 2, u32::from(b'N'));
    tiff.extend([0; 4]);
    [b"Exif\0\0".as_slice(), &tiff].concat()
}

pub(crate) fn jpeg(width: u32, height: u32, pixels: &[u8], subsampling: Subsamp) -> Vec<u8> {
    let format = if pixels.len() == (width * height) as usize {
        PixelFormat::GRAY
    } else {
        PixelFormat::RGB
    };
    compress(width, height, pixels, format, subsampling)
}

/// Inks as JPEG stores them, inverted.
pub(crate) fn cmyk_jpeg(width: u32, height: u32) -> Vec<u8> {
    let inks: Vec<u8> = picture(width, height)
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|[r, g, b]| [*r, *g, *b, 255])
        .collect();
    compress(width, height, &inks, PixelFormat::CMYK, Subsamp::None)
}

fn compress(width: u32, height: u32, pixels: &[u8], format: PixelFormat, subsampling: Subsamp) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(92).unwrap();
    let subsampling = if format == PixelFormat::GRAY {
        Subsamp::Gray
    } else {
        subsampling
    };
    compressor.set_subsamp(subsampling).unwrap();
    let (width, height) = (width as usize, height as usize);
    compressor
        .compress_to_vec(Image {
            pixels,
            width,
            pitch: width * format.size(),
            height,
            format,
        })
        .unwrap()
}

/// Puts segments after SOI; each is a marker and a payload.
pub(crate) fn with_segments(jpeg: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    for (marker, payload) in segments {
        file.extend([0xFF, *marker]);
        file.extend((payload.len() as u16 + 2).to_be_bytes());
        file.extend_from_slice(payload);
    }
    file.extend_from_slice(&jpeg[2..]);
    file
}

/// A colour profile as one APP2 payload.
pub(crate) fn icc_segment(profile: &moxcms::ColorProfile) -> Vec<u8> {
    [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile.encode().unwrap()].concat()
}

/// Everything that a camera and an editor put into a JPEG, and a tail.
pub(crate) fn dirty_jpeg(orientation: u16, width: u32, height: u32, subsampling: Subsamp) -> Vec<u8> {
    let (w, h, pixels) = stored(width, height, orientation);
    let xmp = format!("http://ns.adobe.com/xap/1.0/\0<x>{SECRET}</x>");
    let clean = jpeg(w, h, &pixels, subsampling);
    let mut file = with_segments(
        &clean,
        &[
            (0xE1, &exif(orientation)),
            (0xE1, xmp.as_bytes()),
            (0xED, SECRET.as_bytes()),
            (0xFE, SECRET.as_bytes()),
        ],
    );
    file.extend_from_slice(SECRET.as_bytes());
    file
}

pub(crate) fn png(width: u32, height: u32, pixels: &[u8], exif_block: Option<&[u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(match pixels.len() / (width * height) as usize {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    encoder.add_text_chunk("Make".into(), SECRET.into()).unwrap();
    encoder.add_ztxt_chunk("Comment".into(), SECRET.into()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if let Some(block) = exif_block {
        writer
            .write_chunk(png::chunk::ChunkType(*b"eXIf"), &block[6..])
            .unwrap();
    }
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    file
}

/// One chunk of a PNG.
pub(crate) fn chunk(kind: &str, data: &[u8]) -> Vec<u8> {
    let named = [kind.as_bytes(), data].concat();
    let checksum = crc32fast::hash(&named).to_be_bytes();
    [&(data.len() as u32).to_be_bytes(), named.as_slice(), &checksum].concat()
}

/// A PNG with these chunks right after its header.
pub(crate) fn with_chunks(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    const HEADER_END: usize = 33;
    [&png[..HEADER_END], &chunks.concat(), &png[HEADER_END..]].concat()
}

/// Two frames and a comment.
pub(crate) fn apng(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(2, 0).unwrap();
    encoder.add_text_chunk("Comment".into(), SECRET.into()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&picture(width, height)).unwrap();
    writer.write_image_data(&picture(width, height)).unwrap();
    writer.finish().unwrap();
    file
}

pub(crate) fn webp(width: u32, height: u32, pixels: &[u8], lossless: bool, exif_block: Option<&[u8]>) -> Vec<u8> {
    let channels = if pixels.len() == (width * height * 4) as usize {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    let options = EncodeOptions {
        lossless,
        quality: 90.0,
        method: 4,
    };
    let still = encode((width, height), channels, pixels, options, &|| false).unwrap();
    let Some(block) = exif_block else { return still };
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0\x0C\0\0\0".to_vec();
    file.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
    file.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
    file.extend_from_slice(&still[12..]);
    for (kind, data) in [(b"EXIF", block), (b"XMP ", SECRET.as_bytes())] {
        file.extend_from_slice(kind);
        file.extend((data.len() as u32).to_le_bytes());
        file.extend_from_slice(data);
        file.extend(vec![0; data.len() % 2]);
    }
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// Two frames, a comment, and a loop.
pub(crate) fn gif(width: u16, height: u16) -> Vec<u8> {
    let pixels = picture(u32::from(width), u32::from(height));
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, width, height, &[]).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    encoder
        .write_raw_extension(gif::AnyExtension(0xFE), &[SECRET.as_bytes()])
        .unwrap();
    encoder
        .write_frame(&gif::Frame::from_rgb(width, height, &pixels))
        .unwrap();
    encoder
        .write_frame(&gif::Frame::from_rgb(width, height, &pixels))
        .unwrap();
    drop(encoder);
    file
}

/// An AVIF as visage makes it, with the quality of a transformation.
pub(crate) fn plain_avif(width: u32, height: u32, pixels: &[u8], quality: &str) -> Vec<u8> {
    let picture = png(width, height, pixels, None);
    rendered(&picture, quality, ImageFormat::Avif).unwrap().bytes
}

pub(crate) fn avif(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = plain_avif(width, height, pixels, "q_90:444");
    let secret = [b"0123456789abcdef".as_slice(), SECRET.as_bytes()].concat();
    file.extend((secret.len() as u32 + 8).to_be_bytes());
    file.extend_from_slice(b"uuid");
    file.extend_from_slice(&secret);
    file
}

/// An AVIF whose colour box has become a box that turns.
pub(crate) fn avif_turned(width: u32, height: u32, pixels: &[u8], kind: [u8; 4], value: u8) -> Vec<u8> {
    let mut file = avif(width, height, pixels);
    let find = |file: &[u8], text: &[u8]| file.windows(text.len()).position(|window| window == text).unwrap();
    let colr = find(&file, b"colrnclx");
    file[colr..colr + 4].copy_from_slice(&kind);
    file[colr + 4] = value;
    let mut before = find(&file, b"ipco") + 4;
    let mut index = 1;
    while before + 4 < colr {
        before += u32::from_be_bytes(file[before..before + 4].try_into().unwrap()) as usize;
        index += 1;
    }
    // Version, flags, count, item id, then the number of properties and the properties; turning ones are essential.
    let list = find(&file, b"ipma") + 4 + 4 + 4 + 2;
    let count = usize::from(file[list]);
    let entry = file[list + 1..=list + count]
        .iter_mut()
        .find(|entry| **entry & 0x7F == index)
        .unwrap();
    *entry |= 0x80;
    file
}

pub(crate) fn bmp(width: u32, height: u32) -> Vec<u8> {
    let row = (width as usize * 3).next_multiple_of(4);
    let mut file = b"BM".to_vec();
    file.extend((54 + row as u32 * height).to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend(54_u32.to_le_bytes());
    file.extend(40_u32.to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(24_u16.to_le_bytes());
    file.extend([0; 24]);
    for pixels in picture(width, height).chunks_exact(width as usize * 3).rev() {
        let mut line: Vec<u8> = pixels
            .as_chunks::<3>()
            .0
            .iter()
            .flat_map(|[r, g, b]| [*b, *g, *r])
            .collect();
        line.resize(row, 0);
        file.extend(line);
    }
    file
}

pub(crate) fn tiff(width: u32, height: u32, orientation: u16) -> Vec<u8> {
    use tiff::encoder::{TiffEncoder, colortype::RGB8};
    use tiff::tags::Tag;
    let (w, h, pixels) = stored(width, height, orientation);
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut image = encoder.new_image::<RGB8>(w, h).unwrap();
    image.encoder().write_tag(Tag::Orientation, orientation).unwrap();
    image.encoder().write_tag(Tag::Make, SECRET).unwrap();
    image.write_data(&pixels).unwrap();
    file.into_inner()
}

/// A small gray bitmap and the picture, as a bitmap or as a PNG.
pub(crate) fn ico(width: u32, height: u32, is_png: bool) -> Vec<u8> {
    let bitmap = |width: u32, height: u32, pixels: &[u8]| {
        let mut data = 40_u32.to_le_bytes().to_vec();
        data.extend(width.to_le_bytes());
        data.extend((height * 2).to_le_bytes());
        data.extend([1, 0, 32, 0]);
        data.extend([0; 24]);
        for row in pixels.chunks_exact(width as usize * 3).rev() {
            data.extend(row.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*b, *g, *r, 255]));
        }
        data.extend(vec![0; (width.div_ceil(32) * 4 * height) as usize]);
        data
    };
    let small = bitmap(4, 4, &[128; 48]);
    let large = if is_png {
        let pixels = picture(width, height);
        let pixels = pixels.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]);
        png(width, height, &pixels.collect::<Vec<_>>(), None)
    } else {
        bitmap(width, height, &picture(width, height))
    };
    let mut file = vec![0, 0, 1, 0, 2, 0];
    let mut start = 6 + 2 * 16;
    for (width, height, data) in [(4, 4, &small), (width, height, &large)] {
        file.extend([width as u8, height as u8, 0, 0, 1, 0, 32, 0]);
        file.extend((data.len() as u32).to_le_bytes());
        file.extend((start as u32).to_le_bytes());
        start += data.len();
    }
    [file, small, large, SECRET.as_bytes().to_vec()].concat()
}

/// A small picture with secrets in it, in each format that is taken.
pub(crate) fn one_of_each() -> Vec<(ImageFormat, Vec<u8>)> {
    let (width, height) = (48, 32);
    let pixels = picture(width, height);
    let block = exif(1);
    vec![
        (ImageFormat::Jpg, dirty_jpeg(1, width, height, Subsamp::Sub2x2)),
        (ImageFormat::Png, png(width, height, &pixels, Some(&block))),
        (ImageFormat::Webp, webp(width, height, &pixels, false, Some(&block))),
        (ImageFormat::Avif, avif(width, height, &pixels)),
        (ImageFormat::Gif, gif(48, 32)),
        (ImageFormat::Bmp, bmp(width, height)),
        (ImageFormat::Tiff, tiff(width, height, 1)),
        (ImageFormat::Ico, ico(width, height, false)),
    ]
}
