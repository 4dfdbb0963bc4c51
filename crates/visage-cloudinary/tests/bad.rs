//! Texts that broke something once; `make fuzz` found most of them.
#![cfg(test)]

use visage_cloudinary::search::{Expression, SearchField};
use visage_cloudinary::{DeliveryUrl, Transformation};

#[test]
fn what_was_bad_once_is_good_now() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bad/transformation");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(transformation) = Transformation::parse(&text) {
            let printed = transformation.to_string();
            assert_eq!(
                Transformation::parse(&printed),
                Ok(transformation),
                "{}",
                path.display()
            );
        }
        if let Ok(url) = DeliveryUrl::parse(&format!("/demo/image/upload/{text}")) {
            assert_eq!(DeliveryUrl::parse(&url.path()), Ok(url), "{}", path.display());
        }
        let now = jiff::Timestamp::UNIX_EPOCH;
        if let Ok(expression) = Expression::<SearchField>::parse(&text, now) {
            let printed = expression.to_string();
            assert_eq!(Expression::parse(&printed, now), Ok(expression), "{}", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "{folder} is empty");
}
