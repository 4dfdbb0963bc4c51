//! Files and mutations of them, each drawn from its number alone, and what decoding makes of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Limits, plan, probe, render, sanitise};

/// Changes some bytes, or cuts, doubles or moves a part; the same `seed` always makes the same file.
pub(crate) fn mutated(file: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut made = file.to_vec();
    for _ in 0..=random.below(4) {
        if made.is_empty() {
            break;
        }
        // Headers are short and matter most.
        let span = if random.below(3) == 0 {
            made.len()
        } else {
            made.len().min(600)
        };
        let at = random.below(span);
        let length = (1 + random.below(24)).min(made.len() - at);
        match random.below(8) {
            0..=3 => made[at] ^= 1 << random.below(8),
            4 | 5 => made[at] = [0, 1, 0x7F, 0x80, 0xFF, random.below(256) as u8][random.below(6)],
            6 => made[at..at + length].fill(random.below(256) as u8),
            _ => {
                let part: Vec<u8> = made[at..at + length].to_vec();
                let to = random.below(made.len());
                if random.below(2) == 0 {
                    made.splice(to..to, part);
                } else {
                    made.drain(at..at + length);
                }
            }
        }
    }
    made
}

/// Xorshift: good enough to choose bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

/// A number for all pixels of all that can be made of a file: decoded as it is, cleaned, and its second frame.
///
/// 0 when it is refused everywhere.
pub(crate) fn fingerprint(file: &[u8], transformation: &str) -> u64 {
    let limits = Limits {
        source_pixels: 16_000_000,
        ..Limits::default()
    };
    let Ok(facts) = probe(file, &limits) else { return 0 };
    let mut hasher = DefaultHasher::new();
    let mut is_empty = true;
    let transformation = Transformation::parse(transformation).expect("it is written right");
    if let Ok(mut plan) = plan(&transformation, &facts, ImageFormat::Png, &limits) {
        for frame in 0..facts.frames.min(2) {
            plan.frame = frame;
            if let Ok(made) = render(file, &plan, &[], &limits, &|| false) {
                made.bytes.hash(&mut hasher);
                is_empty = false;
            }
        }
    }
    if let Ok(clean) = sanitise(file, &facts, &limits, &|| false) {
        clean.bytes.hash(&mut hasher);
        is_empty = false;
    }
    if is_empty { 0 } else { hasher.finish() }
}
