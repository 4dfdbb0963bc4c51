//! Pictures that cannot be drawn: refused when the API is sent them, and a refusal of the client's when they are stored
//! already. Pictures with harmless flaws are taken everywhere.

use http::StatusCode;
use turbojpeg::{Compressor, Image, PixelFormat};
use visage::library::receive::image_facts;
use visage::library::upload::{self, NewUpload, Original};
use visage::spool::Hashes;
use visage_cloudinary::{DeliveryType, PublicId, ResourceType};
use visage_store::{AssetDetails, AssetKey, Media};

use crate::cloudinary::{app, post_signed};
use crate::pictures::{decode, png};
use crate::test_app::{Answer, TestApp};

const SIDE: usize = 40;

fn jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..SIDE * SIDE)
        .flat_map(|place| [u8::try_from(place % 251).unwrap(), 99, 200])
        .collect();
    let image = Image {
        pixels: pixels.as_slice(),
        width: SIDE,
        pitch: SIDE * 3,
        height: SIDE,
        format: PixelFormat::RGB,
    };
    Compressor::new().unwrap().compress_to_vec(image).unwrap()
}

/// A TIFF of one strip: 8 × 8 pixels, each of `bits` bits, all ones.
fn tiff(bits: u32, compression: u32, photometric: u32) -> Vec<u8> {
    let colours = if photometric == 3 { 1_u32 << bits } else { 0 };
    let map_at = 8 + 8 * bits;
    let tags = [
        (256_u16, 8),
        (257, 8),
        (258, bits),
        (259, compression),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, 8),
        (279, 8 * bits),
        (320, map_at),
    ];
    let tags = &tags[..if colours > 0 { 10 } else { 9 }];
    let mut file = b"II*\0".to_vec();
    file.extend((map_at + colours * 6).to_le_bytes());
    file.resize(map_at as usize, 0xFF);
    for level in [9_u16, 99, 200] {
        (0..colours).for_each(|_| file.extend((level << 8).to_le_bytes()));
    }
    file.extend(u16::try_from(tags.len()).unwrap().to_le_bytes());
    for (tag, value) in tags {
        let (kind, count) = if *tag == 320 { (3_u16, colours * 3) } else { (4, 1) };
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

/// A PNG with one bit of its pixels changed.
fn damaged_png() -> Vec<u8> {
    let mut file = png(40, 40, [9, 99, 200]);
    let data = file.windows(4).position(|kind| kind == b"IDAT").unwrap();
    file[data + 12] ^= 4;
    file
}

async fn upload(t: &TestApp, name: &str, file: &[u8]) -> Answer {
    post_signed(t, "/image/upload", &[("public_id", name)], Some(file)).await
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_that_the_api_takes_can_be_drawn() {
    let t = app();
    let whole = jpeg();
    let end = whole.len() - 2;
    let flawed = [
        ("palette", tiff(8, 1, 3)),
        ("bilevel", tiff(1, 1, 1)),
        ("no-end", whole[..end].to_vec()),
        ("padded", [&whole[..end], &[0xFF; 64]].concat()),
        ("two-beginnings", [b"\xFF\xD8", &whole[..]].concat()),
    ];
    for (name, file) in flawed {
        let answer = upload(&t, name, &file).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {answer:?}");
        for transformation in ["w_20", "w_1.0", "l_palette,w_5/fl_layer_apply", "f_auto"] {
            let drawn = t.get(&format!("/demo/image/upload/{transformation}/{name}.png")).await;
            assert_eq!(drawn.status, StatusCode::OK, "{transformation} of {name}: {drawn:?}");
        }
    }
    let palette = t.get("/demo/image/upload/w_4/palette.png").await;
    assert_eq!(decode(&palette.body), (4, 4, [9, 99, 200]));
    let bilevel = t.get("/demo/image/upload/w_4/bilevel.png").await;
    assert_eq!(decode(&bilevel.body), (4, 4, [255; 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_that_cannot_be_drawn_is_refused_by_the_api() {
    let t = app();
    let whole = jpeg();
    for (name, file, expected) in [
        ("cut", whole[..whole.len() * 2 / 3].to_vec(), "Invalid image file"),
        ("png", damaged_png(), "Invalid image file"),
        ("tiff", tiff(8, 7, 1), "The file is a TIFF with JPEG compression"),
        ("fax", tiff(1, 4, 1), "The file is a TIFF with fax compression"),
    ] {
        for fields in [
            &[][..],
            &[("phash", "true"), ("colors", "true")],
            &[("transformation", "w_30")],
        ] {
            let fields = [&[("public_id", name)], fields].concat();
            let answer = post_signed(&t, "/image/upload", &fields, Some(&file)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}: {answer:?}");
            assert!(message(&answer).starts_with(expected), "{name}: {answer:?}");
        }
        let gone = t.get(&format!("/demo/image/upload/{name}.png")).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{name}");
    }
}

/// Stores a picture as releases did that looked at headers only.
async fn store_unproven(t: &TestApp, name: &str, file: Vec<u8>) {
    let facts = visage_image::probe(&file, &t.app.library.limits).unwrap();
    let new = NewUpload {
        key: AssetKey {
            resource_type: ResourceType::Image,
            delivery_type: DeliveryType::Upload,
            public_id: PublicId::parse(name).unwrap(),
        },
        facts: upload::facts(Hashes::of(&file), Media::Image(image_facts(&facts))),
        original: Original::Bytes(file.into()),
        overwrite: true,
        details: AssetDetails::default(),
        asset_id: None,
    };
    upload::store(&t.app.library, new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_picture_that_cannot_be_drawn_is_a_client_error() {
    let t = app();
    let whole = jpeg();
    upload(&t, "good", &png(40, 40, [1, 2, 3])).await;
    for (name, file) in [
        ("cut", whole[..whole.len() * 2 / 3].to_vec()),
        ("png", damaged_png()),
        ("tiff", tiff(8, 7, 1)),
    ] {
        store_unproven(&t, name, file).await;
        for path in [
            format!("w_20/{name}.png"),
            format!("w_1.0/f_auto/{name}"),
            format!("fl_getinfo,w_20/{name}"),
            format!("c_thumb,g_face,w_10/{name}.jpg"),
            format!("l_{name},w_5/fl_layer_apply/good.png"),
            format!("u_{name},w_5/fl_layer_apply/good.png"),
        ] {
            let answer = t.get(&format!("/demo/image/upload/{path}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {answer:?}");
            let error = answer.header("x-cld-error");
            assert!(
                error.starts_with("The picture is damaged") || error.starts_with("The file is"),
                "{path}: {error}"
            );
        }
        let answer = post_signed(
            &t,
            "/image/explicit",
            &[
                ("public_id", name),
                ("type", "upload"),
                ("eager", "w_20"),
                ("colors", "true"),
            ],
            None,
        )
        .await;
        assert!(answer.status.is_client_error(), "explicit of {name}: {answer:?}");
        let archive = [("public_ids[]", name), ("transformations", "w_20"), ("mode", "create")];
        let answer = post_signed(&t, "/image/generate_archive", &archive, None).await;
        assert!(answer.status.is_client_error(), "archive of {name}: {answer:?}");
    }
}
