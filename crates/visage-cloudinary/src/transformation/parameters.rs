//! The one table of parameters: what a component may say, how each is read and how it is printed.

use super::error::{Refusal, quotable};
use super::{Component, TransformationError, colors, delivery, names, numbers, words};

/// A parameter of Cloudinary's language.
#[derive(Debug)]
pub(super) struct Parameter {
    /// What stands before the underscore.
    key: &'static str,
    /// What Cloudinary's error messages call it.
    name: &'static str,
    read: fn(&mut Component, &str) -> Result<(), Refusal>,
    print: fn(&Component) -> Option<String>,
}

impl Parameter {
    /// The parameter that `key_value` sets, with the value; `None` when the key is not in the language.
    pub(super) fn recognise(text: &str) -> Option<(&'static Self, &str)> {
        let (key, value) = text.split_once('_')?;
        let key = if key.starts_with('$') { "$" } else { key };
        PARAMETERS
            .iter()
            .find(|parameter| parameter.key == key)
            .map(|parameter| (parameter, value))
    }

    /// Sets the parameter in a component; a parameter given twice keeps the last value.
    pub(super) fn read(&self, component: &mut Component, value: &str) -> Result<(), TransformationError> {
        (self.read)(component, value).map_err(|refusal| {
            let (what, value) = (self.name, quotable(value));
            match refusal {
                Refusal::Invalid => TransformationError::Invalid { what, value },
                Refusal::Unsupported => TransformationError::Unsupported { what, value },
            }
        })
    }

    /// The parameter as it stands in a component, if it does.
    pub(super) fn print(&self, component: &Component) -> Option<String> {
        (self.print)(component).map(|value| format!("{}_{value}", self.key))
    }
}

/// One row for a parameter that visage has: its field, the function that reads it, the function that prints it.
macro_rules! parameter {
    ($key:literal, $name:literal, $field:ident, $read:path, $print:expr) => {
        Parameter {
            key: $key,
            name: $name,
            read: |component, text| {
                component.$field = Some($read(text)?);
                Ok(())
            },
            print: |component| component.$field.map($print),
        }
    };
}

/// One row for a parameter that is recognised and refused.
const fn unsupported(key: &'static str, name: &'static str) -> Parameter {
    Parameter {
        key,
        name,
        read: |_, _| Err(Refusal::Unsupported),
        print: |_| None,
    }
}

/// All parameters of Cloudinary's language (Cloudinary docs, transformation URL API reference).
pub(super) static PARAMETERS: &[Parameter] = &[
    parameter!(
        "ar",
        "aspect ratio",
        aspect_ratio,
        numbers::aspect_ratio,
        numbers::print_aspect_ratio
    ),
    parameter!("b", "background", background, colors::color, colors::print_color),
    parameter!("c", "crop", crop, words::crop, |crop| words::print_crop(crop)
        .to_owned()),
    parameter!("dpr", "dpr", dpr, numbers::dpr, numbers::print_decimal),
    parameter!("f", "format", format, words::format, |format| words::print_format(
        format
    )
    .to_owned()),
    parameter!("g", "gravity", gravity, words::gravity, |gravity| {
        words::print_gravity(gravity).to_owned()
    }),
    parameter!("h", "height", height, numbers::size, numbers::print_length),
    parameter!("q", "quality", quality, words::quality, words::print_quality),
    parameter!("r", "radius", radius, numbers::radius, numbers::print_radius),
    parameter!("w", "width", width, numbers::size, numbers::print_length),
    parameter!("x", "x", x, numbers::offset, numbers::print_length),
    parameter!("y", "y", y, numbers::offset, numbers::print_length),
    parameter!("z", "zoom", zoom, numbers::zoom, numbers::print_decimal),
    Parameter {
        key: "d",
        name: "default image",
        read: |component, text| {
            component.default_image = Some(delivery::default_image(text)?);
            Ok(())
        },
        print: |component| component.default_image.as_ref().map(delivery::print_default_image),
    },
    Parameter {
        key: "fl",
        name: "flag",
        read: |component, text| {
            component.flags = delivery::flags(text)?;
            Ok(())
        },
        print: |component| (!component.flags.is_empty()).then(|| delivery::print_flags(&component.flags)),
    },
    Parameter {
        key: "t",
        name: "named transformation",
        read: |component, text| {
            component.named = names::names(text)?;
            Ok(())
        },
        print: |component| (!component.named.is_empty()).then(|| component.named.join(".")),
    },
    unsupported("$", "variable"),
    unsupported("a", "angle"),
    unsupported("ac", "audio codec"),
    unsupported("af", "audio frequency"),
    unsupported("bl", "baseline"),
    unsupported("bo", "border"),
    unsupported("br", "bit rate"),
    unsupported("co", "color"),
    unsupported("cs", "color space"),
    unsupported("dl", "delay"),
    unsupported("dn", "density"),
    unsupported("du", "duration"),
    unsupported("e", "effect"),
    unsupported("eo", "end offset"),
    unsupported("fn", "custom function"),
    unsupported("fps", "fps"),
    unsupported("if", "condition"),
    unsupported("ki", "keyframe interval"),
    unsupported("l", "overlay"),
    unsupported("o", "opacity"),
    unsupported("p", "prefix"),
    unsupported("pg", "page"),
    unsupported("so", "start offset"),
    unsupported("sp", "streaming profile"),
    unsupported("u", "underlay"),
    unsupported("vc", "video codec"),
    unsupported("vs", "video sampling"),
];
