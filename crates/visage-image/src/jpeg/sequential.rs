//! Baseline and extended sequential files: one interleaved scan, from the top to the last row that is needed.

use super::bits::{Buffer, Cursor, Segments};
use super::header::{Frame, Scan};
use super::huffman::{AcTable, Table};
use super::transform;
use super::{Plane, new_planes};
use crate::context::RenderContext;

/// Zigzag index of the last coefficient that 2 × 2 and 3 × 3 pixels need.
const LAST_OF_FOUR: u32 = 4;
const LAST_OF_NINE: u32 = 12;

/// One block of an MCU: whose it is, and where among that component's blocks of the MCU.
#[derive(Debug, Clone, Copy)]
struct BlockPlace {
    component: usize,
    tables: usize,
    across: usize,
    down: usize,
}

/// A scan with what its blocks need.
#[derive(Debug)]
struct Decoder<'a> {
    frame: &'a Frame,
    places: Vec<BlockPlace>,
    tables: Vec<(Table<'a>, AcTable<'a>)>,
    quantisation: Vec<[u8; 64]>,
    restart_interval: usize,
}

/// Planes with `SIDE` × `SIDE` pixels (1, 2 or 3) for each block; below row `rows` of the picture they stay empty.
///
/// Returns where the marker after the scan is, too.
pub(super) fn decode<const SIDE: usize>(
    file: &[u8],
    frame: &Frame,
    scan: &Scan<'_>,
    rows: usize,
    context: RenderContext<'_>,
) -> Option<(Vec<Plane>, usize)> {
    if (scan.first, scan.last, scan.high, scan.low) != (0, 63, 0, 0) || scan.parts.len() != frame.components.len() {
        return None;
    }
    let decoder = Decoder::new(frame, scan)?;
    let mut planes = new_planes(frame, SIDE, context.limits)?;
    let mut segments = Segments::new(file, scan.data_at)?;
    decoder.run::<SIDE>(&mut segments, &mut planes, rows, context)?;
    Some((planes, segments.end_of_scan()?))
}

impl<'a> Decoder<'a> {
    fn new(frame: &'a Frame, scan: &Scan<'a>) -> Option<Self> {
        let mut decoder = Self {
            frame,
            places: Vec::new(),
            tables: Vec::new(),
            quantisation: Vec::new(),
            restart_interval: scan.restart_interval,
        };
        for (component, (part, channel)) in scan.parts.iter().zip(&frame.components).enumerate() {
            // The chroma components nearly always share their tables, which take longer to make than a small scan.
            let shared = scan
                .parts
                .iter()
                .take(component)
                .position(|other| other.has_tables_of(part));
            let shared = decoder
                .places
                .iter()
                .find(|place| Some(place.component) == shared)
                .map(|place| place.tables);
            let tables = if let Some(tables) = shared {
                tables
            } else {
                let dc = Table::new(part.dc?)?;
                if !dc.is_for_dc() {
                    return None;
                }
                decoder.tables.push((dc, AcTable::new(part.ac?)?));
                decoder.tables.len() - 1
            };
            decoder.quantisation.push(channel.quantisation?);
            for down in 0..channel.down {
                decoder.places.extend((0..channel.across).map(|across| BlockPlace {
                    component,
                    tables,
                    across,
                    down,
                }));
            }
        }
        Some(decoder)
    }

    fn run<const SIDE: usize>(
        &self,
        segments: &mut Segments<'_>,
        planes: &mut [Plane],
        rows: usize,
        context: RenderContext<'_>,
    ) -> Option<()> {
        let (mcus_across, mcus_down) = self.frame.mcus();
        let wanted = rows.div_ceil(8 * self.frame.finest().1).clamp(1, mcus_down);
        let mut bands: Vec<Vec<u8>> = self
            .frame
            .components
            .iter()
            .map(|channel| vec![0; mcus_across * channel.across * SIDE * channel.down * SIDE])
            .collect();
        let mut blocks = self.blocks::<SIDE>(mcus_across)?;
        let mut predicted = [0_i32; 3];
        let (mut until_restart, mut restarts) = (self.restart_interval, 0_u8);
        for row in 0..wanted {
            context.check().ok()?;
            for block in &mut blocks {
                block.at = block.start;
            }
            for _ in 0..mcus_across {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        segments.restart(restarts)?;
                        restarts = restarts.wrapping_add(1);
                        until_restart = self.restart_interval;
                        predicted = [0; 3];
                    }
                    until_restart -= 1;
                }
                segments.ensure_mcu()?;
                segments.cursor = mcu::<SIDE>(
                    segments.cursor,
                    &segments.buffer,
                    &mut blocks,
                    &mut predicted,
                    &mut bands,
                )?;
            }
            for ((plane, band), channel) in planes.iter_mut().zip(&bands).zip(&self.frame.components) {
                let stride = mcus_across * channel.across * SIDE;
                let band_rows = channel.down * SIDE;
                plane.put_rows(row * band_rows, band, stride);
            }
        }
        if wanted == mcus_down {
            segments.finish()?;
        }
        Some(())
    }

    /// Where everything about each block of an MCU is, worked out once.
    fn blocks<const SIDE: usize>(&self, mcus_across: usize) -> Option<Vec<Block<'_>>> {
        let mut blocks = Vec::new();
        for place in &self.places {
            let (dc, ac) = self.tables.get(place.tables)?;
            let channel = self.frame.components.get(place.component)?;
            let stride = mcus_across * channel.across * SIDE;
            blocks.push(Block {
                component: place.component,
                dc,
                ac,
                quantisation: self.quantisation.get(place.component)?,
                stride,
                start: place.down * SIDE * stride + place.across * SIDE,
                step: channel.across * SIDE,
                at: 0,
            });
        }
        Some(blocks)
    }
}

