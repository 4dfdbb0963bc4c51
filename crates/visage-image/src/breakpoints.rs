//! Which widths of a picture are worth having: each some kilobytes smaller than the one before.
//!
//! Nothing is rendered here. [`Breakpoints`] says which width it wants to know about; the caller renders it (or has it
//! already) and says what came out. Every width that is rendered becomes a breakpoint, so no work is lost and no size
//! is guessed.

/// What is asked for (Cloudinary's `responsive_breakpoints`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakpointsRequest {
    /// The smallest width in pixels.
    pub min_width: u32,
    /// The largest width in pixels; the picture's own width if that is smaller.
    pub max_width: u32,
    /// Widths at most.
    pub max_images: u32,
    /// Bytes between one width and the next, about.
    pub bytes_step: u64,
}

impl Default for BreakpointsRequest {
    /// Cloudinary's documented defaults.
    fn default() -> Self {
        Self {
            min_width: 50,
            max_width: 1000,
            max_images: 20,
            bytes_step: 20_000,
        }
    }
}

/// One width that was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breakpoint {
    /// Width of the result in pixels.
    pub width: u32,
    /// Height of the result in pixels.
    pub height: u32,
    /// Size of the result.
    pub bytes: u64,
}

/// More renders than this are not asked for, however many images are wanted: the answer has fewer breakpoints then.
const MAX_RENDERS: u32 = 12;

/// Asks for renders until it knows the breakpoints.
///
/// First the largest width, then the smallest; then always the width at which the file is expected to be one step
/// smaller again. Between two known widths the size follows a power of the width, `bytes ~ width^p`. When
/// there would be more steps than images, the step becomes larger.
///
/// ```
/// # use visage_image::{Breakpoint, Breakpoints, BreakpointsRequest};
/// let mut breakpoints = Breakpoints::new(BreakpointsRequest::default(), 800);
/// while let Some(width) = breakpoints.next_width() {
///     let rendered = Breakpoint { width, height: width / 2, bytes: u64::from(width) * 100 };
///     breakpoints.add(rendered);
/// }
/// let found = breakpoints.into_breakpoints();
/// assert_eq!((found[0].width, found[found.len() - 1].width), (800, 50));
/// ```
#[derive(Debug, Clone)]
pub struct Breakpoints {
    request: BreakpointsRequest,
    max_width: u32,
    min_width: u32,
    largest: Option<Breakpoint>,
    smallest: Option<Breakpoint>,
    /// Between the two, from large to small.
    between: Vec<Breakpoint>,
}

impl Breakpoints {
    /// For a picture of this width; widths that make no sense are put right, so that there is at least one breakpoint.
    pub fn new(request: BreakpointsRequest, image_width: u32) -> Self {
        let max_width = request.max_width.min(image_width).max(1);
        Self {
            request,
            max_width,
            min_width: request.min_width.clamp(1, max_width),
            largest: None,
            smallest: None,
            between: Vec::new(),
        }
    }

    /// The width to be rendered next; `None` when all is known.
    pub fn next_width(&self) -> Option<u32> {
        let Some(largest) = self.largest else {
            return Some(self.max_width);
        };
        if self.min_width == self.max_width || self.max_count() < 2 {
            return None;
        }
        let Some(smallest) = self.smallest else {
            return Some(self.min_width);
        };
        let known = u32::try_from(self.between.len()).unwrap_or(u32::MAX).saturating_add(2);
        if known >= self.max_count() {
            return None;
        }
        let last = self.between.last().copied().unwrap_or(largest);
        let step = self.step(largest, smallest);
        // Sizes are counted from the largest, so that estimates that are a little off do not add up.
        let steps_done = (largest.bytes.saturating_sub(last.bytes).saturating_add(step / 2)) / step;
        let wanted_bytes = largest.bytes.checked_sub((steps_done + 1).saturating_mul(step))?;
        if wanted_bytes <= smallest.bytes {
            return None;
        }
        let last_width = self
            .between
            .last()
            .map_or(self.max_width, |breakpoint| breakpoint.width);
        let width = width_for(wanted_bytes, last, smallest).min(last_width.saturating_sub(1));
        (width > self.min_width).then_some(width)
    }

    /// Takes what was rendered for [`next_width`](Self::next_width).
    pub fn add(&mut self, rendered: Breakpoint) {
        if self.largest.is_none() {
            self.largest = Some(rendered);
        } else if self.smallest.is_none() {
            self.smallest = Some(rendered);
        } else {
            self.between.push(rendered);
        }
    }

    /// The breakpoints that are known, from the largest width to the smallest.
    pub fn into_breakpoints(self) -> Vec<Breakpoint> {
        let mut all: Vec<Breakpoint> = self
            .largest
            .into_iter()
            .chain(self.between)
            .chain(self.smallest)
            .collect();
        all.dedup_by_key(|breakpoint| breakpoint.width);
        all
    }

