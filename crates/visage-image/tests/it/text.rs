//! Text as pictures: what is drawn, and what is refused.

use visage_cloudinary::transformation::Color;
use visage_image::{
    FontError, Fonts, ImageFormat, Limits, MAX_FONT_SIZE, MAX_TEXT_CHARACTERS, Rendered, TextAlign, TextDecoration,
    TextError, TextStyle, is_bold_weight, render_text,
};

use crate::support::pixels;

fn drawn(text: &str, style: &TextStyle) -> Rendered {
    render_text(text, style, &Fonts::default(), &Limits::default()).unwrap()
}

fn style() -> TextStyle {
    TextStyle {
        font_size: 40,
        ..TextStyle::default()
    }
}

/// The sum of all alpha, in whole pixels.
fn ink(picture: &Rendered) -> u32 {
    pixels(&picture.bytes)
        .2
        .iter()
        .map(|pixel| u32::from(pixel[3]))
        .sum::<u32>()
        / 255
}

const RED: Color = Color {
    red: 255,
    green: 0,
    blue: 0,
    alpha: 255,
};

#[test]
fn a_text_is_as_large_as_its_letters_in_its_colour_on_nothing() {
    let picture = drawn(
        "HELLO",
        &TextStyle {
            font_color: RED,
            ..style()
        },
    );
    assert_eq!(picture.format, ImageFormat::Png);
    // Capitals of Liberation Sans are 0.69 of the size high; these five are 3.4 sizes wide.
    assert!((26..=30).contains(&picture.height) && (110..=140).contains(&picture.width));
    let (_, _, found) = pixels(&picture.bytes);
    assert!(
        found
            .iter()
            .all(|[red, green, blue, alpha]| *alpha == 0 || (*red, *green, *blue) == (255, 0, 0))
    );
    assert!(found.iter().any(|pixel| pixel[3] == 255) && found.iter().any(|pixel| pixel[3] == 0));
}

#[test]
fn the_same_text_is_the_same_file_and_twice_the_size_is_twice_as_large() {
    assert_eq!(drawn("Visage 1", &style()), drawn("Visage 1", &style()));
    let (small, large) = (
        drawn("Visage", &style()),
        drawn(
            "Visage",
            &TextStyle {
                font_size: 80,
                ..style()
            },
        ),
    );
    assert!(large.width.abs_diff(small.width * 2) <= 4 && large.height.abs_diff(small.height * 2) <= 4);
}

#[test]
fn bold_has_more_ink_and_slanted_is_wider() {
    let plain = drawn("IIII", &style());
    assert!(
        ink(&drawn(
            "IIII",
            &TextStyle {
                is_bold: true,
                ..style()
            }
        )) > ink(&plain) * 5 / 4
    );
    assert!(
        drawn(
            "I",
            &TextStyle {
                is_italic: true,
                ..style()
            }
        )
        .width
            > drawn("I", &style()).width + 4
    );
    assert_eq!(
        (is_bold_weight("bold"), is_bold_weight("300"), is_bold_weight("fat")),
        (Some(true), Some(false), None)
    );
}

#[test]
fn lines_under_and_through_letters_are_drawn() {
    let plain = drawn("mmm", &style());
    let underlined = drawn(
        "mmm",
        &TextStyle {
            decoration: TextDecoration::Underline,
            ..style()
        },
    );
    let struck = drawn(
        "mmm",
        &TextStyle {
            decoration: TextDecoration::Strikethrough,
            ..style()
        },
    );
    assert!(underlined.height > plain.height && ink(&underlined) > ink(&plain));
    assert!(struck.height == plain.height && ink(&struck) > ink(&plain));
}

#[test]
fn long_lines_are_broken_and_line_breaks_are_kept() {
    let one = drawn("many words in one line", &style());
    let wrapped = drawn(
        "many words in one line",
        &TextStyle {
            max_width: Some(150),
            ..style()
        },
    );
    assert!(wrapped.width <= 150 && wrapped.height > 2 * one.height);
    let word = drawn(
        "Wwwwwwwwwwwwwwwwwwwwwwww",
        &TextStyle {
            max_width: Some(100),
            ..style()
        },
    );
    assert!(word.width <= 104);
    assert!(drawn("a\nb", &style()).height > drawn("ab", &style()).height + 30);
}

