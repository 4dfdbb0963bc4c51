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

/// Red, green, blue and yellow: the quarters of a picture, clockwise from the top left.
pub(crate) const MARKS: [[u8; 3]; 4] = [[220, 20, 20], [20, 200, 20], [20, 20, 220], [220, 200, 20]];

/// A picture of four quarters, stored as an AVIF that turns it upright with its own boxes; `exif` is the number of that
/// turn, 1 to 8.
pub(crate) fn turned_avif(width: u32, height: u32, exif: u16) -> Vec<u8> {
    let orientation = visage_image::Orientation::from_exif(exif);
    let (w, h) = orientation.turned_size(width, height);
    let mut pixels = Vec::new();
    for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
        let (x, y) = match exif {
            2 => (w - 1 - x, y),
            3 => (w - 1 - x, h - 1 - y),
            4 => (x, h - 1 - y),
            5 => (y, x),
            6 => (h - 1 - y, x),
            7 => (h - 1 - y, w - 1 - x),
            8 => (y, w - 1 - x),
            _ => (x, y),
        };
        pixels.extend(mark((x, y), (width, height)));
    }
    let file = avif_of(&encode(w, h, png::ColorType::Rgb, &pixels));
    // Quarter turns to the left, then a mirror: 0 swaps top and bottom, 1 left and right.
    let (irot, imir) = match exif {
        2 => (None, Some(1)),
        3 => (Some(2), None),
        4 => (None, Some(0)),
        5 => (Some(1), Some(0)),
        6 => (Some(3), None),
        7 => (Some(1), Some(1)),
        8 => (Some(1), None),
        _ => (None, None),
    };
    let turns = [irot.map(|v| (*b"irot", v)), imir.map(|v| (*b"imir", v))];
    turns
        .into_iter()
        .flatten()
        .fold(file, |file, (kind, value)| with_property(file, kind, value))
}

/// The colour of the quarter that a pixel is in.
fn mark((x, y): (u32, u32), (width, height): (u32, u32)) -> [u8; 3] {
    let quarter = match (x < width / 2, y < height / 2) {
        (true, true) => 0,
        (false, true) => 1,
        (false, false) => 2,
        (true, false) => 3,
    };
    MARKS[quarter]
}

/// A PNG of four quarters.
pub(crate) fn quarters(width: u32, height: u32) -> Vec<u8> {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels: Vec<u8> = places.flat_map(|place| mark(place, (width, height))).collect();
    encode(width, height, png::ColorType::Rgb, &pixels)
}

/// The same picture as an AVIF.
pub(crate) fn avif_of(file: &[u8]) -> Vec<u8> {
    let limits = visage_image::Limits::default();
    let facts = visage_image::probe(file, &limits).unwrap();
    let format = visage_image::ImageFormat::Avif;
    let plan = visage_image::plan(&visage_cloudinary::Transformation::default(), &facts, format, &limits).unwrap();
    visage_image::render(file, &plan, &[], &limits, &|| false)
        .unwrap()
        .bytes
}

