//! Which colours a picture has, and how much of each.

use super::Sample;
use super::palettes::{CLOUDINARY, GOOGLE, Palette, lab, nearest};
use super::shares::percentages;

/// As many as Cloudinary's answers list.
const MAX_COLOURS: usize = 32;

/// Bits per channel by which pixels are counted before anything else: 32,768 bins.
const BIN_BITS: u32 = 5;

/// A colour and its part of the visible pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourShare {
    /// `#RRGGBB` in upper case, or the name of a colour in lower case.
    pub colour: String,
    /// Percent of the visible pixels, with one decimal.
    pub percent: f64,
}

/// The colours of a picture; each list is in descending order and adds up to 100, or is empty when nothing is visible.
#[derive(Debug, Clone, PartialEq)]
pub struct Colours {
    /// At most 32 colours as `#RRGGBB`: Cloudinary's `colors`.
    pub colours: Vec<ColourShare>,
    /// By the names of Google's image search: `predominant.google`.
    pub google: Vec<ColourShare>,
    /// By Cloudinary's names: `predominant.cloudinary`.
    pub cloudinary: Vec<ColourShare>,
}

impl Sample {
    /// Its colours, by cutting the colour space in up to 32 boxes, always the one with the largest squared error, at its
    /// mean (after X. Wu, "Efficient Statistical Computations for Optimal Color Quantization", 1991).
    pub fn colours(&self) -> Colours {
        let bins = self.bins();
        let boxes = cut(bins.clone());
        let named = boxes.iter().map(|bins| (hex(total(bins).mean()), total(bins).count));
        Colours {
            colours: shares(named.collect()),
            google: by_name(&bins, GOOGLE),
            cloudinary: by_name(&bins, CLOUDINARY),
        }
    }

    /// The bins that have pixels, in a fixed order.
    fn bins(&self) -> Vec<Bin> {
        let mut bins = vec![Bin::default(); 1 << (3 * BIN_BITS)];
        for colour in self.visible() {
            let place = colour.iter().fold(0, |place, level| {
                (place << BIN_BITS) | usize::from(level >> (8 - BIN_BITS))
            });
            bins[place].add(colour);
        }
        bins.retain(|bin| bin.count > 0);
        bins
    }
}

/// Pixels that are nearly alike.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: u64,
    sums: [u64; 3],
}

impl Bin {
    fn add(&mut self, colour: [u8; 3]) {
        self.count += 1;
        for (sum, level) in self.sums.iter_mut().zip(colour) {
            *sum += u64::from(level);
        }
    }

    fn mean_of(&self, channel: usize) -> f64 {
        self.sums[channel] as f64 / self.count.max(1) as f64
    }

    fn mean(&self) -> [u8; 3] {
        [0, 1, 2].map(|channel| self.mean_of(channel).round() as u8)
    }
}

fn total(bins: &[Bin]) -> Bin {
    bins.iter().fold(Bin::default(), |all, bin| Bin {
        count: all.count + bin.count,
        sums: [0, 1, 2].map(|channel| all.sums[channel] + bin.sums[channel]),
    })
}

/// Cuts the bins into boxes.
fn cut(bins: Vec<Bin>) -> Vec<Vec<Bin>> {
    let mut boxes: Vec<(Spread, Vec<Bin>)> = Vec::new();
    if !bins.is_empty() {
        boxes.push((Spread::of(&bins), bins));
    }
    while boxes.len() < MAX_COLOURS {
        let errors = boxes.iter().enumerate().filter(|(_, (_, bins))| bins.len() > 1);
        let worst = errors.max_by(|(_, (one, _)), (_, (other, _))| one.error.total_cmp(&other.error));
        let Some(place) = worst.map(|(place, _)| place) else {
            break;
        };
        let (Spread { channel, mean, .. }, bins) = boxes.swap_remove(place);
        let (below, above): (Vec<Bin>, Vec<Bin>) = bins.into_iter().partition(|bin| bin.mean_of(channel) <= mean);
        let is_cut = !below.is_empty() && !above.is_empty();
        boxes.extend(
            [below, above]
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(|part| (Spread::of(&part), part)),
        );
        if !is_cut {
            break; // the worst box is one colour
        }
    }
    boxes.into_iter().map(|(_, bins)| bins).collect()
}

/// Along which channel a box varies most, around which mean, and by how much in sum.
struct Spread {
    channel: usize,
    mean: f64,
    error: f64,
}

impl Spread {
    fn of(bins: &[Bin]) -> Self {
        let all = total(bins);
        let spreads = [0, 1, 2].map(|channel| {
            let mean = all.mean_of(channel);
            let error = bins
                .iter()
                .map(|bin| bin.count as f64 * (bin.mean_of(channel) - mean).powi(2))
                .sum();
            Self { channel, mean, error }
        });
        let error = spreads.iter().map(|spread| spread.error).sum();
        let widest = spreads
            .into_iter()
            .max_by(|one, other| one.error.total_cmp(&other.error));
        let (channel, mean) = widest.map_or((0, 0.0), |spread| (spread.channel, spread.mean));
        Self { channel, mean, error }
    }
}

fn by_name(bins: &[Bin], palette: Palette) -> Vec<ColourShare> {
    let in_lab: Vec<_> = palette.iter().map(|(_, colour)| lab(*colour)).collect();
    let mut counts = vec![0; palette.len()];
    for bin in bins {
        counts[nearest(bin.mean(), &in_lab)] += bin.count;
    }
    let named = palette
        .iter()
        .zip(counts)
        .map(|((name, _), count)| ((*name).to_owned(), count));
    shares(named.collect())
}

/// Counts become percentages, the largest first; what rounds to nothing is left out.
fn shares(mut named: Vec<(String, u64)>) -> Vec<ColourShare> {
    named.sort_by(|(name, count), (other_name, other_count)| other_count.cmp(count).then(name.cmp(other_name)));
    let counts: Vec<u64> = named.iter().map(|(_, count)| *count).collect();
    let shares = named.into_iter().zip(percentages(&counts));
    shares
        .filter(|(_, percent)| *percent > 0.0)
        .map(|((colour, _), percent)| ColourShare { colour, percent })
        .collect()
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}
