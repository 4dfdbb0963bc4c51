//! `visage bench`: what one render takes, again and again, on the way that a delivery takes from bytes to bytes.
//!
//! No server, no store and no database: they are measured by the benches that load a running server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Limits, Rendered, plan, probe, render};

use crate::config::path_argument;

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct BenchArguments {
    /// The picture to begin with.
    #[arg(value_name = "IMAGE", value_parser = path_argument())]
    image: PathBuf,
    /// What is made of it.
    #[arg(long, value_enum, default_value_t = BenchFormat::Jpeg)]
    format: BenchFormat,
    /// Both sides of the result, in pixels; what does not fit is cut off.
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    size: u32,
    /// The encoder's quality, 1 to 100.
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// How many renders go on at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// For how long.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Write the result to this file.
    #[arg(long, value_name = "FILE", value_parser = path_argument())]
    output: Option<PathBuf>,
    /// Print the figures as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What a bench can make.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum BenchFormat {
    Jpeg,
    Webp,
    Avif,
    Png,
}

impl From<BenchFormat> for ImageFormat {
    fn from(format: BenchFormat) -> Self {
        match format {
            BenchFormat::Jpeg => Self::Jpg,
            BenchFormat::Webp => Self::Webp,
            BenchFormat::Avif => Self::Avif,
            BenchFormat::Png => Self::Png,
        }
    }
}

/// No longer than an hour, and not less than nothing.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("it is not between 0 and 3600".to_owned())
    }
}

/// Runs the bench and returns its figures:
///
/// - `ops`: renders in a second, of all threads together.
/// - `med_ms`: the median time of one.
/// - `cpu_ms`: the processor time of one, which other work on the machine disturbs less.
/// - `bytes`: of the result.
/// - `idle_mb`, `rss_mb`: memory in use with the file read but nothing rendered, and at its peak (MiB).
///
/// What only Linux tells is null elsewhere.
///
/// # Errors
/// A file that cannot be read or rendered.
pub fn run(arguments: &BenchArguments) -> anyhow::Result<serde_json::Value> {
    let file = std::fs::read(&arguments.image).with_context(|| format!("cannot read {}", arguments.image.display()))?;
    let idle_mb = memory_mib("VmRSS:");
    // The first one fills caches and is not counted.
    let rendered = once(&file, arguments)?;
    if let Some(path) = &arguments.output {
        std::fs::write(path, &rendered.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let (start, cpu_before_ms) = (Instant::now(), cpu_ms());
    let mut times_ms = loops(&file, arguments)?;
    let elapsed = start.elapsed().as_secs_f64();
    let cpu_ms = cpu_ms().zip(cpu_before_ms).map(|(after, before)| after - before);
    times_ms.sort_by(f64::total_cmp);
    let count = u32::try_from(times_ms.len()).unwrap_or(u32::MAX);
    Ok(serde_json::json!({
        "ops": rounded(f64::from(count) / elapsed),
        "med_ms": rounded(times_ms.get(times_ms.len() / 2).copied().unwrap_or_default()),
        "cpu_ms": cpu_ms.map(|total| rounded(total / f64::from(count))),
        "bytes": rendered.bytes.len(),
        "idle_mb": idle_mb.map(rounded),
        "rss_mb": memory_mib("VmHWM:").map(rounded),
    }))
}

/// Prints what [`run`] found.
///
/// # Errors
/// As [`run`], and when nobody reads it.
pub fn print(arguments: &BenchArguments) -> anyhow::Result<()> {
    let figures = run(arguments)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{figures}")?;
        return Ok(());
    }
    for (name, figure) in figures.as_object().into_iter().flatten() {
        writeln!(out, "{name:<8} {figure:>10}")?;
    }
    Ok(())
}

/// The time of each render, in milliseconds.
fn loops(file: &[u8], arguments: &BenchArguments) -> anyhow::Result<Vec<f64>> {
    let duration = Duration::from_secs_f64(arguments.seconds);
    let one_thread = || -> anyhow::Result<Vec<f64>> {
        let (start, mut times_ms) = (Instant::now(), Vec::new());
        loop {
            let before = Instant::now();
            once(file, arguments)?;
            times_ms.push(before.elapsed().as_secs_f64() * 1000.0);
            if start.elapsed() >= duration {
                return Ok(times_ms);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads).map(|_| scope.spawn(one_thread)).collect();
        let mut times_ms = Vec::new();
        for thread in threads {
            let times = thread.join().ok().context("a codec panicked")?;
            times_ms.extend(times?);
        }
        Ok(times_ms)
    })
}

/// From bytes to bytes, as for a delivery that nobody has asked for before.
fn once(file: &[u8], arguments: &BenchArguments) -> anyhow::Result<Rendered> {
    let (size, quality) = (arguments.size, arguments.quality);
    let limits = Limits::default();
    let transformation = Transformation::parse(&format!("c_fill,h_{size},w_{size}/q_{quality}"))?;
    let facts = probe(file, &limits)?;
    let plan = plan(&transformation, &facts, arguments.format.into(), &limits)?;
    Ok(render(file, &plan, &[], &limits, &|| false)?)
}

/// A figure of this process as Linux tells it.
fn memory_mib(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let kib: u32 = status
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Processor time of all threads of this process, in milliseconds: the 14th and 15th figure in the system's list, in
/// hundredths of a second. The second figure is a name in brackets.
fn cpu_ms() -> Option<f64> {
    let list = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut figures = list.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || figures.next()?.parse::<u32>().ok();
    Some(f64::from(next()?.saturating_add(next()?)) * 10.0)
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_finite_and_at_most_an_hour() {
        assert_eq!(seconds("0"), Ok(0.0));
        assert_eq!(seconds("3600"), Ok(3600.0));
        for refused in ["3600.1", "-1", "NaN", "inf", "soon"] {
            assert!(seconds(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_drawn_picture_is_rendered_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let (image, output) = (folder.path().join("in.jpg"), folder.path().join("out.png"));
        let pixels = [90_u8; 64 * 48];
        let drawn = turbojpeg::Image {
            pixels: pixels.as_slice(),
            width: 64,
            pitch: 64,
            height: 48,
            format: turbojpeg::PixelFormat::GRAY,
        };
        std::fs::write(
            &image,
            turbojpeg::compress(drawn, 90, turbojpeg::Subsamp::Gray).unwrap(),
        )
        .unwrap();
        let figures = run(&BenchArguments {
            image,
            format: BenchFormat::Png,
            size: 16,
            quality: 80,
            threads: 2,
            seconds: 0.0,
            output: Some(output.clone()),
            json: true,
        })
        .unwrap();
        let written = std::fs::read(output).unwrap();
        assert!(written.starts_with(b"\x89PNG"));
        assert_eq!(figures["bytes"], written.len());
        assert!(figures["ops"].as_f64().unwrap() > 0.0, "{figures}");
    }
}
