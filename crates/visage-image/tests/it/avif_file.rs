//! AVIF files built box by box, so that each box can lie.
#![allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "names of boxes are written as byte strings"
)]

use crate::draw;

/// A coded picture and what the container says of it.
#[derive(Clone)]
pub(crate) struct Item {
    /// OBUs.
    pub(crate) stream: Vec<u8>,
    pub(crate) size: (u32, u32),
    /// OBUs after the four bytes of `av1C`.
    pub(crate) configuration: Vec<u8>,
    pub(crate) pixi: Option<Vec<u8>>,
    /// Primaries, transfer, matrix, range.
    pub(crate) nclx: Option<[u8; 4]>,
    pub(crate) is_alpha: bool,
}

impl Item {
    /// What visage's own encoder makes of a drawn picture, without any property that a file can do without.
    pub(crate) fn drawn(width: u32, height: u32, quality: &str) -> Self {
        Self::of(
            &draw::plain_avif(width, height, &draw::picture(width, height), quality),
            (width, height),
        )
    }

    /// The coded picture of a file with one item.
    pub(crate) fn of(file: &[u8], size: (u32, u32)) -> Self {
        let mdat = file.windows(4).position(|window| window == b"mdat").unwrap();
        let stream = &file[mdat + 4..];
        Self {
            stream: stream.strip_prefix(&[0x12, 0]).unwrap_or(stream).to_vec(),
            size,
            configuration: Vec::new(),
            pixi: None,
            nclx: None,
            is_alpha: false,
        }
    }

    /// The four bytes of `av1C`, for 8 bits and the chroma that each profile is used for here.
    fn profile(&self) -> [u8; 4] {
        let profile = self.stream[2] >> 5;
        [0x81, profile << 5, if profile == 1 { 0 } else { 0x0C }, 0]
    }