    fn max_count(&self) -> u32 {
        self.request.max_images.clamp(1, MAX_RENDERS)
    }

    /// Bytes between two breakpoints, so that all of them are at most as many as wanted.
    fn step(&self, largest: Breakpoint, smallest: Breakpoint) -> u64 {
        let steps = u64::from(self.max_count().saturating_sub(1)).max(1);
        let range = largest.bytes.saturating_sub(smallest.bytes);
        self.request.bytes_step.max(range.div_ceil(steps)).max(1)
    }
}

/// The width at which a file is expected to have `bytes`, between two that are known.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate between two widths; it is rendered afterwards"
)]
fn width_for(bytes: u64, larger: Breakpoint, smaller: Breakpoint) -> u32 {
    let logarithm = |value: u64| (value.max(1) as f64).ln();
    let (most, least) = (logarithm(larger.bytes), logarithm(smaller.bytes));
    let part = (logarithm(bytes) - least) / (most - least);
    let (widest, narrowest) = (logarithm(larger.width.into()), logarithm(smaller.width.into()));
    let width = (narrowest + part * (widest - narrowest)).exp();
    (width.round() as u32).clamp(smaller.width.min(larger.width), larger.width.max(smaller.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders with `bytes_of`, and says how many renders it took.
    fn check(request: BreakpointsRequest, image_width: u32, bytes_of: impl Fn(u32) -> u64) -> (Vec<Breakpoint>, u32) {
        let mut breakpoints = Breakpoints::new(request, image_width);
        let mut renders = 0;
        while let Some(width) = breakpoints.next_width() {
            renders += 1;
            assert!(renders <= MAX_RENDERS && (1..=image_width).contains(&width));
            let bytes = bytes_of(width);
            breakpoints.add(Breakpoint {
                width,
                height: width,
                bytes,
            });
        }
        let found = breakpoints.into_breakpoints();
        assert!(found.windows(2).all(|pair| pair[0].width > pair[1].width), "{found:?}");
        (found, renders)
    }

    fn quadratic(width: u32) -> u64 {
        500 + u64::from(width) * u64::from(width) / 8
    }

    #[test]
    fn widths_are_about_a_step_of_bytes_apart() {
        let (found, renders) = check(BreakpointsRequest::default(), 4000, quadratic);
        assert_eq!((found[0].width, found[found.len() - 1].width), (1000, 50));
        assert_eq!(usize::try_from(renders).unwrap(), found.len());
        assert_eq!(found.len(), 8);
        for pair in found.windows(2).take(found.len() - 2) {
            let step = pair[0].bytes - pair[1].bytes;
            assert!((18_000..=24_000).contains(&step), "{found:?}");
        }
    }

    #[test]
    fn no_width_is_above_that_of_the_picture() {
        let (found, _) = check(BreakpointsRequest::default(), 300, quadratic);
        assert_eq!((found[0].width, found[found.len() - 1].width), (300, 50));
        let (found, renders) = check(BreakpointsRequest::default(), 30, quadratic);
        assert_eq!((found.len(), found[0].width, renders), (1, 30, 1));
    }

    #[test]
    fn there_are_at_most_as_many_as_wanted_and_never_too_many_renders() {
        for max_images in [1, 2, 3, 11, 12, 13, 200] {
            let request = BreakpointsRequest {
                max_images,
                bytes_step: 1,
                ..BreakpointsRequest::default()
            };
            let (found, _) = check(request, 2000, |width| u64::from(width) * 1000);
            let most = usize::try_from(max_images.min(MAX_RENDERS)).unwrap();
            assert!(
                found.len() <= most && found.len() + 2 >= most,
                "{max_images}: {}",
                found.len()
            );
        }
    }

    #[test]
    fn strange_requests_and_sizes_come_to_an_end() {
        let request = |min_width, max_width| BreakpointsRequest {
            min_width,
            max_width,
            ..BreakpointsRequest::default()
        };
        for (request, image_width) in [
            (request(0, 0), 0),
            (request(900, 100), 500),
            (request(50, 51), 500),
            (
                BreakpointsRequest {
                    bytes_step: 0,
                    max_images: 0,
                    ..request(1, u32::MAX)
                },
                u32::MAX,
            ),
        ] {
            for bytes_of in [
                |_| 0,
                |_| 7,
                |width| u64::from(width) * 1_000_000,
                |width| 9_000_000 / (u64::from(width) + 1),
            ] {
                let (found, _) = check(request, image_width.max(1), bytes_of);
                assert!(!found.is_empty());
            }
        }
    }
}
