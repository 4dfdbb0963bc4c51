//! The fonts that text is drawn in.

use std::fmt;
use std::sync::{Arc, LazyLock};

use cosmic_text::fontdb::{Database, Source};
use cosmic_text::{Buffer, FontSystem, Weight};

use crate::bytes;

/// The family that is looked at first; others only for what it lacks.
pub(super) const FAMILY: &str = "Liberation Sans";

const BUILT_IN: [&[u8]; 2] = [
    include_bytes!("../../fonts/LiberationSans-Regular.ttf"),
    include_bytes!("../../fonts/LiberationSans-Bold.ttf"),
];

/// Tables of coloured letters, which are not drawn.
const COLOUR_TABLES: [[u8; 4]; 4] = [*b"CBDT", *b"COLR", *b"SVG ", *b"sbix"];

/// Tables of outlines.
const OUTLINE_TABLES: [[u8; 4]; 3] = [*b"glyf", *b"CFF ", *b"CFF2"];

/// Faces that one file may hold.
const MAX_FACES: u32 = 64;

/// Liberation Sans, and fonts added for characters that it lacks. Copies share the files.
#[derive(Clone)]
pub struct Fonts(Arc<Database>);

/// A file that is no font to draw text in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    /// The bytes are none, or a damaged one, or compressed for the Web.
    #[error("it is not a TrueType or OpenType font")]
    Unreadable,
    /// Such as colour emoji.
    #[error("its letters are coloured; only fonts of outlines are drawn")]
    Coloured,
}

impl Fonts {
    /// Adds the faces of a TrueType or OpenType file, or of a collection of them; those added first count first.
    ///
    /// # Errors
    ///
    /// When the file is none of these, or its letters are coloured; nothing is added then.
    pub fn add(&mut self, file: Vec<u8>) -> Result<(), FontError> {
        let offsets = face_offsets(&file).filter(|offsets| !offsets.is_empty());
        for offset in offsets.ok_or(FontError::Unreadable)? {
            let has_any = |tables: &[[u8; 4]]| tables.iter().any(|tag| has_table(&file, offset, *tag));
            if has_any(&COLOUR_TABLES) {
                return Err(FontError::Coloured);
            }
            if !has_any(&OUTLINE_TABLES) {
                return Err(FontError::Unreadable);
            }
        }
        let database = Arc::make_mut(&mut self.0);
        let added = database.load_font_source(Source::Binary(Arc::new(file)));
        if added.is_empty() {
            return Err(FontError::Unreadable);
        }
        Ok(())
    }

    /// Number of faces, the two that are built in included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: two faces are built in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn system(&self) -> FontSystem {
        FontSystem::new_with_locale_and_db("en-US".to_owned(), Database::clone(&self.0))
    }
}

impl Default for Fonts {
    fn default() -> Self {
        static SHARED: LazyLock<Fonts> = LazyLock::new(|| {
            let mut database = Database::new();
            for font in BUILT_IN {
                database.load_font_source(Source::Binary(Arc::new(font)));
            }
            Fonts(Arc::new(database))
        });
        SHARED.clone()
    }
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fonts").field("faces", &self.len()).finish()
    }
}

/// The first character that is drawn as an empty box because no font has it. Characters without a form of their own,
/// such as joiners, variation selectors and marks of direction, are never drawn so.
pub(super) fn missing_character(text: &Buffer, fonts: &mut FontSystem) -> Option<char> {
    let cluster = text.layout_runs().find_map(|line| {
        let glyph = line.glyphs.iter().find(|glyph| glyph.glyph_id == 0)?;
        Some(line.text.get(glyph.start..glyph.end).unwrap_or_default())
    })?;
    let lacking = cluster.chars().find(|character| !has_character(fonts, *character));
    lacking
        .or_else(|| cluster.chars().next())
        .or(Some(char::REPLACEMENT_CHARACTER))
}

fn has_character(fonts: &mut FontSystem, character: char) -> bool {
    let ids: Vec<_> = fonts.db().faces().map(|face| face.id).collect();
    ids.into_iter().any(|id| {
        let font = fonts.get_font(id, Weight::NORMAL);
        font.is_some_and(|font| font.as_swash().charmap().map(character) != 0)
    })
}

/// Where the table directories of a font, or of the fonts of a collection, begin.
fn face_offsets(file: &[u8]) -> Option<Vec<usize>> {
    if !file.starts_with(b"ttcf") {
        return Some(vec![0]);
    }
    let count = bytes::u32_be(file, 8)?.min(MAX_FACES);
    let offset = |index: u32| usize::try_from(bytes::u32_be(file, 12 + 4 * usize::try_from(index).ok()?)?).ok();
    (0..count).map(offset).collect()
}

fn has_table(file: &[u8], directory_at: usize, tag: [u8; 4]) -> bool {
    const RECORD_BYTES: usize = 16;
    let directory = file.get(directory_at..).unwrap_or_default();
    let count = usize::from(bytes::u16_be(directory, 4).unwrap_or_default());
    let records = directory.get(12..).unwrap_or_default().chunks_exact(RECORD_BYTES);
    records.take(count).any(|record| record.starts_with(&tag))
}