/// Adds an essential property of one byte to the first picture of an AVIF, and moves what its offsets point at.
fn with_property(mut file: Vec<u8>, kind: [u8; 4], value: u8) -> Vec<u8> {
    let find = |file: &[u8], kind: &[u8; 4]| file.windows(4).position(|found| found == kind).unwrap();
    let number = |file: &[u8], at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let grow = |file: &mut [u8], at: usize, by: u32| {
        let grown = number(file, at) + by;
        file[at..at + 4].copy_from_slice(&grown.to_be_bytes());
    };
    let ipco = find(&file, b"ipco");
    let end = ipco - 4 + number(&file, ipco - 4) as usize;
    let (mut at, mut properties) = (ipco + 4, 0);
    while at < end {
        at += number(&file, at) as usize;
        properties += 1;
    }
    // Version, flags, number of items, the first item's id, its number of properties, their indices.
    let ipma = find(&file, b"ipma");
    let count = ipma + 4 + 4 + 4 + 2;
    let indices = count + 1 + usize::from(file[count]);
    file[count] += 1;
    file.insert(indices, 0x80 | (properties + 1));
    let property = [&9_u32.to_be_bytes()[..], &kind, &[value]].concat();
    file.splice(end..end, property);
    grow(&mut file, ipco - 4, 9);
    let ipma = find(&file, b"ipma");
    grow(&mut file, ipma - 4, 1);
    for (kind, by) in [(b"iprp", 10), (b"meta", 10)] {
        let at = find(&file, kind) - 4;
        grow(&mut file, at, by);
    }
    // Version 0 with offsets of four bytes: per item its id, a zero, the number of extents, offset and length.
    let iloc = find(&file, b"iloc") + 4;
    assert_eq!((file[iloc], &file[iloc + 4..iloc + 6]), (0, &[0x44, 0][..]));
    for item in 0..usize::from(file[iloc + 7]) {
        grow(&mut file, iloc + 8 + item * 14 + 6, 10);
    }
    file
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
    let (width, height, pixels) = pixels(file);
    (width, height, pixels[(height / 2 * width + width / 2) as usize])
}

/// Checks that a PNG shows the four quarters the right way up.
pub(crate) fn assert_upright(file: &[u8], what: &str) {
    let (width, height, pixels) = pixels(file);
    let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
    let (left, right, top, bottom) = (width / 8, width - 1 - width / 8, height / 8, height - 1 - height / 8);
    let corners = [at(left, top), at(right, top), at(right, bottom), at(left, bottom)];
    for (found, mark) in corners.iter().zip(MARKS) {
        let near = found.iter().zip(mark).all(|(found, mark)| found.abs_diff(mark) <= 24);
        assert!(near, "{what}: {corners:?}");
    }
}

/// Width, height and all pixels of a PNG.
fn pixels(file: &[u8]) -> (u32, u32, Vec<[u8; 3]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let samples = info.color_type.samples();
    let pixels = pixels.chunks_exact(samples).map(|p| [p[0], p[1], p[2]]).collect();
    (info.width, info.height, pixels)
}

/// A PNG of one colour with a text in it that nobody sees.
pub(crate) fn png_with_text(width: u32, height: u32, rgb: [u8; 3], text: &str) -> Vec<u8> {
    let pixels: Vec<u8> = std::iter::repeat_n(rgb, (width * height) as usize).flatten().collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".to_owned(), text.to_owned()).unwrap();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// A short MP4 of 64 × 36 pixels that says where it was filmed.
pub(crate) fn mp4(place: &str) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], contents: &[u8]| {
        let length = u32::try_from(contents.len() + 8).unwrap().to_be_bytes();
        [&length, &kind[..], contents].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[0, 64, 0, 36]);
    let descriptions = boxed(b"stsd", &[words(&[0, 1]), boxed(b"avc1", &entry)].concat());
    let sizes = boxed(b"stsz", &words(&[0, 7, 100]));
    let media = [
        boxed(b"mdhd", &words(&[0, 0, 0, 1000, 4000, 0])),
        boxed(b"hdlr", &[words(&[0, 0]), b"vide".to_vec()].concat()),
        boxed(b"minf", &boxed(b"stbl", &[descriptions, sizes].concat())),
    ];
    let header = [
        words(&[0; 10]),
        words(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]),
    ]
    .concat();
    let track = [boxed(b"tkhd", &header), boxed(b"mdia", &media.concat())].concat();
    let index = [
        boxed(b"mvhd", &words(&[0, 0, 0, 1000, 4000])),
        boxed(b"trak", &track),
        boxed(b"udta", &boxed(b"\xA9xyz", place.as_bytes())),
    ];
    let file = [
        boxed(b"ftyp", b"isom\0\0\0\0"),
        boxed(b"mdat", &[7; 1000]),
        boxed(b"moov", &index.concat()),
    ];
    file.concat()
}
