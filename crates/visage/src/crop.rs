//! Which part of a picture is shown. It is data in the picture's URL and not another picture: the original stays whole, and
//! what is shown can be changed without another upload.

use serde::{Deserialize, Serialize};
use visage_cloudinary::Transformation;
use visage_cloudinary::transformation::{Angle, Component, Crop as Mode, Length, Turn};

/// The part of a picture that is shown: a rectangle in pixels of the upright picture, and how that is then turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Pixels from the left.
    pub x: u32,
    /// Pixels from the top.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Degrees clockwise: 0, 90, 180 or 270.
    #[serde(default)]
    pub turn: u16,
}

/// Why a crop is none of this picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CropError {
    /// It is not written as one.
    #[error("The crop must have x, y, width and height in whole pixels, and may have turn")]
    Unreadable,
    /// Nothing is in it.
    #[error("The crop is empty")]
    Empty,
    /// It is not within the picture.
    #[error("The crop reaches beyond the picture, which is {width} × {height} pixels")]
    Outside {
        /// The picture's width in pixels.
        width: u32,
        /// The picture's height in pixels.
        height: u32,
    },
    /// It is turned by something else than quarters.
    #[error("A picture is turned by 0, 90, 180 or 270 degrees")]
    Turn,
}

impl Crop {
    /// Reads the JSON that a form carries.
    ///
    /// # Errors
    /// [`CropError::Unreadable`]
    pub fn parse(text: &str) -> Result<Self, CropError> {
        serde_json::from_str(text).map_err(|_told_to_nobody| CropError::Unreadable)
    }

    /// Whether it is one of a picture with this size.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, width: u32, height: u32) -> Result<(), CropError> {
        let reaches = |begin: u32, length: u32, end: u32| u64::from(begin) + u64::from(length) > u64::from(end);
        if self.width == 0 || self.height == 0 {
            Err(CropError::Empty)
        } else if reaches(self.x, self.width, width) || reaches(self.y, self.height, height) {
            Err(CropError::Outside { width, height })
        } else if ![0, 90, 180, 270].contains(&self.turn) {
            Err(CropError::Turn)
        } else {
            Ok(())
        }
    }

    /// Its rectangle, as custom coordinates are written.
    pub fn rectangle(&self) -> [u32; 4] {
        [self.x, self.y, self.width, self.height]
    }

    /// `display` of this part alone. Where `display` looks for something to show, that has been chosen already.
    pub fn shown(&self, display: &Transformation) -> Transformation {
        let cut = Component {
            crop: Some(Mode::Crop),
            x: Some(pixels(self.x)),
            y: Some(pixels(self.y)),
            width: Some(pixels(self.width)),
            height: Some(pixels(self.height)),
            ..Component::default()
        };
        let turned = (self.turn != 0).then(|| Component {
            angle: Some(Angle {
                turns: vec![Turn::Degrees(f64::from(self.turn))],
                ignores_exif: false,
            }),
            ..Component::default()
        });
        let rest = display.components.iter().map(without_search);
        Transformation {
            components: std::iter::once(cut).chain(turned).chain(rest).collect(),
        }
    }

    /// The crop that a transformation begins with, if it begins as [`Self::shown`] writes it.
    pub fn of(transformation: &Transformation) -> Option<Self> {
        let mut components = transformation.components.iter();
        let cut = components.next()?;
        let crop = Self {
            x: whole(cut.x)?,
            y: whole(cut.y)?,
            width: whole(cut.width)?,
            height: whole(cut.height)?,
            turn: components.next().and_then(turn).unwrap_or_default(),
        };
        let is_ours = crop.shown(&Transformation::default()).components.first() == Some(cut);
        is_ours.then_some(crop)
    }
}

/// `display` of the part of a picture that `crop` says, or of all of it.
pub fn shown(crop: Option<Crop>, display: &Transformation) -> Transformation {
    crop.map_or_else(|| display.clone(), |crop| crop.shown(display))
}

/// What is chosen by hand is filled in and not searched again.
fn without_search(component: &Component) -> Component {
    if component.crop.is_none() {
        return component.clone();
    }
    let crop = match component.crop {
        Some(Mode::Thumb | Mode::Auto) => Some(Mode::Fill),
        other => other,
    };
    Component {
        crop,
        gravity: None,
        zoom: None,
        ..component.clone()
    }
}

fn pixels(count: u32) -> Length {
    Length::Pixels(i32::try_from(count).unwrap_or(i32::MAX))
}

fn whole(length: Option<Length>) -> Option<u32> {
    match length? {
        Length::Pixels(pixels) => u32::try_from(pixels).ok(),
        Length::Fraction(_) | Length::Auto(_) => None,
    }
}

