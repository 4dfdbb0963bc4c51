//! `e_`: effects, their ranges and their defaults (Cloudinary reference, 14.2).

use super::colors::{any_color, print_bare};
use super::error::Refusal::{self, Invalid, Unsupported};
use super::numbers::{number, whole_number};
use super::values::Color;

/// An effect on the pixels, or how a layer mixes with what is below it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An effect with one number, or none.
    Level(LevelEffect, i32),
    /// `contrast`, -100 to 100.
    Contrast {
        /// How much.
        level: i32,
        /// A straight line instead of an S.
        is_linear: bool,
    },
    /// `improve`: brightness, contrast and colours for the eye.
    Improve {
        /// Indoor pictures may become brighter.
        is_indoor: bool,
        /// 0 to 100.
        blend: u8,
    },
    /// `fill_light`: brighter shadows.
    FillLight {
        /// 0 to 100.
        blend: u8,
        /// -100 to 100: which tones count as shadow.
        bias: i8,
    },
    /// `tint`: the brightness of the picture, in these colours.
    Tint {
        /// The picture's tones are spread evenly before.
        equalizes: bool,
        /// 0 to 100.
        amount: u8,
        /// From dark to bright, each with its place in percent.
        colors: Vec<(Color, u8)>,
    },
    /// `cartoonify`
    Cartoonify {
        /// Strength of the lines, 0 to 100.
        line: u8,
        /// How few colours, 0 to 100; `None` is black and white.
        reduction: Option<u8>,
    },
    /// `dropshadow`: a shadow as of a lamp.
    Dropshadow {
        /// Degrees, 0 to 360.
        azimuth: u16,
        /// Degrees, 0 to 90.
        elevation: u8,
        /// 0 to 100.
        spread: u8,
    },
    /// `outline`: a line around what is not transparent.
    Outline {
        /// Where the line lies.
        mode: OutlineMode,
        /// Pixels, 1 to 100.
        width: u8,
        /// 0 to 2000.
        blur: u16,
    },
    /// `gradient_fade`: fades out towards an edge.
    GradientFade {
        /// How it is spread.
        mode: FadeMode,
        /// 0 to 100.
        strength: u8,
    },
    /// `replace_color`
    ReplaceColor {
        /// The new colour.
        to: Color,
        /// 0 to 100.
        tolerance: u8,
        /// The old colour; `None` is the most common one.
        from: Option<Color>,
    },
    /// `recolor`: a matrix of 3 × 3 or 4 × 4 numbers, row by row.
    Recolor(Vec<f64>),
    /// `shear`: degrees across and down.
    Shear(f64, f64),
    /// `distort`: the new places of the four corners, clockwise from the top left.
    Distort([i32; 8]),
    /// `distort:arc`: bent by this many degrees.
    Arc(f64),
    /// `trim`: cuts off a border of one colour.
    Trim {
        /// 0 to 100.
        tolerance: u8,
        /// The border's colour; `None` is that of the corner.
        color: Option<Color>,
    },
    /// `simulate_colorblind`, `assist_colorblind`
    Colorblind {
        /// Shows what is seen, or helps to tell colours apart.
        assists: Assist,
        /// Which colours are not told apart.
        condition: Blindness,
    },
    /// How a layer mixes with what is below it.
    Blend(Blend),
}

/// Effects with one number, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum LevelEffect {
    Grayscale,
    Negate,
    Sepia,
    Vignette,
    Blur,
    BlurRegion,
    BlurFaces,
    Pixelate,
    PixelateRegion,
    PixelateFaces,
    Brightness,
    BrightnessHsb,
    Saturation,
    Hue,
    Gamma,
    Red,
    Green,
    Blue,
    Vibrance,
    Sharpen,
    UnsharpMask,
    AutoBrightness,
    AutoColor,
    AutoContrast,
    Blackwhite,
    Colorize,
    OilPaint,
    Shadow,
    MakeTransparent,
    OrderedDither,
    OpacityThreshold,
    Noise,
}

