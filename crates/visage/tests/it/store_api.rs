//! The store's API as the official libraries' own suites use it: shapes of answers, forms of parameters, refusals.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cloudinary::{admin, app, post_signed};
use crate::pictures::{noisy_png, png};
use crate::test_app::{Answer, TestApp};

/// As JavaScript's `Date` prints a time, and in a query.
const JAVASCRIPT: &str = "Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)";

async fn upload(t: &TestApp, public_id: &str, fields: &[(&str, &str)], file: &[u8]) -> Value {
    let fields = [&[("public_id", public_id)][..], fields].concat();
    ok(post_signed(t, "/image/upload", &fields, Some(file)).await)
}

async fn explicit(t: &TestApp, public_id: &str, fields: &[(&str, &str)]) -> Value {
    let fields = [&[("public_id", public_id), ("type", "upload")][..], fields].concat();
    ok(post_signed(t, "/image/explicit", &fields, None).await)
}

async fn get(t: &TestApp, path: &str) -> Value {
    ok(admin(t, Method::GET, path, &Value::Null).await)
}

async fn search(t: &TestApp, query: Value) -> Value {
    ok(admin(t, Method::POST, "/resources/search", &query).await)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "an answer is asked and used up in one line"
)]
fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

fn refusal(answer: &Answer) -> (u16, String) {
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), message)
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn widths(answer: &Value) -> Vec<u64> {
    let sizes = answer["responsive_breakpoints"][0]["breakpoints"].as_array().unwrap();
    let widths: Vec<u64> = sizes.iter().map(|size| size["width"].as_u64().unwrap()).collect();
    assert!(widths.windows(2).all(|pair| pair[0] > pair[1]), "{widths:?}");
    widths
}

