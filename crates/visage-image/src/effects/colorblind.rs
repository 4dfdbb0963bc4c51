//! How people see who do not tell all colours apart, and help for them.

use visage_cloudinary::transformation::{Assist, Blindness};

use super::map::{byte_of, each, each_at, luma};
use crate::pixels::Pixels;

/// For full loss of one kind of cones, in linear light: G. Machado, M. Oliveira, L. Fernandes, "A Physiologically-based
/// Model for Simulation of Color Vision Deficiency", 2009.
type Matrix = [[f32; 3]; 3];

const PROTANOPIA: Matrix = [
    [0.152_286, 1.052_583, -0.204_868],
    [0.114_503, 0.786_281, 0.099_216],
    [-0.003_882, -0.048_116, 1.051_998],
];
const DEUTERANOPIA: Matrix = [
    [0.367_322, 0.860_646, -0.227_968],
    [0.280_085, 0.672_501, 0.047_413],
    [-0.011_820, 0.042_940, 0.968_881],
];
const TRITANOPIA: Matrix = [
    [1.255_528, -0.076_749, -0.178_779],
    [-0.078_411, 0.930_809, 0.147_602],
    [0.004_733, 0.691_367, 0.303_900],
];

pub(super) fn apply(pixels: Pixels, assist: Assist, condition: Blindness) -> Pixels {
    let eye = Eye::new(condition);
    match assist {
        Assist::Simulates => each(pixels, |colour| eye.sees(colour)),
        Assist::Stripes(strength) => stripes(pixels, &eye, strength),
        Assist::Xray => each(pixels, |colour| shifted(colour, eye.sees(colour))),
    }
}

/// A condition with its tables.
struct Eye {
    kind: Kind,
    /// sRGB levels in linear light.
    linear: [f32; 256],
    /// 4096 steps of linear light as sRGB levels.
    levels: Vec<u8>,
}

enum Kind {
    /// A matrix, and how much of it.
    Cones(Matrix, f32),
    /// Weights of one brightness.
    One([f32; 3]),
}

impl Eye {
    fn new(condition: Blindness) -> Self {
        let kind = match condition {
            Blindness::Protanopia => Kind::Cones(PROTANOPIA, 1.0),
            Blindness::Deuteranopia => Kind::Cones(DEUTERANOPIA, 1.0),
            Blindness::Tritanopia => Kind::Cones(TRITANOPIA, 1.0),
            // The cones are there, but shifted: halfway.
            Blindness::Deuteranomaly => Kind::Cones(DEUTERANOPIA, 0.5),
            Blindness::Tritanomaly => Kind::Cones(TRITANOPIA, 0.5),
            Blindness::ConeMonochromacy => Kind::One([0.2126, 0.7152, 0.0722]),
            // Rods hardly see red.
            Blindness::RodMonochromacy => Kind::One([0.02, 0.60, 0.38]),
        };
        let mut linear = [0.0; 256];
        for (level, entry) in (0_u8..=255).zip(&mut linear) {
            let value = f32::from(level) / 255.0;
            *entry = if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            };
        }
        let level_of = |step: u16| {
            let value = f32::from(step) / 4095.0;
            let level = if value <= 0.003_130_8 {
                value * 12.92
            } else {
                1.055 * value.powf(1.0 / 2.4) - 0.055
            };
            byte_of(level * 255.0)
        };
        let levels = (0..4096).map(level_of).collect();
        Self { kind, linear, levels }
    }

    fn sees(&self, colour: [u8; 3]) -> [u8; 3] {
        let linear = colour.map(|level| self.linear[usize::from(level)]);
        let dot = |row: &[f32; 3]| row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2];
        let seen = match &self.kind {
            Kind::Cones(matrix, part) => {
                [0, 1, 2].map(|channel| linear[channel] + (dot(&matrix[channel]) - linear[channel]) * part)
            }
            Kind::One(weights) => [dot(weights); 3],
        };
        seen.map(|value| self.levels[(value.clamp(0.0, 1.0) * 4095.0 + 0.5) as usize])
    }
}

/// What is lost in red (the colour minus what is seen of it) is added to green and blue, 7/10 each.
fn shifted(colour: [u8; 3], seen: [u8; 3]) -> [u8; 3] {
    let lost = [0, 1, 2].map(|channel| f32::from(colour[channel]) - f32::from(seen[channel]));
    let [red, green, blue] = colour.map(f32::from);
    [
        byte_of(red),
        byte_of(green + 0.7 * lost[0] + lost[1] * 0.3),
        byte_of(blue + 0.7 * lost[0] + lost[2] * 0.3),
    ]
}

/// Diagonal stripes, three of six pixels wide, over colours of which much is lost: darker where the colour is bright,
/// brighter where it is dark, by up to `strength` percent.
fn stripes(pixels: Pixels, eye: &Eye, strength: u8) -> Pixels {
    let strength = f32::from(strength) / 100.0;
    each_at(pixels, |colour, x, y| {
        let seen = eye.sees(colour);
        let lost = f32::from(colour[0].abs_diff(seen[0])) / 128.0;
        if (x.wrapping_add(y)) % 6 >= 3 || colour[0] < seen[0] {
            return colour;
        }
        let goal = if luma(colour) > 96 { 0.0 } else { 255.0 };
        let weight = (strength * lost.min(1.0) * 2.0).min(1.0);
        colour.map(|level| byte_of(f32::from(level) + (goal - f32::from(level)) * weight))
    })
}
