//! Faces: where people see them, and how a thumbnail shows them.

use visage_cloudinary::transformation::Crop;
use visage_cloudinary::{ImageFormat, RequestFacts, SourceFacts, Transformation};
use visage_image::{FaceBox, Known, Limits, Sample, Step, plan_resolved, probe};

use crate::corpus::files;

/// Left, top, right and bottom of every face that looks at the camera, in hundredths of the upright picture, marked by hand
/// before the detector was asked: from the upper forehead to the chin, from cheek to cheek.
const MARKED: [(&str, &[[f64; 4]]); 17] = [
    ("astronaut-face.png", &[[34.0, 12.0, 52.5, 36.0]]),
    ("group-4-faces-422-cameraicc.jpg", GROUP),
    ("interlaced-rgba-icc.png", &[[38.5, 6.0, 66.5, 37.0]]),
    (
        "mother-child.png",
        &[[55.0, 24.0, 77.0, 47.0], [19.0, 37.0, 47.0, 58.5]],
    ),
    ("photo-alpha.png", &[[38.5, 6.0, 66.5, 37.0]]),
    ("photo-gray-1channel.jpg", &[[39.0, 16.0, 64.5, 39.0]]),
    ("photo-lzw.tiff", &[[27.0, 40.0, 40.0, 65.0], [69.0, 38.0, 81.0, 57.0]]),
    ("photo.bmp", &[[43.0, 29.0, 73.0, 80.0]]),
    ("portrait-0.4mp-420.jpg", &[[36.0, 25.0, 58.5, 70.0]]),
    ("portrait-16bit.png", &[[43.0, 29.0, 73.0, 80.0]]),
    ("portrait-adobergb.jpg", &[[43.0, 29.0, 73.0, 80.0]]),
    ("portrait-cmyk.jpg", &[[40.0, 19.0, 60.0, 56.0]]),
    ("portrait-gray.jpg", &[[40.0, 19.0, 60.0, 56.0]]),
    ("portrait-lossless.webp", &[[36.0, 25.0, 58.5, 70.0]]),
    ("portrait-palette.png", &[[34.0, 12.0, 52.5, 36.0]]),
    ("portrait-side-light.jpg", &[[43.0, 29.0, 73.0, 80.0]]),
    (
        "two-faces-8mp-420.jpg",
        &[[27.0, 40.0, 40.0, 65.0], [69.0, 38.0, 81.0, 57.0]],
    ),
];

const GROUP: &[[f64; 4]] = &[
    [13.0, 34.5, 24.0, 50.5],
    [34.5, 21.0, 42.5, 39.0],
    [59.5, 19.5, 68.0, 34.5],
    [77.5, 21.5, 85.5, 35.5],
];

/// People who are seen from behind or aside, or sleep: they may be found.
const MAYBE: [(&str, &[[f64; 4]]); 4] = [
    (
        "group-4-faces-422-cameraicc.jpg",
        &[[11.0, 8.0, 24.0, 28.0], [40.0, 4.0, 52.0, 20.0]],
    ),
    ("interlaced-rgba-icc.png", &[[2.0, 45.0, 30.0, 75.0]]),
    ("photo-alpha.png", &[[2.0, 45.0, 30.0, 75.0]]),
    ("photo-gray-1channel.jpg", &[[5.0, 48.0, 40.0, 75.0]]),
];

fn area([left, top, right, bottom]: [f64; 4]) -> f64 {
    (right - left).max(0.0) * (bottom - top).max(0.0)
}

fn shared(one: [f64; 4], other: [f64; 4]) -> f64 {
    area([
        one[0].max(other[0]),
        one[1].max(other[1]),
        one[2].min(other[2]),
        one[3].min(other[3]),
    ])
}

fn intersection_over_union(one: [f64; 4], other: [f64; 4]) -> f64 {
    let shared = shared(one, other);
    shared / (area(one) + area(other) - shared)
}