#[tokio::test(flavor = "multi_thread")]
async fn breakpoints_never_enlarge_the_transformed_picture() {
    let t = app();
    let file = noisy_png(300, 200);
    for (request, widest, narrowest) in [
        (json!({}), 300, 50),
        (json!({"transformation": "c_crop,h_100,w_120"}), 120, 50),
        (json!({"transformation": "a_90"}), 200, 50),
        (json!({"transformation": "c_scale,w_70/dpr_2.0"}), 140, 100),
        (
            json!({"transformation": "c_crop,h_100,w_120", "max_width": 119}),
            119,
            50,
        ),
        (
            json!({"transformation": "c_crop,h_100,w_120", "max_width": 120}),
            120,
            50,
        ),
        (
            json!({"transformation": "c_crop,h_100,w_120", "max_width": 121}),
            120,
            50,
        ),
        (
            json!({"transformation": "c_crop,h_100,w_120", "min_width": 119}),
            120,
            119,
        ),
        (
            json!({"transformation": "c_crop,h_100,w_120", "min_width": 120}),
            120,
            120,
        ),
        (
            json!({"transformation": "c_crop,h_100,w_120", "min_width": 121}),
            120,
            120,
        ),
        (json!({"transformation": "c_crop,h_20,w_20"}), 20, 20),
    ] {
        let mut request = request;
        request["create_derived"] = json!(false);
        request["bytes_step"] = json!(5000);
        let text = json!([request]).to_string();
        let fields = [("responsive_breakpoints", text.as_str())];
        for answer in [upload(&t, "a", &fields, &file).await, explicit(&t, "a", &fields).await] {
            let found = widths(&answer);
            assert_eq!(
                (found[0], found[found.len() - 1]),
                (widest, narrowest),
                "{request} {found:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn breakpoints_are_bounded_by_what_a_trim_leaves() {
    let t = app();
    // A red square in the middle of a white picture.
    upload(&t, "a", &[], &png(60, 60, [200, 0, 0])).await;
    let transformation = "b_white,c_lpad,h_200,w_200/e_trim";
    let request = json!([{"create_derived": false, "transformation": transformation}]).to_string();
    let answer = explicit(&t, "a", &[("responsive_breakpoints", &request)]).await;
    assert_eq!(widths(&answer), [60, 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinates_of_an_upload_are_limited_to_the_picture() {
    let t = app();
    let file = png(241, 51, [9, 9, 9]);
    let fields = [
        (
            "face_coordinates",
            "120,30,109,150|121,31,110,151|241,0,5,5|0,51,5,5|-3,0,3,3|240,50,1,1",
        ),
        ("custom_coordinates", "121,31,300,151"),
        ("faces", "true"),
    ];
    let expected = json!([[120, 30, 109, 51], [121, 31, 110, 51], [240, 50, 1, 1]]);
    let answer = upload(&t, "a", &fields, &file).await;
    assert_eq!(answer["faces"], expected);
    assert_eq!(
        answer["coordinates"],
        json!({"faces": expected, "custom": [[121, 31, 241, 51]]})
    );
    let details = get(&t, "/resources/image/upload/a?coordinates=true&faces=true").await;
    assert_eq!(details["faces"], expected);
    assert_eq!(details["coordinates"], answer["coordinates"]);
    // What is said later is given back as it was said, as the libraries' suites expect; renders look at what is inside.
    let later = [
        ("face_coordinates", "122,32,111,152"),
        ("custom_coordinates", "1,2,3,4"),
    ];
    explicit(&t, "a", &later).await;
    let details = get(&t, "/resources/image/upload/a?coordinates=true&faces=true").await;
    assert_eq!(
        details["coordinates"],
        json!({"faces": [[122, 32, 111, 152]], "custom": [[1, 2, 3, 4]]})
    );
    let face = t.get("/demo/image/upload/c_crop,g_face/f_png/a").await;
    assert_eq!(crate::pictures::decode(&face.body).1, 51 - 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinates_are_limited_to_what_is_stored() {
    let t = app();
    let fields = [
        ("custom_coordinates", "10,10,90,90"),
        ("transformation", "c_scale,w_50"),
    ];
    let answer = upload(&t, "a", &fields, &png(100, 100, [9, 9, 9])).await;
    assert_eq!(answer["coordinates"]["custom"], json!([[10, 10, 50, 50]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_searches_find_out_what_is_asked_for() {
    let t = app();
    upload(&t, "plain", &[], &noisy_png(40, 40)).await;
    let flags = [
        ("image_metadata", "true"),
        ("faces", "true"),
        ("colors", "true"),
        ("phash", "true"),
    ];
    upload(&t, "known", &flags, &noisy_png(40, 40)).await;
    let before = get(&t, "/resources/image/upload/plain").await;
    let names = [
        "image_metadata",
        "media_metadata",
        "faces",
        "colors",
        "phash",
        "quality_analysis",
    ];
    for name in names {
        let found = search(&t, json!({"with_field": [name]})).await;
        let listed = get(&t, &format!("/resources/image?fields={name}")).await;
        for items in [&found["resources"], &listed["resources"]] {
            let items = items.as_array().unwrap();
            assert_eq!(items.len(), 2);
            assert!(items.iter().all(|item| !item[name].is_null()), "{name}: {items:?}");
            assert_eq!(items[0][name], items[1][name], "{name}");
        }
    }
    let item = search(&t, json!({"expression": "public_id=plain"})).await["resources"][0].clone();
    assert!(names.iter().all(|name| item.get(*name).is_none()), "{item}");
    // A list is no change, and details have the same.
    let after = get(&t, "/resources/image/upload/plain?image_metadata=true&phash=true").await;
    assert_eq!(after["last_updated"], before["last_updated"]);
    let found = search(
        &t,
        json!({"expression": "public_id=plain", "with_field": ["image_metadata", "phash"]}),
    )
    .await;
    assert_eq!(found["resources"][0]["image_metadata"], after["image_metadata"]);
    assert_eq!(found["resources"][0]["phash"], after["phash"]);
    assert_eq!(after["grayscale"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_pictures_have_empty_metadata_in_searches() {
    let t = app();
    ok(post_signed(&t, "/raw/upload", &[("public_id", "a.txt")], Some(b"text")).await);
    let found = search(&t, json!({"with_field": ["image_metadata", "colors"]})).await;
    assert_eq!(found["resources"][0]["image_metadata"], json!({}));
    assert!(found["resources"][0].get("colors").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_tells_how_many_assets_it_has_in_all() {
    let t = app();
    for (public_id, folder) in [
        ("a", "Shelf"),
        ("b", "Shelf"),
        ("c", "Shelf"),
        ("d", "Shelf/in"),
        ("e", ""),
    ] {
        upload(&t, public_id, &[("asset_folder", folder)], &png(5, 5, [1, 2, 3])).await;
    }
    for (query, shown, total) in [
        ("asset_folder=Shelf", 3, 3),
        ("asset_folder=shelf&max_results=2", 2, 3),
        ("asset_folder=Shelf/in", 1, 1),
        ("asset_folder=none", 0, 0),
        ("asset_folder=", 1, 1),
    ] {
        let page = get(&t, &format!("/resources/by_asset_folder?{query}")).await;
        assert_eq!(page["resources"].as_array().unwrap().len(), shown, "{query}");
        assert_eq!(page["total_count"], json!(total), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transformation_keeps_the_extension_it_is_for() {
    let t = app();
    let info = |extension: Value| json!([{"crop": "scale", "width": 102, "extension": extension}]);
    for (text, extension) in [("c_scale,w_102/", json!("none")), ("c_scale,w_102/jpg", json!("jpg"))] {
        // A name for it, and the text that stands for itself.
        for name in [format!("n{}", text.len()), text.to_owned()] {
            let body = json!({"name": name, "transformation": text});
            let created = admin(&t, Method::POST, "/transformations", &body).await;
            assert_eq!(ok(created)["message"], "created", "{name}");
            let shown = get(&t, &format!("/transformations?transformation={}", escaped(&name))).await;
            assert_eq!(shown["info"], info(extension.clone()), "{name}");
            assert_eq!(shown["named"], json!(name != text), "{name}");
            assert_eq!(shown["allowed_for_strict"], json!(true), "{name}");
            let again = admin(&t, Method::POST, "/transformations", &body).await;
            assert_eq!(again.status, StatusCode::CONFLICT);
        }
    }
    let plain = json!({"name": "c_scale,w_102", "transformation": "w_102,c_scale"});
    ok(admin(&t, Method::POST, "/transformations", &plain).await);
    let shown = get(&t, "/transformations?transformation=c_scale,w_102").await;
    assert_eq!(shown["info"], json!([{"crop": "scale", "width": 102}]));
    let other = json!({"name": "c_scale,w_102/png", "transformation": "c_scale,w_103/png"});
    let refused = admin(&t, Method::POST, "/transformations", &other).await;
    assert_eq!(
        refusal(&refused),
        (400, "Invalid transformation name: c_scale,w_102/png".to_owned())
    );
    let wrong = json!({"name": "x", "transformation": "c_scale,w_102/xyz"});
    assert_eq!(
        admin(&t, Method::POST, "/transformations", &wrong).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_an_extension_is_delivered_and_updated() {
    let t = app();
    upload(&t, "a", &[], &png(40, 20, [1, 2, 3])).await;
    let options = json!([{"width": 10, "crop": "scale", "format": ""}]);
    let body = json!({"name": "n", "transformation": options});
    ok(admin(&t, Method::POST, "/transformations", &body).await);
    assert_eq!(
        get(&t, "/transformations?transformation=n").await["info"][0]["extension"],
        "none"
    );
    let small = t.get("/demo/image/upload/t_n/f_png/a").await;
    assert_eq!(crate::pictures::decode(&small.body).0, 10);
    let update = json!({"unsafe_update": "w_12/png"});
    ok(admin(&t, Method::PUT, "/transformations/n", &update).await);
    let shown = get(&t, "/transformations?transformation=n").await;
    assert_eq!(shown["info"], json!([{"width": 12, "extension": "png"}]));
    let small = t.get("/demo/image/upload/t_n/f_png/a").await;
    assert_eq!(crate::pictures::decode(&small.body).0, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_without_extension_is_found_under_the_slash() {
    let t = app();
    let answer = upload(&t, "a", &[("eager", "w_10/|w_11/jpg")], &png(40, 20, [1, 2, 3])).await;
    let eager = answer["eager"].as_array().unwrap();
    assert_eq!(
        (&eager[0]["transformation"], &eager[1]["transformation"]),
        (&json!("w_10/"), &json!("w_11/jpg"))
    );
    assert!(eager[0]["url"].as_str().unwrap().ends_with("/a"));
    t.get("/demo/image/upload/w_12/a").await;
    for (text, count) in [("w_10/", 1), ("w_11/jpg", 1), ("w_12/", 1)] {
        let shown = get(&t, &format!("/transformations?transformation={}", escaped(text))).await;
        assert_eq!(shown["derived"].as_array().unwrap().len(), count, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_read_in_every_form_in_lists_and_searches() {
    let t = app();
    upload(&t, "a", &[], &png(5, 5, [1, 2, 3])).await;
    let before = [JAVASCRIPT, "2019-03-22 00:00 +0200", "2024-06-25 09:25:44 UTC"];
    let after = ["Tue Jun 25 2024 11:25:45 GMT+0200 (CEST)", "2024-06-25 11:26 +0200"];
    let forms = before
        .iter()
        .map(|form| (form, 1))
        .chain(after.iter().map(|form| (form, 0)));
    for (form, count) in forms {
        let listed = get(
            &t,
            &format!("/resources/image?direction=asc&start_at={}", escaped(form)),
        )
        .await;
        assert_eq!(listed["resources"].as_array().unwrap().len(), count, "{form}");
        for field in ["created_at", "uploaded_at"] {
            let found = search(&t, json!({"expression": format!("{field}>=\"{form}\"")})).await;
            assert_eq!(found["total_count"], json!(count), "{field} {form}");
        }
    }
    let refused = admin(&t, Method::GET, "/resources/image?start_at=soon", &Value::Null).await;
    let message = "Invalid value for parameter start_at: soon. It must be a time such as 2024-06-25T09:25:44Z";
    assert_eq!(refusal(&refused), (400, message.to_owned()));
    assert!(get(&t, &format!("/usage/{}", escaped(JAVASCRIPT))).await["plan"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn access_windows_read_times_in_every_form() {
    let t = app();
    let file = png(5, 5, [1, 2, 3]);
    for (end, status) in [
        (JAVASCRIPT, 401),
        ("2019-03-22 00:00 +0200", 401),
        ("Tue Jun 25 2024 11:25:45 GMT+0200 (CEST)", 200),
        ("2024-06-25 11:26 +0200", 200),
    ] {
        let window = json!([{"access_type": "anonymous", "start": "2019-02-22 16:20:57 +0200", "end": end}]);
        let answer = upload(&t, "a", &[("access_control", &window.to_string())], &file).await;
        assert_eq!(answer["access_control"], window);
        assert_eq!(t.get("/demo/image/upload/a").await.status.as_u16(), status, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_end_at_a_time_in_every_form() {
    let t = app();
    upload(&t, "a", &[], &png(5, 5, [1, 2, 3])).await;
    for (end, status) in [
        (JAVASCRIPT, 401),
        ("0", 401),
        ("1719307544", 401),
        ("1719307544.5", 200),
        ("1719307545", 200),
        ("2024-06-25 11:26 +0200", 200),
        ("soon", 400),
    ] {
        let answer = post_signed(&t, "/image/download", &[("public_id", "a"), ("expires_at", end)], None).await;
        assert_eq!(answer.status.as_u16(), status, "{end}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_dates_take_the_day_that_was_written() {
    let t = app();
    let field = json!({"external_id": "day", "label": "Day", "type": "date"});
    ok(admin(&t, Method::POST, "/metadata_fields", &field).await);
    for form in [JAVASCRIPT, "2019-03-22 00:00 +0200", "2019-03-22"] {
        let metadata = format!("day={form}");
        let answer = upload(&t, "a", &[("metadata", &metadata)], &png(5, 5, [1, 2, 3])).await;
        assert_eq!(answer["metadata"], json!({"day": "2019-03-22"}), "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_tell_their_state_only_when_they_are_gone() {
    let t = app();
    let (one, two) = (
        json!({"external_id": "a", "value": "A"}),
        json!({"external_id": "b", "value": "B"}),
    );
    let field = json!({"external_id": "f", "label": "F", "type": "set", "datasource": {"values": [one, two]}});
    let created = ok(admin(&t, Method::POST, "/metadata_fields", &field).await);
    assert_eq!(created["datasource"], field["datasource"]);
    assert_eq!(get(&t, "/metadata_fields/f").await["datasource"], field["datasource"]);
    let listed = get(&t, "/metadata_fields").await;
    assert_eq!(listed["metadata_fields"][0]["datasource"], field["datasource"]);
    let (source, one_gone) = ("/metadata_fields/f/datasource", json!({"external_ids": ["a"]}));
    let left = ok(admin(&t, Method::DELETE, source, &one_gone).await);
    assert_eq!(left, json!({"values": [two]}));
    let gone = json!({"external_id": "a", "value": "A", "state": "inactive"});
    assert_eq!(
        get(&t, "/metadata_fields/f").await["datasource"]["values"],
        json!([gone, two])
    );
    let back = ok(admin(&t, Method::POST, "/metadata_fields/f/datasource_restore", &one_gone).await);
    assert_eq!(back, json!({"values": [one, two]}));
    let renamed = json!({"external_id": "b", "value": "C"});
    let merged = ok(admin(&t, Method::PUT, source, &json!({"values": [renamed]})).await);
    assert_eq!(merged, json!({"values": [one, renamed]}));
}

const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08mdat";

#[tokio::test(flavor = "multi_thread")]
async fn auto_refuses_pictures_that_cannot_be_taken() {
    let t = app();
    let damaged = |format: &str| format!("Invalid image file: the {format} picture is damaged or incomplete");
    let unsupported = |name: &str| format!("Invalid image file: {name} is not supported");
    for (file, message) in [
        (HEIC, unsupported("HEIC")),
        (
            &b"\0\0\0\x18ftypavis\0\0\0\0avifavis"[..],
            unsupported("an animated AVIF"),
        ),
        (&b"\xFF\x0A and more"[..], unsupported("JPEG XL")),
        (&b"\0\0\0\x0CjP  \r\n\x87\n"[..], unsupported("JPEG 2000")),
        (&b"8BPS\0\x01"[..], unsupported("a Photoshop document")),
        (&b"\xFF\xD8\xFF\xE0 no picture"[..], damaged("JPEG")),
        (&b"\x89PNG\r\n\x1A\n no picture"[..], damaged("PNG")),
        (&b"GIF89a"[..], damaged("GIF")),
        (&b"RIFF\x20\0\0\0WEBPVP8 "[..], damaged("WebP")),
        (&b"II*\0\x08\0\0\0"[..], damaged("TIFF")),
    ] {
        for path in ["/auto/upload", "/image/upload"] {
            let answer = post_signed(&t, path, &[], Some(file)).await;
            assert_eq!(refusal(&answer), (400, message.clone()), "{path} {file:?}");
        }
    }
    let unknown = post_signed(&t, "/image/upload", &[], Some(b"hello")).await;
    assert_eq!(refusal(&unknown), (400, "Invalid image file".to_owned()));
    assert_eq!(get(&t, "/resources/raw").await["resources"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_stores_what_destroy_finds_by_the_answers_type() {
    let t = app();
    let film = crate::pictures::mp4("+0+0/");
    for (file, kind) in [
        (noisy_png(5, 5), "image"),
        (film, "video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "raw"),
        (b"%PDF-1.7".to_vec(), "raw"),
        (b"BMW is a make of cars.".to_vec(), "raw"),
        (b"\0\x01\0\0 a font".to_vec(), "raw"),
        (b"hello".to_vec(), "raw"),
    ] {
        let stored = ok(post_signed(&t, "/auto/upload", &[], Some(&file)).await);
        assert_eq!(stored["resource_type"], kind);
        let fields = [("public_id", stored["public_id"].as_str().unwrap())];
        let destroyed = post_signed(&t, &format!("/{kind}/destroy"), &fields, None).await;
        assert_eq!(ok(destroyed)["result"], "ok", "{stored}");
        assert_eq!(
            t.get(stored["secure_url"].as_str().unwrap()).await.status,
            StatusCode::NOT_FOUND
        );
    }
}