#[test]
fn short_lines_stand_where_the_alignment_says() {
    let left_of_second_line = |align| {
        let (width, height, found) = pixels(&drawn("WWWWWW\nI", &TextStyle { align, ..style() }).bytes);
        let below = found.chunks_exact(width as usize).skip(height as usize * 2 / 3);
        below
            .filter_map(|row| row.iter().position(|pixel| pixel[3] > 128))
            .min()
            .unwrap()
    };
    let [left, center, right] = [TextAlign::Left, TextAlign::Center, TextAlign::Right].map(left_of_second_line);
    assert!(
        left < 10 && center > left + 80 && right > center + 80,
        "{left} {center} {right}"
    );
    assert_eq!(TextAlign::from_word("center"), Some(TextAlign::Center));
    assert_eq!(TextAlign::from_word("middle"), None);
}

#[test]
fn spacing_moves_letters_and_lines_apart() {
    let plain = drawn("abc\nabc", &style());
    let wide = drawn(
        "abc\nabc",
        &TextStyle {
            letter_spacing: 10.0,
            line_spacing: 20.0,
            ..style()
        },
    );
    assert!(
        wide.width.abs_diff(plain.width + 20) <= 2,
        "{} {}",
        wide.width,
        plain.width
    );
    assert_eq!(wide.height, plain.height + 20);
}

#[test]
fn background_and_opacity_are_mixed_in() {
    let style = TextStyle {
        background: Some(RED),
        opacity_percent: 50,
        ..style()
    };
    let (_, _, found) = pixels(&drawn("o", &style).bytes);
    assert!(found.iter().all(|pixel| pixel[3] == 128));
    assert!(found.contains(&[255, 0, 0, 128]) && found.contains(&[0, 0, 0, 128]));
}

#[test]
fn text_without_a_mark_is_as_large_as_its_line() {
    let picture = drawn("   ", &style());
    assert_eq!(ink(&picture), 0);
    assert!(picture.height == 46 && picture.width >= 1);
}

#[test]
fn limits_hold_at_and_beyond_themselves() {
    let limits = Limits::default();
    let refused = |text: &str, style: &TextStyle| render_text(text, style, &Fonts::default(), &limits).unwrap_err();
    assert_eq!(refused("", &style()), TextError::Empty);
    let small = TextStyle {
        font_size: 1,
        ..style()
    };
    assert!(
        render_text(
            &"a ".repeat(MAX_TEXT_CHARACTERS / 2),
            &small,
            &Fonts::default(),
            &limits
        )
        .is_ok()
    );
    assert_eq!(
        refused(&"a".repeat(MAX_TEXT_CHARACTERS + 1), &small),
        TextError::TooLong
    );
    for (font_size, is_taken) in [(0, false), (1, true), (MAX_FONT_SIZE, true), (MAX_FONT_SIZE + 1, false)] {
        let result = render_text("a", &TextStyle { font_size, ..style() }, &Fonts::default(), &limits);
        assert_eq!(result.is_ok(), is_taken, "{font_size}");
    }
    assert_eq!(
        refused(
            "a",
            &TextStyle {
                letter_spacing: f32::NAN,
                ..style()
            }
        ),
        TextError::Spacing
    );
    let huge = TextStyle {
        font_size: MAX_FONT_SIZE,
        ..style()
    };
    assert!(matches!(
        refused("WWWWWWWWWWWWWWWWWWWWWWWWW", &huge),
        TextError::TooLarge { .. }
    ));
    assert!(matches!(refused(&"W\n".repeat(100), &huge), TextError::TooLarge { .. }));
}

#[test]
fn strange_texts_are_drawn_without_harm() {
    let zalgo = format!("a{}", "\u{301}".repeat(3000));
    for text in [
        "\0\u{1}\u{7f}",
        "\u{202e}abc\u{202c}",
        "😀 日本 עברית عربى",
        "\r\n\t\n",
        "\u{feff}\u{200b}",
        zalgo.as_str(),
    ] {
        for max_width in [None, Some(0), Some(1), Some(u32::MAX)] {
            let style = TextStyle {
                align: TextAlign::Justify,
                max_width,
                letter_spacing: -9.0,
                line_spacing: -99.0,
                ..style()
            };
            let result = render_text(text, &style, &Fonts::default(), &Limits::default());
            assert!(
                matches!(
                    result,
                    Ok(_) | Err(TextError::TooLarge { .. } | TextError::NoGlyph { .. })
                ),
                "{text:?} {result:?}"
            );
        }
    }
}

