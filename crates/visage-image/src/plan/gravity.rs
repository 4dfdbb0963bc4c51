//! Where a window or a layer goes: edges, regions, points.

use visage_cloudinary::transformation::{Attention, Component, Gravity, Length, NoCustom, NoFace};

use super::Window;

/// What a gravity means for one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    /// An edge, a corner or the middle.
    Edge(Gravity),
    /// Around this part of the picture.
    Region(Window),
    /// With its middle here.
    Point { x: f64, y: f64 },
    /// Where there is most to see; known when the pixels are.
    Auto(Attention),
}

/// What is known about the parts of a picture, in its pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Regions {
    /// Faces, the largest first.
    pub(super) faces: Vec<Window>,
    /// What was marked by hand.
    pub(super) custom: Vec<Window>,
    /// Whether the picture moves: faces of its first frame say nothing about the others.
    pub(super) is_animated: bool,
}

impl Regions {
    /// The same parts after the picture has changed.
    pub(super) fn map(&mut self, change: impl Fn(Window) -> Window) {
        for region in self.faces.iter_mut().chain(&mut self.custom) {
            *region = change(*region);
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.faces.clear();
        self.custom.clear();
    }

    /// The parts that are still in a picture of this size, cut to it.
    pub(super) fn visible(regions: &[Window], size: (u32, u32)) -> Vec<Window> {
        let picture = Window::whole(size.0, size.1);
        let cut = regions.iter().filter_map(|region| region.shared_with(picture));
        cut.collect()
    }

    /// What `component` aims at in a picture of `size`.
    pub(super) fn anchor(&self, component: &Component, size: (u32, u32), dpr: f64) -> Option<Anchor> {
        let gravity = component.gravity?;
        let is_region = matches!(
            gravity,
            Gravity::Face(_) | Gravity::Faces(_) | Gravity::Custom(_) | Gravity::Auto(_)
        );
        if self.is_animated && is_region {
            return Some(Anchor::Edge(Gravity::Center));
        }
        let faces = Self::visible(&self.faces, size);
        Some(match gravity {
            Gravity::Face(otherwise) => match faces.first() {
                Some(face) => Anchor::Region(*face),
                None => without_face(otherwise),
            },
            Gravity::Faces(otherwise) => bounds(&faces).map_or_else(|| without_face(otherwise), Anchor::Region),
            Gravity::Custom(otherwise) => {
                let marked = bounds(&Self::visible(&self.custom, size));
                let found = marked.or_else(|| match otherwise {
                    NoCustom::Center => None,
                    NoCustom::Face => faces.first().copied(),
                    NoCustom::Faces => bounds(&faces),
                });
                match (found, otherwise) {
                    (Some(region), _) => Anchor::Region(region),
                    (None, NoCustom::Center) => Anchor::Edge(Gravity::Center),
                    (None, NoCustom::Face | NoCustom::Faces) => Anchor::Edge(Gravity::North),
                }
            }
            Gravity::Auto(auto) => {
                let marked = bounds(&Self::visible(&self.custom, size)).filter(|_| !auto.ignores_custom);
                marked.map_or(Anchor::Auto(auto.faces), Anchor::Region)
            }
            Gravity::XyCenter => Anchor::Point {
                x: offset(component.x, size.0, dpr),
                y: offset(component.y, size.1, dpr),
            },
            edge => Anchor::Edge(edge),
        })
    }
}

fn without_face(otherwise: NoFace) -> Anchor {
    match otherwise {
        NoFace::North => Anchor::Edge(Gravity::North),
        NoFace::Center => Anchor::Edge(Gravity::Center),
        NoFace::Auto => Anchor::Auto(Attention::Usual),
    }
}

/// The smallest window around all of them.
pub(super) fn bounds(regions: &[Window]) -> Option<Window> {
    regions.iter().copied().reduce(|all, one| {
        let (x, y) = (all.x.min(one.x), all.y.min(one.y));
        Window {
            x,
            y,
            width: (all.x + all.width).max(one.x + one.width) - x,
            height: (all.y + all.height).max(one.y + one.height) - y,
        }
    })
}

/// An offset in pixels of a side.
pub(super) fn offset(length: Option<Length>, side: u32, dpr: f64) -> f64 {
    match length {
        Some(Length::Pixels(pixels)) => f64::from(pixels) * dpr,
        Some(Length::Fraction(fraction)) => fraction * f64::from(side),
        Some(Length::Auto(_)) | None => 0.0,
    }
}

impl Anchor {
    /// Top left corner of something of `size` in `input`: at the named edges, centred otherwise. It may lie outside.
    pub(super) fn place(self, input: (f64, f64), size: (f64, f64)) -> (f64, f64) {
        use Gravity::{East, North, NorthEast, NorthWest, South, SouthEast, SouthWest, West};
        let (free_x, free_y) = (input.0 - size.0, input.1 - size.1);
        match self {
            Self::Region(region) => (
                region.x + (region.width - size.0) / 2.0,
                region.y + (region.height - size.1) / 2.0,
            ),
            Self::Point { x, y } => (x - size.0 / 2.0, y - size.1 / 2.0),
            Self::Auto(_) => (free_x / 2.0, free_y / 2.0),
            Self::Edge(edge) => {
                let x = match edge {
                    NorthWest | West | SouthWest => 0.0,
                    NorthEast | East | SouthEast => free_x,
                    _ => free_x / 2.0,
                };
                let y = match edge {
                    NorthWest | North | NorthEast => 0.0,
                    SouthWest | South | SouthEast => free_y,
                    _ => free_y / 2.0,
                };
                (x, y)
            }
        }
    }

    /// Which way positive offsets move it: inwards from the edges that it names. A point has its offsets in it.
    pub(super) fn directions(self) -> (f64, f64) {
        match self {
            Self::Edge(Gravity::NorthEast | Gravity::East) => (-1.0, 1.0),
            Self::Edge(Gravity::SouthWest | Gravity::South) => (1.0, -1.0),
            Self::Edge(Gravity::SouthEast) => (-1.0, -1.0),
            Self::Point { .. } => (0.0, 0.0),
            Self::Edge(_) | Self::Region(_) | Self::Auto(_) => (1.0, 1.0),
        }
    }
}