/// One block of an MCU: how it is coded, and where its pixels go.
#[derive(Debug)]
struct Block<'a> {
    component: usize,
    dc: &'a Table<'a>,
    ac: &'a AcTable<'a>,
    quantisation: &'a [u8; 64],
    /// Pixels from one row of the band to the next.
    stride: usize,
    /// The first pixel in the first MCU of a row, and from one MCU to the next.
    start: usize,
    step: usize,
    /// The first pixel in the MCU that comes next.
    at: usize,
}

#[inline(always)]
fn mcu<const SIDE: usize>(
    mut cursor: Cursor,
    buffer: &Buffer,
    blocks: &mut [Block<'_>],
    predicted: &mut [i32; 3],
    bands: &mut [Vec<u8>],
) -> Option<Cursor> {
    for block in blocks {
        cursor.refill(buffer)?;
        let size = block.dc.symbol(&mut cursor)?;
        let predicted = predicted.get_mut(block.component)?;
        *predicted += cursor.take_signed(u32::from(size));
        if i16::try_from(*predicted).is_err() {
            return None;
        }
        let band = bands.get_mut(block.component)?;
        let (at, stride) = (block.at, block.stride);
        block.at += block.step;
        let dc = *predicted * i32::from(block.quantisation[0]);
        match SIDE {
            1 => {
                block.ac.skip_block(&mut cursor, buffer, 1)?;
                *band.get_mut(at)? = transform::one(dc);
            }
            2 => {
                let low = low_coefficients::<LAST_OF_FOUR>(block.ac, &mut cursor, buffer, block.quantisation)?;
                put_block(band, at, stride, transform::four(dc, low[1], low[2], low[4]))?;
            }
            _ => {
                let low = low_coefficients::<LAST_OF_NINE>(block.ac, &mut cursor, buffer, block.quantisation)?;
                put_block(band, at, stride, nine(dc, &low))?;
            }
        }
    }
    Some(cursor)
}

#[inline(always)]
fn put_block<const SIDE: usize>(band: &mut [u8], at: usize, stride: usize, rows: [[u8; SIDE]; SIDE]) -> Option<()> {
    for (number, row) in rows.into_iter().enumerate() {
        *band.get_mut(at + number * stride..)?.first_chunk_mut()? = row;
    }
    Some(())
}

/// Puts coefficients in zigzag order where the transform wants them.
#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "what a picture can hold is exact")]
fn nine(dc: i32, low: &LowCoefficients) -> [[u8; 3]; 3] {
    let places = [[0, 1, 5], [2, 4, 7], [3, 8, 12]];
    let mut frequencies = places.map(|row| row.map(|place: usize| low[place] as f32));
    frequencies[0][0] = dc as f32;
    transform::nine(frequencies)
}

/// As many as 3 × 3 pixels need, in zigzag order; the first is left out.
type LowCoefficients = [i32; 1 + LAST_OF_NINE as usize];

/// The dequantised coefficients up to `LAST`; reads to the end of the block.
#[inline(always)]
fn low_coefficients<const LAST: u32>(
    ac: &AcTable<'_>,
    cursor: &mut Cursor,
    buffer: &Buffer,
    quantisation: &[u8; 64],
) -> Option<LowCoefficients> {
    let mut found = LowCoefficients::default();
    let mut index = 1;
    while index <= LAST {
        cursor.refill(buffer)?;
        let symbol = ac.table.symbol(cursor)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run != 15 {
                return Some(found);
            }
            index += 16;
            continue;
        }
        index += run;
        let value = cursor.take_signed(size);
        let place = usize::try_from(index).ok()?;
        if let (Some(coefficient), Some(&step)) = (found.get_mut(place), quantisation.get(place)) {
            *coefficient = value * i32::from(step);
        }
        index += 1;
    }
    ac.skip_block(cursor, buffer, index)?;
    Some(found)
}