#[test]
fn characters_that_end_a_paragraph_or_have_no_form_do_no_harm() {
    // From right to left before the character, from left to right after it: two paragraphs for the shaper.
    for character in ('\0'..='\u{a0}').chain(['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{feff}']) {
        for text in [
            format!("\u{5d0}a{character}b"),
            format!("b{character}\u{5d0}"),
            character.to_string(),
        ] {
            let result = render_text(&text, &style(), &Fonts::default(), &Limits::default());
            assert!(
                matches!(result, Ok(_) | Err(TextError::Empty)),
                "{character:?}: {result:?}"
            );
        }
    }
    let lines = |text: &str| drawn(text, &style()).height;
    assert_eq!(lines("a\u{2029}b"), lines("a\nb"));
    assert_eq!(lines("a\r\nb"), lines("a\nb"));
}

#[test]
fn character_that_no_font_has_is_named() {
    let missing = |text: &str, style: &TextStyle| match render_text(text, style, &Fonts::default(), &Limits::default())
    {
        Err(TextError::NoGlyph { character }) => Some(character),
        Ok(_) => None,
        Err(error) => panic!("{text}: {error}"),
    };
    let bold = TextStyle {
        is_bold: true,
        ..style()
    };
    for (text, expected) in [
        ("日本語", '日'),
        ("café 😀", '😀'),
        ("مرحبا", 'م'),
        ("नमस्ते", 'न'),
        ("한국", '한'),
        ("สวัสดี", 'ส'),
        ("❤\u{fe0f}", '❤'),
        ("a\u{1ab0}", '\u{1ab0}'),
        ("first line\nsecond 龍", '龍'),
        ("\u{e000}", '\u{e000}'),
        ("\u{ffff}", '\u{ffff}'),
    ] {
        assert_eq!(missing(text, &style()), Some(expected), "{text}");
        assert_eq!(missing(text, &bold), Some(expected), "{text}, bold");
    }
    for text in [
        "Größe ÅÇÑ ſß Ŵŷ Ə",
        "Ελλάδα",
        "Киев Ґґ",
        "שלום",
        "e\u{301} a\u{308} z\u{30c}",
        "a\u{200d}b\u{200c}c\u{fe0f}d\u{2060}e\u{200b}f\u{ad}g",
        "\u{feff}\u{202e}abc\u{202c}\u{2066}d\u{2069}\u{200e}\u{200f}",
        "tab\tline\r\nbell\u{7}",
        "a\u{a0}b\u{2003}c\u{202f}d\u{3000}e\u{2009}f",
        "“quotes” – dash … € ™ ← → ≤ ■",
    ] {
        assert_eq!(missing(text, &style()), None, "{text:?}");
        assert_eq!(missing(text, &bold), None, "{text:?}, bold");
    }
    let error = render_text("日本", &style(), &Fonts::default(), &Limits::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("No font here has the character 日 (U+65E5). "),
        "{error}"
    );
}

/// The regular built-in font under another name, with 日 for the first of its characters above that one.
pub(crate) fn font_with_kanji() -> Vec<u8> {
    let mut font = include_bytes!("../../fonts/LiberationSans-Regular.ttf").to_vec();
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

#[test]
fn added_font_draws_what_the_built_in_ones_lack() {
    let mut fonts = Fonts::default();
    fonts.add(font_with_kanji()).unwrap();
    assert_eq!(fonts.len(), 3);
    for is_bold in [false, true] {
        let style = TextStyle { is_bold, ..style() };
        let drawn = |text: &str, fonts: &Fonts| render_text(text, &style, fonts, &Limits::default());
        assert!(ink(&drawn("a日b", &fonts).unwrap()) > ink(&drawn("ab", &fonts).unwrap()));
        assert_eq!(drawn("abc", &fonts), drawn("abc", &Fonts::default()));
        assert_eq!(drawn("日本", &fonts), Err(TextError::NoGlyph { character: '本' }));
    }
    assert_eq!(Fonts::default().len(), 2, "others do not see it");
}

#[test]
fn file_that_is_no_outline_font_is_not_added() {
    let mut fonts = Fonts::default();
    let mut coloured = font_with_kanji();
    let glyphs = coloured.windows(4).position(|tag| tag == b"glyf").unwrap();
    coloured[glyphs..glyphs + 4].copy_from_slice(b"CBDT");
    assert_eq!(fonts.add(coloured), Err(FontError::Coloured));
    for file in [
        b"".as_slice(),
        b"wOF2 compressed",
        b"ttcf\0\x01\0\0\xFF\xFF\xFF\xFF",
        b"ttcf\0\x01\0\0\0\0\0\0",
    ] {
        assert_eq!(fonts.add(file.to_vec()), Err(FontError::Unreadable));
    }
    let whole = font_with_kanji();
    assert_eq!(fonts.add(whole[..400].to_vec()), Err(FontError::Unreadable));
    assert_eq!(fonts.len(), 2);
}
