//! Finds out about a picture what a caller wants to know. Only what was asked for is computed, once, when the picture arrives.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use visage_image::{ColourShare, FaceBox, ImageError, QualityAnalysis, Sample};
use visage_store::{Media, UploadFacts};

use super::deliver::image_facts;
use super::extra::Analysis;
use super::options::Analyse;
use super::upload::Original;
use crate::app::App;
use crate::permits::WorkError;

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum AnalyseError {
    /// The picture cannot be decoded.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Too much is being worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    TemporaryFile(#[from] std::io::Error),
}

impl Analyse {
    /// Whether nothing is asked for.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether the picture has to be decoded; its metadata are read from its headers.
    fn needs_pixels(self) -> bool {
        let headers = Self {
            metadata: true,
            ..Self::default()
        };
        !self.is_empty() && self != headers
    }
}

/// Looks at a picture before it is stored: proves that all of it decodes, notes its faces in `facts`, and finds out what
/// `asked` asks for. One decode does all three; files that are no pictures have nothing of it.
///
/// # Errors
/// See [`AnalyseError`].
pub async fn examine(
    app: &App,
    original: &Original,
    facts: &mut UploadFacts,
    asked: Analyse,
) -> Result<Analysis, AnalyseError> {
    let Media::Image(image) = &mut facts.media else {
        return Ok(Analysis::default());
    };
    let (original, picture) = (original.clone(), image_facts(image));
    let limits = app.library.limits.clone();
    let memory_bytes = Sample::memory_bytes(&picture, original_bytes(&original));
    let (analysis, found_faces) = app
        .permits
        .run(memory_bytes, app.library.render_timeout, move |expired| {
            let bytes = read(original)?;
            let sample = Sample::of_proven(&bytes, &picture, &limits, expired)?;
            let rectangles = rectangles(&sample)?;
            let mut analysis = look(&bytes, &sample, (asked, Some(&rectangles)))?;
            analysis.metadata = asked.metadata.then(|| metadata(&bytes, &picture));
            Ok::<_, AnalyseError>((analysis, rectangles))
        })
        .await??;
    image.faces = Some(found_faces);
    Ok(analysis)
}

/// Finds out what `asked` asks for of a picture that is stored; files that are no pictures have nothing of it.
///
/// # Errors
/// See [`AnalyseError`].
pub async fn analyse(
    app: &App,
    original: &Original,
    facts: &UploadFacts,
    asked: Analyse,
) -> Result<Analysis, AnalyseError> {
    let Some(image) = facts.image().filter(|_| !asked.is_empty()) else {
        return Ok(Analysis::default());
    };
    let (original, facts) = (original.clone(), image_facts(image));
    let limits = app.library.limits.clone();
    let memory_bytes = if asked.needs_pixels() {
        Sample::memory_bytes(&facts, original_bytes(&original))
    } else {
        original_bytes(&original)
    };
    app.permits
        .run(memory_bytes, app.library.render_timeout, move |expired| {
            let bytes = read(original)?;
            let mut found = Analysis::default();
            if asked.needs_pixels() {
                let sample = Sample::of(&bytes, &facts, &limits, expired)?;
                found = look(&bytes, &sample, (asked, None))?;
            }
            found.metadata = asked.metadata.then(|| metadata(&bytes, &facts));
            Ok::<_, AnalyseError>(found)
        })
        .await?
}

fn original_bytes(original: &Original) -> u64 {
    match original {
        Original::Bytes(bytes) => bytes.len() as u64,
        Original::File(file) => file.len_bytes(),
    }
}

fn read(original: Original) -> std::io::Result<Bytes> {
    match original {
        Original::Bytes(bytes) => Ok(bytes),
        Original::File(file) => file.read_all().map(Bytes::from),
    }
}

fn metadata(bytes: &[u8], facts: &visage_image::Facts) -> Map<String, Value> {
    let texts = visage_image::metadata(bytes, facts);
    texts.into_iter().map(|(name, text)| (name, json!(text))).collect()
}

fn rectangles(sample: &Sample) -> Result<Vec<[u32; 4]>, ImageError> {
    let faces = sample.faces()?;
    let rectangle = |face: &FaceBox| [face.x, face.y, face.width, face.height];
    Ok(faces.iter().map(rectangle).collect())
}

/// `faces` are those of the sample, when they have been looked for.
fn look(
    bytes: &[u8],
    sample: &Sample,
    (asked, faces): (Analyse, Option<&Vec<[u32; 4]>>),
) -> Result<Analysis, AnalyseError> {
    let mut found = Analysis::default();
    if asked.faces {
        found.faces = Some(match faces {
            Some(faces) => faces.clone(),
            None => rectangles(sample)?,
        });
    }
    if asked.colors {
        let colours = sample.colours();
        found.predominant = Some(json!({
            "google": pairs(&colours.google),
            "cloudinary": pairs(&colours.cloudinary),
        }));
        found.colors = Some(pairs(&colours.colours));
    }
    if asked.phash {
        found.phash = Some(sample.perceptual_hash()?.to_string());
    }
    if asked.quality {
        found.quality = Some(quality(sample.quality_analysis(bytes)));
    }
    if asked.tone {
        found.grayscale = Some(sample.is_grayscale());
        found.semi_transparent = Some(sample.is_semi_transparent());
    }
    Ok(found)
}

fn pairs(shares: &[ColourShare]) -> Vec<(String, f64)> {
    shares
        .iter()
        .map(|share| (share.colour.clone(), share.percent))
        .collect()
}

fn quality(found: QualityAnalysis) -> Value {
    let mut figures = json!({
        "focus": found.focus,
        "contrast": found.contrast,
        "exposure": found.exposure,
        "resolution": found.resolution,
    });
    if let Some(quality) = found.jpeg_quality {
        figures["jpeg_quality"] = json!(quality);
    }
    figures
}
