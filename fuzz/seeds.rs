//! Writes small drawn pictures in every format that is made here: `seeds FOLDER PICTURE…`.

use std::path::PathBuf;

use visage_cloudinary::{ImageFormat, RequestFacts, SourceFacts, Transformation};
use visage_image::{Known, Limits, plan_resolved, probe, render};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("name a folder")?;
    std::fs::create_dir_all(&folder)?;
    let limits = Limits::default();
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let facts = probe(&bytes, &limits)?;
        let name = path.file_stem().ok_or("no name")?.to_string_lossy().into_owned();
        std::fs::write(folder.join(format!("{name}.png")), &bytes)?;
        for (kind, text) in [
            ("baseline.jpg", "f_jpg,fl_progressive:none,q_70"),
            ("progressive.jpg", "f_jpg,fl_progressive,q_70:444"),
            ("webp", "f_webp"),
            ("lossless.webp", "f_webp,fl_lossless"),
            ("gif", "f_gif"),
            ("avif", "f_avif"),
            ("gray.png", "e_grayscale/f_png"),
            ("palette.png", "f_png,fl_png8"),
        ] {
            let source = SourceFacts {
                format: facts.format,
                has_alpha: facts.has_alpha,
                is_animated: false,
            };
            let resolved = Transformation::parse(text)?.resolve(RequestFacts::from_accept(None), source, None::<ImageFormat>);
            let plan = plan_resolved(&resolved, &facts, &Known::default(), &limits)?;
            let made = render(&bytes, &plan, &[], &limits, &|| false)?;
            std::fs::write(folder.join(format!("{name}.{kind}")), made.bytes)?;
        }
    }
    Ok(())
}
