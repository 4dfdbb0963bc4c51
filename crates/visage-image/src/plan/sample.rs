//! The plan for looking at a picture, rather than showing it: all of it, small, upright and in sRGB.

use visage_cloudinary::ImageFormat;

use super::planner::decode_scale;
use super::{Encoding, Plan, Step, Window};
use crate::{Facts, Orientation};

/// Shows the whole picture with at most `max_side_pixels` per side; it is never enlarged.
pub(crate) fn plan_sample(facts: &Facts, max_side_pixels: u32) -> Plan {
    let (width, height) = fitted(facts.width, facts.height, max_side_pixels);
    let mut steps = vec![Step::Decode { scale: 1 }];
    if (width, height) != (facts.width, facts.height) {
        let stored = facts.stored_size();
        let window = Window::whole(stored.0, stored.1);
        let (width, height) = facts.orientation.turned_size(width, height);
        if facts.format == ImageFormat::Jpg {
            let scale = decode_scale(window, width, height);
            steps = vec![Step::Decode { scale }];
        }
        steps.push(Step::Resize { window, width, height });
    }
    if facts.orientation != Orientation::Normal {
        steps.push(Step::Orient(facts.orientation));
    }
    steps.push(Step::ConvertColour);
    Plan {
        steps,
        format: ImageFormat::Png,
        encoding: Encoding::fixed(100),
        width,
        height,
        frame: 0,
        is_animated: false,
        delay_ms: None,
        source: *facts,
        placed: Vec::new(),
    }
}

/// Rounded half up, at least 1: in whole numbers, so that every machine makes the same sample.
fn fitted(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longer = u64::from(width.max(height).max(1));
    let max_side = u64::from(max_side.max(1));
    if longer <= max_side {
        return (width, height);
    }
    let scaled = |side: u32| {
        let side = (u64::from(side) * max_side + longer / 2) / longer;
        u32::try_from(side).unwrap_or(u32::MAX).max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_keeps_its_shape_and_is_never_enlarged() {
        assert_eq!(fitted(4000, 3000, 640), (640, 480));
        assert_eq!(fitted(640, 640, 640), (640, 640));
        assert_eq!(fitted(641, 1, 640), (640, 1));
        assert_eq!(fitted(1, 16_384, 640), (1, 640));
        assert_eq!(fitted(3, 2, 640), (3, 2));
    }
}
