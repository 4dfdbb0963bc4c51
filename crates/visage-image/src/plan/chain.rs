//! Walks along the components of a chain: conditions, variables, layers.

use std::sync::Arc;

use visage_cloudinary::transformation::{
    Blend, Component, Crop, Effect, Evaluator, Flag, Gravity, Layer, Quality, Scope, TextLook,
};

use super::geometry::whole_number;
use super::gravity::{Anchor, Regions, offset};
use super::planner::Planner;
use super::{Canvas, Compose, Known, LayerPixels, Step};
use crate::compose::Placement;
use crate::text::layer_text;
use crate::{Facts, Limits, PlanError};

pub(super) struct Chain<'a> {
    components: &'a [Component],
    /// The component that comes next.
    at: usize,
    evaluator: Evaluator<'a>,
    known: &'a Known<'a>,
    dpr: f64,
    /// Computed where it stands; it counts for the whole result.
    pub(super) quality: Option<Quality>,
    limits: &'a Limits,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        components: &'a [Component],
        source: &Facts,
        known: &'a Known<'a>,
        dpr: f64,
        limits: &'a Limits,
    ) -> Self {
        let size = (source.width, source.height);
        Self {
            components,
            at: 0,
            evaluator: Evaluator::new(Scope {
                size,
                initial_size: size,
                pages: source.frames,
                page: 1,
                faces: known.faces.len(),
                tags: known.tags,
                context: known.context,
                metadata: known.metadata,
                ..Scope::default()
            }),
            known,
            dpr,
            quality: None,
            limits,
        }
    }

    /// Applies components to `planner` up to the end of the chain, or of the layer: its last component is returned.
    pub(super) fn run(&mut self, planner: &mut Planner<'a>, is_layer: bool) -> Result<Option<Component>, PlanError> {
        while let Some(component) = self.components.get(self.at) {
            self.at += 1;
            self.evaluator.scope.size = planner.size;
            let Some(component) = self.evaluator.next(component)? else {
                continue;
            };
            self.quality = component.quality.or(self.quality);
            if let Some(layer) = component.overlay.as_ref().or(component.underlay.as_ref()) {
                self.layer(planner, &component, layer)?;
            } else if is_layer && component.has(&Flag::LayerApply) {
                return Ok(Some(component));
            } else if component.has(&Flag::LayerApply) {
                return Err(PlanError::NoLayer);
            } else {
                planner.apply(&component, self.dpr, None)?;
            }
        }
        Ok(None)
    }

    /// Whether a `fl_layer_apply` further on closes the layer that was just opened.
    fn is_closed_later(&self) -> bool {
        let mut open = 1_usize;
        for component in self.components.get(self.at..).unwrap_or_default() {
            let computes_layer = component
                .computed
                .iter()
                .any(|computed| matches!(computed.key, "l" | "u"));
            if component.overlay.is_some() || component.underlay.is_some() || computes_layer {
                open += 1;
            } else if component.has(&Flag::LayerApply) {
                open -= 1;
                if open == 0 {
                    return true;
                }
            }
        }
        false
    }

    fn layer(&mut self, base: &mut Planner<'a>, opening: &Component, layer: &Layer) -> Result<(), PlanError> {
        let is_closed_later = self.is_closed_later();
        let own = own_component(opening, is_closed_later);
        let anchor = base.regions.anchor(opening, base.size, self.dpr);
        let relative_to = match anchor {
            Some(Anchor::Region(region)) if opening.has(&Flag::RegionRelative) => Some((
                super::geometry::rounded(region.width),
                super::geometry::rounded(region.height),
            )),
            _ if opening.has(&Flag::Relative) || opening.has(&Flag::RegionRelative) => Some(base.size),
            _ => None,
        };
        let (pixels, mut planner) = match layer {
            Layer::Text { style, text } => {
                let TextLook::Style(style) = style else {
                    return Err(PlanError::MissingLayer(text_style_name(style)));
                };
                let with = (&self.known.fonts, self.limits);
                let drawn = Arc::new(layer_text(style, text, opening, self.dpr, with)?);
                let planner = Planner::of_pixels((drawn.width, drawn.height), self.limits);
                (LayerPixels::Drawn(drawn), planner)
            }
            other => {
                let index = self.known.layers.iter().position(|known| known.layer == *other);
                let known = index.and_then(|index| self.known.layers.get(index));
                let (Some(index), Some(known)) = (index, known) else {
                    return Err(PlanError::MissingLayer(layer_name(other)));
                };
                let planner = Planner::new(&known.facts, Regions::default(), None, self.limits);
                (LayerPixels::Asset(index), planner)
            }
        };
        let is_text = matches!(layer, Layer::Text { .. });
        let own = if is_text { without_size(own) } else { own };
        planner.apply(&own, self.dpr, relative_to)?;
        let position = if is_closed_later {
            self.run(&mut planner, true)?.unwrap_or_default()
        } else {
            opening.clone()
        };
        self.compose(base, planner, (pixels, opening.underlay.is_some()), &position)
    }

    fn compose(
        &mut self,
        base: &mut Planner<'a>,
        layer: Planner<'a>,
        (pixels, is_under): (LayerPixels, bool),
        position: &Component,
    ) -> Result<(), PlanError> {
        let found = base.regions.anchor(position, base.size, self.dpr);
        let wants_face = matches!(position.gravity, Some(Gravity::Face(_) | Gravity::Faces(_)));
        if wants_face && !matches!(found, Some(Anchor::Region(_))) {
            return Ok(());
        }
        let anchor = match found {
            None | Some(Anchor::Auto(_)) => Anchor::Edge(Gravity::Center),
            Some(anchor) => anchor,
        };
        let (size, steps) = layer.finish_layer()?;
        let as_floats = |(width, height): (u32, u32)| (f64::from(width), f64::from(height));
        let (x, y) = anchor.place(as_floats(base.size), as_floats(size));
        let (across, down) = anchor.directions();
        let x = whole_number(x.floor() + (across * offset(position.x, base.size.0, self.dpr)).round());
        let y = whole_number(y.floor() + (down * offset(position.y, base.size.1, self.dpr)).round());
        let is_tiled = position.has(&Flag::Tiled);
        let blend = match &position.effect {
            Some(Effect::Blend(blend)) => Some(*blend),
            _ if position.has(&Flag::Cutter) => Some(Blend::Mask),
            _ => None,
        };
        let cuts = matches!(blend, Some(Blend::Mask | Blend::CutOut));
        let stays = is_tiled || cuts || position.has(&Flag::NoOverflow);
        let canvas = if stays {
            Canvas::around(base.size, 0)
        } else {
            Canvas::of_both(base.size, (x, y), size)
        };
        base.make_srgb();
        let grows = (canvas.width, canvas.height) != base.size;
        base.grow(&canvas)?;
        base.push(
            Step::Compose(Box::new(Compose {
                pixels,
                steps,
                size,
                placement: Placement {
                    x: x.saturating_add(canvas.x),
                    y: y.saturating_add(canvas.y),
                    canvas,
                    blend,
                    uses_alpha: position.has(&Flag::Cutter),
                    is_under,
                    is_tiled,
                },
            })),
            grows || cuts,
        );
        Ok(())
    }
}

/// What the opening component says about the layer itself. Without a closing component its gravity and offsets say
/// where the layer goes, and its effect may say how it mixes.
fn own_component(opening: &Component, is_closed_later: bool) -> Component {
    let mut own = Component {
        overlay: None,
        underlay: None,
        flags: Vec::new(),
        ..opening.clone()
    };
    let looks_for_region = matches!(own.crop, Some(Crop::Thumb | Crop::Auto));
    if !is_closed_later {
        own.gravity = own.gravity.filter(|_| looks_for_region);
        own.x = None;
        own.y = None;
    }
    if matches!(own.effect, Some(Effect::Blend(_))) {
        own.effect = None;
    }
    own
}

/// The size of a text is that of its lines, and its background is drawn with it.
fn without_size(component: Component) -> Component {
    Component {
        crop: None,
        width: None,
        height: None,
        aspect_ratio: None,
        background: None,
        border: None,
        ..component
    }
}

fn layer_name(layer: &Layer) -> String {
    match layer {
        Layer::Asset { public_id, .. } => public_id.as_str().to_owned(),
        Layer::Fetch(url) => url.clone(),
        Layer::Text { style, .. } => text_style_name(style),
    }
}

fn text_style_name(style: &TextLook) -> String {
    style.to_string()
}