/// The degrees of a component that does nothing but turn by quarters.
fn turn(component: &Component) -> Option<u16> {
    [90, 180, 270].into_iter().find(|degrees| {
        let turned = Component {
            angle: Some(Angle {
                turns: vec![Turn::Degrees(f64::from(*degrees))],
                ignores_exif: false,
            }),
            ..Component::default()
        };
        turned == *component
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROP: Crop = Crop {
        x: 10,
        y: 0,
        width: 300,
        height: 300,
        turn: 0,
    };

    fn check(crop: Crop, display: &str, expected: &str) {
        let shown = crop.shown(&Transformation::parse(display).unwrap());
        assert_eq!(shown.to_string(), expected);
        let read = Transformation::parse(&shown.to_string()).unwrap();
        assert_eq!(Crop::of(&read), Some(crop), "{expected}");
    }

    #[test]
    fn a_crop_comes_first_and_the_rest_fills_up_without_searching() {
        check(
            CROP,
            "c_thumb,g_face,h_400,w_400,z_0.8/f_auto,q_auto",
            "c_crop,h_300,w_300,x_10,y_0/c_fill,h_400,w_400/f_auto,q_auto",
        );
        check(
            Crop { turn: 90, ..CROP },
            "c_fill,g_auto,w_40,h_40,r_max",
            "c_crop,h_300,w_300,x_10,y_0/a_90/c_fill,h_40,r_max,w_40",
        );
        check(Crop { turn: 270, ..CROP }, "", "c_crop,h_300,w_300,x_10,y_0/a_270");
        check(CROP, "c_limit,w_100", "c_crop,h_300,w_300,x_10,y_0/c_limit,w_100");
    }

    #[test]
    fn what_is_written_otherwise_is_no_crop() {
        for text in [
            "",
            "c_thumb,g_face,h_400,w_400",
            "c_crop,g_face,h_300,w_300,x_10,y_0",
            "c_crop,h_300,w_300,x_-10,y_0",
            "c_crop,h_0.5,w_300,x_10,y_0",
            "c_crop,h_300,w_300,x_10",
            "c_crop,e_sepia,h_300,w_300,x_10,y_0",
        ] {
            assert_eq!(Crop::of(&Transformation::parse(text).unwrap()), None, "{text}");
        }
        let other_turn = Transformation::parse("c_crop,h_300,w_300,x_10,y_0/a_45").unwrap();
        assert_eq!(Crop::of(&other_turn), Some(CROP));
    }

    #[test]
    fn a_crop_lies_within_its_picture() {
        let of = |x, y, width, height| Crop {
            x,
            y,
            width,
            height,
            turn: 0,
        };
        let outside = Err(CropError::Outside { width: 100, height: 50 });
        for (crop, expected) in [
            (of(0, 0, 100, 50), Ok(())),
            (of(99, 49, 1, 1), Ok(())),
            (of(0, 0, 101, 50), outside),
            (of(0, 0, 100, 51), outside),
            (of(1, 0, 100, 50), outside),
            (of(0, 1, 100, 50), outside),
            (of(u32::MAX, 0, u32::MAX, 1), outside),
            (of(0, 0, 0, 1), Err(CropError::Empty)),
            (of(0, 0, 1, 0), Err(CropError::Empty)),
        ] {
            assert_eq!(crop.check(100, 50), expected, "{crop:?}");
        }
        for turn in [0, 90, 180, 270] {
            assert_eq!(Crop { turn, ..of(0, 0, 1, 1) }.check(100, 50), Ok(()));
        }
        for turn in [1, 45, 89, 360, 450] {
            assert_eq!(Crop { turn, ..of(0, 0, 1, 1) }.check(100, 50), Err(CropError::Turn));
        }
    }

    #[test]
    fn a_crop_is_read_from_json_and_nothing_else() {
        let text = r#"{"x":10,"y":0,"width":300,"height":300}"#;
        assert_eq!(Crop::parse(text), Ok(CROP));
        assert_eq!(
            Crop::parse(r#"{"x":10,"y":0,"width":300,"height":300,"turn":90}"#),
            Ok(Crop { turn: 90, ..CROP })
        );
        for text in [
            "",
            "{}",
            r#"{"x":-1,"y":0,"width":300,"height":300}"#,
            r#"{"x":1.5,"y":0,"width":300,"height":300}"#,
            r#"{"x":1,"y":0,"width":300,"height":4294967296}"#,
            r#"{"x":1,"y":0,"width":300,"height":300,"z":1}"#,
            r#"{"x":"1","y":0,"width":300,"height":300}"#,
        ] {
            assert_eq!(Crop::parse(text), Err(CropError::Unreadable), "{text}");
        }
    }
}
