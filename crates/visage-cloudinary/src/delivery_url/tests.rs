use super::*;

fn parse(path: &str) -> DeliveryUrl {
    let url = DeliveryUrl::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(DeliveryUrl::parse(&url.path()), Ok(url.clone()), "{path}");
    url
}

fn check_error(path: &str, message: &str) {
    assert_eq!(DeliveryUrl::parse(path).unwrap_err().to_string(), message, "{path}");
}

fn candidates(path: &str) -> Vec<(String, Option<ImageFormat>)> {
    parse(path)
        .candidates()
        .into_iter()
        .map(|c| (c.public_id.to_string(), c.format))
        .collect()
}

#[test]
fn a_full_url_has_all_parts() {
    let url = parse("/demo/image/private/s--y-tjJGJv--/w_100,c_fill/r_max/v1719307544/profiles/us%C3%A9r%201.jpg");
    assert_eq!(url.cloud, "demo");
    assert_eq!(url.form, UrlForm::Full);
    assert_eq!(
        (url.resource_type, url.delivery_type),
        (ResourceType::Image, DeliveryType::Private)
    );
    assert_eq!(url.signature.as_deref(), Some("y-tjJGJv"));
    assert_eq!(url.transformation_text, "w_100,c_fill/r_max");
    assert_eq!(url.transformation.to_string(), "c_fill,w_100/r_max");
    assert_eq!(url.version, Some(1_719_307_544));
    assert_eq!(url.source, "profiles/usér 1.jpg");
    assert_eq!(url.source_text, "profiles/us%C3%A9r%201.jpg");
}

#[test]
fn the_last_segment_is_the_name_whatever_it_looks_like() {
    for name in ["a_cat.jpg", "w_100", "v12", "s--y-tjJGJv--"] {
        let url = parse(&format!("/demo/image/upload/{name}"));
        assert_eq!(
            (url.source.as_str(), url.transformation_text.as_str(), url.version),
            (name, "", None)
        );
    }
    assert_eq!(parse("/demo/image/upload/v1/w_100/cat").source, "w_100/cat");
}

#[test]
fn encoded_components_are_decoded_once() {
    assert_eq!(
        parse("/demo/image/upload/c_fill%2Cw_100/cat")
            .transformation
            .to_string(),
        "c_fill,w_100"
    );
    assert_eq!(parse("/demo/image/upload/w_1%2Fcat/x").source, "w_1/cat/x");
    let url = parse("/demo/image/upload/l_text:Arial_9:a%252Cb/cat");
    assert_eq!(url.transformation.to_string(), "l_text:Arial_9:a%2Cb");
    let again = parse(&url.clone().with_transformation(url.transformation.clone()).path());
    assert_eq!(again.transformation, url.transformation);
}

#[test]
fn short_forms_lead_to_image_upload() {
    assert_eq!(parse("/demo/iu/w_10/cat.jpg").form, UrlForm::Short);
    assert_eq!(parse("/demo/w_10/v3/cat.jpg").form, UrlForm::Root);
    let url = parse("/demo/authenticated_images/w_10/cat/nice-words.jpg");
    assert_eq!(
        (url.form, url.delivery_type),
        (UrlForm::Seo, DeliveryType::Authenticated)
    );
    check_error("/demo/images/cat.jpg", "Missing required parameter - public_id");
}

#[test]
fn what_is_no_delivery_url_is_refused() {
    check_error("", "Invalid cloud_name ");
    check_error("/", "Invalid cloud_name ");
    check_error("/v1_1/demo/image/upload", "Invalid cloud_name v1_1");
    check_error("/demo", "Missing required parameter - public_id");
    check_error("/demo/image", "Missing required parameter - public_id");
    check_error("/demo/image/upload/", "Missing required parameter - public_id");
    check_error("/demo/image/fetch/http://example.com/a.jpg", "Invalid type: fetch");
    check_error("/demo/image/upload/s--short--/cat", "Invalid signature s--short--");
    check_error(
        "/demo/image/upload/s--*********--/cat",
        "Invalid signature s--*********--",
    );
    check_error(
        "/demo/image/upload/v9223372036854775808/cat",
        "Invalid version v9223372036854775808",
    );
    check_error("/demo/image/upload/w_abc/cat", "Invalid width in transformation: abc");
    check_error(
        "/demo/image/upload/w_1%0D%0A/cat",
        "Invalid width in transformation: 1  ",
    );
}

