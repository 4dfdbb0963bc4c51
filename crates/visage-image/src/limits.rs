//! What a picture may cost before it is refused.

/// Bounds on a source picture and on one render; all are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Width times height of a source picture, of its largest coded frame or of its canvas.
    pub source_pixels: u64,
    /// The longer side of a source picture.
    pub source_side_pixels: u32,
    /// Frames of an animation.
    pub frames: u32,
    /// Width times height of a result, and of every step on the way to it.
    pub output_pixels: u64,
    /// The longer side of a result.
    pub output_side_pixels: u32,
    /// Memory that one render or one sanitising may take, the source's bytes included.
    pub render_memory_bytes: u64,
    /// What one render may cost, in looks at a pixel; see [`Plan::cost`](crate::Plan::cost).
    pub render_work: u64,
    /// Passes that the scans of one JPEG may make over as many coefficients as `source_pixels`. Programs make three to seven
    /// over each of three channels at most; a pass over 50 million coefficients takes about a tenth of a second.
    pub jpeg_passes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_pixels: 50_000_000,
            source_side_pixels: 16_384,
            frames: 200,
            output_pixels: 50_000_000,
            output_side_pixels: 16_384,
            render_memory_bytes: 512 * 1024 * 1024,
            render_work: 12_000_000_000,
            jpeg_passes: 20,
        }
    }
}
