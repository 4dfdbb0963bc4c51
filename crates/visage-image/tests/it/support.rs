//! What several tests need: a whole way through the crate, and a look at the result.

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, Rendered, Sanitised, plan, probe, render, sanitise};

use crate::draw::MARKS;

pub(crate) fn sanitised(file: &[u8]) -> Result<Sanitised, ImageError> {
    let limits = Limits::default();
    sanitise(file, &probe(file, &limits)?, &limits, &|| false)
}

pub(crate) fn rendered(file: &[u8], transformation: &str, format: ImageFormat) -> Result<Rendered, ImageError> {
    let limits = Limits::default();
    let facts = probe(file, &limits)?;
    let plan = plan(&Transformation::parse(transformation).unwrap(), &facts, format, &limits).unwrap();
    render(file, &plan, &[], &limits, &|| false)
}

/// Width, height and RGBA bytes of any file, by way of our own PNG output.
pub(crate) fn pixels(file: &[u8]) -> (u32, u32, Vec<[u8; 4]>) {
    let png = rendered(file, "", ImageFormat::Png).unwrap();
    let mut decoder = png::Decoder::new(std::io::Cursor::new(&png.bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut data).unwrap();
    data.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        png::ColorType::GrayscaleAlpha => data.as_chunks::<2>().0.iter().map(|[l, a]| [*l, *l, *l, *a]).collect(),
        _ => data.as_chunks::<4>().0.to_vec(),
    };
    (png.width, png.height, pixels)
}

/// Checks that the marks stand in the corners of an upright picture.
pub(crate) fn assert_marks(file: &[u8], what: &str) {
    let (width, height, pixels) = pixels(file);
    let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
    let (left, right, top, bottom) = (width / 7, width - 1 - width / 7, height / 7, height - 1 - height / 7);
    let corners = [at(left, top), at(right, top), at(right, bottom), at(left, bottom)];
    for (index, (found, mark)) in corners.iter().zip(MARKS).enumerate() {
        let near = found
            .iter()
            .zip(mark)
            .all(|(found, wanted)| found.abs_diff(wanted) <= 24);
        assert!(near, "{what}: corner {index} is {found:?}, not {mark:?}");
    }
}

pub(crate) fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}
