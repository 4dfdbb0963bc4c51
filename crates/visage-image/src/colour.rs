//! Conversion to sRGB, after the resize, when there are few pixels left to convert.

use moxcms::{ColorProfile, Layout as CmsLayout, TransformOptions};

use crate::icc::Colour;
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits};

/// The pixels in sRGB: red, green, blue, and alpha if there was any.
pub(crate) fn to_srgb(mut source: Pixels, colour: &Colour, limits: &Limits) -> Result<Pixels, ImageError> {
    let (from, to, layout) = match source.layout {
        Layout::Gray => (CmsLayout::Gray, CmsLayout::Rgb, Layout::Rgb),
        Layout::GrayAlpha => (CmsLayout::GrayAlpha, CmsLayout::Rgba, Layout::Rgba),
        Layout::Rgb => (CmsLayout::Rgb, CmsLayout::Rgb, Layout::Rgb),
        Layout::Rgba => (CmsLayout::Rgba, CmsLayout::Rgba, Layout::Rgba),
        Layout::Cmyk => (CmsLayout::Rgba, CmsLayout::Rgb, Layout::Rgb),
    };
    let profile = match colour {
        Colour::Srgb => return without_profile(source, limits),
        Colour::Simple(profile) | Colour::Tables(profile) => profile,
    };
    if source.layout == Layout::Cmyk {
        for ink in &mut source.data {
            *ink = 255 - *ink;
        }
    }
    let mut target = Pixels::zeroed(source.width, source.height, layout, limits)?;
    profile
        .create_transform_8bit(from, &ColorProfile::new_srgb(), to, TransformOptions::default())
        .and_then(|transform| transform.transform(&source.data, &mut target.data))
        .map_err(|cause| ImageError::damaged(format!("its colour profile cannot be applied ({cause})")))?;
    Ok(target)
}

fn without_profile(source: Pixels, limits: &Limits) -> Result<Pixels, ImageError> {
    let layout = match source.layout {
        Layout::Rgb | Layout::Rgba => return Ok(source),
        Layout::Gray | Layout::Cmyk => Layout::Rgb,
        Layout::GrayAlpha => Layout::Rgba,
    };
    let mut target = Pixels::zeroed(source.width, source.height, layout, limits)?;
    match source.layout {
        Layout::GrayAlpha => {
            let pairs = source.data.as_chunks::<2>().0;
            for (to, [gray, alpha]) in target.data.as_chunks_mut::<4>().0.iter_mut().zip(pairs) {
                *to = [*gray, *gray, *gray, *alpha];
            }
        }
        Layout::Cmyk => {
            let inks = source.data.as_chunks::<4>().0;
            for (to, [cyan, magenta, yellow, black]) in target.data.as_chunks_mut::<3>().0.iter_mut().zip(inks) {
                *to = [cyan, magenta, yellow].map(|ink| less_black(*ink, *black));
            }
        }
        Layout::Gray | Layout::Rgb | Layout::Rgba => {
            for (to, gray) in target.data.as_chunks_mut::<3>().0.iter_mut().zip(&source.data) {
                *to = [*gray; 3];
            }
        }
    }
    Ok(target)
}

/// The usual formula for inverted inks, `c * k / 255`, rounded.
fn less_black(ink: u8, black: u8) -> u8 {
    u8::try_from((u16::from(ink) * u16::from(black) + 127) / 255).unwrap_or(u8::MAX)
}