/// One row for each: word, smallest, largest and default number. 0 for `pixelate` is a size that fits the picture.
const LEVELS: &[(&str, LevelEffect, i32, i32, i32)] = &[
    ("grayscale", LevelEffect::Grayscale, 0, 0, 0),
    ("negate", LevelEffect::Negate, 0, 0, 0),
    ("sepia", LevelEffect::Sepia, 1, 100, 80),
    ("vignette", LevelEffect::Vignette, 0, 100, 20),
    ("blur", LevelEffect::Blur, 1, 2000, 100),
    ("blur_region", LevelEffect::BlurRegion, 1, 2000, 100),
    ("blur_faces", LevelEffect::BlurFaces, 1, 2000, 500),
    ("pixelate", LevelEffect::Pixelate, 0, 200, 0),
    ("pixelate_region", LevelEffect::PixelateRegion, 0, 200, 0),
    ("pixelate_faces", LevelEffect::PixelateFaces, 0, 200, 0),
    ("brightness", LevelEffect::Brightness, -99, 100, 80),
    ("brightness_hsb", LevelEffect::BrightnessHsb, -99, 100, 80),
    ("saturation", LevelEffect::Saturation, -100, 100, 80),
    ("hue", LevelEffect::Hue, -100, 100, 80),
    ("gamma", LevelEffect::Gamma, -50, 150, 0),
    ("red", LevelEffect::Red, -100, 100, 0),
    ("green", LevelEffect::Green, -100, 100, 0),
    ("blue", LevelEffect::Blue, -100, 100, 0),
    ("vibrance", LevelEffect::Vibrance, -100, 100, 20),
    ("sharpen", LevelEffect::Sharpen, 1, 2000, 100),
    ("unsharp_mask", LevelEffect::UnsharpMask, 1, 2000, 100),
    ("auto_brightness", LevelEffect::AutoBrightness, 0, 100, 100),
    ("auto_color", LevelEffect::AutoColor, 0, 100, 100),
    ("auto_contrast", LevelEffect::AutoContrast, 0, 100, 100),
    ("blackwhite", LevelEffect::Blackwhite, 0, 100, 50),
    ("colorize", LevelEffect::Colorize, 0, 100, 100),
    ("oil_paint", LevelEffect::OilPaint, 0, 100, 30),
    ("shadow", LevelEffect::Shadow, 0, 100, 40),
    ("make_transparent", LevelEffect::MakeTransparent, 0, 100, 10),
    ("ordered_dither", LevelEffect::OrderedDither, 0, 18, 0),
    ("opacity_threshold", LevelEffect::OpacityThreshold, 1, 100, 50),
    ("noise", LevelEffect::Noise, 0, 100, 20),
];

/// Where the line of `outline` lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum OutlineMode {
    Outer,
    Inner,
    InnerFill,
    Fill,
}

const OUTLINES: &[(&str, OutlineMode)] = &[
    ("outer", OutlineMode::Outer),
    ("inner", OutlineMode::Inner),
    ("inner_fill", OutlineMode::InnerFill),
    ("fill", OutlineMode::Fill),
];

/// How `gradient_fade` is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum FadeMode {
    Plain,
    Symmetric,
    SymmetricPad,
}

const FADES: &[(&str, FadeMode)] = &[
    ("symmetric", FadeMode::Symmetric),
    ("symmetric_pad", FadeMode::SymmetricPad),
];

/// Whether a view is simulated or made easier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assist {
    /// What is seen.
    Simulates,
    /// Stripes on what cannot be told apart, of this strength, 1 to 100.
    Stripes(u8),
    /// Colours are moved to where they can be told apart.
    Xray,
}

/// Which colours are not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Blindness {
    #[default]
    Deuteranopia,
    Protanopia,
    Tritanopia,
    Tritanomaly,
    Deuteranomaly,
    ConeMonochromacy,
    RodMonochromacy,
}

const BLINDNESSES: &[(&str, Blindness)] = &[
    ("deuteranopia", Blindness::Deuteranopia),
    ("protanopia", Blindness::Protanopia),
    ("tritanopia", Blindness::Tritanopia),
    ("tritanomaly", Blindness::Tritanomaly),
    ("deuteranomaly", Blindness::Deuteranomaly),
    ("cone_monochromacy", Blindness::ConeMonochromacy),
    ("rod_monochromacy", Blindness::RodMonochromacy),
];

/// How a layer mixes with what is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum Blend {
    Multiply,
    Screen,
    Overlay,
    /// The layer's brightness becomes the picture's alpha.
    Mask,
    /// What the layer covers becomes transparent.
    CutOut,
}