    fn properties(&self) -> Vec<Vec<u8>> {
        let size = [self.size.0.to_be_bytes(), self.size.1.to_be_bytes()].concat();
        let mut properties = vec![
            full_box(b"ispe", &size),
            simple_box(b"av1C", &[&self.profile(), self.configuration.as_slice()].concat()),
        ];
        properties.extend(self.pixi.as_ref().map(|depths| {
            let count = [depths.len() as u8];
            full_box(b"pixi", &[count.as_slice(), depths].concat())
        }));
        properties.extend(self.nclx.map(|[primaries, transfer, matrix, range]| {
            simple_box(
                b"colr",
                &[b"nclx".as_slice(), &[0, primaries, 0, transfer, 0, matrix, range]].concat(),
            )
        }));
        if self.is_alpha {
            properties.push(full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"));
        }
        properties
    }
}

/// How items make up the picture.
pub(crate) enum Shape {
    /// The first item is the picture; others are its alpha planes, and such.
    Plain,
    /// All items are tiles.
    Grid { columns: u8, rows: u8, size: (u16, u16) },
}

/// A whole file; items have the ids 1, 2, …; a grid is the one after them. Item 2 of a plain file is item 1's alpha plane.
pub(crate) fn build(items: &[Item], shape: &Shape, is_premultiplied: bool) -> Vec<u8> {
    let head = |first_at: u32| {
        let mut payloads: Vec<Vec<u8>> = items.iter().map(|item| item.stream.clone()).collect();
        let mut kinds = vec![b"av01"; items.len()];
        let mut properties: Vec<Vec<Vec<u8>>> = items.iter().map(Item::properties).collect();
        let (mut references, mut primary) = (Vec::new(), 1);
        match shape {
            Shape::Plain if items.len() > 1 => {
                references.push(reference(b"auxl", 2, &[1]));
                if is_premultiplied {
                    references.push(reference(b"prem", 1, &[2]));
                }
            }
            Shape::Plain => {}
            Shape::Grid { columns, rows, size } => {
                primary = items.len() as u16 + 1;
                let tiles: Vec<u16> = (1..primary).collect();
                references.push(reference(b"dimg", primary, &tiles));
                let sides = [size.0.to_be_bytes(), size.1.to_be_bytes()].concat();
                payloads.push([&[0, 0, rows - 1, columns - 1], sides.as_slice()].concat());
                kinds.push(b"grid");
                let sides = [u32::from(size.0).to_be_bytes(), u32::from(size.1).to_be_bytes()].concat();
                properties.push(vec![full_box(b"ispe", &sides)]);
            }
        }
        let meta = [
            full_box(b"hdlr", b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full_box(b"pitm", &primary.to_be_bytes()),
            full_box(b"iloc", &locations(&payloads, first_at)),
            full_box(b"iinf", &entries(&kinds)),
            full_box(b"iref", &references.concat()),
            properties_box(&properties),
        ];
        let file_type = simple_box(b"ftyp", b"avif\0\0\0\0avifmif1miaf");
        (
            [file_type, full_box(b"meta", &meta.concat())].concat(),
            payloads.concat(),
        )
    };
    let length = head(0).0.len() as u32;
    let (head, data) = head(length + 8);
    [head, simple_box(b"mdat", &data)].concat()
}

fn locations(payloads: &[Vec<u8>], mut at: u32) -> Vec<u8> {
    let mut data = vec![0x44, 0, 0, payloads.len() as u8];
    for (id, payload) in (1_u16..).zip(payloads) {
        data.extend(id.to_be_bytes());
        data.extend([0, 0, 0, 1]);
        data.extend(at.to_be_bytes());
        data.extend((payload.len() as u32).to_be_bytes());
        at += payload.len() as u32;
    }
    data
}

fn entries(kinds: &[&[u8; 4]]) -> Vec<u8> {
    let mut data = (kinds.len() as u16).to_be_bytes().to_vec();
    for (id, kind) in (1_u16..).zip(kinds) {
        let entry = [
            &[2, 0, 0, 0],
            id.to_be_bytes().as_slice(),
            &[0, 0],
            kind.as_slice(),
            &[0],
        ]
        .concat();
        data.extend(simple_box(b"infe", &entry));
    }
    data
}

fn properties_box(properties: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut associations = (properties.len() as u32).to_be_bytes().to_vec();
    let mut next = 1;
    for (id, of_item) in (1_u16..).zip(properties) {
        associations.extend(id.to_be_bytes());
        associations.push(of_item.len() as u8);
        for _ in of_item {
            associations.push(next);
            next += 1;
        }
    }
    let container = simple_box(b"ipco", &properties.concat().concat());
    simple_box(b"iprp", &[container, full_box(b"ipma", &associations)].concat())
}

fn reference(kind: &[u8; 4], from: u16, to: &[u16]) -> Vec<u8> {
    let mut data = [from.to_be_bytes(), (to.len() as u16).to_be_bytes()].concat();
    data.extend(to.iter().flat_map(|id| id.to_be_bytes()));
    simple_box(kind, &data)
}

fn full_box(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    simple_box(kind, &[&[0; 4], contents].concat())
}

fn simple_box(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    [&(contents.len() as u32 + 8).to_be_bytes(), kind.as_slice(), contents].concat()
}

/// The first OBU of a stream, which is its sequence header, as it is, and what comes after it.
pub(crate) fn split_header(stream: &[u8]) -> (Vec<u8>, Vec<u8>) {
    assert_eq!(
        stream[0], 0x0A,
        "the encoder begins with a sequence header of a stated length"
    );
    let (header, rest) = stream.split_at(2 + usize::from(stream[1]));
    (header.to_vec(), rest.to_vec())
}

/// A sequence header that states colours by these numbers, made of one (of a still picture) that states none.
pub(crate) fn stating_colours(header: &[u8], numbers: [u8; 3]) -> Vec<u8> {
    let mut bits: Vec<bool> = header[2..]
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    let number = |bits: &[bool]| bits.iter().fold(0_usize, |number, bit| number << 1 | usize::from(*bit));
    let profile = number(&bits[..3]);
    let side_bits = number(&bits[10..14]) + number(&bits[14..18]) + 2;
    // Profile, still picture, reduced, level, lengths of the sides, sides, six tools, high bit depth, and of profiles
    // other than 1 whether it is gray.
    let at = 10 + 8 + side_bits + 6 + 1 + usize::from(profile != 1);
    assert!(!bits[at], "it states no colours yet");
    bits[at] = true;
    let stated = numbers
        .into_iter()
        .flat_map(|number| (0..8).rev().map(move |bit| number >> bit & 1 == 1));
    let after = bits.split_off(at + 1);
    bits.extend(stated);
    bits.extend(after);
    let bytes: Vec<u8> = bits.chunks(8).map(|byte| number(byte) as u8).collect();
    [&[0x0A, bytes.len() as u8], bytes.as_slice()].concat()
}
