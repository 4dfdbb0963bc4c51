//! The one table of parameters: what a component may say, how each is read and how it is printed.

use super::error::{Refusal, quotable};
use super::expressions::{is_expression, is_name};
use super::{
    Component, Computed, TransformationError, Variable, colors, conditions, delivery, effects, layers, names, numbers,
    words,
};

/// A parameter of Cloudinary's language.
#[derive(Debug)]
pub(super) struct Parameter {
    /// What stands before the underscore.
    key: &'static str,
    /// What Cloudinary's error messages call it.
    name: &'static str,
    /// Whether its value may be computed or hold variables.
    may_compute: bool,
    read: fn(&mut Component, &str) -> Result<(), Refusal>,
    clear: fn(&mut Component),
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

    /// The parameter with this key.
    pub(super) fn by_key(key: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|parameter| parameter.key == key)
    }

    /// Sets the parameter as it is written, or leaves it to be computed when the picture's size is known.
    pub(super) fn write(&'static self, component: &mut Component, value: &str) -> Result<(), TransformationError> {
        component.computed.retain(|computed| computed.key != self.key);
        // What a variable stands for may be a good value where its name would be one too (`l_$logo`).
        let must_compute = self.may_compute && has_variable(value);
        if !must_compute {
            match self.read(component, value) {
                Err(_) if self.may_compute && value.split(':').any(is_expression) => {}
                result => return result,
            }
        }
        (self.clear)(component);
        component.computed.push(Computed {
            key: self.key,
            value: value.to_owned(),
        });
        Ok(())
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

/// Whether a value has a variable in it, as `$name` or as `$(name)`.
fn has_variable(text: &str) -> bool {
    text.split('$').skip(1).any(|after| {
        let inside = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        inside.map_or(after.starts_with(|c: char| c.is_ascii_alphabetic()), |(name, _)| {
            is_name(name)
        })
    })
}

/// Reads `$name_value`; a name that is set twice in a component keeps both, in their order.
pub(super) fn variable(part: &str) -> Option<Result<Variable, TransformationError>> {
    let (name, value) = part.strip_prefix('$')?.split_once('_')?;
    Some(if is_name(name) && !value.is_empty() {
        Ok(Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    } else {
        Err(TransformationError::Invalid {
            what: "variable",
            value: quotable(part),
        })
    })
}

/// One row for a parameter that visage has: its field, the function that reads it, the function that prints it.
macro_rules! parameter {
    ($key:literal, $name:literal, $field:ident, $read:path, $print:expr) => {
        Parameter {
            key: $key,
            name: $name,
            may_compute: true,
            read: |component, text| {
                component.$field = Some($read(text)?);
                Ok(())
            },
            clear: |component| component.$field = None,
            print: |component| component.$field.as_ref().map($print),
        }
    };
}

/// One row for a parameter that is recognised and refused.
const fn unsupported(key: &'static str, name: &'static str) -> Parameter {
    Parameter {
        key,
        name,
        may_compute: false,
        read: |_, _| Err(Refusal::Unsupported),
        clear: |_| {},
        print: |_| None,
    }
}

/// All parameters of Cloudinary's language (Cloudinary docs, transformation URL API reference).
#[rustfmt::skip]
pub(super) static PARAMETERS: &[Parameter] = &[
    parameter!("a", "angle", angle, numbers::angle, numbers::print_angle),
    parameter!("ar", "aspect ratio", aspect_ratio, numbers::aspect_ratio, |ratio| numbers::print_aspect_ratio(*ratio)),
    parameter!("b", "background", background, colors::background, colors::print_background),
    parameter!("bl", "baseline", baseline, names::name, Clone::clone),
    parameter!("bo", "border", border, colors::border, |border| colors::print_border(*border)),
    parameter!("c", "crop", crop, words::crop, |crop| words::print_crop(*crop)),
    parameter!("co", "color", color, colors::any_color, |color| colors::print_color(*color)),
    parameter!("cs", "color space", color_space, words::color_space, |space| words::print_color_space(*space)),
    parameter!("dl", "delay", delay, numbers::delay, u32::to_string),
    parameter!("dn", "density", density, numbers::density, u32::to_string),
    parameter!("dpr", "dpr", dpr, numbers::dpr, |dpr| numbers::print_dpr(*dpr)),
    parameter!("e", "effect", effect, effects::read, effects::print),
    Parameter {
        // The client is told the format before the picture's size is known.
        may_compute: false,
        ..parameter!("f", "format", format, words::format, |format| words::print_format(*format))
    },
    parameter!("g", "gravity", gravity, words::gravity, |gravity| words::print_gravity(*gravity)),
    parameter!("h", "height", height, numbers::size, |length| numbers::print_length(*length)),
    parameter!("l", "overlay", overlay, layers::layer, layers::print_layer),
    parameter!("o", "opacity", opacity, numbers::opacity, u8::to_string),
    parameter!("pg", "page", page, numbers::page, u32::to_string),
    parameter!("q", "quality", quality, words::quality, |quality| words::print_quality(*quality)),
    parameter!("r", "radius", radius, numbers::radius, |radius| numbers::print_radius(*radius)),
    parameter!("u", "underlay", underlay, layers::layer, layers::print_layer),
    parameter!("w", "width", width, numbers::width, |length| numbers::print_length(*length)),
    parameter!("x", "x", x, numbers::offset, |length| numbers::print_length(*length)),
    parameter!("y", "y", y, numbers::offset, |length| numbers::print_length(*length)),
    parameter!("z", "zoom", zoom, numbers::zoom, |zoom| numbers::print_decimal(*zoom)),
    Parameter {
        key: "d",
        name: "default image",
        may_compute: false,
        read: |component, text| {
            component.default_image = Some(delivery::default_image(text)?);
            Ok(())
        },
        clear: |_| {},
        print: |component| component.default_image.as_ref().map(delivery::print_default_image),
    },
    Parameter {
        key: "fl",
        name: "flag",
        may_compute: false,
        read: |component, text| {
            // The one parameter that adds to what was given before: `fl_layer_apply,fl_no_overflow` is how it is written.
            delivery::add_flags(&mut component.flags, text)
        },
        clear: |_| {},
        print: |component| (!component.flags.is_empty()).then(|| delivery::print_flags(&component.flags)),
    },
    Parameter {
        key: "if",
        name: "condition",
        may_compute: false,
        read: |component, text| {
            component.condition = Some(conditions::condition(text)?);
            Ok(())
        },
        clear: |_| {},
        // It comes first, so it is not printed with the others.
        print: |_| None,
    },
    Parameter {
        key: "t",
        name: "named transformation",
        may_compute: false,
        read: |component, text| {
            component.named = names::names(text)?;
            Ok(())
        },
        clear: |_| {},
        print: |component| (!component.named.is_empty()).then(|| component.named.join(".")),
    },
    unsupported("$", "variable"),
    unsupported("ac", "audio codec"),
    unsupported("af", "audio frequency"),
    unsupported("br", "bit rate"),
    unsupported("du", "duration"),
    unsupported("eo", "end offset"),
    unsupported("fn", "custom function"),
    unsupported("fps", "fps"),
    unsupported("ki", "keyframe interval"),
    unsupported("p", "prefix"),
    unsupported("so", "start offset"),
    unsupported("sp", "streaming profile"),
    unsupported("vc", "video codec"),
    unsupported("vs", "video sampling"),
];

/// The keys of all parameters.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|parameter| parameter.key)
}