const BLENDS: &[(&str, Blend)] = &[
    ("multiply", Blend::Multiply),
    ("screen", Blend::Screen),
    ("overlay", Blend::Overlay),
    ("mask", Blend::Mask),
    ("cut_out", Blend::CutOut),
];

/// Reads what stands after the name, whole and split at its colons.
type Read = fn(Option<&str>, &[&str]) -> Result<Effect, Refusal>;

/// Effects with more to say than one number.
const SHAPED: &[(&str, Read)] = &[
    ("assist_colorblind", |_, words| assist(words)),
    ("cartoonify", |_, words| cartoonify(words)),
    ("contrast", |value, _| contrast(value)),
    ("distort", |_, words| distort(words)),
    ("dropshadow", |value, _| dropshadow(value)),
    ("fill_light", |_, words| fill_light(words)),
    ("gradient_fade", |_, words| gradient_fade(words)),
    ("improve", |_, words| improve(words)),
    ("outline", |_, words| outline(words)),
    ("recolor", |_, words| recolor(words)),
    ("replace_color", |_, words| replace_color(words)),
    ("shear", |_, words| shear(words)),
    ("simulate_colorblind", |_, words| simulate(words)),
    ("tint", |_, words| tint(words)),
    ("trim", |_, words| trim(words)),
];

/// Effects that Cloudinary knows and visage does not do: films, models, and filters that only it has.
const OTHERS: &[&str] = &[
    "accelerate",
    "adv_redeye",
    "anti_removal",
    "art",
    "auto_enhance",
    "background_removal",
    "bgremoval",
    "boomerang",
    "camera",
    "deshake",
    "displace",
    "dropshadow_ai",
    "enhance",
    "extract",
    "fade",
    "gen_background_replace",
    "gen_recolor",
    "gen_remove",
    "gen_replace",
    "gen_restore",
    "light",
    "loop",
    "lut",
    "morphology",
    "multi_frame",
    "oil_paint_ai",
    "preview",
    "progressbar",
    "redeye",
    "reverse",
    "screen_ai",
    "style_transfer",
    "swap_image",
    "theme",
    "transition",
    "upscale",
    "vectorize",
    "vectorise",
    "viesus_correct",
    "volume",
    "waveform",
    "zoompan",
];

impl Effect {
    /// Whether it happens where faces are.
    pub fn is_of_faces(&self) -> bool {
        matches!(
            self,
            Self::Level(LevelEffect::BlurFaces | LevelEffect::PixelateFaces, _)
        )
    }

    /// Whether the component's size and place are those of a part of the picture.
    pub fn has_region(&self) -> bool {
        matches!(
            self,
            Self::Level(LevelEffect::BlurRegion | LevelEffect::PixelateRegion, _)
        )
    }
}

/// Reads what stands after `e_`.
pub(super) fn read(text: &str) -> Result<Effect, Refusal> {
    let (name, value) = text
        .split_once(':')
        .map_or((text, None), |(name, value)| (name, Some(value)));
    if let Some((_, effect, min, max, default)) = LEVELS.iter().find(|(word, ..)| *word == name) {
        return Ok(Effect::Level(*effect, level(value, *min, *max, *default)?));
    }
    if let Some((_, blend)) = BLENDS.iter().find(|(word, _)| *word == name) {
        return if value.is_none() {
            Ok(Effect::Blend(*blend))
        } else {
            Err(Invalid)
        };
    }
    if let Some((_, read)) = SHAPED.iter().find(|(word, _)| *word == name) {
        let words: Vec<&str> = value.map(|value| value.split(':').collect()).unwrap_or_default();
        return read(value, &words);
    }
    Err(if OTHERS.contains(&name) { Unsupported } else { Invalid })
}

fn level(value: Option<&str>, min: i32, max: i32, default: i32) -> Result<i32, Refusal> {
    let Some(value) = value else { return Ok(default) };
    match number(value).ok().and_then(whole) {
        Some(level) if (min..=max).contains(&level) && max > min => Ok(level),
        _ => Err(Invalid),
    }
}

/// A number without a fraction.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(value: f64) -> Option<i32> {
    (value.fract() == 0.0 && value.abs() <= 1_000_000.0).then_some(value as i32)
}

/// 0 to 100.
fn percent(text: &str) -> Result<u8, Refusal> {
    match whole_number(text)? {
        percent @ 0..=100 => u8::try_from(percent).map_err(|_above_255| Invalid),
        _ => Err(Invalid),
    }
}

