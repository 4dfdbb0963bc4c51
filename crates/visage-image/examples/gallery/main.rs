//! Renders every operation on a few pictures, as a page for people to look at.
//!
//! `cargo run --release --package visage-image --example gallery -- FOLDER [PICTURE]…` writes `FOLDER/index.html`. Without
//! pictures it draws one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use visage_cloudinary::transformation::{Layer, Scope};
use visage_cloudinary::{ImageFormat, RequestFacts, SourceFacts, Transformation};
use visage_image::{
    FaceBox, Facts, Known, KnownLayer, LayerFile, Limits, Rendered, Sample, plan_looking, probe, render,
};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// What is shown: headings and transformations.
const OPERATIONS: &str = include_str!("operations.txt");
/// Every operation is shown on a picture of this size, so that numbers in pixels mean something.
const SMALLER: &str = "c_limit,h_320,w_320";
/// A picture for layers: a disc with a ring of another colour, half-transparent in between.
const BADGE_PIXELS: u32 = 300;

/// One picture of the gallery.
struct Picture {
    name: String,
    bytes: Vec<u8>,
    facts: Facts,
    faces: Vec<FaceBox>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("name the folder to write to")?;
    std::fs::create_dir_all(&folder)?;
    let mut pictures: Vec<Picture> = arguments.map(|path| Picture::read(&path)).collect::<Result<_>>()?;
    if pictures.is_empty() {
        pictures.push(Picture::new("drawn".to_owned(), drawn()?)?);
    }
    let badge = Picture::new("badge".to_owned(), badge()?)?;
    let mut page = String::from(HEAD);
    let (mut shown, mut failed) = (0, 0);
    for line in OPERATIONS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("# ") {
            write!(page, "<h2>{heading}</h2>")?;
            continue;
        }
        write!(page, "<h3><code>{}</code></h3><div>", escaped(line))?;
        for picture in &pictures {
            shown += 1;
            if let Err(error) = picture.show(line, &badge, &folder, shown, &mut page) {
                failed += 1;
                write!(
                    page,
                    "<figure><p class=error>{}</p></figure>",
                    escaped(&error.to_string())
                )?;
                eprintln!("{}: {line}: {error}", picture.name);
            }
        }
        page.push_str("</div>");
    }
    std::fs::write(folder.join("index.html"), page)?;
    writeln!(
        std::io::stdout(),
        "{}: {shown} pictures, {failed} failed",
        folder.join("index.html").display()
    )?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Picture {
    fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().ok_or("no file name")?.to_string_lossy().into_owned();
        Self::new(name, std::fs::read(path)?)
    }

    fn new(name: String, bytes: Vec<u8>) -> Result<Self> {
        let limits = Limits::default();
        let facts = probe(&bytes, &limits)?;
        let sample = Sample::of(&bytes, &facts, &limits, &|| false)?;
        Ok(Self {
            faces: sample.faces()?,
            name,
            bytes,
            facts,
        })
    }

    /// Renders `operation` into a file, and adds it to the page.
    fn show(&self, operation: &str, badge: &Self, folder: &Path, number: usize, page: &mut String) -> Result<()> {
        let begun = Instant::now();
        let (made, why) = self.make(operation, badge)?;
        let milliseconds = begun.elapsed().as_millis();
        let file = format!("{number}.{}", made.format.extension());
        std::fs::write(folder.join(&file), &made.bytes)?;
        let (width, height, bytes) = (made.width, made.height, made.bytes.len());
        write!(
            page,
            "<figure><img src=\"{file}\" width={width} height={height} loading=lazy alt=\"\" title=\"{}\">\
             <figcaption>{} {width}x{height}, {bytes} bytes, {milliseconds} ms</figcaption></figure>",
            escaped(&why.join("\n")),
            escaped(&self.name),
        )?;
        Ok(())
    }

    fn make(&self, operation: &str, badge: &Self) -> Result<(Rendered, Vec<String>)> {
        let limits = Limits::default();
        let transformation = Transformation::parse(&format!("{SMALLER}/{operation}").replace("%20", " "))?;
        let names_format = operation.split([',', '/']).any(|part| part.starts_with("f_"));
        let extension = (!names_format).then_some(ImageFormat::Webp);
        let source = SourceFacts {
            format: self.facts.format,
            has_alpha: self.facts.has_alpha,
            is_animated: self.facts.frames > 1,
        };
        let resolved = transformation.resolve(RequestFacts::from_accept(None), source, extension);
        let layers: Vec<KnownLayer> = resolved
            .layers(Scope::default())
            .into_iter()
            .filter(|layer| matches!(layer, Layer::Asset { .. }))
            .map(|layer| KnownLayer {
                layer,
                facts: badge.facts,
            })
            .collect();
        let known = Known {
            faces: &self.faces,
            layers: &layers,
            ..Known::default()
        };
        let plan = plan_looking(&resolved, (&self.bytes, &self.facts), &known, &limits, &|| false)?;
        let files: Vec<LayerFile<'_>> = layers
            .iter()
            .map(|_| LayerFile {
                bytes: &badge.bytes,
                facts: &badge.facts,
            })
            .collect();
        let made = render(&self.bytes, &plan, &files, &limits, &|| false)?;
        Ok((made, plan.explain_crops()))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A landscape with a sun, hills and a striped field.
fn drawn() -> Result<Vec<u8>> {
    encoded(900, 600, |x, y| {
        let sun = (x - 680.0).hypot(y - 140.0);
        let hill = 330.0 + 60.0 * (x / 120.0).sin();
        if sun < 70.0 {
            [250.0, 220.0, 60.0, 255.0]
        } else if y < hill {
            [110.0 + x / 10.0, 160.0 + y / 8.0, 235.0 - y / 10.0, 255.0]
        } else if (x + 2.0 * y) % 40.0 < 20.0 {
            [60.0 + x / 12.0, 150.0 - y / 12.0, 60.0, 255.0]
        } else {
            [210.0 - x / 12.0, 190.0, 90.0, 255.0]
        }
    })
}

fn badge() -> Result<Vec<u8>> {
    let middle = f64::from(BADGE_PIXELS) / 2.0;
    encoded(BADGE_PIXELS, BADGE_PIXELS, |x, y| {
        let distance = (x - middle).hypot(y - middle) / middle;
        match distance {
            d if d < 0.5 => [30.0 + x / 2.0, 90.0, 200.0, 255.0],
            d if d < 0.75 => [255.0, 255.0, 255.0, 128.0],
            d if d < 0.98 => [230.0, 120.0, 20.0, 255.0],
            _ => [0.0; 4],
        }
    })
}

fn encoded(width: u32, height: u32, colour: impl Fn(f64, f64) -> [f64; 4]) -> Result<Vec<u8>> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "colours are 0 to 255"
            )]
            pixels.extend(colour(f64::from(x), f64::from(y)).map(|level| level as u8));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

const HEAD: &str = "<!doctype html><meta charset=utf-8><title>visage: every operation</title><style>\
body{font:14px/1.4 system-ui;margin:2rem;background:#f4f4f6;color:#222}h2{margin-top:3rem}h3{margin:1.2rem 0 .3rem}\
div{display:flex;flex-wrap:wrap;gap:1rem;align-items:end}figure{margin:0}figcaption{font-size:11px;color:#555}\
img{max-width:420px;height:auto;background:repeating-conic-gradient(#ccc 0 25%,#fff 0 50%) 0 0/16px 16px}\
.error{color:#b00020;max-width:300px}</style><h1>Every operation</h1>";