#[test]
fn names_are_never_paths() {
    for name in [
        "..",
        "../cat",
        "a/../cat",
        "%2e%2e/cat",
        "a%2F..%2Fcat",
        "a%2F%2Fcat",
        "%2Fcat",
        "cat%2F",
        ".",
    ] {
        check_error(
            &format!("/demo/image/upload/v1/{name}"),
            "Invalid public_id - a segment is empty or . or ..",
        );
    }
    check_error(
        "/demo/image/upload/a%00b",
        "Invalid public_id - it contains a control character",
    );
    check_error("/demo/image/upload/a%FFb", "Invalid public_id - not UTF-8");
    let long = "x".repeat(1001);
    check_error(
        &format!("/demo/image/upload/{long}"),
        "Invalid public_id - public_id is too long",
    );
}

#[test]
fn empty_segments_are_skipped() {
    assert_eq!(
        parse("//demo//image/upload//w_10//v1//a//b.jpg/").path(),
        "/demo/image/upload/w_10/v1/a/b.jpg"
    );
}

#[test]
fn name_with_extension_means_the_asset_without_it() {
    let jpg = Some(ImageFormat::Jpg);
    let cat = || ("cat".to_owned(), jpg);
    assert_eq!(
        candidates("/demo/image/upload/cat.jpg"),
        [cat(), ("cat.jpg".to_owned(), None)]
    );
    assert_eq!(
        candidates("/demo/image/upload/cat.jpg.JPEG"),
        [("cat.jpg".to_owned(), jpg), ("cat.jpg.JPEG".to_owned(), None)]
    );
    assert_eq!(
        candidates("/demo/image/upload/photo.v2"),
        [("photo.v2".to_owned(), None)]
    );
    assert_eq!(candidates("/demo/raw/upload/doc.jpg"), [("doc.jpg".to_owned(), None)]);
    for extension in ["mp4", "MP4", "wav", "flac", "ogg", "m4a", "mpeg", "aac"] {
        assert_eq!(
            candidates(&format!("/demo/video/upload/clip.{extension}")),
            [("clip".to_owned(), None), (format!("clip.{extension}"), None)]
        );
    }
    assert_eq!(
        candidates("/demo/images/a/b/words.jpg"),
        [("a/b".to_owned(), jpg), ("a/b.jpg".to_owned(), None)]
    );
    assert_eq!(
        candidates("/demo/v1/cat/words.jpg"),
        [
            ("cat/words".to_owned(), jpg),
            ("cat/words.jpg".to_owned(), None),
            cat(),
            ("cat.jpg".to_owned(), None),
        ]
    );
    assert_eq!(candidates("/demo/cat").len(), 1);
}

#[test]
fn protected_asset_is_never_meant_by_a_shorter_name() {
    let cat = ("cat".to_owned(), Some(ImageFormat::Jpg));
    for head in ["image/private", "image/authenticated"] {
        assert_eq!(
            candidates(&format!("/demo/{head}/cat.jpg")),
            std::slice::from_ref(&cat),
            "{head}"
        );
    }
    assert_eq!(candidates("/demo/private_images/cat/words.jpg"), [cat]);
}

#[test]
fn a_text_that_is_no_public_id_names_nothing() {
    assert_eq!(candidates("/demo/image/upload/a%26b.jpg"), []);
    assert_eq!(candidates("/demo/image/upload/v12"), []);
    assert_eq!(candidates("/demo/image/upload/.jpg"), [(".jpg".to_owned(), None)]);
}

#[test]
fn a_built_url_is_escaped_as_the_sdks_escape() {
    let id = PublicId::parse("w_100/us é:(1)").unwrap();
    let url = DeliveryUrl::new("demo", ResourceType::Image, DeliveryType::Upload, &id);
    assert_eq!(url.path(), "/demo/image/upload/v1/w_100/us%20%C3%A9:%281%29");
    assert_eq!(parse(&url.path()), url);
    let url = url
        .with_transformation("f_auto,c_fill,w_10/r_max".parse().unwrap())
        .with_version(7)
        .with_extension(ImageFormat::Png);
    assert_eq!(
        url.path(),
        "/demo/image/upload/c_fill,f_auto,w_10/r_max/v7/w_100/us%20%C3%A9:%281%29.png"
    );
    assert_eq!(parse(&url.path()), url);
}
