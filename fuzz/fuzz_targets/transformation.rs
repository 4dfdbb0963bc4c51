//! The languages: what reads, prints as something that reads back as the same; what can be planned stays within limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visage_cloudinary::search::{Expression, MAX_EXPRESSION_CHARS, SearchField};
use visage_cloudinary::{DeliveryUrl, ImageFormat, RequestFacts, SourceFacts, Transformation};
use visage_image::{FaceBox, Facts, Known, Limits, Orientation, PlanError, plan_resolved};

fuzz_target!(|text: &str| {
    if let Ok(transformation) = Transformation::parse(text) {
        let printed = transformation.to_string();
        assert_eq!(Transformation::parse(&printed).as_ref(), Ok(&transformation), "{printed}");
        for (format, accept) in [(ImageFormat::Jpg, "image/avif"), (ImageFormat::Png, "image/webp")] {
            let (frames, has_alpha) = if format == ImageFormat::Png { (3, true) } else { (1, false) };
            let source = SourceFacts {
                format,
                has_alpha,
                is_animated: frames > 1,
            };
            let resolved = transformation.resolve(RequestFacts::from_accept(Some(accept)), source, None);
            let facts = Facts {
                format,
                width: 640,
                height: 427,
                orientation: Orientation::Normal,
                frames,
                has_alpha,
            };
            let faces = [FaceBox {
                x: 200,
                y: 100,
                width: 80,
                height: 100,
            }];
            let known = Known {
                faces: &faces,
                ..Known::default()
            };
            let limits = Limits::default();
            match plan_resolved(&resolved, &facts, &known, &limits) {
                Ok(plan) => {
                    let pixels = u64::from(plan.width) * u64::from(plan.height);
                    assert!(pixels > 0 && pixels <= limits.output_pixels, "{printed}");
                    assert!(plan.cost() <= limits.render_work, "{printed}");
                    plan.explain_steps();
                    plan.explain_crops();
                }
                Err(error) => drop(PlanError::to_string(&error)),
            }
        }
    }
    if let Ok(url) = DeliveryUrl::parse(&format!("/demo/image/upload/{text}")) {
        let printed = url.path();
        assert_eq!(DeliveryUrl::parse(&printed).as_ref(), Ok(&url), "{printed}");
        assert!(url.candidates().len() <= 4);
    }
    let now = jiff::Timestamp::UNIX_EPOCH;
    if let Ok(expression) = Expression::<SearchField>::parse(text, now) {
        let printed = expression.to_string();
        // Quotes and escapes make a text longer, so a very long one need not fit any more.
        if printed.chars().count() <= MAX_EXPRESSION_CHARS {
            assert_eq!(Expression::parse(&printed, now), Ok(expression), "{printed}");
        }
    }
});
