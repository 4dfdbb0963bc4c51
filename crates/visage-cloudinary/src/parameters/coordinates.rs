//! Coordinates of faces and of the custom region: `x,y,width,height|…`.

use super::ParameterError;

/// The most rectangles of one text.
pub const MAX_RECTANGLES: usize = 100;

/// A part of an image in pixels of the original. It may lie partly outside, so that whoever keeps it clips it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what they are called")]
pub struct Rectangle {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

/// Reads rectangles; a blank text has none.
///
/// # Errors
///
/// What is no rectangle with an area, or too many of them.
pub fn rectangles(text: &str) -> Result<Vec<Rectangle>, ParameterError> {
    let mut rectangles = Vec::new();
    for part in text.split('|').map(str::trim).filter(|part| !part.is_empty()) {
        if rectangles.len() == MAX_RECTANGLES {
            return Err(ParameterError::TooManyRectangles);
        }
        rectangles.push(rectangle(part).ok_or_else(|| ParameterError::Rectangle(part.to_owned()))?);
    }
    Ok(rectangles)
}

fn rectangle(text: &str) -> Option<Rectangle> {
    let mut numbers = text.split(',').map(str::trim);
    let rectangle = Rectangle {
        x: numbers.next()?.parse().ok()?,
        y: numbers.next()?.parse().ok()?,
        width: numbers.next()?.parse().ok()?,
        height: numbers.next()?.parse().ok()?,
    };
    (numbers.next().is_none() && rectangle.width > 0 && rectangle.height > 0).then_some(rectangle)
}

/// Prints what [`rectangles`] reads.
pub fn print_rectangles(rectangles: &[Rectangle]) -> String {
    let parts = rectangles
        .iter()
        .map(|r| format!("{},{},{},{}", r.x, r.y, r.width, r.height));
    parts.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_read_back() {
        let read = rectangles("1,2,3,4|-5, 0,10,20").unwrap();
        assert_eq!(print_rectangles(&read), "1,2,3,4|-5,0,10,20");
        assert_eq!(rectangles(""), Ok(Vec::new()));
    }

    #[test]
    fn what_has_no_area_is_no_rectangle() {
        for text in [
            "1,2,3",
            "1,2,3,4,5",
            "1,2,0,4",
            "1,2,3,-4",
            "a,2,3,4",
            "1.5,2,3,4",
            "1,2,3,99999999999",
        ] {
            assert_eq!(rectangles(text), Err(ParameterError::Rectangle(text.to_owned())));
        }
        assert!(rectangles(&"1,2,3,4|".repeat(100)).is_ok());
        assert_eq!(
            rectangles(&"1,2,3,4|".repeat(101)),
            Err(ParameterError::TooManyRectangles)
        );
    }
}
