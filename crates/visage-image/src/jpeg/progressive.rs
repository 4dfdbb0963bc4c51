//! Progressive files at 1/8: the scans of DC coefficients are decoded, all others are skipped.
//!
//! The headers of what is skipped are followed, so that a file which lacks scans (libjpeg-turbo smooths such pictures)
//! is left to libjpeg-turbo.

use super::bits::Segments;
use super::header::{Event, Frame, Reader, Scan};
use super::huffman::Table;
use super::transform;
use super::{Plane, new_planes};
use crate::Limits;
use crate::context::RenderContext;
use crate::decode::jpeg::MAX_SCANS;

/// How many low bits of each coefficient are still to come; `None` before its first scan.
type Missing = [Option<u8>; 64];

/// The DC coefficients of one component, in blocks.
#[derive(Debug)]
struct Coefficients {
    /// As in an interleaved scan: whole MCUs.
    stride: usize,
    values: Vec<i16>,
}

pub(super) fn decode(
    file: &[u8],
    reader: &mut Reader<'_>,
    first: Scan<'_>,
    context: RenderContext<'_>,
) -> Option<Vec<Plane>> {
    let mut frame = reader.frame.clone()?;
    let (mcus_across, mcus_down) = frame.mcus();
    let mut missing: Vec<Missing> = vec![[None; 64]; frame.components.len()];
    let mut coefficients: Vec<Coefficients> = Vec::new();
    let needed = mcus_across * mcus_down * 12 * 2;
    if u64::try_from(needed).ok()? > context.limits.render_memory_bytes {
        return None;
    }
    for channel in &frame.components {
        let stride = mcus_across * channel.across;
        coefficients.push(Coefficients {
            stride,
            values: vec![0; stride * mcus_down * channel.down],
        });
    }
    let mut next = Event::Scan(first);
    for _ in 0..=MAX_SCANS {
        let Event::Scan(scan) = next else {
            let complete = missing.iter().flatten().all(|&bits| bits == Some(0));
            frame = reader.frame.clone()?;
            return complete
                .then(|| planes(&frame, &coefficients, context.limits))
                .flatten();
        };
        follow(&scan, &mut missing)?;
        if scan.first == 0 {
            reader.resume(dc_scan(file, &frame, &scan, &mut coefficients, context)?);
        } else {
            reader.skip_scan(&scan)?;
        }
        next = reader.next()?;
    }
    None
}

/// Checks that a scan refines what is there, bit by bit (T.81, G.1.1.1).
fn follow(scan: &Scan<'_>, missing: &mut [Missing]) -> Option<()> {
    let is_dc = scan.first == 0;
    if scan.last > 63 || scan.first > scan.last || is_dc != (scan.last == 0) || scan.low > 13 {
        return None;
    }
    if !is_dc && scan.parts.len() != 1 {
        return None;
    }
    for part in &scan.parts {
        let missing = missing.get_mut(part.component)?;
        if !is_dc && missing[0].is_none() {
            return None;
        }
        for bits in missing.get_mut(usize::from(scan.first)..=usize::from(scan.last))? {
            let is_next = match *bits {
                None => scan.high == 0,
                Some(bits) => bits > 0 && scan.high == bits && scan.low + 1 == bits,
            };
            if !is_next {
                return None;
            }
            *bits = Some(scan.low);
        }
    }
    Some(())
}

/// One scan of DC coefficients; returns where the marker after it is.
fn dc_scan(
    file: &[u8],
    frame: &Frame,
    scan: &Scan<'_>,
    coefficients: &mut [Coefficients],
    context: RenderContext<'_>,
) -> Option<usize> {
    let mut tables = Vec::new();
    for part in &scan.parts {
        // A refinement is bare bits, without codes.
        let table = if scan.high == 0 {
            Some(Table::new(part.dc?)?)
        } else {
            None
        };
        if table.as_ref().is_some_and(|table| !table.is_for_dc()) {
            return None;
        }
        tables.push(table);
    }
    let mut blocks = blocks_of_mcu(frame, scan, &tables, coefficients)?;
    let (units_across, units_down) = if let [part] = scan.parts.as_slice() {
        frame.plane_size(frame.components.get(part.component)?, 1)
    } else {
        frame.mcus()
    };
    let mut segments = Segments::new(file, scan.data_at)?;
    let mut predicted = [0_i32; 3];
    let (mut until_restart, mut restarts) = (scan.restart_interval, 0_u8);
    for row in 0..units_down {
        context.check().ok()?;
        for block in &mut blocks {
            block.at = block.start + row * block.row;
        }
        for _ in 0..units_across {
            if scan.restart_interval > 0 {
                if until_restart == 0 {
                    segments.restart(restarts)?;
                    restarts = restarts.wrapping_add(1);
                    until_restart = scan.restart_interval;
                    predicted = [0; 3];
                }
                until_restart -= 1;
            }
            segments.ensure_mcu()?;
            // A copy of its own can live in registers.
            let mut cursor = segments.cursor;
            for block in &mut blocks {
                cursor.refill(&segments.buffer)?;
                let value = coefficients.get_mut(block.component)?.values.get_mut(block.at)?;
                block.at += block.step;
                if let Some(table) = block.table {
                    let predicted = predicted.get_mut(block.component)?;
                    let size = table.symbol(&mut cursor)?;
                    *predicted += cursor.take_signed(u32::from(size));
                    *value = i16::try_from(i32::from(i16::try_from(*predicted).ok()?) << scan.low).ok()?;
                } else if cursor.take(1) == 1 {
                    *value |= 1 << scan.low;
                }
            }
            segments.cursor = cursor;
        }
    }
    segments.finish()?;
    segments.end_of_scan()
}

/// One block of an MCU: whose it is, and where its coefficient goes.
#[derive(Debug)]
struct Block<'a> {
    component: usize,
    /// `None` in a refinement.
    table: Option<&'a Table<'a>>,
    /// The place in the first MCU.
    start: usize,
    /// From one MCU to the next, and to the one below.
    step: usize,
    row: usize,
    /// The place in the MCU that comes next.
    at: usize,
}

fn blocks_of_mcu<'a>(
    frame: &Frame,
    scan: &Scan<'_>,
    tables: &'a [Option<Table<'a>>],
    coefficients: &[Coefficients],
) -> Option<Vec<Block<'a>>> {
    let is_lone = scan.parts.len() == 1;
    let mut blocks = Vec::new();
    for (part, table) in scan.parts.iter().zip(tables) {
        let channel = frame.components.get(part.component)?;
        let stride = coefficients.get(part.component)?.stride;
        let (across, down) = if is_lone {
            (1, 1)
        } else {
            (channel.across, channel.down)
        };
        for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            blocks.push(Block {
                component: part.component,
                table: table.as_ref(),
                start: y * stride + x,
                step: across,
                row: down * stride,
                at: 0,
            });
        }
    }
    Some(blocks)
}

fn planes(frame: &Frame, coefficients: &[Coefficients], limits: &Limits) -> Option<Vec<Plane>> {
    let mut planes = new_planes(frame, 1, limits)?;
    for ((plane, from), channel) in planes.iter_mut().zip(coefficients).zip(&frame.components) {
        let step = i32::from(channel.quantisation?[0]);
        let rows = plane.data.chunks_exact_mut(plane.width);
        for (row, values) in rows.zip(from.values.chunks_exact(from.stride)) {
            for (pixel, &value) in row.iter_mut().zip(values) {
                *pixel = transform::one(i32::from(value) * step);
            }
        }
    }
    Some(planes)
}