fn percent_or(words: &[&str], default: u8) -> Result<u8, Refusal> {
    match words {
        [] => Ok(default),
        [word] => percent(word),
        _ => Err(Invalid),
    }
}

fn word<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

fn name_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, known)| known == value)
        .map_or("", |(word, _)| word)
}

/// `50`, or `level_50;type_linear`.
fn contrast(value: Option<&str>) -> Result<Effect, Refusal> {
    let mut level = 0;
    let mut is_linear = false;
    for part in value.iter().flat_map(|value| value.split(';')) {
        match part.split_once('_') {
            Some(("type", "linear")) => is_linear = true,
            Some(("type", "sigmoidal")) => is_linear = false,
            Some(("level", text)) => level = self::level(Some(text), -100, 100, 0)?,
            _ => level = self::level(Some(part), -100, 100, 0)?,
        }
    }
    Ok(Effect::Contrast { level, is_linear })
}

fn improve(words: &[&str]) -> Result<Effect, Refusal> {
    let (is_indoor, rest) = match words {
        ["indoor", rest @ ..] => (true, rest),
        ["outdoor", rest @ ..] | rest => (false, rest),
    };
    let blend = percent_or(rest, 100)?;
    Ok(Effect::Improve { is_indoor, blend })
}

fn fill_light(words: &[&str]) -> Result<Effect, Refusal> {
    let (blend, bias) = match words {
        [] => (100, 0),
        [blend] => (percent(blend)?, 0),
        [blend, bias] => (percent(blend)?, level(Some(bias), -100, 100, 0)?),
        _ => return Err(Invalid),
    };
    let bias = i8::try_from(bias).map_err(|_outside| Invalid)?;
    Ok(Effect::FillLight { blend, bias })
}

/// The most colours of a tint.
const MAX_TINTS: usize = 10;

