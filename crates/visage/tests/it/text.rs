//! Texts in pictures: characters that no font has are refused, wherever the text comes from.

use std::path::Path;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use visage_cloudinary::Secret;

use crate::cloudinary::{admin, post_signed};
use crate::pictures::png;
use crate::test_app::TestApp;

fn app(fonts: &Path) -> TestApp {
    let mut t = TestApp::with_config(|config| {
        config.embedded.cloud_name = "demo".to_owned();
        config.embedded.api_key = "123".to_owned();
        config.embedded.api_secret = Secret::new("a secret of the tests");
        config.render.fonts = fonts.to_owned();
    });
    t.check_on_drop = false;
    t
}

/// Status and `X-Cld-Error` of a picture with this transformation.
async fn delivered(t: &TestApp, transformation: &str) -> (u16, String) {
    let answer = t.get(&format!("/demo/image/upload/{transformation}/base.png")).await;
    let error = answer.headers.get("x-cld-error").map(|error| error.as_bytes().to_vec());
    (
        answer.status.as_u16(),
        String::from_utf8(error.unwrap_or_default()).unwrap(),
    )
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn refusal(named: &str) -> (u16, String) {
    let rest = "Leave it out, or add a font that has it: see render.fonts in the settings.";
    (400, format!("No font here has the character {named}. {rest}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn text_layer_names_the_character_that_no_font_has() {
    let t = app(Path::new(""));
    post_signed(
        &t,
        "/image/upload",
        &[("public_id", "base")],
        Some(&png(300, 200, [9; 3])),
    )
    .await;
    for (text, named) in [
        ("日本語", "日 (U+65E5)"),
        ("Hi 😀", "😀 (U+1F600)"),
        ("مرحبا", "م (U+0645)"),
        ("नमस्ते", "न (U+0928)"),
        ("한국", "한 (U+D55C)"),
    ] {
        let layer = format!("l_text:Arial_50_bold:{}", encoded(text));
        assert_eq!(delivered(&t, &layer).await, refusal(named), "{text}");
        let through_variable = format!("$t_!{}!/l_text:Arial_50:$(t)", encoded(text));
        assert_eq!(delivered(&t, &through_variable).await, refusal(named), "{text}");
        let skipped = format!("if_w_lt_10/{layer}/if_end");
        assert_eq!(delivered(&t, &skipped).await.0, 200, "{text}");
        let chosen = format!("if_w_gt_10/{layer}/if_end");
        assert_eq!(delivered(&t, &chosen).await, refusal(named), "{text}");
    }
    for text in [
        "Größe",
        "Ελλάδα",
        "Киев",
        "שלום",
        "e\u{301}",
        "a\u{200d}b\u{fe0f}",
        "\u{202e}abc",
    ] {
        let layer = format!("l_text:Arial_50:{}", encoded(text));
        assert_eq!(delivered(&t, &layer).await, (200, String::new()), "{text}");
    }
    let named = json!({"transformation": format!("l_text:Arial_50:{}", encoded("日"))});
    let made = admin(&t, Method::POST, "/transformations/kanji", &named).await;
    assert_eq!(made.status.as_u16(), 200, "{made:?}");
    assert_eq!(delivered(&t, "t_kanji").await, refusal("日 (U+65E5)"));
    let path = format!(
        "/demo/image/upload/l_text:Arial_50:{}/base.png?explain=1",
        encoded("日")
    );
    let explained = t.get(&path).await;
    assert_eq!(explained.status.as_u16(), 400, "{explained:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_image_names_the_character_that_no_font_has() {
    let t = app(Path::new(""));
    let answer = post_signed(&t, "/image/text", &[("text", "Hi 龍"), ("public_id", "words")], None).await;
    let (status, message) = refusal("龍 (U+9F8D)");
    assert_eq!(answer.status.as_u16(), status);
    assert_eq!(answer.json()["error"]["message"], message);
    let answer = post_signed(&t, "/image/text", &[("text", "Hi"), ("public_id", "words")], None).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_drawn_in_the_fonts_of_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kanji.TTF"), font_with_kanji()).unwrap();
    std::fs::write(folder.path().join("broken.otf"), b"no font").unwrap();
    std::fs::write(folder.path().join("README"), b"no font either").unwrap();
    let t = app(folder.path());
    post_signed(
        &t,
        "/image/upload",
        &[("public_id", "base")],
        Some(&png(300, 200, [9; 3])),
    )
    .await;
    for (text, expected) in [("日", (200, String::new())), ("本", refusal("本 (U+672C)"))] {
        for style in ["Arial_50", "Arial_50_bold"] {
            let layer = format!("l_text:{style}:{}", encoded(text));
            assert_eq!(delivered(&t, &layer).await, expected, "{text}, {style}");
        }
    }
    let answer = post_signed(&t, "/image/text", &[("text", "日"), ("public_id", "words")], None).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
}

#[test]
fn folder_of_fonts_is_checked_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(visage::fonts::load(Path::new("")).unwrap().len(), 2);
    assert_eq!(visage::fonts::load(folder.path()).unwrap().len(), 2);
    let missing = visage::fonts::load(&folder.path().join("missing"))
        .unwrap_err()
        .to_string();
    assert!(missing.starts_with("render.fonts: the folder "), "{missing}");
    let large = std::fs::File::create(folder.path().join("large.ttf")).unwrap();
    large.set_len(visage::fonts::MAX_FONT_BYTES + 1).unwrap();
    let refusal = visage::fonts::load(folder.path()).unwrap_err().to_string();
    assert!(refusal.contains("have more than 134217728 bytes"), "{refusal}");
    large.set_len(visage::fonts::MAX_FONT_BYTES).unwrap();
    assert_eq!(
        visage::fonts::load(folder.path()).unwrap().len(),
        2,
        "reported and left out"
    );
}

/// The regular built-in font under another name, with 日 for the first of its characters above that one.
fn font_with_kanji() -> Vec<u8> {
    let mut font = include_bytes!("../../../visage-image/fonts/LiberationSans-Regular.ttf").to_vec();
    let name: Vec<u8> = "Liberation Sans".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let places: Vec<_> = font
        .windows(name.len())
        .enumerate()
        .filter(|(_, text)| *text == name)
        .collect();
    let places: Vec<_> = places.into_iter().map(|(at, _)| at).collect();
    for at in places {
        font[at + 1] = b'K';
    }
    let number = |font: &[u8], at: usize| usize::from(u16::from_be_bytes([font[at], font[at + 1]]));
    let long = |font: &[u8], at: usize| number(font, at) << 16 | number(font, at + 2);
    let directory = (0..number(&font, 4)).map(|index| 12 + 16 * index);
    let cmap = directory
        .into_iter()
        .find(|at| font[*at..].starts_with(b"cmap"))
        .unwrap();
    let cmap = long(&font, cmap + 8);
    let tables = (0..number(&font, cmap + 2)).map(|index| cmap + long(&font, cmap + 4 + 8 * index + 4));
    for table in tables.collect::<Vec<_>>() {
        if number(&font, table) != 4 {
            continue;
        }
        let segments = number(&font, table + 6);
        let (ends, starts) = (table + 14, table + 16 + segments);
        let (deltas, offsets) = (starts + segments, starts + 2 * segments);
        let segment = (0..segments)
            .step_by(2)
            .find(|at| number(&font, starts + at) > 0x65E5)
            .unwrap();
        for (at, value) in [
            (ends, 0x65E5_u16),
            (starts, 0x65E5),
            (deltas, 36_u16.wrapping_sub(0x65E5)),
            (offsets, 0),
        ] {
            font[at + segment..at + segment + 2].copy_from_slice(&value.to_be_bytes());
        }
    }
    font
}
