//! A file as text: `data:image/png;base64,iVBORw0…`.

use data_encoding::BASE64;

use super::ParameterError;

/// The most characters before the comma.
const MAX_HEAD_CHARS: usize = 1000;
/// How many characters of base64 are decoded at once; a multiple of four.
const BLOCK_CHARS: usize = 4096;

/// A data URI, cut but not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataUri<'a> {
    /// The declared type, a hint only; empty if there is none.
    pub media_type: &'a str,
    /// Base64, perhaps with blanks and newlines.
    encoded: &'a str,
}

impl<'a> DataUri<'a> {
    /// Whether a text claims to be a data URI.
    pub fn is_one(text: &str) -> bool {
        scheme(text).is_some()
    }

    /// Cuts a data URI. Parameters between type and `base64` (`charset=…`) mean nothing here.
    ///
    /// # Errors
    ///
    /// Another scheme, another encoding than base64, or too much before the comma.
    pub fn parse(text: &'a str) -> Result<Self, ParameterError> {
        let rest = scheme(text).ok_or(ParameterError::DataUri)?;
        let (head, encoded) = rest.split_once(',').ok_or(ParameterError::DataUri)?;
        let head = head
            .strip_suffix("base64")
            .and_then(|head| head.trim_end().strip_suffix(';'))
            .filter(|head| head.len() <= MAX_HEAD_CHARS)
            .ok_or(ParameterError::DataUri)?;
        let media_type = head.split(';').next().unwrap_or_default().trim();
        Ok(Self { media_type, encoded })
    }

    /// The file. Its size is known before memory is taken for it.
    ///
    /// # Errors
    ///
    /// What is no base64, and a file of more than `max_bytes`.
    pub fn decode(&self, max_bytes: usize) -> Result<Vec<u8>, ParameterError> {
        let significant = || self.encoded.bytes().filter(|b| !b.is_ascii_whitespace());
        let bytes = significant().filter(|b| *b != b'=').count() / 4 * 3;
        if bytes > max_bytes {
            return Err(ParameterError::DataUriTooLarge { max_bytes });
        }
        let mut file = Vec::with_capacity(bytes + 3);
        let mut block = Vec::with_capacity(BLOCK_CHARS);
        let mut characters = significant().peekable();
        while characters.peek().is_some() {
            block.clear();
            block.extend(characters.by_ref().take(BLOCK_CHARS));
            // Only the last block may be padded; padding in an earlier one would be read as an end.
            if characters.peek().is_some() && block.contains(&b'=') {
                return Err(ParameterError::DataUri);
            }
            let decoded = BASE64.decode(&block).map_err(|_not_base64| ParameterError::DataUri)?;
            file.extend(decoded);
        }
        if file.len() > max_bytes {
            return Err(ParameterError::DataUriTooLarge { max_bytes });
        }
        Ok(file)
    }
}

fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim_start().split_at_checked("data:".len())?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, max_bytes: usize) -> Result<Vec<u8>, ParameterError> {
        DataUri::parse(text)?.decode(max_bytes)
    }

    #[test]
    fn a_file_is_decoded_across_newlines() {
        assert_eq!(decode("data:image/png;base64,aGVs\r\nbG8=\n", 5), Ok(b"hello".to_vec()));
        assert_eq!(decode("DATA:;charset=x;base64,", 0), Ok(Vec::new()));
        assert_eq!(
            DataUri::parse("data:image/png;a=b;base64,").unwrap().media_type,
            "image/png"
        );
        let long = vec![7_u8; 100_000];
        let text = format!("data:;base64,{}", BASE64.encode(&long));
        assert_eq!(decode(&text, 100_000), Ok(long));
        assert_eq!(
            decode(&text, 99_999),
            Err(ParameterError::DataUriTooLarge { max_bytes: 99_999 })
        );
    }

    #[test]
    fn the_size_is_bounded_to_the_byte() {
        let too_large = |max_bytes| Err(ParameterError::DataUriTooLarge { max_bytes });
        assert_eq!(decode("data:;base64,aGVsbG8=", 5).map(|file| file.len()), Ok(5));
        assert_eq!(decode("data:;base64,aGVsbG8=", 4), too_large(4));
        assert_eq!(decode("data:;base64,aGVsbG8=", 0), too_large(0));
    }

    #[test]
    fn what_is_no_data_uri_is_refused() {
        for text in [
            "",
            "data:",
            "data:,x",
            "data:image/png,x",
            "data:;base64",
            "http://x",
            "data:;base64,a",
            "data:;base64,a*==",
            "data:;base64,aGVsbG8",
        ] {
            assert_eq!(decode(text, 100), Err(ParameterError::DataUri), "{text}");
        }
        assert!(DataUri::is_one(" Data:x") && !DataUri::is_one("dat\u{e9}:x") && !DataUri::is_one("d"));
    }
}
