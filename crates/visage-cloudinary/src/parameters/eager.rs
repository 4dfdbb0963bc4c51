//! `eager`: derivatives to make now, `c_fill,w_50/r_max|w_100/png`.

use super::ParameterError;
use crate::transformation::is_component;
use crate::{ImageFormat, Transformation};

/// The most derivatives of one text.
pub const MAX_EAGER: usize = 50;

/// One derivative to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Eager {
    /// What is made.
    pub transformation: Transformation,
    /// In which URLs it will be asked for.
    pub extension: EagerExtension,
}

/// What stands behind a transformation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EagerExtension {
    /// Nothing: the original's.
    Original,
    /// A slash: URLs without an extension.
    Absent,
    /// A slash and an extension.
    Format(ImageFormat),
}

/// Reads derivatives; blank ones are skipped. The last segment is an extension if it is not a component.
///
/// # Errors
///
/// An unknown extension, a bad transformation, too many of them.
pub fn eager(text: &str) -> Result<Vec<Eager>, ParameterError> {
    let mut eager = Vec::new();
    for part in text.split('|').map(str::trim).filter(|part| !part.is_empty()) {
        if eager.len() == MAX_EAGER {
            return Err(ParameterError::TooManyEager);
        }
        eager.push(Eager::parse(part)?);
    }
    Ok(eager)
}

impl Eager {
    /// Reads one derivative.
    ///
    /// # Errors
    ///
    /// An unknown extension or a bad transformation.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let (chain, last) = text.rsplit_once('/').unwrap_or(("", text));
        let (chain, extension) = match last {
            "" => (chain, EagerExtension::Absent),
            last if is_component(last) => (text, EagerExtension::Original),
            last => match ImageFormat::from_extension(last) {
                Some(format) => (chain, EagerExtension::Format(format)),
                None => return Err(ParameterError::EagerFormat(last.to_owned())),
            },
        };
        Ok(Self {
            transformation: chain.parse()?,
            extension,
        })
    }
}

/// The canonical text, with the extension.
impl std::fmt::Display for Eager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.transformation.is_empty() { "" } else { "/" };
        match self.extension {
            EagerExtension::Original => write!(f, "{}", self.transformation),
            EagerExtension::Absent => write!(f, "{}/", self.transformation),
            EagerExtension::Format(format) => write!(f, "{}{slash}{}", self.transformation, format.extension()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, canonical: &str, extension: EagerExtension) {
        let read = Eager::parse(text).unwrap();
        assert_eq!(
            (read.to_string().as_str(), read.extension),
            (canonical, extension),
            "{text}"
        );
        assert_eq!(Eager::parse(canonical), Ok(read), "{text}");
    }

    #[test]
    fn the_last_segment_may_be_an_extension() {
        check("w_50,c_fill/r_max", "c_fill,w_50/r_max", EagerExtension::Original);
        check(
            "c_fill,w_50/png",
            "c_fill,w_50/png",
            EagerExtension::Format(ImageFormat::Png),
        );
        check("c_fill,w_50/", "c_fill,w_50/", EagerExtension::Absent);
        check("jpeg", "jpg", EagerExtension::Format(ImageFormat::Jpg));
        assert_eq!(
            Eager::parse("w_50/xyz"),
            Err(ParameterError::EagerFormat("xyz".to_owned()))
        );
        assert!(matches!(Eager::parse("w_abc"), Err(ParameterError::Transformation(_))));
    }

    #[test]
    fn alternatives_are_bounded() {
        assert_eq!(eager("w_1|h_2/png||").unwrap().len(), 2);
        assert!(eager(&"w_1|".repeat(50)).is_ok());
        assert_eq!(eager(&"w_1|".repeat(51)), Err(ParameterError::TooManyEager));
    }
}