/// `[equalize:]60:red[:50p][:blue[:80p]…]`
fn tint(words: &[&str]) -> Result<Effect, Refusal> {
    let (equalizes, rest) = match words {
        ["equalize", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (amount, rest) = match rest.split_first() {
        None => (60, rest),
        Some((amount, rest)) => (percent(amount)?, rest),
    };
    let mut colors: Vec<(Color, Option<u8>)> = Vec::new();
    for text in rest {
        let place = text.strip_suffix('p').and_then(|digits| percent(digits).ok());
        match (place, colors.last_mut()) {
            (Some(place), Some((_, without @ None))) => *without = Some(place),
            _ => colors.push((any_color(text)?, None)),
        }
    }
    if colors.is_empty() {
        colors.push((any_color("red")?, None));
    }
    if colors.len() > MAX_TINTS {
        return Err(Invalid);
    }
    let count = colors.len();
    let spread = |index: usize| u8::try_from((index * 2 + 1) * 50 / count).unwrap_or(100);
    let colors = colors
        .into_iter()
        .enumerate()
        .map(|(index, (color, place))| (color, place.unwrap_or_else(|| spread(index))))
        .collect();
    Ok(Effect::Tint {
        equalizes,
        amount,
        colors,
    })
}

fn cartoonify(words: &[&str]) -> Result<Effect, Refusal> {
    let reduction = |text: &str| match text {
        "bw" => Ok(None),
        text => percent(text).map(Some),
    };
    let (line, reduction) = match words {
        [] => (50, Some(50)),
        ["bw"] => (50, None),
        [line] => (percent(line)?, Some(percent(line)?)),
        [line, text] => (percent(line)?, reduction(text)?),
        _ => return Err(Invalid),
    };
    Ok(Effect::Cartoonify { line, reduction })
}

fn dropshadow(value: Option<&str>) -> Result<Effect, Refusal> {
    let (mut azimuth, mut elevation, mut spread) = (215, 45, 50);
    for part in value.iter().flat_map(|value| value.split(';')) {
        let number = |text: &str, max: u32| match whole_number(text) {
            Ok(value) if value <= max => u16::try_from(value).map_err(|_too_large| Invalid),
            _ => Err(Invalid),
        };
        match part.split_once('_') {
            Some(("azimuth", text)) => azimuth = number(text, 360)?,
            Some(("elevation", text)) => elevation = number(text, 90)?,
            Some(("spread", text)) => spread = number(text, 100)?,
            _ => return Err(Invalid),
        }
    }
    let byte = |value: u16| u8::try_from(value).map_err(|_too_large| Invalid);
    Ok(Effect::Dropshadow {
        azimuth,
        elevation: byte(elevation)?,
        spread: byte(spread)?,
    })
}

fn outline(words: &[&str]) -> Result<Effect, Refusal> {
    let (mode, rest) = match words.split_first() {
        Some((first, rest)) if word(OUTLINES, first).is_some() => {
            (word(OUTLINES, first).unwrap_or(OutlineMode::Outer), rest)
        }
        _ => (OutlineMode::Outer, words),
    };
    let (width, blur) = match rest {
        [] => (5, 0),
        [width] => (level(Some(width), 1, 100, 5)?, 0),
        [width, blur] => (level(Some(width), 1, 100, 5)?, level(Some(blur), 0, 2000, 0)?),
        _ => return Err(Invalid),
    };
    Ok(Effect::Outline {
        mode,
        width: u8::try_from(width).map_err(|_outside| Invalid)?,
        blur: u16::try_from(blur).map_err(|_outside| Invalid)?,
    })
}

fn gradient_fade(words: &[&str]) -> Result<Effect, Refusal> {
    let (mode, rest) = match words.split_first() {
        Some((first, rest)) if word(FADES, first).is_some() => (word(FADES, first).unwrap_or(FadeMode::Plain), rest),
        _ => (FadeMode::Plain, words),
    };
    let strength = percent_or(rest, 20)?;
    Ok(Effect::GradientFade { mode, strength })
}

fn replace_color(words: &[&str]) -> Result<Effect, Refusal> {
    let (to, tolerance, from) = match words {
        [to] => (any_color(to)?, 50, None),
        [to, tolerance] => (any_color(to)?, percent(tolerance)?, None),
        [to, tolerance, from] => (any_color(to)?, percent(tolerance)?, Some(any_color(from)?)),
        _ => return Err(Invalid),
    };
    Ok(Effect::ReplaceColor { to, tolerance, from })
}

fn recolor(words: &[&str]) -> Result<Effect, Refusal> {
    let numbers: Vec<f64> = words.iter().map(|word| number(word)).collect::<Result<_, _>>()?;
    let good = [9, 16].contains(&numbers.len()) && numbers.iter().all(|number| number.abs() <= 100.0);
    if good {
        Ok(Effect::Recolor(numbers))
    } else {
        Err(Invalid)
    }
}

/// The steepest slope, in degrees: beyond it the picture would be all slope.
const MAX_SHEAR_DEGREES: f64 = 80.0;

fn shear(words: &[&str]) -> Result<Effect, Refusal> {
    match words {
        [x, y] => {
            let (x, y) = (number(x)?, number(y)?);
            let good = x.abs() <= MAX_SHEAR_DEGREES && y.abs() <= MAX_SHEAR_DEGREES;
            if good { Ok(Effect::Shear(x, y)) } else { Err(Invalid) }
        }
        _ => Err(Invalid),
    }
}

/// The furthest that a corner may be moved, in pixels.
const MAX_CORNER: i32 = 20_000;

fn distort(words: &[&str]) -> Result<Effect, Refusal> {
    if let ["arc", degrees] = words {
        let degrees = number(degrees)?;
        let good = degrees.abs() <= 360.0;
        return if good { Ok(Effect::Arc(degrees)) } else { Err(Invalid) };
    }
    let places: Vec<i32> = words
        .iter()
        .map(|word| level(Some(word), -MAX_CORNER, MAX_CORNER, 0))
        .collect::<Result<_, _>>()?;
    places.try_into().map(Effect::Distort).map_err(|_not_eight| Invalid)
}

fn trim(words: &[&str]) -> Result<Effect, Refusal> {
    let (tolerance, color) = match words {
        [] => (10, None),
        [tolerance] => (percent(tolerance)?, None),
        [tolerance, color] => (percent(tolerance)?, Some(any_color(color)?)),
        _ => return Err(Invalid),
    };
    Ok(Effect::Trim { tolerance, color })
}

fn simulate(words: &[&str]) -> Result<Effect, Refusal> {
    let condition = match words {
        [] => Blindness::default(),
        [text] => word(BLINDNESSES, text).ok_or(Invalid)?,
        _ => return Err(Invalid),
    };
    let assists = Assist::Simulates;
    Ok(Effect::Colorblind { assists, condition })
}

fn assist(words: &[&str]) -> Result<Effect, Refusal> {
    let condition = Blindness::default();
    let assists = match words {
        [] => Assist::Stripes(10),
        ["xray"] => Assist::Xray,
        [strength] => match percent(strength)? {
            0 => return Err(Invalid),
            strength => Assist::Stripes(strength),
        },
        _ => return Err(Invalid),
    };
    Ok(Effect::Colorblind { assists, condition })
}

/// Prints what [`read`] reads; a default is left out where reading it back gives the same.
pub(super) fn print(effect: &Effect) -> String {
    let joined = |numbers: &mut dyn Iterator<Item = String>| numbers.collect::<Vec<_>>().join(":");
    match effect {
        Effect::Level(effect, level) => {
            let row = LEVELS.iter().find(|(_, known, ..)| known == effect);
            match row {
                Some((name, _, _, _, default)) if level == default => (*name).to_owned(),
                row => format!("{}:{level}", row.map_or("", |(name, ..)| name)),
            }
        }
        Effect::Contrast {
            level,
            is_linear: false,
        } => format!("contrast:{level}"),
        Effect::Contrast { level, is_linear: true } => format!("contrast:level_{level};type_linear"),
        Effect::Improve { is_indoor, blend } => {
            format!("improve:{}:{blend}", if *is_indoor { "indoor" } else { "outdoor" })
        }
        Effect::FillLight { blend, bias } => format!("fill_light:{blend}:{bias}"),
        Effect::Tint {
            equalizes,
            amount,
            colors,
        } => {
            let mut colors = colors
                .iter()
                .map(|(color, place)| format!("{}:{place}p", print_bare(*color)));
            let equalize = if *equalizes { "equalize:" } else { "" };
            format!("tint:{equalize}{amount}:{}", joined(&mut colors))
        }
        Effect::Cartoonify { line, reduction } => {
            let reduction = reduction.map_or("bw".to_owned(), |reduction| reduction.to_string());
            format!("cartoonify:{line}:{reduction}")
        }
        Effect::Dropshadow {
            azimuth,
            elevation,
            spread,
        } => format!("dropshadow:azimuth_{azimuth};elevation_{elevation};spread_{spread}"),
        Effect::Outline { mode, width, blur } => format!("outline:{}:{width}:{blur}", name_of(OUTLINES, mode)),
        Effect::GradientFade {
            mode: FadeMode::Plain,
            strength,
        } => format!("gradient_fade:{strength}"),
        Effect::GradientFade { mode, strength } => format!("gradient_fade:{}:{strength}", name_of(FADES, mode)),
        Effect::ReplaceColor { to, tolerance, from } => {
            let from = from.map_or_else(String::new, |from| format!(":{}", print_bare(from)));
            format!("replace_color:{}:{tolerance}{from}", print_bare(*to))
        }
        Effect::Recolor(numbers) => format!("recolor:{}", joined(&mut numbers.iter().map(f64::to_string))),
        Effect::Shear(x, y) => format!("shear:{x}:{y}"),
        Effect::Distort(corners) => format!("distort:{}", joined(&mut corners.iter().map(i32::to_string))),
        Effect::Arc(degrees) => format!("distort:arc:{degrees}"),
        Effect::Trim { tolerance, color } => {
            let color = color.map_or_else(String::new, |color| format!(":{}", print_bare(color)));
            format!("trim:{tolerance}{color}")
        }
        Effect::Colorblind { assists, condition } => match assists {
            Assist::Simulates => format!("simulate_colorblind:{}", name_of(BLINDNESSES, condition)),
            Assist::Stripes(strength) => format!("assist_colorblind:{strength}"),
            Assist::Xray => "assist_colorblind:xray".to_owned(),
        },
        Effect::Blend(blend) => name_of(BLENDS, blend).to_owned(),
    }
}

/// The names of all effects that are carried out, and of those that are recognised and refused.
#[cfg(test)]
pub(super) fn names() -> (Vec<&'static str>, &'static [&'static str]) {
    let levels = LEVELS.iter().map(|(name, ..)| *name);
    let shaped = SHAPED.iter().map(|(name, _)| *name);
    let blends = BLENDS.iter().map(|(name, _)| *name);
    (levels.chain(shaped).chain(blends).collect(), OTHERS)
}

#[cfg(test)]
mod tests;
