//! Names of the fields of a signed request.

/// How much of a wrong name is shown.
const MAX_SHOWN_CHARS: usize = 64;

/// A field name that no client library sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter name {0:?}. Names consist of letters, digits and underscores, with [] after lists")]
pub struct InvalidFieldName(String);

/// The name of a field: letters, digits and underscores, then perhaps brackets. Any other character could stand for the
/// border of a field in the text that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldName<'a> {
    text: &'a str,
    base: &'a str,
}

impl<'a> FieldName<'a> {
    /// Reads a name as it was sent.
    ///
    /// # Errors
    ///
    /// An empty name, one that begins with a bracket, and any other character.
    pub fn parse(text: &'a str) -> Result<Self, InvalidFieldName> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let is_good = text.bytes().all(|b| is_word(b) || b == b'[' || b == b']');
        if !is_good || !text.bytes().next().is_some_and(is_word) {
            return Err(InvalidFieldName(text.chars().take(MAX_SHOWN_CHARS).collect()));
        }
        Ok(Self {
            text,
            base: base_name(text),
        })
    }

    /// The name without the brackets of a list: `tags[]`, and `tags[0]` of the Go SDK, are `tags`.
    pub fn base(&self) -> &'a str {
        self.base
    }

    /// Whether the field is one item of a list.
    pub fn is_item(&self) -> bool {
        self.base != self.text
    }
}

/// The name without the brackets of a list; it is the same for what it returns.
pub(super) fn base_name(name: &str) -> &str {
    let list = name.split_once('[');
    let is_index = |rest: &str| {
        rest.strip_suffix(']')
            .is_some_and(|index| index.bytes().all(|b| b.is_ascii_digit()))
    };
    match list {
        Some((base, rest)) if is_index(rest) => base,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_name_is_a_list_item_with_one_index() {
        for (name, base) in [
            ("tags", "tags"),
            ("tags[]", "tags"),
            ("tags[12]", "tags"),
            ("tags[x]", "tags[x]"),
            ("tags[][]", "tags[][]"),
            ("tags[0][1]", "tags[0][1]"),
            ("tags[[0]", "tags[[0]"),
            ("tags[0]a", "tags[0]a"),
        ] {
            let name = FieldName::parse(name).unwrap();
            assert_eq!(name.base(), base);
            assert_eq!(FieldName::parse(base).unwrap().base(), base);
        }
    }
}