/// In hundredths of the picture.
fn hundredths(face: FaceBox, (width, height): (u32, u32)) -> [f64; 4] {
    let (x, y) = (100.0 / f64::from(width), 100.0 / f64::from(height));
    [
        f64::from(face.x) * x,
        f64::from(face.y) * y,
        f64::from(face.x + face.width) * x,
        f64::from(face.y + face.height) * y,
    ]
}

fn of<'a>(table: &'a [(&str, &'a [[f64; 4]])], name: &str) -> &'a [[f64; 4]] {
    table
        .iter()
        .find(|(found, _)| *found == name)
        .map_or(&[], |(_, boxes)| boxes)
}

fn found(bytes: &[u8]) -> ((u32, u32), Vec<FaceBox>) {
    let limits = Limits::default();
    let facts = probe(bytes, &limits).unwrap();
    let sample = Sample::of(bytes, &facts, &limits, &|| false).unwrap();
    ((facts.width, facts.height), sample.faces().unwrap())
}

#[test]
fn faces_are_found_where_people_see_them_and_nowhere_else() {
    let (mut marked, mut agreed, mut missed) = (0, 0, Vec::new());
    for (name, bytes) in files("photos") {
        if ["heic", "svg"].iter().any(|refused| name.ends_with(refused)) {
            continue;
        }
        let (size, faces) = found(&bytes);
        let faces: Vec<_> = faces.into_iter().map(|face| hundredths(face, size)).collect();
        for expected in of(&MARKED, &name) {
            marked += 1;
            let best = faces.iter().map(|face| intersection_over_union(*face, *expected));
            let best = best.fold(0.0, f64::max);
            if best >= 0.5 {
                agreed += 1;
            } else {
                missed.push(format!("{name} {expected:?}: {best:.2} of {faces:.0?}"));
            }
        }
        for face in &faces {
            let is_known = of(&MARKED, &name)
                .iter()
                .chain(of(&MAYBE, &name))
                .any(|known| shared(*face, *known) > 0.3 * area(*face));
            assert!(is_known, "{name}: a face is invented at {face:.0?}");
        }
    }
    assert!(agreed * 10 >= marked * 9, "{agreed} of {marked}: {missed:#?}");
}

#[test]
fn a_thumbnail_has_the_face_in_its_middle() {
    for (name, bytes) in files("photos") {
        let Some(expected) = of(&MARKED, &name).first() else {
            continue;
        };
        let limits = Limits::default();
        let facts = probe(&bytes, &limits).unwrap();
        let (size, known_faces) = found(&bytes);
        let transformation = Transformation::parse("c_thumb,g_face,h_256,w_256").unwrap();
        assert_eq!(transformation.components[0].crop, Some(Crop::Thumb));
        let source = SourceFacts {
            format: facts.format,
            has_alpha: facts.has_alpha,
            is_animated: false,
        };
        let resolved = transformation.resolve(RequestFacts::from_accept(None), source, Some(ImageFormat::Jpg));
        let known = Known {
            faces: &known_faces,
            ..Known::default()
        };
        let plan = plan_resolved(&resolved, &facts, &known, &limits).unwrap();
        let Some(Step::Resize { window, .. }) = plan.steps.get(1) else {
            panic!("{name}: {:?}", plan.steps);
        };
        let (x, y) = (100.0 / f64::from(size.0), 100.0 / f64::from(size.1));
        let shown = [
            window.x * x,
            window.y * y,
            (window.x + window.width) * x,
            (window.y + window.height) * y,
        ];
        // One of the marked faces, whole, and its middle within the middle third.
        let in_middle = |face: &[f64; 4]| {
            let middle = |from: usize| {
                (f64::midpoint(face[from], face[from + 2]) - shown[from]) / (shown[from + 2] - shown[from])
            };
            shared(*face, shown) > 0.97 * area(*face)
                && [middle(0), middle(1)].iter().all(|part| (0.33..0.67).contains(part))
        };
        let is_good = of(&MARKED, &name).iter().any(in_middle);
        assert!(is_good, "{name}: {shown:.0?} of {expected:?}");
    }
}
