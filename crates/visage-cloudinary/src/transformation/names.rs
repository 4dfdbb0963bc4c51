//! Named transformations: `t_avatar` stands for a transformation that an operator wrote down.

use super::error::Refusal::{self, Invalid};
use super::{Component, MAX_COMPONENTS, Transformation, TransformationError};

/// How deep names may stand for names.
const MAX_DEPTH: usize = 5;
/// Most characters of a name.
const MAX_NAME_CHARS: usize = 255;

impl Transformation {
    /// The names in the transformation, in order.
    pub fn names(&self) -> Vec<String> {
        self.components
            .iter()
            .flat_map(|component| component.baseline.iter().chain(&component.named).cloned())
            .collect()
    }

    /// The names, if the transformation consists of nothing else.
    pub fn only_names(&self) -> Option<Vec<String>> {
        let only = |component: &Component| {
            let bare = Component {
                named: Vec::new(),
                baseline: None,
                ..component.without_delivery()
            };
            bare == Component::default()
        };
        self.components.iter().all(only).then(|| self.names())
    }

    /// The transformation with what each name stands for in its place. Parameters in a name's component apply after it.
    ///
    /// # Errors
    /// A name that stands for nothing, names that stand for each other, or too many components.
    pub fn expand(&self, meaning: impl Fn(&str) -> Option<Transformation>) -> Result<Self, TransformationError> {
        let mut expanded = self.clone();
        for _ in 0..=MAX_DEPTH {
            if expanded.names().is_empty() {
                return Ok(expanded);
            }
            let mut components = Vec::new();
            for component in expanded.components {
                // A baseline is a name whose result is kept; every result is.
                for name in component.baseline.iter().chain(&component.named) {
                    let stands_for = meaning(name).ok_or(TransformationError::UnknownName)?;
                    components.extend(stands_for.components);
                }
                let rest = Component {
                    named: Vec::new(),
                    baseline: None,
                    ..component
                };
                if rest != Component::default() {
                    components.push(rest);
                }
                if components.len() > MAX_COMPONENTS {
                    return Err(TransformationError::TooManyComponents);
                }
            }
            expanded = Self { components };
        }
        Err(TransformationError::TooManyComponents)
    }
}

/// One name.
pub(super) fn name(text: &str) -> Result<String, Refusal> {
    match names(text)?.as_slice() {
        [name] => Ok(name.clone()),
        _ => Err(Invalid),
    }
}

/// Names between dots.
pub(super) fn names(text: &str) -> Result<Vec<String>, Refusal> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    let is_name = |name: &&str| !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && name.chars().all(good);
    let names: Vec<&str> = text.split('.').collect();
    if names.iter().all(is_name) && names.len() <= MAX_COMPONENTS {
        Ok(names.into_iter().map(str::to_owned).collect())
    } else {
        Err(Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Transformation {
        Transformation::parse(text).unwrap()
    }

    fn expand(text: &str) -> Result<String, TransformationError> {
        let meaning = |name: &str| match name {
            "small" => Some(parse("c_fill,w_50")),
            "round" => Some(parse("t_small/r_max")),
            "loop" => Some(parse("t_loop")),
            _ => None,
        };
        parse(text).expand(meaning).map(|expanded| expanded.to_string())
    }

    #[test]
    fn names_stand_for_what_they_were_given_to() {
        assert_eq!(expand("t_small").unwrap(), "c_fill,w_50");
        assert_eq!(expand("t_round/f_webp").unwrap(), "c_fill,w_50/r_max/f_webp");
        assert_eq!(
            expand("t_small.round,q_50").unwrap(),
            "c_fill,w_50/c_fill,w_50/r_max/q_50"
        );
        assert_eq!(expand("w_10").unwrap(), "w_10");
    }

    #[test]
    fn unknown_names_and_circles_are_refused() {
        assert_eq!(
            expand("t_other").unwrap_err().to_string(),
            "Unknown transformation name"
        );
        assert!(expand("t_loop").is_err());
        assert!(Transformation::parse("t_a/b").is_err() && Transformation::parse("t_").is_err());
    }

    #[test]
    fn only_names_are_only_names() {
        assert_eq!(
            parse("t_a.b/t_c").only_names(),
            Some(vec!["a".into(), "b".into(), "c".into()])
        );
        assert_eq!(parse("t_a,w_10").only_names(), None);
    }
}
