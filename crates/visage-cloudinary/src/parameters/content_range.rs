//! `Content-Range` of a chunk of an upload: `bytes 0-5242879/10000000`.

use super::ParameterError;

/// Which part of a file a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0--1/0`: the file is empty.
    Empty,
    /// Some bytes of it.
    Part {
        /// The position of the first byte.
        first: u64,
        /// The position of the last byte.
        last: u64,
        /// The file's length; `None` (`-1` or `*`) while the client does not know it.
        total: Option<u64>,
    },
}

impl ContentRange {
    /// Reads the header's value.
    ///
    /// # Errors
    ///
    /// Anything else, and ranges that end before they begin or behind the file's end.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let refused = || ParameterError::ContentRange(text.to_owned());
        let range = text.trim().strip_prefix("bytes").ok_or_else(refused)?;
        let (range, total) = range.trim().split_once('/').ok_or_else(refused)?;
        if (range, total) == ("0--1", "0") {
            return Ok(Self::Empty);
        }
        let (first, last) = range.split_once('-').ok_or_else(refused)?;
        let (first, last) = (number(first).ok_or_else(refused)?, number(last).ok_or_else(refused)?);
        let total = match total {
            "-1" | "*" => None,
            total => Some(number(total).ok_or_else(refused)?),
        };
        if first > last || total.is_some_and(|total| last >= total) {
            return Err(refused());
        }
        Ok(Self::Part { first, last, total })
    }

    /// The number of bytes in the request.
    pub fn length(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Part { first, last, .. } => last - first + 1,
        }
    }

    /// Whether the file ends here.
    pub fn is_last(self) -> bool {
        match self {
            Self::Empty => true,
            Self::Part { last, total, .. } => total.is_some_and(|total| last + 1 == total),
        }
    }
}

/// Digits only, small enough for every arithmetic.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && i64::try_from(*number).is_ok())
}

impl std::fmt::Display for ContentRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("bytes 0--1/0"),
            Self::Part {
                first,
                last,
                total: Some(total),
            } => write!(f, "bytes {first}-{last}/{total}"),
            Self::Part {
                first,
                last,
                total: None,
            } => write!(f, "bytes {first}-{last}/-1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, length: u64, is_last: bool) {
        let range = ContentRange::parse(text).unwrap();
        assert_eq!((range.length(), range.is_last()), (length, is_last), "{text}");
        assert_eq!(range.to_string(), text);
    }

    #[test]
    fn chunks_of_all_clients_are_read() {
        check("bytes 0-9/20", 10, false);
        check("bytes 10-19/20", 10, true);
        check("bytes 0-5242879/-1", 5_242_880, false);
        check("bytes 0--1/0", 0, true);
        assert_eq!(
            ContentRange::parse("bytes 0-9/*").map(|range| range.to_string()),
            Ok("bytes 0-9/-1".to_owned())
        );
    }

    #[test]
    fn impossible_ranges_are_refused() {
        for text in [
            "",
            "bytes",
            "0-9/20",
            "bytes 9-0/20",
            "bytes 0-20/20",
            "bytes 0-9",
            "bytes -1-9/20",
            "bytes +1-9/20",
            "bytes 0-9/-2",
            "bytes 0--1/1",
            "bytes 0-9223372036854775808/-1",
            "items 0-9/20",
        ] {
            assert_eq!(
                ContentRange::parse(text),
                Err(ParameterError::ContentRange(text.to_owned()))
            );
        }
    }
}
