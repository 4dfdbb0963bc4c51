//! Transformations as lists of maps with the SDKs' option names: `[{"width": 100, "crop": "scale"}]`.

use serde_json::{Map, Value};

use super::{MAX_TRANSFORMATION_CHARS, Transformation, TransformationError};

/// The SDKs' names of our keys.
const NAMES: [(&str, &str); 29] = [
    ("a", "angle"),
    ("ar", "aspect_ratio"),
    ("b", "background"),
    ("bl", "baseline"),
    ("bo", "border"),
    ("c", "crop"),
    ("co", "color"),
    ("cs", "color_space"),
    ("d", "default_image"),
    ("dl", "delay"),
    ("dn", "density"),
    ("dpr", "dpr"),
    ("e", "effect"),
    ("f", "fetch_format"),
    ("fl", "flags"),
    ("g", "gravity"),
    ("h", "height"),
    ("if", "if"),
    ("l", "overlay"),
    ("o", "opacity"),
    ("pg", "page"),
    ("q", "quality"),
    ("r", "radius"),
    ("t", "transformation"),
    ("u", "underlay"),
    ("w", "width"),
    ("x", "x"),
    ("y", "y"),
    ("z", "zoom"),
];

impl Transformation {
    /// A list with a map for each component; numbers are numbers.
    pub fn info(&self) -> Value {
        let components = self.components.iter().map(|component| {
            let text = component.to_string();
            let members = text.split(',').filter_map(|part| {
                let (key, value) = part.split_once('_')?;
                let name = NAMES
                    .iter()
                    .find(|(known, _)| *known == key)
                    .map_or(key, |(_, name)| name);
                Some((name.to_owned(), number_or_text(value)))
            });
            Value::Object(members.collect::<Map<_, _>>())
        });
        Value::Array(components.collect())
    }

    /// Reads a map, or a list of maps, of the SDKs' options.
    ///
    /// # Errors
    /// What [`Transformation::parse`] refuses, and options that are none.
    pub fn from_info(info: &Value) -> Result<Self, TransformationError> {
        let components = match info {
            Value::Array(components) => components.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut chain: Vec<String> = Vec::new();
        let mut chars = 0;
        for component in components {
            let text = match component {
                Value::String(text) => text.clone(),
                Value::Object(members) => component_text(members)?,
                other => return Err(unknown(other)),
            };
            chars += text.len();
            if chars > MAX_TRANSFORMATION_CHARS * 4 {
                return Err(TransformationError::TooLong);
            }
            chain.push(text);
        }
        Self::parse(&chain.join("/"))
    }
}

fn number_or_text(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Value::from(whole),
        (_, Ok(number)) if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) => Value::from(number),
        _ => Value::from(text),
    }
}

fn component_text(members: &Map<String, Value>) -> Result<String, TransformationError> {
    let mut parts = Vec::new();
    // Clients write null for what is not there.
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        if name == "raw_transformation" {
            parts.extend(value.as_str().map(str::to_owned));
            continue;
        }
        let row = NAMES.iter().find(|(key, known)| known == name || key == name);
        let Some((key, _)) = row else {
            return Err(TransformationError::Unknown(super::error::quotable(name)));
        };
        parts.push(format!("{key}_{}", value_text(key, value)?));
    }
    Ok(parts.join(","))
}

fn value_text(key: &str, value: &Value) -> Result<String, TransformationError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            let joint = if key == "r" { ":" } else { "." };
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map(str::to_owned)
                        .or_else(|| item.as_i64().map(|number| number.to_string()))
                })
                .collect();
            texts.ok_or_else(|| unknown(value))?.join(joint)
        }
        other => return Err(unknown(other)),
    };
    // SDK users write colours as on web pages.
    Ok(match text.strip_prefix('#') {
        Some(hex) if matches!(key, "b" | "co") => format!("rgb:{hex}"),
        _ => text,
    })
}

fn unknown(value: &Value) -> TransformationError {
    let text: String = value.to_string().chars().take(64).collect();
    TransformationError::Unknown(super::error::quotable(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn info_has_the_names_of_the_sdks_and_reads_back() {
        let read = Transformation::parse("c_fill,g_face,h_100,w_0.5/r_max/f_auto,q_80").unwrap();
        let info = json!([
            {"crop": "fill", "gravity": "face", "height": 100, "width": 0.5},
            {"radius": "max"},
            {"fetch_format": "auto", "quality": 80},
        ]);
        assert_eq!(read.info(), info);
        assert_eq!(Transformation::from_info(&info).unwrap(), read);
    }

    #[test]
    fn options_are_read_as_people_write_them() {
        let read = |value: Value| Transformation::from_info(&value).unwrap().to_string();
        assert_eq!(read(json!({"width": "100", "crop": "scale"})), "c_scale,w_100");
        assert_eq!(
            read(json!([{"radius": [10, 20], "background": "#fff"}])),
            "b_rgb:ffffff,r_10:20"
        );
        assert_eq!(read(json!(["w_10", {"raw_transformation": "h_5"}])), "w_10/h_5");
        assert!(Transformation::from_info(&json!({"nosuch": 1})).is_err());
        assert!(Transformation::from_info(&json!(5)).is_err());
    }
}
