//! Animations: frames as they are shown, delays, plays, limits; ours against the frames that other decoders see.

use gif::{DisposalMethod, Frame};
use png::{BlendOp, DisposeOp};
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, Plan, Rendered, plan, probe, render};

use crate::support::pixels;

const RED: [u8; 4] = [250, 0, 0, 255];
const GREEN: [u8; 4] = [0, 250, 0, 255];
const BLUE: [u8; 4] = [0, 0, 250, 255];
const CLEAR: [u8; 4] = [0; 4];

/// Sides of the drawn animations.
const SIDE: u16 = 8;

/// Colour, left, top, width and height, disposal (0 keep, 1 clear, 2 restore), delay in hundredths.
type Drawn = ([u8; 4], u16, u16, u16, u16, u8, u16);

/// All; a corner that goes; one that is put back; one beside it; a hole that is no hole.
const FRAMES: [Drawn; 5] = [
    (RED, 0, 0, 8, 8, 0, 10),
    (GREEN, 0, 0, 4, 4, 1, 20),
    (BLUE, 4, 4, 4, 4, 2, 30),
    (GREEN, 4, 0, 4, 4, 0, 5),
    (CLEAR, 0, 0, 8, 8, 0, 40),
];

/// The colours of the four quarters as each frame is shown: top left, top right, bottom left, bottom right.
const SHOWN: [[[u8; 4]; 4]; 5] = [
    [RED; 4],
    [GREEN, RED, RED, RED],
    [CLEAR, RED, RED, BLUE],
    [CLEAR, GREEN, RED, RED],
    [CLEAR, GREEN, RED, RED],
];

fn drawn_gif(repeats: Option<gif::Repeat>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, SIDE, SIDE, &[]).unwrap();
    if let Some(repeats) = repeats {
        encoder.set_repeat(repeats).unwrap();
    }
    for (colour, left, top, width, height, disposal, delay) in FRAMES {
        let mut data = colour.repeat(usize::from(width) * usize::from(height));
        let mut frame = Frame::from_rgba(width, height, &mut data);
        (frame.left, frame.top, frame.delay) = (left, top, delay);
        frame.dispose = match disposal {
            0 => DisposalMethod::Keep,
            1 => DisposalMethod::Background,
            _ => DisposalMethod::Previous,
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    file
}

/// The same animation; with a default picture that is no frame if asked for.
fn drawn_png(plays: u32, default_picture: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, u32::from(SIDE), u32::from(SIDE));
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(FRAMES.len() as u32, plays).unwrap();
    encoder.set_sep_def_img(default_picture).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if default_picture {
        writer.write_image_data(&BLUE.repeat(64)).unwrap();
    }
    for (colour, left, top, width, height, disposal, delay) in FRAMES {
        writer.set_frame_position(0, 0).unwrap();
        writer.set_frame_dimension(u32::from(width), u32::from(height)).unwrap();
        writer.set_frame_position(u32::from(left), u32::from(top)).unwrap();
        writer.set_frame_delay(delay, 100).unwrap();
        writer.set_blend_op(BlendOp::Over).unwrap();
        let disposal = [DisposeOp::None, DisposeOp::Background, DisposeOp::Previous][usize::from(disposal)];
        writer.set_dispose_op(disposal).unwrap();
        let data = colour.repeat(usize::from(width) * usize::from(height));
        writer.write_image_data(&data).unwrap();
    }
    writer.finish().unwrap();
    file
}

fn planned(file: &[u8], transformation: &str, format: ImageFormat, limits: &Limits) -> Plan {
    let facts = probe(file, limits).unwrap();
    plan(&Transformation::parse(transformation).unwrap(), &facts, format, limits).unwrap()
}

fn animated(file: &[u8], transformation: &str, format: ImageFormat) -> Result<Rendered, ImageError> {
    let limits = Limits::default();
    let plan = planned(file, transformation, format, &limits);
    render(file, &plan, &[], &limits, &|| false)
}

fn frame(file: &[u8], index: u32) -> Result<Vec<u8>, ImageError> {
    let limits = Limits::default();
    let mut plan = planned(file, "", ImageFormat::Png, &limits);
    plan.frame = index;
    render(file, &plan, &[], &limits, &|| false).map(|frame| frame.bytes)
}

