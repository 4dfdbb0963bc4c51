//! Pictures that the tests draw.

/// A PNG of one colour.
pub(crate) fn png(width: u32, height: u32, rgb: [u8; 3]) -> Vec<u8> {
    let pixels: Vec<u8> = std::iter::repeat_n(rgb, (width * height) as usize).flatten().collect();
    encode(width, height, png::ColorType::Rgb, &pixels)
}

/// A transparent PNG.
pub(crate) fn transparent_png(width: u32, height: u32) -> Vec<u8> {
    encode(
        width,
        height,
        png::ColorType::Rgba,
        &vec![0; (width * height * 4) as usize],
    )
}

/// A PNG that does not shrink: noise from a small generator.
pub(crate) fn noisy_png(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels: Vec<u8> = (0..width * height * 3).map(|_| next()).collect();
    encode(width, height, png::ColorType::Rgb, &pixels)
}

fn encode(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    file
}

/// Width, height and the middle pixel of a PNG.
pub(crate) fn decode(file: &[u8]) -> (u32, u32, [u8; 3]) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let samples = info.color_type.samples();
    let middle = ((info.height / 2 * info.width + info.width / 2) as usize) * samples;
    (
        info.width,
        info.height,
        [pixels[middle], pixels[middle + 1], pixels[middle + 2]],
    )
}
