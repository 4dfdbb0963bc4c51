//! A transformation with everything decided that depends on the request and on the kind of the original.

use std::fmt;

use crate::transformation::{Component, Effect, Evaluator, Flag, Format, Gravity, Layer, Quality, Scope};
use crate::{ImageFormat, Recipe, RequestFacts, Transformation};

/// What is known of an original without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its format.
    pub format: ImageFormat,
    /// Whether some of it may be transparent.
    pub has_alpha: bool,
    /// Whether it has more than one frame.
    pub is_animated: bool,
}

/// What to make of the original's bytes. Nothing but those bytes decides the result.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedTransformation {
    /// The components that change pixels, without `f_` and `q_`; none is empty.
    pub components: Vec<Component>,
    /// The format of the result.
    pub format: ImageFormat,
    /// `q_`; `None` leaves it to the encoder's default.
    pub quality: Option<Quality>,
    /// The format of the original.
    pub source_format: ImageFormat,
    /// Whether another `Accept` header may lead to another result (`Vary: Accept`).
    pub varies_by_accept: bool,
    /// Whether the result is encoded anew even where the original's bytes would do.
    pub is_encoded_anew: bool,
}

impl Transformation {
    /// Names must be expanded before. Decides the format of the result: `f_`, else the URL's extension, else the
    /// original's format (Cloudinary docs, `f_`). `f_` and `q_` count for the whole chain, the last one wins.
    pub fn resolve(
        &self,
        request: RequestFacts,
        source: SourceFacts,
        extension: Option<ImageFormat>,
    ) -> ResolvedTransformation {
        let asked = self
            .components
            .iter()
            .filter_map(|component| component.format)
            .next_back();
        let quality = self
            .components
            .iter()
            .filter_map(|component| component.quality)
            .next_back();
        let pixels = self.components.iter().map(|component| Component {
            format: None,
            quality: None,
            ..component.without_delivery()
        });
        let components: Vec<Component> = pixels.filter(|component| *component != Component::default()).collect();
        let changes = !components.is_empty() || quality.is_some();
        let format = match (asked, extension) {
            (None, _) if source.is_animated && self.has(&Flag::Awebp) => ImageFormat::Webp,
            (Some(Format::Named(format)), _) | (None, Some(format)) => format,
            (Some(Format::Auto(_)), _) => automatic(request, source, extension),
            (None, None) if changes && !source.format.is_made() => plain(source),
            (None, None) => source.format,
        };
        let varies_by_accept = matches!(asked, Some(Format::Auto(_)));
        ResolvedTransformation {
            components,
            format,
            quality,
            source_format: source.format,
            varies_by_accept,
            is_encoded_anew: false,
        }
    }
}

/// `f_auto`: the smallest format that the client accepts; for a client that names none, what it would get without
/// `f_auto` as long as every browser draws it.
fn automatic(request: RequestFacts, source: SourceFacts, extension: Option<ImageFormat>) -> ImageFormat {
    use ImageFormat::{Avif, Gif, Jpg, Png, Webp};
    // Animations are made as WebP and GIF only.
    if request.accepts_avif && !source.is_animated {
        return Avif;
    }
    if request.accepts_webp {
        return Webp;
    }
    match extension.unwrap_or(source.format) {
        format @ (Jpg | Png | Gif | Webp) => format,
        _ => plain(source),
    }
}

/// The format that loses least and that everyone draws.
fn plain(source: SourceFacts) -> ImageFormat {
    if source.has_alpha {
        ImageFormat::Png
    } else {
        ImageFormat::Jpg
    }
}

impl ResolvedTransformation {
    /// Whether the result is the original itself, byte for byte.
    pub fn is_original(&self) -> bool {
        !self.is_encoded_anew
            && self.components.is_empty()
            && self.quality.is_none()
            && self.format == self.source_format
    }

    /// The same picture, but never the original's bytes: for visitors who may see what is made of an asset and not the asset
    /// itself. A format that is only read becomes one that is made.
    #[must_use]
    pub fn encoded_anew(self, source: SourceFacts) -> Self {
        let format = if self.format.is_made() {
            self.format
        } else {
            plain(source)
        };
        Self {
            format,
            is_encoded_anew: true,
            ..self
        }
    }

    /// The name of the result among all results of one original. `beside` is what else decides about the pixels, such
    /// as the faces that were found; empty when nothing does.
    pub fn recipe(&self, renderer_version: u32, beside: &str) -> Recipe {
        let text = self.to_string();
        if beside.is_empty() {
            Recipe::new(renderer_version, &text)
        } else {
            Recipe::new(renderer_version, &format!("{text}\n{beside}"))
        }
    }

    /// Whether it matters where faces are, or how many there are.
    pub fn asks_for_faces(&self) -> bool {
        self.components.iter().any(|component| {
            matches!(
                component.gravity,
                Some(Gravity::Face(_) | Gravity::Faces(_) | Gravity::Auto(_) | Gravity::Custom(_))
            ) || component.effect.as_ref().is_some_and(Effect::is_of_faces)
                || component
                    .texts()
                    .any(|text| text.contains("fc") || text.contains("face"))
        })
    }

    /// Whether it matters which coordinates were given with the asset.
    pub fn asks_for_custom_coordinates(&self) -> bool {
        self.components
            .iter()
            .any(|component| matches!(component.gravity, Some(Gravity::Custom(_) | Gravity::Auto(_))))
    }

    /// Whether tags, context or metadata decide something.
    pub fn asks_for_details(&self) -> bool {
        const DETAILS: [&str; 3] = ["tags", "ctx:", "md:"];
        self.components.iter().any(|component| {
            component
                .texts()
                .any(|text| DETAILS.iter().any(|detail| text.contains(detail)))
        })
    }