fn assert_shown(file: &[u8], what: &str) {
    assert_eq!(probe(file, &Limits::default()).unwrap().frames, 5, "{what}");
    for (index, quarters) in (0..).zip(SHOWN) {
        let (width, _, pixels) = pixels(&frame(file, index).unwrap());
        for (place, wanted) in [(2, 2), (6, 2), (2, 6), (6, 6)].iter().zip(quarters) {
            let found = pixels[(place.1 * width + place.0) as usize];
            let is_near = found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 40);
            assert!(
                is_near || (found[3] == 0 && wanted[3] == 0),
                "{what}: frame {index} is {found:?} at {place:?}, not {wanted:?}"
            );
        }
    }
}

/// Milliseconds of each frame, and the number of plays, by a decoder that is not ours.
fn webp_times(file: &[u8]) -> (Vec<u32>, u16) {
    let mut animation = image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
    let mut frame = vec![0; animation.output_buffer_size().unwrap()];
    let delays = (0..animation.num_frames()).map(|_| animation.read_frame(&mut frame).unwrap());
    let delays = delays.collect();
    let plays = match animation.loop_count() {
        image_webp::LoopCount::Forever => 0,
        image_webp::LoopCount::Times(times) => times.get(),
    };
    (delays, plays)
}

fn gif_times(file: &[u8]) -> (Vec<u16>, gif::Repeat) {
    let mut decoder = gif::DecodeOptions::new().read_info(file).unwrap();
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        delays.push(frame.delay);
    }
    (delays, decoder.repeat())
}

#[test]
fn frames_are_shown_as_the_file_says() {
    assert_shown(&drawn_gif(None), "GIF");
    assert_shown(&drawn_png(0, false), "APNG");
}

#[test]
fn an_animation_stays_the_same_in_another_format() {
    for (source, what) in [(drawn_gif(None), "GIF"), (drawn_png(1, false), "APNG")] {
        for format in [ImageFormat::Gif, ImageFormat::Webp] {
            let made = animated(&source, "q_100", format).unwrap();
            assert_eq!((made.width, made.height, made.format), (8, 8, format));
            assert_shown(&made.bytes, &format!("{what} as {format:?}"));
        }
    }
}

#[test]
fn delays_and_plays_stay() {
    let webp = |source: &[u8]| webp_times(&animated(source, "", ImageFormat::Webp).unwrap().bytes);
    let gif = |source: &[u8]| gif_times(&animated(source, "", ImageFormat::Gif).unwrap().bytes);
    for (repeats, plays) in [
        (None, 1),
        (Some(gif::Repeat::Infinite), 0),
        (Some(gif::Repeat::Finite(3)), 4),
    ] {
        let source = drawn_gif(repeats);
        assert_eq!(webp(&source), (vec![100, 200, 300, 50, 400], plays));
        let repeats = repeats.unwrap_or(gif::Repeat::Finite(0));
        assert_eq!(gif(&source), (vec![10, 20, 30, 5, 40], repeats));
        let by_way_of_webp = animated(&source, "", ImageFormat::Webp).unwrap().bytes;
        assert_eq!(gif(&by_way_of_webp), (vec![10, 20, 30, 5, 40], repeats));
    }
    assert_eq!(webp(&drawn_png(7, false)), (vec![100, 200, 300, 50, 400], 7));
}

#[test]
fn the_default_picture_of_an_apng_is_shown_alone_but_is_no_frame() {
    let source = drawn_png(0, true);
    assert_eq!(pixels(&source).2[0], BLUE);
    let made = animated(&source, "q_100", ImageFormat::Webp).unwrap();
    assert_shown(&made.bytes, "APNG with another default picture");
}

#[test]
fn each_frame_is_resized() {
    let made = animated(&drawn_gif(None), "c_scale,w_24", ImageFormat::Gif).unwrap();
    assert_eq!((made.width, made.height), (24, 24));
    let facts = probe(&made.bytes, &Limits::default()).unwrap();
    assert_eq!((facts.width, facts.height, facts.frames), (24, 24, 5));
}

