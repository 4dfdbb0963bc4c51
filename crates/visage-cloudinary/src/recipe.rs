//! The name of a derived picture.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_DNSSEC;
use sha2::{Digest, Sha256};

const RECIPE_CHARS: usize = 32;
const RECIPE_BYTES: usize = RECIPE_CHARS / 8 * 5;

/// What was made of an original and by which renderer, as 32 characters of `0-9a-v`: safe in file names, keys and
/// `ETag`s.
///
/// It is the beginning of SHA-256 over the renderer's version (four bytes, big-endian) and the canonical text of the
/// resolved transformation, in base32hex (RFC 4648, section 7, lower case).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Recipe(String);

/// The text is no recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recipe has 32 characters of 0-9 and a-v")]
pub struct RecipeError;

impl Recipe {
    pub(crate) fn new(renderer_version: u32, canonical_text: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(renderer_version.to_be_bytes())
            .chain_update(canonical_text)
            .finalize();
        let beginning: Vec<u8> = hash.into_iter().take(RECIPE_BYTES).collect();
        Self(BASE32_DNSSEC.encode(&beginning))
    }

    /// Reads back what [`Recipe::as_str`] gave.
    ///
    /// # Errors
    ///
    /// Any other length or character, capitals included.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let safe = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'v').contains(&b));
        if safe && text.len() == RECIPE_CHARS {
            Ok(Self(text.to_owned()))
        } else {
            Err(RecipeError)
        }
    }

    /// The recipe as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Recipe {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_stable_and_reads_back() {
        let recipe = Recipe::new(1, "c_fill,w_100/f_webp");
        assert_eq!(recipe.as_str(), "61h1id5iu08jg5ci4shjuq5dum5m9qgr");
        assert_eq!(Recipe::parse(recipe.as_str()), Ok(recipe));
    }

    #[test]
    fn another_text_or_renderer_gives_another_recipe() {
        assert_ne!(Recipe::new(1, "f_webp"), Recipe::new(2, "f_webp"));
        assert_ne!(Recipe::new(1, "f_webp"), Recipe::new(1, "f_avif"));
    }

    #[test]
    fn only_32_safe_characters_are_a_recipe() {
        assert!(Recipe::parse(&"0".repeat(32)).is_ok());
        for text in [
            "",
            &"0".repeat(31),
            &"0".repeat(33),
            &"w".repeat(32),
            &"A".repeat(32),
            &"/".repeat(32),
            &"é".repeat(16),
        ] {
            assert_eq!(Recipe::parse(text), Err(RecipeError), "{text}");
        }
    }
}