    /// Whether the size of the result depends on the pixels.
    pub fn trims(&self) -> bool {
        self.components
            .iter()
            .any(|component| matches!(component.effect, Some(Effect::Trim { .. })))
    }

    /// The layers that may be wanted, in order, each once: those of all branches of conditions.
    pub fn layers(&self, scope: Scope<'_>) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut evaluator = Evaluator::new(scope);
        for component in &self.components {
            let computed = component
                .computed
                .iter()
                .filter(|computed| matches!(computed.key, "l" | "u"));
            let bare = Component {
                variables: component.variables.clone(),
                computed: computed.cloned().collect(),
                overlay: component.overlay.clone(),
                underlay: component.underlay.clone(),
                ..Component::default()
            };
            // What cannot be computed yet is refused when it is planned.
            let Ok(Some(known)) = evaluator.next(&bare) else {
                continue;
            };
            for layer in known.overlay.into_iter().chain(known.underlay) {
                if !layers.contains(&layer) {
                    layers.push(layer);
                }
            }
        }
        layers
    }
}

/// The canonical text, such as `c_fill,w_100/r_max/f_webp,q_auto`.
impl fmt::Display for ResolvedTransformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for component in &self.components {
            write!(f, "{component}/")?;
        }
        let format = Some(Format::Named(self.format));
        Component {
            format,
            quality: self.quality,
            ..Component::default()
        }
        .fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ImageFormat::{Avif, Bmp, Gif, Jpg, Png, Tiff, Webp};

    const NOTHING: RequestFacts = RequestFacts {
        accepts_avif: false,
        accepts_webp: false,
    };
    const WEBP: RequestFacts = RequestFacts {
        accepts_avif: false,
        accepts_webp: true,
    };
    const BOTH: RequestFacts = RequestFacts {
        accepts_avif: true,
        accepts_webp: true,
    };

    fn resolve(
        text: &str,
        request: RequestFacts,
        format: ImageFormat,
        extension: Option<ImageFormat>,
    ) -> ResolvedTransformation {
        let source = SourceFacts {
            format,
            has_alpha: format == Png || format == Tiff,
            is_animated: false,
        };
        Transformation::parse(text).unwrap().resolve(request, source, extension)
    }

    #[test]
    fn a_named_format_beats_the_extension_and_the_extension_the_original() {
        assert_eq!(resolve("f_png,w_10", BOTH, Jpg, Some(Webp)).format, Png);
        assert_eq!(resolve("w_10", BOTH, Jpg, Some(Webp)).format, Webp);
        assert_eq!(resolve("w_10", BOTH, Jpg, None).format, Jpg);
        assert_eq!(resolve("f_png/f_webp", NOTHING, Jpg, None).format, Webp);
    }

    #[test]
    fn automatic_prefers_avif_then_webp() {
        assert_eq!(resolve("f_auto", BOTH, Jpg, Some(Jpg)).format, Avif);
        assert_eq!(resolve("f_auto", WEBP, Jpg, Some(Jpg)).format, Webp);
        assert!(resolve("f_auto", WEBP, Jpg, None).varies_by_accept);
        assert!(resolve("f_auto", NOTHING, Jpg, None).varies_by_accept);
        assert!(!resolve("f_auto/f_png", WEBP, Jpg, None).varies_by_accept);
        assert!(!resolve("w_10", WEBP, Jpg, None).varies_by_accept);
    }

    #[test]
    fn automatic_without_a_useful_accept_is_what_every_browser_draws() {
        assert_eq!(resolve("f_auto", NOTHING, Jpg, Some(Png)).format, Png);
        for format in [Jpg, Png, Gif, Webp] {
            assert_eq!(resolve("f_auto", NOTHING, format, None).format, format);
        }
        assert_eq!(resolve("f_auto", NOTHING, Avif, None).format, Jpg);
        assert_eq!(resolve("f_auto", NOTHING, Jpg, Some(Avif)).format, Jpg);
        assert_eq!(resolve("f_auto", NOTHING, Tiff, None).format, Png);
    }

    #[test]
    fn a_changed_original_that_cannot_be_made_again_becomes_a_plain_format() {
        assert_eq!(resolve("w_10", NOTHING, Bmp, None).format, Jpg);
        assert_eq!(resolve("q_50", NOTHING, Tiff, None).format, Png);
        assert_eq!(resolve("", NOTHING, Bmp, None).format, Bmp);
    }

    #[test]
    fn the_original_is_itself_only_if_nothing_changes() {
        assert!(resolve("", NOTHING, Jpg, None).is_original());
        assert!(resolve("", NOTHING, Jpg, Some(Jpg)).is_original());
        assert!(resolve("f_auto", NOTHING, Jpg, None).is_original());
        assert!(!resolve("", NOTHING, Jpg, Some(Png)).is_original());
        assert!(!resolve("q_auto", NOTHING, Jpg, None).is_original());
        assert!(!resolve("w_10", NOTHING, Jpg, None).is_original());
    }

    #[test]
    fn the_canonical_text_ends_with_format_and_quality() {
        let text = |text| resolve(text, WEBP, Jpg, None).to_string();
        assert_eq!(
            text("w_10,c_fill,q_50/f_auto,q_auto:eco"),
            "c_fill,w_10/f_webp,q_auto:eco"
        );
        assert_eq!(text("f_auto,q_auto/w_10"), "w_10/f_webp,q_auto");
        assert_eq!(text(""), "f_jpg");
    }
}