#[test]
fn the_limits_of_an_animation_hold() {
    let source = drawn_gif(None);
    let limits = |source_pixels, output_pixels| Limits {
        source_pixels,
        output_pixels,
        ..Limits::default()
    };
    // Five canvases of 64 pixels are just within five times 64; output likewise.
    for (limits, is_refused) in [(limits(64, 64), false), (limits(64, 63), true)] {
        let plan = planned(&source, "", ImageFormat::Webp, &Limits::default());
        let result = render(&source, &plan, &[], &limits, &|| false);
        assert_eq!(
            matches!(result, Err(ImageError::TooManyFrames { .. })),
            is_refused,
            "{limits:?}"
        );
    }
    let plan = planned(&source, "", ImageFormat::Webp, &Limits::default());
    let result = render(&source, &plan, &[], &limits(63, 64), &|| false);
    assert_eq!(result, Err(ImageError::TooManyFrames { max_frames: 4 }));
    let result = render(&source, &plan, &[], &Limits::default(), &|| true);
    assert_eq!(result, Err(ImageError::Cancelled));
    let still = planned(&source, "", ImageFormat::Jpg, &Limits::default());
    assert!(!still.is_animated);
}

#[test]
fn gif_frame_is_bounded_by_its_picture() {
    for (width, is_taken) in [(1023, true), (1024, true), (1025, false)] {
        let mut file = Vec::new();
        let mut encoder = gif::Encoder::new(&mut file, 10, 10, &[0, 0, 0, 255, 255, 255]).unwrap();
        let frame = gif::Frame::from_indexed_pixels(width, 1024, vec![0; usize::from(width) * 1024], None);
        encoder.write_frame(&frame).unwrap();
        drop(encoder);
        let reason = "a frame is larger than the picture".to_owned();
        let expected = if is_taken {
            Ok(10)
        } else {
            Err(ImageError::Damaged { reason })
        };
        assert_eq!(
            probe(&file, &Limits::default()).map(|facts| facts.width),
            expected,
            "{width}"
        );
    }
}

#[test]
fn a_frame_that_is_not_there_is_refused() {
    assert!(frame(&drawn_gif(None), 4).is_ok());
    assert!(matches!(frame(&drawn_gif(None), 5), Err(ImageError::Damaged { .. })));
    assert!(matches!(
        frame(&drawn_gif(None), u32::MAX),
        Err(ImageError::Damaged { .. })
    ));
    assert!(matches!(
        frame(&crate::draw::tiff(8, 8, 1), 1),
        Err(ImageError::Damaged { .. })
    ));
}

#[test]
fn each_page_of_a_tiff_can_be_had() {
    use tiff::encoder::{TiffEncoder, colortype::RGBA8};
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for colour in [RED, GREEN, BLUE] {
        encoder.write_image::<RGBA8>(8, 8, &colour.repeat(64)).unwrap();
    }
    let file = file.into_inner();
    for (index, colour) in (0..).zip([RED, GREEN, BLUE]) {
        assert_eq!(pixels(&frame(&file, index).unwrap()).2[0], colour);
    }
    assert!(frame(&file, 3).is_err());
}

#[test]
fn photographed_animations_are_seen_as_others_see_them() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/photos");
    let Ok(source) = std::fs::read(folder.join("animated.webp")) else {
        eprintln!("{} is not there: nothing was tested", folder.display());
        return;
    };
    let mut animation = image_webp::WebPDecoder::new(std::io::Cursor::new(source.as_slice())).unwrap();
    let channels = if animation.has_alpha() { 4 } else { 3 };
    let mut theirs = vec![0; animation.output_buffer_size().unwrap()];
    let last = animation.num_frames() - 1;
    for index in 0..=last {
        animation.read_frame(&mut theirs).unwrap();
        if ![0, 1, 5, last].contains(&index) {
            continue;
        }
        let ours = pixels(&frame(&source, index).unwrap()).2;
        let differ = |(a, b): (&[u8; 4], &[u8])| a[3] != 0 && a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 2);
        let theirs = theirs.chunks_exact(channels);
        let wrong = ours.iter().zip(theirs).filter(|(a, b)| differ((a, b))).count();
        assert_eq!(wrong, 0, "pixels of frame {index}");
    }
    for (name, format) in [("animated.webp", ImageFormat::Gif), ("animated.gif", ImageFormat::Webp)] {
        let source = std::fs::read(folder.join(name)).unwrap();
        let made = animated(&source, "c_fill,w_100,h_100", format).unwrap();
        let facts = |file: &[u8]| probe(file, &Limits::default()).unwrap().frames;
        assert_eq!(facts(&made.bytes), facts(&source), "{name}");
    }
}
