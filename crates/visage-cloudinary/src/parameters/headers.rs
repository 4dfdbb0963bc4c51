//! `headers`: lines such as `X-Robots-Tag: noindex` that go with the delivered file.

use super::ParameterError;

/// A header that an upload may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the variants are the headers' names")]
pub enum DeliveryHeader {
    Authorization,
    Link,
    XRobotsTag,
}

const HEADERS: [(&str, DeliveryHeader); 3] = [
    ("Authorization", DeliveryHeader::Authorization),
    ("Link", DeliveryHeader::Link),
    ("X-Robots-Tag", DeliveryHeader::XRobotsTag),
];

impl DeliveryHeader {
    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization => "Authorization",
            Self::Link => "Link",
            Self::XRobotsTag => "X-Robots-Tag",
        }
    }
}

/// Reads header lines; blank lines are skipped.
///
/// # Errors
///
/// Another header, a line without a colon, a control character in a value.
pub fn delivery_headers(text: &str) -> Result<Vec<(DeliveryHeader, String)>, ParameterError> {
    let lines = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
    lines.map(header).collect()
}

fn header(line: &str) -> Result<(DeliveryHeader, String), ParameterError> {
    let (name, value) = line.split_once(':').ok_or(ParameterError::HeaderLine)?;
    let (name, value) = (name.trim(), value.trim());
    if value.chars().any(char::is_control) {
        return Err(ParameterError::HeaderLine);
    }
    let known = HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, header) = known.ok_or_else(|| ParameterError::Header(name.to_owned()))?;
    Ok((*header, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_headers_can_be_set() {
        assert_eq!(
            delivery_headers("x-robots-tag: noindex\r\n\nLink: <a>; rel=\"b\""),
            Ok(vec![
                (DeliveryHeader::XRobotsTag, "noindex".to_owned()),
                (DeliveryHeader::Link, "<a>; rel=\"b\"".to_owned())
            ])
        );
        assert_eq!(
            delivery_headers("Set-Cookie: a"),
            Err(ParameterError::Header("Set-Cookie".to_owned()))
        );
        assert_eq!(delivery_headers("Link"), Err(ParameterError::HeaderLine));
        assert_eq!(
            delivery_headers("Link: a\rSet-Cookie: b"),
            Err(ParameterError::HeaderLine)
        );
        for (name, header) in HEADERS {
            assert_eq!(header.name(), name);
        }
    }
}
