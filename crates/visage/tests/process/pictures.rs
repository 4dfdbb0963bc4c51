//! Pictures that the tests draw. Each has a colour of its own, by which it is known again after it was delivered.

use std::io::Cursor;

const SIDE_PIXELS: u32 = 64;

/// How many pictures can be told apart.
pub(crate) const IDENTITIES: u16 = 4096;

/// A PNG in the colour that stands for `identity`.
pub(crate) fn picture(identity: u16) -> Vec<u8> {
    let pixels = colour(identity).repeat((SIDE_PIXELS * SIDE_PIXELS) as usize);
    encode(SIDE_PIXELS, SIDE_PIXELS, &pixels)
}

/// A PNG of noise: about `3 * side_pixels * side_pixels` bytes, for it does not shrink.
pub(crate) fn noise(side_pixels: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels: Vec<u8> = (0..side_pixels * side_pixels * 3).map(|_| next()).collect();
    encode(side_pixels, side_pixels, &pixels)
}

/// Which picture a delivered PNG was made from. All of it must be there and have that one colour.
pub(crate) fn identity(file: &[u8]) -> u16 {
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let samples = info.color_type.samples();
    let mut pixels = pixels[..info.buffer_size()].chunks(samples).map(rgb);
    let first = pixels.next().unwrap();
    assert!(
        pixels.all(|other| other.iter().zip(first).all(|(a, b)| a.abs_diff(b) <= 4)),
        "the picture is not of one colour"
    );
    first
        .iter()
        .fold(0, |identity, channel| identity << 4 | ((u16::from(*channel) + 8) / 17))
}

/// Four bits of the identity in each channel, far enough apart to survive scaling and encoding.
fn colour(identity: u16) -> [u8; 3] {
    assert!(identity < IDENTITIES, "there is no colour for {identity}");
    [8, 4, 0].map(|shift| u8::try_from(identity >> shift & 0xf).unwrap() * 17)
}

fn rgb(pixel: &[u8]) -> [u8; 3] {
    match *pixel {
        [grey] | [grey, _] => [grey; 3],
        [r, g, b, ..] => [r, g, b],
        [] => panic!("a pixel without samples"),
    }
}

fn encode(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    file
}

#[test]
fn a_picture_is_known_by_its_colour() {
    for id in [0, 1, 15, 16, 0xabc, IDENTITIES - 1] {
        assert_eq!(identity(&picture(id)), id);
    }
}
